"""Batches as torch tensors, where torch.utils.data.DataLoader stood.

    loader = pipec.torch.DataLoader("imagenet.so", root="train/", threads=8)
    for images, labels in loader:
        loss = criterion(model(images.cuda(non_blocking=True)), labels.cuda())

Tensors are views of the batch's memory, without a copy: a batch's memory is used again
once all its tensors are gone. What writes into them writes into that batch alone.
"""
import os
from typing import NamedTuple

import torch
import torch.utils.data

from ._loader import load


class Ragged(NamedTuple):
    """A field without a constant shape: row i is values[offsets[i]:offsets[i + 1]].

    values: all rows, flat; offsets: int64[rows + 1], in elements; shapes: int32[rows,
    rank] of the rows, None if they are of rank 1."""

    values: torch.Tensor
    offsets: torch.Tensor
    shapes: torch.Tensor


def process_of_job():
    """(rank, world): of torch.distributed, else of torchrun's variables, else (0, 1)."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def view(field):
    """A field of a batch as a tensor, or Ragged."""
    if hasattr(field, "offsets"):
        return Ragged(view(field.values), view(field.offsets),
                      None if field.shapes is None else view(field.shapes))
    return torch.from_dlpack(field)


def pinned(value):
    if value is None:
        return None
    if isinstance(value, Ragged):
        return Ragged(*map(pinned, value))
    return value.pin_memory()


class DataLoader:
    """An epoch of batches per `for`, as torch's DataLoader has it: a tuple of tensors in
    the order of `emit`, or of the names in `fields`; with mapping=True a dict by name.

    path, options and parameters are those of pipec.load. rank and world are those of
    torch.distributed, or of torchrun, unless they are given. pin_memory: True copies each
    batch to pinned memory; the default does where CUDA is there.

    A `for` that is left early ends its epoch: the next one is the next epoch.
    """

    def __init__(self, path, *, fields=None, mapping=False, pin_memory=None, **options):
        rank, world = process_of_job()
        options = {"rank": rank, "world": world, **options}
        self.loader = load(path, **options)
        known = list(self.loader.fields)
        unknown = [name for name in fields or () if name not in known]
        if unknown:
            raise ValueError(f"{self.loader.name} has no field `{unknown[0]}`; "
                             f"fields: {', '.join(known)}")
        self.fields = list(fields or known)
        self.mapping = mapping
        self.pin_memory = torch.cuda.is_available() if pin_memory is None else pin_memory
        self.batch_size = next((f.shape[0] for f in self.loader.fields.values()
                                if f.shape), None)
        self._left_early = False

    def _convert(self, batch):
        values = [view(batch[name]) for name in self.fields]
        if self.pin_memory:
            values = list(map(pinned, values))
        return dict(zip(self.fields, values)) if self.mapping else tuple(values)

    def __iter__(self):
        if self._left_early:
            self.loader.epoch += 1
        self._left_early = True
        for batch in self.loader:
            yield self._convert(batch)
        self._left_early = False

    def __len__(self):
        """Batches of this rank in an epoch. TypeError where a `where` or `each` leaves
        that open."""
        return len(self.loader)

    @property
    def epoch(self):
        """The epoch of the next batch."""
        return self.loader.epoch

    def set_epoch(self, epoch):
        """Begins that epoch, unless its batches come next anyway. As on a
        DistributedSampler; the order differs by epoch without it, too."""
        if self._left_early or self.loader.epoch != epoch:
            self.loader.epoch = epoch
        self._left_early = False

    @property
    def sampler(self):
        """What trainers call set_epoch on."""
        return self

    def state_dict(self):
        """Where the next batch comes from; exact in the middle of an epoch, under 1 KB."""
        return self.loader.state_dict()

    def load_state_dict(self, state):
        """The next `for` goes on there, at any world size and number of threads."""
        self.loader.load_state_dict(state)
        self._left_early = False

    def close(self):
        """Stops the threads; tensors stay good."""
        self.loader.close()


class IterableDataset(torch.utils.data.IterableDataset):
    """For torch's own DataLoader, with batch_size=None: items are batches already.

    Opened where it is iterated; with num_workers=n each worker is a rank of its own."""

    def __init__(self, path, **options):
        super().__init__()
        self.path, self.options, self.epoch = path, options, options.pop("epoch", 0)

    def set_epoch(self, epoch):
        """The epoch of the next iteration."""
        self.epoch = epoch

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        part, parts = (worker.id, worker.num_workers) if worker else (0, 1)
        rank, world = process_of_job()
        rank = self.options.get("rank", rank) * parts + part
        world = self.options.get("world", world) * parts
        options = {**self.options, "rank": rank, "world": world, "epoch": self.epoch}
        self.epoch += 1
        loader = DataLoader(self.path, pin_memory=False, **options)
        try:
            yield from loader
        finally:
            loader.close()
