#!/usr/bin/env python3
"""The same recipe by two loaders: (train, val), each with set_epoch, len and batches of
images f32[b, 3, 64, 64] and labels i64[b].

    loaders.py DATA [EPOCHS]        what loading alone costs, without a network
"""
import os
import pathlib
import sys

import torch
import torch.utils.data

HERE = pathlib.Path(__file__).resolve().parent
SIZE = 64
MEAN, DEVIATION = (.485, .456, .406), (.229, .224, .225)


def by_pipec(data, batch, seed, workers):
    """Features of .dsl files, compiled when they are first asked for."""
    import pipec.torch
    fixed = {"size": SIZE, "batch": batch}
    train = pipec.torch.DataLoader(HERE / "train.dsl", root=data / "train", D=fixed,
                                   seed=seed, threads=workers)
    val = pipec.torch.DataLoader(HERE / "val.dsl", root=data / "val", D={"size": SIZE},
                                 threads=workers)
    return train, val


class Seeded(torch.utils.data.DataLoader):
    """torch's loader, whose order and crops hang on seed and epoch alone."""

    def __init__(self, *args, seed, **options):
        super().__init__(*args, generator=torch.Generator(), **options)
        self.seed = seed

    def set_epoch(self, epoch):
        self.generator.manual_seed(self.seed * 1_000_003 + epoch)


def by_torchvision(data, batch, seed, workers):
    from torchvision import datasets, transforms as t
    for_network = [t.ToTensor(), t.Normalize(MEAN, DEVIATION)]
    crops = t.Compose([t.RandomResizedCrop(SIZE, scale=(.35, 1)),
                       t.RandomHorizontalFlip(), *for_network])
    middle = t.Compose([t.Resize(SIZE + 8), t.CenterCrop(SIZE), *for_network])
    options = {"seed": seed, "num_workers": workers, "persistent_workers": workers > 0}
    train = Seeded(datasets.ImageFolder(data / "train", crops), batch, shuffle=True,
                   drop_last=True, **options)
    val = Seeded(datasets.ImageFolder(data / "val", middle), 100, **options)
    return train, val


LOADERS = {"pipec": by_pipec, "torchvision": by_torchvision}


def cost(make, data, epochs, workers=2):
    """Seconds, and CPU-seconds of all processes and threads, of so many epochs."""
    before = os.times()
    train, val = make(data, 64, 0, workers)
    for epoch in range(epochs):
        train.set_epoch(epoch)
        for _ in train:
            pass
    del train, val                              # the workers end, and are counted
    after = os.times()
    return after.elapsed - before.elapsed, sum(after[:4]) - sum(before[:4])


def main(data, epochs=4):
    for name, make in LOADERS.items():
        cost(make, data, 1)                     # imports, the compiler, the page cache
        seconds, cpu = (x / epochs for x in cost(make, data, epochs))
        print(f"{name}: {seconds:.2f} s an epoch, {cpu:.2f} s of CPU")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:]))
