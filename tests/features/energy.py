"""examples/energy.dsl against NumPy in f64, over files with odd chunks, several channels and none of a frame."""
import struct
import numpy as np
from support import close, noise, wav

DSL = "../../examples/energy.dsl"
SIZE, STEP = 80, 50
SOUNDS = [wav(noise(700)), wav(noise(79, 1)), wav(noise(80, 2)), wav(noise(400, 3, channels=2), 44100),
          wav(noise(350, 4), 8000, struct.pack("<4sI", b"LIST", 5) + b"abcde\0"), wav(noise(299, 5, 30000, 6), 48000)]
X = [noise(700), noise(79, 1), noise(80, 2), noise(400, 3, channels=2)[:, 0], noise(350, 4), noise(299, 5, 30000, 6)[:, 0]]


def data(bench):
    for i, content in enumerate(SOUNDS):
        bench.file(f"in/{i}.wav", content)
    return {"D": {"batch": 4}, "set": {"root": bench.dir / "in", "size": SIZE, "step": STEP}}


def check(run):
    window = .5 - .5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    due = []
    for x in X:
        for at in range(0, len(x) - SIZE + 1, STEP):
            y = x[at:at + SIZE] / 32768 * window
            due.append(10 * np.log10((y * y).sum() / SIZE + 1e-10))
    close(run.all("db"), due, 1e-3)
