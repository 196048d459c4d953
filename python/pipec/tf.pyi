from typing import Any, Optional, Sequence

from . import Loader

__all__ = ["dataset"]

# A tf.data.Dataset; tensorflow has no types of its own.
def dataset(loader: Loader, *, fields: Optional[Sequence[str]] = None,
            mapping: bool = False) -> Any: ...
