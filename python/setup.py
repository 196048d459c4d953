"""Builds the extension with libpipert inside: from ../runtime where that is there,
else from an installed libpipert.a (PIPEC_ROOT=PREFIX, or pkg-config pipert)."""
import glob
import os
import re
import subprocess
import sys
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = os.path.dirname(os.path.abspath(__file__))
RUNTIME = os.path.join(os.path.dirname(HERE), "runtime")
FLAGS = ["-std=gnu11", "-O2", "-fvisibility=hidden", "-Wno-cast-function-type"]

# The limited API has the buffer protocol from 3.11 on; free-threaded Pythons have none.
LIMITED = sys.version_info >= (3, 11) and not sysconfig.get_config_var("Py_GIL_DISABLED")


def version():
    with open(os.path.join(HERE, "pipec", "_version.py")) as f:
        return re.search(r'"(.*)"', f.read()).group(1)


def pkg_config(*args):
    try:
        return subprocess.run(["pkg-config", *args, "pipert"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.split()
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
        if os.path.isdir(RUNTIME) and not os.environ.get("PIPEC_ROOT"):
            ext.include_dirs.append(RUNTIME)
            ext.extra_objects = self.runtime()
        else:
            include, library = installed()
            ext.include_dirs += include
            ext.extra_objects = [library]
        super().build_extension(ext)

    def runtime(self):
        sources = (glob.glob(os.path.join(RUNTIME, "*.c"))
                   + glob.glob(os.path.join(RUNTIME, "source", "*.c")))
        macros = [("XXH_INLINE_ALL", None), ("PIPERT_VERSION", f'"{version()}"')]
        return self.compiler.compile(sorted(sources), output_dir=self.build_temp,
                                     macros=macros, include_dirs=[RUNTIME],
                                     extra_postargs=FLAGS)


setup(
    version=version(),
    ext_modules=[Extension(
        "pipec._pipec",
        sources=sorted(glob.glob("src/*.c")),
        depends=["src/pipec_python.h"],
        extra_compile_args=FLAGS,
        extra_link_args=["-Wl,--version-script=" + os.path.join(HERE, "src", "exports.map")],
        libraries=["pthread", "dl", "m"],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED else [],
        py_limited_api=LIMITED,
    )],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
    cmdclass={"build_ext": build},
)
