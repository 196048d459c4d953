"""Builds the extension with libpipert inside: from its sources where they are there (in a
checkout ../runtime, in a source distribution runtime), else from an installed libpipert.a
(PIPEC_ROOT=PREFIX, or pkg-config pipert)."""
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CCompilerError, ExecError

HERE = os.path.dirname(os.path.abspath(__file__))
ABOVE = os.path.dirname(HERE)
RUNTIME = next((os.path.join(path, "runtime") for path in (HERE, ABOVE)
                if os.path.exists(os.path.join(path, "runtime", "pipert.c"))), None)
FLAGS = ["-std=gnu11", "-O2", "-fvisibility=hidden", "-Wno-cast-function-type"]

# The limited API has the buffer protocol from 3.11 on; free-threaded Pythons have none.
LIMITED = sys.version_info >= (3, 11) and not sysconfig.get_config_var("Py_GIL_DISABLED")


def version():
    with open(os.path.join(HERE, "pipec", "_version.py")) as f:
        return re.search(r'"(.*)"', f.read()).group(1)


def runtime_files(kind):
    """Those of libpipert, without the kernels and the tool."""
    return sorted(glob.glob(os.path.join(RUNTIME, "*." + kind))
                  + glob.glob(os.path.join(RUNTIME, "source", "*." + kind)))


def pkg_config(*args):
    try:
        return shlex.split(subprocess.run(["pkg-config", *args, "pipert"], check=True,
                                          text=True, stdout=subprocess.PIPE).stdout)
    except (OSError, subprocess.CalledProcessError):
        sys.exit("there is no libpipert: build in a checkout of pipec, or set PIPEC_ROOT "
                 "to where it is installed, or install it where pkg-config looks")


def installed():
    """Folders of the headers, and libpipert.a."""
    root = os.environ.get("PIPEC_ROOT")
    if root:
        found = glob.glob(os.path.join(root, "lib*", "**", "libpipert.a"), recursive=True)
        if not found:
            sys.exit(f"PIPEC_ROOT={root}: there is no libpipert.a below its lib")
        return [os.path.join(root, "include"), os.path.join(root, "runtime")], found[0]
    include = [word[2:] for word in pkg_config("--cflags-only-I")]
    folder = pkg_config("--variable=libdir")[0]
    return include, os.path.join(folder, "libpipert.a")


class build(build_ext):
    def build_extension(self, ext):
        try:
            if RUNTIME and not os.environ.get("PIPEC_ROOT"):
                self.with_runtime(ext)
            else:
                self.with_installed(ext)
            super().build_extension(ext)
        except (OSError, CCompilerError, ExecError) as e:
            sys.exit(f"{e}\nthe extension of pipec was not compiled: it needs a C "
                     "compiler and the headers of Python (python3-dev) and of xxhash "
                     "(libxxhash-dev)")

    def with_runtime(self, ext):
        macros = [("XXH_INLINE_ALL", None), ("PIPERT_VERSION", f'"{version()}"')]
        ext.include_dirs.append(RUNTIME)
        ext.depends += runtime_files("[ch]")
        ext.extra_objects = self.compiler.compile(
            runtime_files("c"), output_dir=self.build_temp, macros=macros,
            include_dirs=[RUNTIME], extra_postargs=FLAGS)

    def with_installed(self, ext):
        include, library = installed()
        ext.include_dirs += include
        ext.depends.append(library)
        ext.extra_objects = [library]


class distribution(sdist):
    """With the sources of libpipert."""
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        for path in runtime_files("[ch]") if RUNTIME else []:
            to = os.path.join(base_dir, "runtime", os.path.relpath(path, RUNTIME))
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copyfile(path, to)
        text = os.path.join(ABOVE, "LICENSE")
        if os.path.exists(text):
            shutil.copyfile(text, os.path.join(base_dir, "LICENSE"))


setup(
    version=version(),
    ext_modules=[Extension(
        "pipec._pipec",
        sources=sorted(glob.glob("src/*.c")),
        depends=["src/pipec_python.h", "src/exports.map"],
        extra_compile_args=FLAGS,
        extra_link_args=["-Wl,--version-script="
                         + os.path.join(HERE, "src", "exports.map")],
        libraries=["pthread", "dl", "m"],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED else [],
        py_limited_api=LIMITED,
    )],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
    cmdclass={"build_ext": build, "sdist": distribution},
)
