"""Batches as NumPy arrays for a runtime that gives them back when it likes: jax and
tensorflow queue work, and hold what it reads until it is done."""
import weakref
from typing import Any, NamedTuple

import numpy as np

from ._loader import Loader

ALIGNED = 64        # bytes: what jax and tensorflow take without a copy
KEPT = 2            # batches that the loader keeps to work in
MOST = 6            # batches that are lent at a time


class Ragged(NamedTuple):
    """A field whose rows differ in shape: row i is values[offsets[i]:offsets[i + 1]].

    values: all rows, flat; offsets: [rows + 1], in elements; shapes: int32[rows, rank] of
    the rows, None if they are of rank 1."""

    values: Any
    offsets: Any
    shapes: Any


class Slot:
    """Lives as long as an array of its batch does."""

    __slots__ = ("__weakref__",)


class Memory:
    """A tensor's, as NumPy asks for it; what is made of it holds tensor and slot."""

    def __init__(self, tensor, slot):
        self.tensor, self.slot = tensor, slot
        self.__array_interface__ = tensor.__array_interface__


def copied(array):
    raw = np.empty(array.nbytes + ALIGNED, np.uint8)
    start = -raw.ctypes.data % ALIGNED
    copy = raw[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


class Lender:
    """Hands out the fields of a loader's batches. Views, while the loader's memory has
    room; then copies: a runtime that is far behind would hold it all."""

    def __init__(self, loader, names, bfloat16):
        self.loader, self.names, self.bfloat16 = loader, names, bfloat16
        self.out = weakref.WeakSet()
        self.most = None

    def fields(self, batch):
        """{name: array or Ragged of arrays}; read-only, or copies."""
        if self.most is None:
            self.most = self._room(batch)
        slot = Slot() if len(self.out) < self.most else None
        if slot:
            self.out.add(slot)
        return {name: self._field(batch[name], slot) for name in self.names}

    def _room(self, batch):
        parts = [getattr(field, "values", field) for field in batch]
        each = sum(part.nbytes for part in parts) or 1
        return min(max(self.loader.stats()["memory"] // each - KEPT, 0), MOST)

    def _field(self, field, slot):
        if not hasattr(field, "offsets"):
            return self._array(field, slot)
        return Ragged(self._array(field.values, slot), self._array(field.offsets, slot),
                      None if field.shapes is None else self._array(field.shapes, slot))

    def _array(self, tensor, slot):
        array = np.asarray(Memory(tensor, slot))
        if tensor.dtype == "bf16":
            array = array.view(self.bfloat16)
        return array if slot else copied(array)


def chosen(loader, fields):
    """The names of `fields`, or of all; ValueError for one that is not there."""
    if not isinstance(loader, Loader):
        raise TypeError(f"{loader!r} is no loader: pipec.load(path, ...) makes one")
    known = list(loader.fields)
    unknown = [name for name in fields or () if name not in known]
    if unknown:
        raise ValueError(f"{loader.name} has no field `{unknown[0]}`; "
                         f"fields: {', '.join(known)}")
    return list(fields or known)
