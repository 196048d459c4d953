"""Batches of compiled ML input pipelines, without a copy.

    loader = pipec.load("imagenet.so", root="train/", threads=2)
    for batch in loader:                    # one epoch; then loader.epoch is one more
        images = np.asarray(batch.image)    # or torch.from_dlpack(batch.image)

See load, Loader, Batch, Tensor, Ragged; compile and jit make libraries of features.
"""
import sys
import warnings

from . import _pipec
from ._errors import (CompileError, Error, HeldError, LoadError, MemoryBudgetError,
                      ParameterError, ProcessError, RecordError, SourceError, StateError,
                      called_here, make_error)
from ._loader import Field, Loader, load
from ._pipec import Batch, Tensor
from ._ragged import Ragged
from ._version import version as __version__


# What not every program needs is read when it is asked for: importing takes less than
# opening a loader does.
LATER = {"compile": "_compile", "jit": "_compile", "Samples": "_show",
         "torch": "torch", "jax": "jax", "tf": "tf"}


def __getattr__(name):
    if name not in LATER:
        raise AttributeError(f"module 'pipec' has no attribute {name!r}")
    import importlib
    module = importlib.import_module(f".{LATER[name]}", __name__)
    return module if LATER[name] == name else getattr(module, name)


class PipecWarning(UserWarning):
    """What the runtime has to say that is no error."""


def tell(message, warns):
    """What the runtime logs: a warning, or what it decided, for logging (of which a program
    without that module wants nothing)."""
    if warns:
        warnings.warn(called_here(message), PipecWarning, stacklevel=3)
    elif "logging" in sys.modules:
        sys.modules["logging"].getLogger("pipec").info(message)


_pipec.setup(make_error, Ragged, tell)

__all__ = ["Batch", "CompileError", "Error", "Field", "HeldError", "LoadError",
           "Loader", "MemoryBudgetError", "ParameterError", "PipecWarning",
           "ProcessError", "Ragged", "RecordError", "Samples", "SourceError",
           "StateError", "Tensor", "compile", "jit", "load"]
