"""SPDL: FFmpeg decodes, crops, scales and flips; NumPy normalizes a batch."""
import random

import trainer
import numpy as np
import spdl
import spdl.io
from spdl.pipeline import PipelineBuilder

SCALE = np.float32([1 / (255 * s) for s in trainer.STD])[:, None, None]
SHIFT = np.float32([m / s for m, s in zip(trainer.MEAN, trainer.STD)])[:, None, None]


def about():
    import importlib.metadata
    return dict(name=f"SPDL {importlib.metadata.version('spdl')}",
                form="threads; FFmpeg's decoder and filters")


def endless(files):
    while True:
        yield from random.sample(files, len(files))


def record(file):
    trainer.decoding()
    path, label = file
    packets = spdl.io.demux_image(path)
    top, left, height, width = trainer.crop_box(packets.height, packets.width)
    filters = (f"crop={width}:{height}:{left}:{top},"
               f"scale={trainer.SIDE}:{trainer.SIDE}:flags=bilinear,"
               + "hflip," * (random.random() < .5) + "format=rgb24")
    return spdl.io.decode_packets(packets, filter_desc=filters), label


def collate(records):
    frames, labels = zip(*records)
    pixels = spdl.io.to_numpy(spdl.io.convert_frames(list(frames)))
    images = np.empty((len(frames), 3, trainer.SIDE, trainer.SIDE), np.float32)
    np.multiply(pixels.transpose(0, 3, 1, 2), SCALE, out=images)
    images -= SHIFT
    return images, np.array(labels)


def images(root, threads):
    files = trainer.files(root)
    pipeline = (PipelineBuilder().add_source(endless(files))
                .pipe(record, concurrency=threads, output_order="input")
                .aggregate(trainer.BATCH).pipe(collate).add_sink(2)
                .build(num_threads=threads))
    stream, n = started(pipeline), len(files) // trainer.BATCH
    return lambda: (next(stream) for _ in range(n))


def started(pipeline):
    with pipeline.auto_stop():
        yield from pipeline


def cheap():
    return started(PipelineBuilder().add_source(range(trainer.CHEAP))
                   .pipe(lambda i: i + 1, output_order="input").aggregate(trainer.BATCH)
                   .pipe(np.array).add_sink(2).build(num_threads=1))


trainer.run(globals())
