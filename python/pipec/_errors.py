"""What can go wrong, by kind. Every Error has `status`, the name of libpipert's."""
import os
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

    record: its index in the source; place: where it was drawn, if the source samples;
    row: a tuple, which of the rows that `each` makes of it; path: of its file, as
    open() takes it; operator: what failed, as the feature names it; file, line: where in
    the feature; cause: why. Attributes that the message does not have are None."""

    record = place = row = path = operator = file = line = cause = None


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

WHERE = r"failed: (?P<file>[^:]*):(?P<line>\d+): (?P<operator>[^:]*): (?P<cause>.*)"
RECORD = (r"record (?P<record>\d+)( at place (?P<place>\d+))?"
          r"( row (?P<row>\d+(, \d+)*))?( \((?P<path>.*?)\))? " + WHERE)

# What the tools call an option, as it is called here.
OPTIONS = [(r"--set (\w+)=[^\s`]*", r"\1=..."),
           (r"(?<!\S)-D ?(\w+)=([^\s`]*)", r'D={"\1": \2}'),
           (r"(?<!\S)-D (\w+)", r'D={"\1": ...}'),
           (r"--on-error skip", 'on_error="skip"'),
           (r"raise --memory", "raise memory=")]


def bytes_of(text):
    """What libpipert wrote with \\\\, \\n and \\xNN, so that it is one line of text."""
    def plain(found):
        code = found[1]
        return (b"\n" if code == b"n" else code if code == b"\\"
                else bytes.fromhex(code[1:].decode()))
    return re.sub(rb"\\(\\|n|x[0-9a-f]{2})", plain, text.encode())


READ = {"record": int, "place": int, "line": int, "operator": str,
        "row": lambda text: tuple(map(int, text.split(", "))),
        "path": lambda text: os.fsdecode(bytes_of(text)),
        "file": lambda text: os.fsdecode(bytes_of(text)),
        "cause": lambda text: bytes_of(text).decode("utf-8", "backslashreplace")}


def describe(error, message):
    """Sets the attributes of a RecordError."""
    found = re.search(RECORD, message) or re.search(WHERE, message)
    for name, text in (found.groupdict() if found else {}).items():
        if text is not None:
            setattr(error, name, READ[name](text))


def called_here(message):
    for pattern, text in OPTIONS:
        message = re.sub(pattern, text, message)
    return message


def make_error(status, message):
    """The exception for a status of libpipert."""
    error = KINDS.get(status, Error)(called_here(message))
    error.status = STATUS.get(status, str(status))
    if isinstance(error, RecordError):
        describe(error, message)
    return error
