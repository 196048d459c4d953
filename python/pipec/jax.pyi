from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import jax

from . import Loader

__all__ = ["Batches", "Ragged", "iterate", "share"]

class Ragged(NamedTuple):
    """A field whose rows differ: row i is values[offsets[i]:offsets[i + 1]]."""
    values: jax.Array
    offsets: jax.Array
    shapes: Optional[jax.Array]

_Place = Union[jax.sharding.Sharding, jax.Device, None]
_Batch = Dict[str, Union[jax.Array, Ragged]]

class Batches(Iterator[_Batch]):
    """What iterate gives: the batches that are left of an epoch."""
    def __init__(self, loader: Loader, targets: Mapping[str, Any], depth: int) -> None: ...
    def __del__(self) -> None: ...
    def __iter__(self) -> Batches: ...
    def __next__(self) -> _Batch: ...
    def __len__(self) -> int: ...
    def state_dict(self) -> Dict[str, str]: ...
    def close(self) -> None: ...

def iterate(loader: Loader, sharding: Union[_Place, Mapping[str, _Place]] = None, *,
            fields: Optional[Sequence[str]] = None,
            depth: Optional[int] = None) -> Batches: ...
def share(sharding: jax.sharding.Sharding) -> Tuple[int, int]: ...
