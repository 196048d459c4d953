"""pipec's start where nothing else is imported."""
import os

import trainer
import pipec


def about():
    return dict(name=f"pipec {pipec.__version__}", form="no NumPy")


def images(root, threads):
    feature = os.path.join(os.environ["PIPEC_WORK"], "imagenet.so")
    loader = pipec.load(feature, root=root, threads=threads).start()
    return lambda: (memoryview(batch.image) for batch in loader)


trainer.run(globals())
