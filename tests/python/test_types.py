"""The stubs: what mypy says of a program, and whether they are what the package is."""
import os
import pathlib
import subprocess
import sys
import pipec
from harness import due, needs

mypy = needs("mypy")

# Types of others are not looked at: that takes a minute.
CONFIG = "[mypy]\n[mypy-torch.*,jax.*,tensorflow.*,numpy.*]\nfollow_imports = skip\nignore_missing_imports = True\n"
# The extension's own names; what C types have without a name; what a skipped base hides.
ALLOWED = r"""pipec\._pipec\..*
pipec\.Batch\.__getattr__
pipec\.Tensor\.__(buffer|iter)__
pipec\.torch\.IterableDataset
"""
PROGRAM = """import pipec
from typing import Dict, List, Optional, Tuple

def train(path: str) -> Tuple[int, Dict[str, str]]:
    loader = pipec.load(path, root="train/", threads=2, max_errors="0.1%", D={"size": 64})
    total: int = len(loader)
    for batch in loader:
        total += batch.valid
        image: pipec.Tensor = batch["image"]
        rows: pipec.Tensor = image[2:5]
        first: pipec.Tensor = image[0]
        nested: List[float] = batch.label.tolist()
    loader.epoch += 1
    classes: List[str] = loader.classes
    shape: Tuple[Optional[int], ...] = loader.fields["image"].shape
    return total, loader.state_dict()

try:
    train("f.dsl")
except pipec.RecordError as error:
    place: Optional[int] = error.place
    row: Optional[Tuple[int, ...]] = error.row
loader = pipec.torch.DataLoader("f.so", fields=["image"], pin_memory=True)
loader.load_state_dict(loader.state_dict())
data = pipec.tf.dataset(pipec.load("f.so"), mapping=True)
for arrays in pipec.jax.iterate(pipec.load(b"f.so")):
    arrays["image"]
library: str = pipec.jit("...", {"n": 3}, cpu="native")
"""
WRONG = {'pipec.load("f", thread="x", seed="y")': "seed", 'pipec.load("f").epochs': "epochs", 'pipec.jit(3)': "str", 'pipec.load("f").epoch = "x"': "int",
         'pipec.torch.DataLoader("f", mapping=3)': "mapping", 'pipec.nothing': "nothing"}


def said(folder, *argv):
    (folder / "mypy.ini").write_text(CONFIG)
    env = {**os.environ, "MYPYPATH": str(pathlib.Path(pipec.__file__).parents[1]), "MYPY_CACHE_DIR": str(folder / "cache"), "PYTHONWARNINGS": "ignore"}
    p = subprocess.run([sys.executable, "-m", *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    return p.returncode, p.stdout


def test_a_program_is_accepted_and_wrong_ones_are_not(folder):
    wrong = list(WRONG)
    (folder / "good.py").write_text(PROGRAM)
    (folder / "bad.py").write_text("import pipec\n" + "\n".join(wrong))
    status, text = said(folder, "mypy", "--config-file", "mypy.ini", "--strict", "good.py", "bad.py")
    lines = [line for line in text.splitlines() if ": error: " in line]
    due(not [line for line in lines if not line.startswith("bad.py:")], text)
    due(status == 1 and sorted({int(line.split(":")[1]) for line in lines}) == list(range(2, len(WRONG) + 2)), text)
    due(all(any(line.startswith(f"bad.py:{i + 2}:") and WRONG[w] in line for line in lines) for i, w in enumerate(wrong)), text)


def test_the_stubs_are_what_the_package_is(folder):
    (folder / "allowed").write_text(ALLOWED)
    status, text = said(folder, "mypy.stubtest", "--mypy-config-file", "mypy.ini", "--allowlist", "allowed", "--ignore-unused-allowlist", "pipec")
    due(status == 0, text)
