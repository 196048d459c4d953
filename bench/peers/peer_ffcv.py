"""FFCV, from a file of its own kind: `peer_ffcv.py make ROOT` writes images.beton, where
the pictures are JPEG again, of quality 92 and the same size. The first batch waits for
numba."""
import os
import sys

import trainer
import numpy as np
from ffcv.fields.decoders import IntDecoder, RandomResizedCropRGBImageDecoder
from ffcv.loader import Loader, OrderOption
from ffcv.transforms import NormalizeImage, RandomHorizontalFlip, ToTensor, ToTorchImage

FILE = os.path.join(os.environ["PIPEC_WORK"], "images.beton")
MEAN, STD = (np.array([255 * x for x in three]) for three in (trainer.MEAN, trainer.STD))


def about():
    import importlib.metadata
    return dict(name=f"FFCV {importlib.metadata.version('ffcv')}",
                form="threads; a file of its own, made beforehand")


class Pictures:
    def __init__(self, root):
        self.files = trainer.files(root)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        from PIL import Image

        path, label = self.files[i]
        return Image.open(path).convert("RGB"), label


def make(root):
    from ffcv.fields import IntField, RGBImageField
    from ffcv.writer import DatasetWriter

    image = RGBImageField(write_mode="jpg", jpeg_quality=92)
    DatasetWriter(FILE, dict(image=image, label=IntField()),
                  num_workers=2).from_indexed_dataset(Pictures(root))


def images(root, threads):
    image = [RandomResizedCropRGBImageDecoder((trainer.SIDE, trainer.SIDE)),
             RandomHorizontalFlip(), NormalizeImage(MEAN, STD, np.float32),
             ToTensor(), ToTorchImage()]
    loader = Loader(FILE, trainer.BATCH, num_workers=threads, order=OrderOption.RANDOM,
                    os_cache=True, drop_last=True,
                    pipelines=dict(image=image, label=[IntDecoder(), ToTensor()]))
    return lambda: ((x.numpy(), y.numpy()) for x, y in loader)


if __name__ == "__main__":
    make(sys.argv[2]) if sys.argv[1] == "make" else trainer.run(globals())
