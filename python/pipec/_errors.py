"""What can go wrong, by kind. Every Error has `status`, the name of libpipert's."""
import re

from . import _pipec


class Error(Exception):
    """Base of all errors of pipec. `status` is libpipert's name for it, or ''."""

    status = ""


class LoadError(Error):
    """The library cannot be loaded: no feature, cut short, of another version."""


class ParameterError(Error, ValueError):
    """A parameter is missing, unknown, or its value does not fit."""


class SourceError(Error, OSError):
    """The source cannot be opened: no such folder, no file that matches."""


class MemoryBudgetError(Error, MemoryError):
    """The batches do not fit the memory budget (`memory=`)."""


class HeldError(MemoryBudgetError):
    """All batches that fit the budget are in use by the program."""


class StateError(Error, ValueError):
    """A saved state that does not belong to this loader."""


class ProcessError(Error):
    """The process that `process=True` runs the feature in is gone, or cannot be had.
    state_dict() still tells where the last batch was."""


class RecordError(Error):
    """A record failed, or more than max_errors allows, or all of a batch.

    record: its index in the source; path: of its file, or None; operator: what failed,
    as the feature names it; file, line: where in the feature; cause: why. Attributes
    that the message does not have are None."""

    record = path = operator = file = line = cause = None


class CompileError(Error):
    """`pipec` refused a feature. `diagnostics` is its text, `status` its exit status."""

    diagnostics = ""


KINDS = {
    _pipec.LOAD: LoadError, _pipec.PARAMETER: ParameterError, _pipec.SOURCE: SourceError,
    _pipec.MEMORY: MemoryBudgetError, _pipec.HELD: HeldError, _pipec.STATE: StateError,
    _pipec.RECORD: RecordError, _pipec.TOO_MANY: RecordError, _pipec.BATCH: RecordError,
    _pipec.MADE: RecordError, _pipec.PROCESS: ProcessError,
}
STATUS = {value: name for name, value in vars(_pipec).items()
          if name.isupper() and isinstance(value, int)}

RECORD = (r"record (?P<record>\d+)[^(:]*?( \((?P<path>.*)\))? failed: "
          r"(?P<file>[^:]*):(?P<line>\d+): (?P<operator>[^:]*): (?P<cause>.*)")
MADE = r"failed: (?P<file>[^:]*):(?P<line>\d+): (?P<operator>[^:]*): (?P<cause>.*)"

# What the tools call an option, as it is called here.
OPTIONS = [(r"--set (\w+)=\S*", r"\1=..."),
           (r"--on-error skip", 'on_error="skip"'),
           (r"raise --memory", "raise memory=")]


def make_error(status, message):
    """The exception for a status of libpipert."""
    for pattern, text in OPTIONS:
        message = re.sub(pattern, text, message)
    error = KINDS.get(status, Error)(message)
    error.status = STATUS.get(status, str(status))
    if isinstance(error, RecordError):
        found = re.search(RECORD, message) or re.search(MADE, message)
        for name, value in (found.groupdict() if found else {}).items():
            setattr(error, name, int(value) if name in ("record", "line") else value)
    return error
