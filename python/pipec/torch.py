"""Batches as torch tensors, where torch.utils.data.DataLoader stood.

    loader = pipec.torch.DataLoader("imagenet.so", root="train/", threads=8)
    for images, labels in loader:
        loss = criterion(model(images.cuda(non_blocking=True)), labels.cuda())

Tensors are views of the batch's memory, without a copy: a batch's memory is used again
once all its tensors are gone. What writes into them writes into that batch alone. Once a
program keeps more batches than the memory budget holds, it gets copies.
"""
import os
import warnings
from typing import NamedTuple

try:
    import torch
    import torch.utils.data
except ModuleNotFoundError as why:
    raise ImportError("pipec.torch needs torch: pip install torch") from why

from ._errors import HeldError
from ._loader import load, number

__all__ = ["DataLoader", "IterableDataset", "Ragged"]

# What torch's DataLoader is told, and who is told here.
TORCHS = {"batch_size": "the feature's batch(n)", "shuffle": "the feature's shuffle",
          "sampler": "the feature's source", "batch_sampler": "the feature's source",
          "collate_fn": "the feature's emit",
          "drop_last": "the feature's batch(last = ...)",
          "num_workers": "threads=", "generator": "seed=", "prefetch_factor": "memory="}
WORKERS = 1024


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
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    return 0, 1


def view(field):
    """A field of a batch as a tensor, or Ragged."""
    if hasattr(field, "offsets"):
        return Ragged(view(field.values), view(field.offsets),
                      None if field.shapes is None else view(field.shapes))
    return torch.from_dlpack(field)


def made(value, how):
    """A tensor, or what a Ragged has, after `how`."""
    if isinstance(value, Ragged):
        return Ragged(*(None if part is None else how(part) for part in value))
    return how(value)


def pins(asked):
    """Whether batches are copied to pinned memory; as torch has it, never an error."""
    there = torch.cuda.is_available()
    if asked and not there:
        warnings.warn("pin_memory=True, and there is no CUDA: batches are not pinned",
                      stacklevel=3)
    return there and (asked is None or bool(asked))


def opened(path, options):
    try:
        return load(path, **options)
    except TypeError as why:
        torchs = [name for name in TORCHS if name in options]
        if not torchs:
            raise
        raise TypeError(f"`{torchs[0]}` of torch's DataLoader is "
                        f"{TORCHS[torchs[0]]} here\n{why}") from None


class Records:
    """`loader.dataset`, for trainers that want to know its length."""

    def __init__(self, owner):
        self.owner = owner

    def __len__(self):
        """Records that an epoch goes through, over all ranks."""
        return self.owner.loader.start().stats()["places"]

    def __getitem__(self, index):
        raise TypeError("records come in batches, from the loader: iterate that; to go "
                        "on in the middle of an epoch, load_state_dict")


