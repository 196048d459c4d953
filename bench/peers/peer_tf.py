"""tf.data with TensorFlow's own operators; the channels stay where its users have them,
last."""
import functools
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import trainer
import numpy as np
import tensorflow as tf

SCALE = tf.constant([1 / (255 * s) for s in trainer.STD])
SHIFT = tf.constant([m / s for m, s in zip(trainer.MEAN, trainer.STD)])


def about():
    return dict(name=f"tf.data {tf.__version__}",
                form="threads; decode_and_crop_jpeg, AUTOTUNE")


def record(path, label, antialias):
    data = tf.io.read_file(path)
    start, size, _ = tf.image.sample_distorted_bounding_box(
        tf.image.extract_jpeg_shape(data), np.float32([[[0, 0, 1, 1]]]),
        area_range=(.08, 1), aspect_ratio_range=(3 / 4, 4 / 3), max_attempts=10,
        use_image_if_no_bounding_boxes=True)
    window = tf.concat([start[:2], size[:2]], 0)
    image = tf.image.decode_and_crop_jpeg(data, window, channels=3)
    image = tf.image.resize(image, (trainer.SIDE, trainer.SIDE), antialias=antialias)
    return tf.image.random_flip_left_right(image) * SCALE - SHIFT, label


def limited(dataset, threads):
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    options.threading.max_intra_op_parallelism = 1
    options.autotune.cpu_budget = threads
    return dataset.with_options(options)


def images(root, threads, antialias=True):
    files = tuple(map(list, zip(*trainer.files(root))))
    dataset = (tf.data.Dataset.from_tensor_slices(files).shuffle(len(files[0]))
               .map(functools.partial(record, antialias=antialias), tf.data.AUTOTUNE)
               .batch(trainer.BATCH, drop_remainder=True).prefetch(tf.data.AUTOTUNE))
    return limited(dataset, threads).as_numpy_iterator


def integers(n):
    return tf.data.Dataset.range(n)


def cheap():
    dataset = integers(trainer.CHEAP).map(lambda i: i + 1).batch(trainer.BATCH)
    return dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()


def shuffled(n):
    return iter(integers(n).shuffle(n, seed=0).map(lambda i: i + 1).batch(trainer.BATCH))


def resume(n, batches):
    stream = shuffled(n)
    for _ in range(batches):
        next(stream)
    folder = os.path.join(os.environ["PIPEC_WORK"], "tf-state")
    state = tf.train.Checkpoint(stream=stream).save(os.path.join(folder, "state"))
    return state, next(stream).numpy()


def open_at(n, state):
    stream = shuffled(n)
    if state:
        tf.train.Checkpoint(stream=stream).restore(state)
    return next(stream).numpy()


if __name__ == "__main__":
    trainer.run(globals())
