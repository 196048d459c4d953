"""stand_ins.py: libraries that torch's wheel is linked to and a machine without a GPU
never calls, made of nothing: every function says 100, which is CUDA's "no device".

Beside the interpreter's torch, in torch/lib. Status 0: torch can be imported then.
"""
import importlib.util
import pathlib
import re
import subprocess
import sys

NAME = r"(?:cu|nccl|nvrtc|nvshmem|nvJit)\w*"


def told(lib, *argv):
    argv = [*argv, *map(str, lib.glob("*.so"))]
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def make(path, code, version):
    """With `version` on all symbols, as the dynamic linker wants to see it."""
    script = path.with_suffix(".map")
    script.write_text(f"{version} {{ *; }};" if version else "{ global: *; };")
    argv = ["gcc", "-w", "-fno-builtin", "-shared", "-fPIC", "-xc", "-", "-o", str(path),
            f"-Wl,-soname,{path.name},--version-script={script}"]
    subprocess.run(argv, input=code, text=True, check=True)
    script.unlink()


def main():
    lib = pathlib.Path(importlib.util.find_spec("torch").origin).parent / "lib"
    wanted = set(re.findall(rf" U (_*{NAME})", told(lib, "nm", "-D", "--undefined-only")))
    code = "".join(f"int {name}(void) {{ return 100; }}\n" for name in sorted(wanted))
    versions = dict(re.findall(r"File: (\S+) .*\n.*?Name: (\S+)",
                               told(lib, "readelf", "-V", "-W")))
    needed = re.findall(rf"\[(lib{NAME}\.so[.\d]*)\]", told(lib, "readelf", "-d"))
    for name in set(needed):
        make(lib / name, code, versions.get(name))
    argv = [sys.executable, "-c", "import torch; torch.ones(2).sum()"]
    subprocess.run(argv, check=True)


main()
