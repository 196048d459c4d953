"""DALI without a GPU: what decodes only the crop, and the fused last step."""
import trainer
import numpy as np
import nvidia.dali as dali
from nvidia.dali import fn, pipeline_def, types


def about():
    return dict(name=f"DALI {dali.__version__}",
                form="threads; decoders.image_random_crop, crop_mirror_normalize")


@pipeline_def(batch_size=trainer.BATCH, device_id=None)
def recipe(root):
    paths, labels = zip(*trainer.files(root))
    data, label = fn.readers.file(files=list(paths), labels=list(labels), name="files",
                                  shuffle_after_epoch=True)
    image = fn.decoders.image_random_crop(data, device="cpu", output_type=types.RGB)
    image = fn.resize(image, size=trainer.SIDE, interp_type=types.INTERP_LINEAR)
    image = fn.crop_mirror_normalize(
        image, mirror=fn.random.coin_flip(), dtype=types.FLOAT, output_layout="CHW",
        mean=[255 * m for m in trainer.MEAN], std=[255 * s for s in trainer.STD])
    return image, label


def images(root, threads):
    pipe = recipe(root, num_threads=threads)
    pipe.build()
    batches = pipe.epoch_size("files") // trainer.BATCH

    def epoch():
        for _ in range(batches):
            image, label = pipe.run()
            yield np.asarray(image.as_tensor()), np.asarray(label.as_tensor())
    return epoch


@pipeline_def(batch_size=trainer.BATCH, device_id=None, num_threads=1)
def integers():
    """Batches by Python: what DALI has no reader for."""
    starts = iter(range(0, trainer.CHEAP, trainer.BATCH))
    first = np.arange(trainer.BATCH)
    return fn.external_source(source=lambda: first + next(starts), batch=True) + 1


def cheap():
    pipe = integers()
    pipe.build()
    while True:
        yield np.asarray(pipe.run()[0].as_tensor())


@pipeline_def(batch_size=trainer.BATCH, device_id=None, num_threads=1,
              enable_checkpointing=True)
def shuffled(n):
    """The reader alone, of a file that it does not look into."""
    return tuple(fn.readers.file(files=[__file__] * n, labels=list(range(n)),
                                 shuffle_after_epoch=True))


def labels(pipe):
    return np.asarray(pipe.run()[1].as_tensor()).ravel()


def resume(n, batches):
    pipe = shuffled(n)
    pipe.build()
    for _ in range(batches):
        pipe.run()
    return pipe.checkpoint(), labels(pipe)


def open_at(n, state):
    pipe = shuffled(n, checkpoint=state)
    pipe.build()
    return labels(pipe)


trainer.run(globals())
