"""From a .dsl to a library, by the command `pipec`, which has a cache of its own."""
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess

from . import _values
from ._errors import CompileError, called_here

sources: "dict[str, list]" = {}     # {library: what it was made of}, by this process


def tool():
    """The command: $PIPEC, or beside the package, or in PATH."""
    named = os.environ.get("PIPEC")
    if named:
        return named
    here = pathlib.Path(__file__).resolve().parent
    for folder in (here, *list(here.parents)[:5]):
        if os.access(folder / "bin" / "pipec", os.X_OK):
            return str(folder / "bin" / "pipec")
    found = shutil.which("pipec")
    if not found:
        raise CompileError("the command pipec was not found: set PIPEC to its path, or "
                           "add its folder to PATH")
    return found


def compile(path, D=None, cpu=None, O=None, backend=None, debug=False):
    """Compiles the feature at `path`; gives the path of its library (.so).

    D: compile-time parameters, {"size": 64}; cpu: "native", "x86-64-v2", "-v3", "-v4" or
    "multi" (default: code for all levels); O: 0 to 3; backend: "llvm" or "c"; debug:
    lines of the .dsl for gdb. The library lies in the cache of `pipec run`, under a hash
    of all that it is made of: what did not change is not compiled again.

    CompileError, with the compiler's messages, if it refuses.
    """
    path = _values.path_bytes(path)
    made_of = [os.path.abspath(path)]
    for name, value in _values.mapping("D", D).items():
        made_of += ["-D", name.encode() + b"=" + _values.define(name, value)]
    argv = [tool(), "run", "--path", path, *made_of[1:]]
    argv += [f"--cpu={cpu}"] * (cpu is not None) + [f"-O{O}"] * (O is not None)
    argv += [f"--backend={backend}"] * (backend is not None) + ["-g"] * bool(debug)
    try:
        p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env={**os.environ, "NO_COLOR": "1"})
    except OSError as why:
        raise CompileError(f"{argv[0]} cannot be run: {why}") from why
    if p.returncode == 0:
        library = os.fsdecode(p.stdout.rstrip(b"\n"))
        sources[library] = made_of
        return library
    said = p.stderr.decode("utf-8", "replace").rstrip()
    error = CompileError(f"{os.fsdecode(path)} was not compiled\n{called_here(said)}")
    error.diagnostics, error.status = said, p.returncode
    raise error


def plan(library):
    """What `pipec explain` says of a library that this process compiled; "" of others,
    or if the source is gone."""
    if library not in sources:
        return ""
    try:
        p = subprocess.run([tool(), "explain", *sources[library]], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
    except (OSError, CompileError):
        return ""
    return "" if p.returncode else p.stdout.decode("utf-8", "replace")


def caches():
    """Folders as `pipec run` looks for one, the first that can be used."""
    for name, below in ("XDG_CACHE_HOME", "pipec"), ("HOME", ".cache/pipec"):
        if os.path.isabs(os.environ.get(name, "")):
            yield os.path.join(os.environ[name], below)
    yield os.path.join(os.environ.get("TMPDIR") or "/tmp", f"pipec-{os.getuid()}")


def is_own(folder):
    """What others can write into would be compiled, and run, as ours."""
    of = os.stat(folder)
    return of.st_uid == os.getuid() and not of.st_mode & stat.S_IWOTH


def kept(text, folder, name):
    """The path of a file below a cache that has the text."""
    key = hashlib.sha256(text).hexdigest()[:16]
    path = pathlib.Path(folder, "jit", key, f"{name}.dsl")
    os.makedirs(folder, exist_ok=True)
    if not is_own(folder):
        raise PermissionError(f"{folder} is not yours alone")
    if not path.exists() or path.read_bytes() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{name}.{os.getpid()}.part")
        part.write_bytes(text)
        part.replace(path)
    return path


def jit(text, D=None, name="feature", **options):
    """Compiles a feature given as text, as compile() does a file; for notebooks.

    The text is kept as NAME.dsl in the user's cache; imports and kernels are best named
    by absolute paths, or "std/...".
    """
    if not isinstance(text, str):
        raise TypeError(f"jit takes the text of a feature, not {text!r}")
    for folder in caches():
        try:
            path = kept(text.encode(), folder, name)
            break
        except OSError as error:
            why = error
    else:
        raise CompileError(f"there is no folder for the cache: {why}; set XDG_CACHE_HOME "
                           "to one that you can write") from why
    return compile(path, D, **options)