class DataLoader:
    """An epoch of batches per `for`, as torch's DataLoader has it: a tuple of tensors in
    the order of `emit`, or of the names in `fields`; with mapping=True a dict by name.

    path, options and parameters are those of pipec.load. rank and world are those of
    torch.distributed, or of torchrun, unless they are given; also where it is initialised
    only after this. pin_memory: True copies each batch to pinned memory; the default
    does where CUDA is there. Without CUDA True is a warning.

    A `for` that is left early ends its epoch: the next one is the next epoch.

    It is no torch.utils.data.DataLoader: trainers that put distributed samplers into
    those leave it alone, which is right, for each rank has its share already.
    """

    num_workers = 0                     # what trainers look at
    persistent_workers = False
    prefetch_factor = batch_sampler = collate_fn = worker_init_fn = generator = None
    multiprocessing_context = None
    timeout = 0

    def __init__(self, path, *, fields=None, mapping=False, pin_memory=None, **options):
        self._path, self._options = path, options
        self._open()
        known = list(self.loader.fields)
        unknown = [name for name in fields or () if name not in known]
        if unknown:
            raise ValueError(f"{self.loader.name} has no field `{unknown[0]}`; "
                             f"fields: {', '.join(known)}")
        self.fields = list(fields or known)
        self.mapping = mapping
        self.pin_memory = pins(pin_memory)
        self.batch_size = next((f.shape[0] for f in self.loader.fields.values()
                                if f.shape), None)
        self._left_early = self._copies = False

    def _open(self):
        self._job = process_of_job()
        rank, world = self._job
        self.loader = opened(self._path, {"rank": rank, "world": world, **self._options})

    def _join(self):
        """torch.distributed may have been initialised after the loader was opened."""
        if self._job == process_of_job() or {"rank", "world"} <= set(self._options):
            return
        state = self.loader.state_dict()
        self.loader.close()
        self._open()
        self.loader.load_state_dict(state)

    def _convert(self, batch):
        values = [view(batch[name]) for name in self.fields]
        if self.pin_memory:
            values = [made(value, torch.Tensor.pin_memory) for value in values]
        elif self._copies:
            values = [made(value, torch.Tensor.clone) for value in values]
        return dict(zip(self.fields, values)) if self.mapping else tuple(values)

    def _batches(self):
        """Who keeps all the tensors there are (labels, say) gets copies from there on."""
        try:
            yield from self.loader
        except HeldError:
            if self._copies:
                raise
            self._copies = True
            self.loader._reopen(self.loader.state_dict()["pipec"])  # with new memory
            yield from self.loader

    def __iter__(self):
        self._join()
        now = self.loader.epoch                 # the next one, if its last batch was taken
        if self._left_early:
            now = self.loader.epoch = now + (now == self._begun)
        self._left_early, self._begun = True, now
        for batch in self._batches():
            yield self._convert(batch)
        self._left_early = False

    def __len__(self):
        """Batches of this rank in an epoch, from its beginning. TypeError where a `where`
        or `each` leaves that open."""
        self._join()
        return self.loader._whole() + self._done()

    def _done(self):
        """Batches of the epoch before the state that it was resumed from."""
        state = self.loader._state
        if state is None or number(state, "epoch") != self.loader.epoch:
            return 0
        return number(state, "batches") // self.loader._options["world"]

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
    def dataset(self):
        """What has the length of an epoch in records, over all ranks."""
        return Records(self)

    @property
    def sampler(self):
        """What trainers call set_epoch on."""
        return self

    def state_dict(self):
        """Where the next batch comes from; exact in the middle of an epoch, under 1 KB.
        The same on all ranks, but for features with `where` or `each`."""
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

    Opened where it is iterated; with num_workers=n each worker is a rank of its own. Each
    iteration is the next epoch, whether or not the workers persist."""

    def __init__(self, path, **options):
        super().__init__()
        self.path, self.options, self.job = path, options, None
        self._first = torch.tensor(options.pop("epoch", 0)).share_memory_()
        self._begun = torch.zeros(WORKERS, dtype=torch.int64).share_memory_()

    def __getstate__(self):
        """A worker that is spawned does not know the ranks."""
        return {**self.__dict__, "job": process_of_job()}

    @property
    def epoch(self):
        """The epoch of the next iteration."""
        return int(self._first + self._begun[0])

    def set_epoch(self, epoch):
        """The epoch of the next iteration, of workers that run, too."""
        self._first.fill_(epoch)
        self._begun.zero_()

    def _begin(self, part):
        """The epoch; each worker counts its own, so that none sees another's haste."""
        epoch = int(self._first + self._begun[part])
        self._begun[part] += 1
        return epoch

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        part, parts = (worker.id, worker.num_workers) if worker else (0, 1)
        job = process_of_job()
        rank, world = self.job if self.job and job == (0, 1) else job
        rank = self.options.get("rank", rank) * parts + part
        world = self.options.get("world", world) * parts
        loader = DataLoader(self.path, pin_memory=False, epoch=self._begin(part),
                            **{**self.options, "rank": rank, "world": world})
        try:
            yield from loader
        finally:
            loader.close()
