"""pipec: examples/imagenet.dsl, compiled beforehand. PIPEC_WORK has the libraries."""
import os

import trainer
import numpy as np
import pipec

WORK = os.environ["PIPEC_WORK"]


def about():
    return dict(name=f"pipec {pipec.__version__}", form="threads")


def images(root, threads, **options):
    loader = pipec.load(f"{WORK}/imagenet.so", root=root, threads=threads, epochs=2,
                        **options)
    loader.start()

    def epoch():
        for batch in loader:
            yield np.asarray(batch.image), np.asarray(batch.label)
    return epoch


def cheap():
    for batch in pipec.load(f"{WORK}/range.so", n=trainer.CHEAP, threads=1):
        yield np.asarray(batch.y)


def shuffled(n, state=None):
    return pipec.load(f"{WORK}/shuffled.so", n=n, state=state)


def resume(n, batches):
    loader = shuffled(n)
    stream = iter(loader)
    for _ in range(batches):
        next(stream)
    return loader.state_dict(), np.array(next(stream).y)


def open_at(n, state):
    return np.asarray(next(iter(shuffled(n, state))).y)


if __name__ == "__main__":
    trainer.run(globals())
