from typing import (Any, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional,
                    Sequence, Tuple, Union)

import torch
import torch.utils.data

from . import Loader, _Path

__all__ = ["DataLoader", "IterableDataset", "Ragged"]

class Ragged(NamedTuple):
    """A field without a constant shape: row i is values[offsets[i]:offsets[i + 1]]."""
    values: torch.Tensor
    offsets: torch.Tensor
    shapes: Optional[torch.Tensor]

_Value = Union[torch.Tensor, Ragged]

class Records:
    def __init__(self, owner: DataLoader) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> NoReturn: ...

class DataLoader:
    """An epoch of batches per `for`: tuples of tensors, or dicts with mapping=True."""
    loader: Loader
    fields: List[str]
    mapping: bool
    pin_memory: bool
    batch_size: Optional[int]
    num_workers: int
    persistent_workers: bool
    timeout: int
    prefetch_factor: None
    batch_sampler: None
    collate_fn: None
    worker_init_fn: None
    generator: None
    multiprocessing_context: None
    def __init__(self, path: _Path, *, fields: Optional[Sequence[str]] = None,
                 mapping: bool = False, pin_memory: Optional[bool] = None,
                 **options: Any) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...    # Tuple[_Value, ...] or Dict[str, _Value]
    def __len__(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def dataset(self) -> Records: ...
    @property
    def sampler(self) -> DataLoader: ...
    def set_epoch(self, epoch: int) -> None: ...
    def state_dict(self) -> Dict[str, str]: ...
    def load_state_dict(self, state: Mapping[str, str]) -> None: ...
    def close(self) -> None: ...

class IterableDataset(torch.utils.data.IterableDataset[Tuple[_Value, ...]]):
    """For torch's own DataLoader, with batch_size=None: items are batches already."""
    path: _Path
    options: Dict[str, Any]
    job: Optional[Tuple[int, int]]
    def __init__(self, path: _Path, **options: Any) -> None: ...
    @property
    def epoch(self) -> int: ...
    def set_epoch(self, epoch: int) -> None: ...
    def __iter__(self) -> Iterator[Tuple[_Value, ...]]: ...
