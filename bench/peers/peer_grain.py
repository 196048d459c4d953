"""Grain with threads. It has no image operators: simplejpeg (libjpeg-turbo) decodes,
OpenCV resizes, NumPy normalizes what becomes a batch."""
import random

import trainer
import cv2
import grain
import numpy as np
import simplejpeg

SCALE = np.float32([1 / (255 * s) for s in trainer.STD])[:, None, None]
SHIFT = np.float32([m / s for m, s in zip(trainer.MEAN, trainer.STD)])[:, None, None]
IN_THIS_THREAD = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
VERSION = f"Grain {grain.__version__}, simplejpeg, OpenCV {cv2.__version__}"


def about():
    return dict(name=VERSION, form="threads")


def record(file):
    trainer.decoding()
    path, label = file
    with open(path, "rb") as f:
        image = simplejpeg.decode_jpeg(f.read())
    top, left, height, width = trainer.crop_box(*image.shape[:2])
    image = image[top:top + height, left:left + width]
    smaller = min(height, width) > trainer.SIDE
    image = cv2.resize(image, (trainer.SIDE, trainer.SIDE),
                       interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return (cv2.flip(image, 1) if random.random() < .5 else image), label


def collate(records):
    """u8 rows of pixels become one f32 batch of planes, written once, scaled in place."""
    images = np.empty((len(records), 3, trainer.SIDE, trainer.SIDE), np.float32)
    for image, (pixels, _) in zip(images, records):
        np.multiply(pixels.transpose(2, 0, 1), SCALE, out=image)
    images -= SHIFT
    return images, np.array([label for _, label in records])


def recipe(root, epochs=2):
    cv2.setNumThreads(0)
    files = trainer.files(root)
    return grain.MapDataset.source(files).seed(0).shuffle().map(record).repeat(epochs)


def epochs_of(batches, root):
    stream, n = iter(batches), len(trainer.files(root)) // trainer.BATCH
    return lambda: (next(stream) for _ in range(n))


def images(root, threads):
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=trainer.BATCH)
    return epochs_of(recipe(root).to_iter_dataset(options)
                     .batch(trainer.BATCH, batch_fn=collate), root)


def integers(n):
    return grain.MapDataset.range(n).map(lambda i: i + 1)


def cheap():
    return integers(trainer.CHEAP).batch(trainer.BATCH).to_iter_dataset(IN_THIS_THREAD)


def shuffled(n):
    return iter(integers(n).seed(0).shuffle().batch(trainer.BATCH)
                .to_iter_dataset(IN_THIS_THREAD))


def resume(n, batches):
    stream = shuffled(n)
    next(stream)
    grain.experimental.set_next_index(stream, batches)
    state = stream.get_state()
    return state, next(stream)


def open_at(n, state):
    stream = shuffled(n)
    if state:
        stream.set_state(state)
    return next(stream)


if __name__ == "__main__":
    trainer.run(globals())
