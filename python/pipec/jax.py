"""Batches as jax arrays.

    loader = pipec.load("imagenet.so", root="train/")
    for epoch in range(90):
        for batch in pipec.jax.iterate(loader):         # {"image": ..., "label": ...}
            params = step(params, batch["image"], batch["label"])

On the CPU arrays are views of the batch's memory, which is used again when jax has done
all that reads them. While jax is far behind, batches are copied.
"""
import collections

try:
    import jax
    import jax.numpy as jnp
except ModuleNotFoundError as why:
    raise ImportError("pipec.jax needs jax: pip install jax") from why
import numpy as np

from ._lend import Lender, Ragged, chosen

__all__ = ["Batches", "Ragged", "iterate", "share"]


def iterate(loader, sharding=None, *, fields=None, depth=None):
    """The rest of the loader's epoch: an iterator of {name: jax.Array}, or of Ragged.

    sharding: a jax.sharding.Sharding of the batch's dimension, a device, or a dict of
    them by field; None: jax's default device. Where it spans processes, each loads its
    share (see share) and the arrays are global. Ragged fields go to one device.
    fields: names; None: all. depth: batches that are placed ahead of the one in use, so
    that their way to the device is not waited for; default 0 on the CPU, 2 elsewhere.

    64-bit fields are of 32 bits unless jax_enable_x64 is set; OverflowError if integers
    do not fit then.
    """
    names = chosen(loader, fields)
    of = sharding if isinstance(sharding, dict) else dict.fromkeys(names, sharding)
    targets = {name: Target(loader, name, of.get(name)) for name in names}
    if depth is None:
        depth = 0 if all(target.is_cpu() for target in targets.values()) else 2
    return Batches(loader, targets, depth)


def share(sharding):
    """(rank, world) for pipec.load: the part of the stream that the devices of this
    process hold where `sharding` divides the batch.

    ValueError if that is no such part: its rows lie apart."""
    rows = sharding.num_devices
    shape = (rows,) * max(1, len(getattr(sharding, "spec", ())))
    places = sharding.addressable_devices_indices_map(shape).values()
    mine = sorted({i for place in places for i in range(*place[0].indices(rows))})
    if mine != list(range(mine[0], mine[-1] + 1)) or mine[0] % len(mine):
        raise ValueError("the devices of this process hold rows that lie apart: order "
                         "the mesh by process along the batch's axis")
    return mine[0] // len(mine), rows // len(mine)


class Target:
    """Where a field goes."""

    def __init__(self, loader, name, to):
        self.name, self.to, self.parts = name, to, None
        if isinstance(to, jax.sharding.Sharding):
            self.parts = 1 if to.is_fully_addressable else self._parts(loader)
            if loader.fields[name].ragged and len(to.device_set) > 1:
                raise ValueError(
                    f"`{name}` is ragged, and cannot be divided over devices: emit "
                    f"padded({name}, 0), or leave it out with fields=[...]")

    def _parts(self, loader):
        rank, world = share(self.to)
        if (loader._options["rank"], loader._options["world"]) != (rank, world):
            raise ValueError(
                f"this process holds part {rank} of {world} of the batch: load with "
                f"rank={rank}, world={world} (pipec.jax.share(sharding))")
        return world

    def is_cpu(self):
        to = self.to or jax.config.jax_default_device or jax.local_devices()[0]
        devices = to.device_set if self.parts else [to]
        return all(getattr(device, "platform", device) == "cpu" for device in devices)

    def put(self, field):
        if isinstance(field, Ragged):
            return Ragged(*(None if part is None else self._put(part) for part in field))
        return self._put(field)

    def _put(self, array):
        self._check_width(array)
        if not self.parts:
            return jax.device_put(array, self.to)
        self._check_shape((array.shape[0] * self.parts, *array.shape[1:]))
        return jax.make_array_from_process_local_data(self.to, array)

    def _check_shape(self, shape):
        try:
            self.to.shard_shape(shape)
        except ValueError as why:
            raise ValueError(
                f"field `{self.name}` of shape {shape} cannot be divided as {self.to} "
                "says: the rows of all batches must be a multiple of the devices (last = "
                "drop, pad or wrap)") from why

    def _check_width(self, array):
        """jax would cut 64 bits to 32 without a word."""
        dtype = jax.dtypes.canonicalize_dtype(array.dtype)
        if dtype == array.dtype or dtype.kind not in "iu" or not array.size:
            return
        room = np.iinfo(dtype)
        if array.max() > room.max or array.min() < room.min:
            raise OverflowError(
                f"field `{self.name}` has values that do not fit {dtype}: "
                'jax.config.update("jax_enable_x64", True)')


class Batches:
    """What iterate gives: the batches that are left of an epoch."""

    def __init__(self, loader, targets, depth):
        self._loader, self._targets, self._depth = loader, targets, depth
        self._lender = Lender(loader, list(targets), jnp.bfloat16)
        self._source = iter(loader)
        self._ready = collections.deque()       # (batch, state behind it)
        self._at = self._ahead = self._failed = None

    def __iter__(self):
        return self

    def __len__(self):
        """As that of the loader."""
        return len(self._loader)

    def _mark(self):
        """The loader's state, where it runs ahead of what was handed out."""
        self._ahead = self._loader.state_dict() if self._depth else None
        return self._ahead

    def _place(self, batch):
        return {name: self._targets[name].put(field)
                for name, field in self._lender.fields(batch).items()}

    def _pull(self):
        try:
            batch = next(self._source, None)
            if batch is not None:
                self._ready.append((self._place(batch), self._mark()))
                return
        except Exception as error:              # told when it is its turn
            self._failed = error
        self._source = None
        if not self._failed:
            self._mark()

    def __next__(self):
        if self._at is None:
            self._at = self._mark()
        while self._source is not None and len(self._ready) <= self._depth:
            self._pull()
        if self._ready:
            batch, self._at = self._ready.popleft()
            return batch
        failed, self._failed = self._failed, None
        raise failed or StopIteration

    def state_dict(self):
        """As that of the loader, but of the batches that were handed out here."""
        return self._at if self._ready else self._loader.state_dict()

    def close(self):
        """The loader goes on behind the last batch that was handed out. An iterator that
        is dropped does this."""
        ahead, self._source = bool(self._ready), None
        self._ready.clear()
        if not ahead or self._loader._closed:
            return
        if self._loader.state_dict() == self._ahead:    # nobody else has moved it
            self._loader.load_state_dict(self._at)

    def __del__(self):
        if getattr(self, "_ready", None):
            self.close()
