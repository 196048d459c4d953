"""From a .dsl to a library, by the command `pipec`, which has a cache of its own."""
import hashlib
import os
import pathlib
import shutil
import subprocess

from . import _values
from ._errors import CompileError

sources = {}            # {library: the arguments it was made of}, by this process


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
    made_of = [os.path.abspath(os.fspath(path))]
    for name, value in (D or {}).items():
        made_of += ["-D", f"{name}={_values.define(value)}"]
    argv = [tool(), "run", "--path", os.fspath(path), *made_of[1:]]
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
    error = CompileError(f"{os.fspath(path)} was not compiled\n{said}")
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


def jit(text, D=None, name="feature", **options):
    """Compiles a feature given as text, as compile() does a file; for notebooks.

    The text is kept as NAME.dsl in the user's cache; imports and kernels are best named
    by absolute paths, or "std/...".
    """
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(pathlib.Path.home(), ".cache")
    path = pathlib.Path(base, "pipec", "jit", key, f"{name}.dsl")
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{name}.{os.getpid()}.part")
        part.write_text(text)
        part.replace(path)
    return compile(path, D, **options)
