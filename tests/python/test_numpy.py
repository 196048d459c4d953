"""Batches in NumPy, against what NumPy and others say; how long a batch takes."""
import time
import wave
import numpy as np
from PIL import Image
import pipec
from harness import RANGE, compiled, due, raises

JPEG = """import "std/image"
feature pictures(root: path)
from files(root, "**/*.jpg")
image = decode_jpeg(data)
batch(3, last = partial)
emit image, label
"""
SOUND = """import "std/audio"
feature sound(root: path)
from files(root, "*.wav")
x = wav_channel(data)
batch(2)
emit x
"""
ADD = """feature add()
from range(0, 25600000)
y = i32(value) + 1
batch(256)
emit y
"""


def test_arrays_are_views(folder):
    batch = next(iter(pipec.load(compiled(RANGE))))
    z = np.asarray(batch.z)
    due((z.dtype, z.shape, z.flags.writeable) == (np.float16, (16, 3), False))
    due(z.ctypes.data == batch.z.__array_interface__["data"][0] == np.from_dlpack(batch.z).ctypes.data)
    due((z == np.arange(16)[:, None] * np.arange(3)).all() and (np.asarray(batch.z[3]) == z[3]).all())
    raises(ValueError, lambda: z.__setitem__((0, 0), 1))
    due(np.asarray(batch.y).dtype == np.int32 and (np.array(batch.y) + 1)[0] == 2)


def test_an_array_holds_the_slot(folder):
    loader = pipec.load(compiled(RANGE, batch=8192), n=200 * 8192)
    it = iter(loader)
    kept, before = [], []
    for _ in range(5):
        kept.append(np.asarray(next(it).y)[3:])
        before.append(kept[-1].copy())
    kept.append(np.from_dlpack(next(it).y))
    before.append(kept[-1].copy())
    due(sum(1 for _ in it) == 200 - 6)
    it = None
    loader.close()
    del loader
    due(all((a == b).all() for a, b in zip(kept, before)))


def test_parameters_of_numpy(folder):
    loader = pipec.load(compiled(RANGE), n=np.int64(32), a=np.int32(5), seed=np.uint8(3))
    due(np.asarray(next(iter(loader)).y)[0] == 5)
    v = compiled("feature f(v: f32[2], m: i32[?, ?])\nfrom range(0, 4)\ny = v[0] + f32(m[0, 1])\nbatch(4)\nemit y\n")
    due(np.asarray(next(iter(pipec.load(v, v=np.array([1.5, 2], np.float32), m=np.array([[1, 2]])))).y)[0] == 3.5)


def test_jpeg(folder):
    rng = np.random.default_rng(0)
    for i, kind in enumerate(("cat", "cat", "dog", "dog", "emu")):
        (folder / "train" / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (16 + i, 24, 3), np.uint8)).save(folder / "train" / kind / f"{i}.jpg")
    loader = pipec.load(compiled(JPEG), root=folder / "train")
    due(loader.classes == ["cat", "dog", "emu"] and len(loader) == 2)
    images, labels = [], []
    for batch in loader:
        images += [np.asarray(row) for row in batch.image]
        labels += np.asarray(batch.label).tolist()
    due(labels == [0, 0, 1, 1, 2])
    for i, (image, kind) in enumerate(zip(images, ("cat", "cat", "dog", "dog", "emu"))):
        due((image == np.asarray(Image.open(folder / "train" / kind / f"{i}.jpg"))).all(), i)
    (folder / "train" / "emu" / "5.jpg").write_bytes(b"no picture")
    error = raises(pipec.RecordError, lambda: list(pipec.load(compiled(JPEG), root=folder / "train")), "5.jpg")
    due((error.record, error.operator, error.line) == (5, "decode_jpeg", 4) and error.path.endswith("emu/5.jpg") and error.cause, vars(error))


def test_sound(folder):
    x = (np.sin(np.arange(800) / 9) * 20000).astype("<i2")
    for i in (0, 1):
        with wave.open(str(folder / f"{i}.wav"), "wb") as f:
            f.setnchannels(1), f.setsampwidth(2), f.setframerate(8000)
            f.writeframes(x[: 500 + 300 * i].tobytes())
    rows = [np.asarray(row) for row in next(iter(pipec.load(compiled(SOUND), root=folder))).x]
    due([len(r) for r in rows] == [500, 800] and np.allclose(rows[1], x / 32768, atol=1e-6))


def test_how_long_a_batch_takes(folder):
    loader = pipec.load(compiled(ADD), threads=2)
    it = iter(loader)
    np.asarray(next(it).y)
    start, n = time.perf_counter(), 0
    for batch in it:
        np.asarray(batch.y)
        n += 1
    each = (time.perf_counter() - start) / n
    print(f"batches of 256 integers into NumPy: {each * 1e6:.1f} us a batch, {256 / each / 1e6:.0f} million records/s")
    due(n == 99999)


def test_how_long_the_hand_over_takes(folder):
    loader = pipec.load(compiled(RANGE), n=16 * 64, epochs=10**6)
    took = []
    for _ in range(50):
        it = iter(loader)
        time.sleep(0.002)                   # so that batches are ready
        for _ in range(8):
            start = time.perf_counter()
            batch = next(it)
            np.asarray(batch.y)
            took.append(time.perf_counter() - start)
        for batch in it:
            pass
    took.sort()
    print(f"hand-over of a batch that is ready, with np.asarray: {took[len(took) // 2] * 1e6:.1f} us in the median, {took[len(took) * 9 // 10] * 1e6:.1f} us for nine of ten")
