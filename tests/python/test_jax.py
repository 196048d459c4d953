"""pipec.jax against NumPy, on one device, on eight, and over two processes."""
import contextlib
import os
import subprocess
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"
import pipec
from harness import compiled, due, needs, raises

jax = needs("jax")
import jax.numpy as jnp
import numpy as np
import pipec.jax as adapter
from jax.sharding import NamedSharding, PartitionSpec

ALL = """feature f(n: int = 96)
from range(0, n)
b = value % 3 == 0
i8 = i8(value - 40)
u16 = u16(value * 7)
i32 = i32(value) - 5
i64 = value * 3
f16 = f16(f32(value) * 0.25)
bf16 = bf16(f32(value) * 0.5)
f32 = for i in 0..3, j in 0..2: f32(value) + f32(i) / 4 + f32(j) / 8
f64 = f64(value) / 8
batch(16)
emit b, i8, u16, i32, i64, f16, bf16, f32, f64
"""
RAGGED = """feature f(n: int = 40)
from range(0, n)
up = for i in 0..(value % 4): i32(value + i)
grid = for i in 0..2, j in 0..(value % 3): f32(i * value + j)
x = f32(value)
batch(8)
emit up, grid, x
"""
BIG = """feature g(n: int = 16000)
from range(0, n)
x = for i in 0..50000: f32(value) + f32(i % 7)
batch(8)
emit x
"""


def all_in_numpy(n):
    v = np.arange(n)
    i, j = np.meshgrid(np.arange(3) / 4, np.arange(2) / 8, indexing="ij")
    return {"b": v % 3 == 0, "i8": (v - 40).astype("i1"), "u16": (v * 7).astype("u2"), "i32": (v - 5).astype("i4"), "i64": v * 3,
            "f16": (v * .25).astype("f2"), "bf16": (v * .5).astype(jnp.bfloat16), "f32": (v[:, None, None] + i + j).astype("f4"), "f64": v / 8}


def on_eight():
    return NamedSharding(jax.make_mesh((8,), ("batch",)), PartitionSpec("batch"))


@contextlib.contextmanager
def wide():
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", False)


def check(batches, n, bits=32):
    """Values, shapes and dtypes are NumPy's, 64 bits as jax has them."""
    due(len(batches) == n // 16)
    for name, want in all_in_numpy(n).items():
        got = [batch[name] for batch in batches]
        dtype = want.dtype if bits == 64 else jax.dtypes.canonicalize_dtype(want.dtype)
        due(all(isinstance(x, jax.Array) and x.dtype == dtype for x in got), (name, got[0].dtype))
        whole = np.concatenate([np.asarray(x) for x in got])
        due(whole.shape == want[:n // 16 * 16].shape and (whole == want[:len(whole)].astype(dtype)).all(), name)


def test_all_dtypes(folder):
    so = compiled(ALL)
    check(list(adapter.iterate(pipec.load(so, n=100))), 96)
    check(list(adapter.iterate(pipec.load(so), jax.devices()[5])), 96)
    with wide():
        check(list(adapter.iterate(pipec.load(so))), 96, 64)


def test_an_iteration_is_an_epoch(folder):
    loader = pipec.load(compiled(ALL.replace("range(0, n)\n", "range(0, n)\nshuffle\n")))
    epochs = [[np.asarray(b["i32"]) for b in adapter.iterate(loader)] for _ in range(2)]
    due(loader.epoch == 2 and len(adapter.iterate(loader)) == 6 and not (np.stack(epochs[0]) == np.stack(epochs[1])).all())
    due(all((np.sort(np.concatenate(e)) == np.arange(96) - 5).all() for e in epochs))


def test_fields_are_chosen(folder):
    loader = pipec.load(compiled(ALL))
    due(list(next(adapter.iterate(loader, fields=["f32", "b"]))) == ["f32", "b"])
    raises(ValueError, lambda: adapter.iterate(loader, fields=["x"]), "`x`", "bf16, f32")


def test_ragged_is_values_and_offsets(folder):
    loader = pipec.load(compiled(RAGGED))
    for k, batch in enumerate(adapter.iterate(loader)):
        rows = range(8 * k, 8 * k + 8)
        up, grid = batch["up"], batch["grid"]
        due(up.values.tolist() == [v + i for v in rows for i in range(v % 4)] and up.shapes is None)
        due(up.offsets.tolist() == np.cumsum([0] + [v % 4 for v in rows]).tolist())
        due(grid.shapes.tolist() == [[2, v % 3] for v in rows] and grid.offsets.tolist() == np.cumsum([0] + [2 * (v % 3) for v in rows]).tolist())
        due(grid.values.tolist() == [i * v + j for v in rows for i in range(2) for j in range(v % 3)])
    due(k == 4 and jax.jit(lambda b: b["up"].values.sum() + b["x"].sum())(batch) > 0)      # a batch is a pytree
    raises(ValueError, lambda: adapter.iterate(loader, on_eight()), "`up` is ragged", "padded(up, 0)")
    mixed = next(adapter.iterate(loader, {"x": on_eight()}))
    due(len(mixed["x"].sharding.device_set) == 8 and len(mixed["up"].values.devices()) == 1)


def test_eight_devices(folder):
    batches = list(adapter.iterate(pipec.load(compiled(ALL), n=100), on_eight()))
    check(batches, 96)
    x = batches[3]["f32"]
    due(x.sharding == on_eight() and sorted(s.index[0].start for s in x.addressable_shards) == list(range(0, 16, 2)))
    for shard in x.addressable_shards:
        due((np.asarray(shard.data) == all_in_numpy(96)["f32"][48:64][shard.index]).all())
    step = jax.jit(lambda x: (x * x).mean(), in_shardings=on_eight())
    due(np.isclose(step(x), (all_in_numpy(96)["f32"][48:64] ** 2).mean()))
    mesh = jax.make_mesh((4, 2), ("batch", "model"))
    check(list(adapter.iterate(pipec.load(compiled(ALL)), NamedSharding(mesh, PartitionSpec("batch")))), 96)
    odd = pipec.load(compiled(ALL.replace("batch(16)", "batch(12)")))
    raises(ValueError, lambda: next(adapter.iterate(odd, on_eight())), "`b` of shape (12,)", "multiple of the devices", "drop, pad or wrap")


def test_no_copy_on_the_cpu(folder):
    so = compiled(BIG)
    places = {b.x.__array_interface__["data"][0] for b in pipec.load(so, n=800)}
    due(len(places) > 1)
    for target in (None, on_eight()):
        loader = pipec.load(so, n=800)
        for batch in adapter.iterate(loader, target):
            batch["x"].block_until_ready()
            base = min(s.data.unsafe_buffer_pointer() for s in batch["x"].addressable_shards)
            due(base % 4096 == 0)               # a field's memory begins a page; copies do not
        first = adapter.Lender(loader, ["x"], jnp.bfloat16)
        view = first.fields(next(iter(loader)))["x"]
        due(not view.flags.owndata and view.ctypes.data % 4096 == 0)


def test_arrays_outlive_everything(folder):
    """What jax holds is never written again, however many batches come after it."""
    for target in (None, on_eight()):
        loader = pipec.load(compiled(BIG), threads=2, n=1600)
        kept = []
        for k, batch in enumerate(adapter.iterate(loader, target)):
            if k % 10 == 0:
                kept.append(batch["x"])
        del batch
        loader.close()
        del loader
        want = np.arange(8)[:, None] + np.arange(50000) % 7
        due(len(kept) == 20 and all((np.asarray(x) == want + 80 * k).all() for k, x in enumerate(kept)))


def test_work_that_is_queued_reads_what_it_was_given(folder):
    """jax runs far behind; the batches it still has to read stay as they are."""
    step = jax.jit(lambda total, x: total + jnp.sort(x[:, ::5], axis=1).sum(dtype=jnp.int32))
    total, loader = jnp.int32(0), pipec.load(compiled(BIG), n=2400, memory="20MB")
    for batch in adapter.iterate(loader):
        total = step(total, batch["x"].astype(jnp.int32))
    per_row = sum(i % 7 for i in range(0, 50000, 5))
    due(int(total) == (sum(range(2400)) * 10000 + 2400 * per_row + 2**31) % 2**32 - 2**31, int(total))


def test_a_donated_batch_is_not_written_into(folder):
    loader = pipec.load(compiled(BIG), n=160)
    double = jax.jit(lambda x: x * 2, donate_argnums=0)
    for k, (batch, mine) in enumerate(zip(adapter.iterate(loader), pipec.load(compiled(BIG), n=160))):
        x = np.asarray(mine.x).copy()
        due((np.asarray(double(batch["x"])) == 2 * x).all() and (x[:, 0] == np.arange(8 * k, 8 * k + 8)).all())


def test_the_state_is_of_what_was_handed_out(folder):
    so = compiled(ALL.replace("range(0, n)\n", "range(0, n)\nshuffle\n"))
    whole = [b["i32"].tolist() for b in adapter.iterate(pipec.load(so, seed=2))]
    for depth in (0, 1, 2, 9):
        for k in range(6):
            loader = pipec.load(so, seed=2)
            it = adapter.iterate(loader, depth=depth)
            due([next(it)["i32"].tolist() for _ in range(k)] == whole[:k])
            state = it.state_dict()
            other = pipec.load(so, state=state)
            due([b["i32"].tolist() for b in adapter.iterate(other)] == whole[k:], (depth, k))
            del it                              # goes back to there, too
            due(loader.state_dict() == state, (depth, k))
            due([b["i32"].tolist() for b in adapter.iterate(loader, depth=depth)] == whole[k:] and loader.epoch == 1, (depth, k))
    it = adapter.iterate(loader, depth=2)
    next(it)
    loader.epoch = 5                            # what was set behind its back stays
    it.close()
    due(loader.epoch == 5)


def test_an_error_comes_when_it_is_its_turn(folder):
    so = compiled("feature f()\nfrom range(0, 96)\ny = i32(100 // (value - 50))\nbatch(16)\nemit y\n")
    for depth in (0, 2):
        it = adapter.iterate(pipec.load(so), depth=depth)
        due([next(it)["y"][0] for _ in range(3)] == [100 // (16 * k - 50) for k in range(3)])
        error = raises(pipec.RecordError, lambda: next(it), "record 50", "division by zero")
        due((error.record, error.line, error.operator) == (50, 3, "y"))


def test_integers_are_not_cut(folder):
    so = compiled("feature f()\nfrom range(2147483640, 2147483656)\ni = value\nbatch(8)\nemit i\n")
    it = adapter.iterate(pipec.load(so))
    due(next(it)["i"].tolist() == list(range(2**31 - 8, 2**31)))
    raises(OverflowError, lambda: next(it), "field `i`", "int32", "jax_enable_x64")
    with wide():
        due([b["i"].tolist()[-1] for b in adapter.iterate(pipec.load(so))] == [2**31 - 1, 2**31 + 7])


PROCESSES = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["JAX_PLATFORMS"] = "cpu"
import jax, jax.numpy as jnp, numpy as np, pipec, pipec.jax
from jax.sharding import NamedSharding, PartitionSpec
rank, so, port = int(sys.argv[1]), sys.argv[2], sys.argv[3]
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize("127.0.0.1:" + port, 2, rank)
mesh = jax.make_mesh((8,), ("batch",))
split = NamedSharding(mesh, PartitionSpec("batch"))
part, parts = pipec.jax.share(split)
assert (part, parts) == (rank, 2), (part, parts)
assert pipec.jax.share(NamedSharding(mesh, PartitionSpec())) == (0, 1)
try:
    pipec.jax.iterate(pipec.load(so, n=320), split)
except ValueError as error:
    assert f"rank={rank}, world=2" in str(error), error
else:
    raise SystemExit("both would have loaded everything")
step = jax.jit(lambda x: x.sum())
one = [np.asarray(b.i32) for b in pipec.load(so, n=320)]
n = 0
for k, batch in enumerate(pipec.jax.iterate(pipec.load(so, n=320, rank=part, world=parts), split)):
    x = batch["i32"]
    want = np.concatenate(one[2 * k:2 * k + 2])             # of the stream of one rank
    assert x.shape == (32,) and int(step(x)) == want.sum()
    assert all((np.asarray(s.data) == want[s.index]).all() for s in x.addressable_shards)
    n += 1
assert n == 10
whole = NamedSharding(mesh, PartitionSpec())                # on all devices the same
assert (np.asarray(next(pipec.jax.iterate(pipec.load(so, n=320), whole))["i32"]) == one[0]).all()
print("same")
"""


def test_two_processes_make_global_arrays(folder):
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (folder / "part.py").write_text(PROCESSES)
    so = compiled(ALL.replace("range(0, n)\n", "range(0, n)\nshuffle\n"))
    both = [subprocess.Popen([sys.executable, str(folder / "part.py"), str(r), so, str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for r in (0, 1)]
    said = [p.communicate()[0] for p in both]
    due(all("same\n" in text and not p.returncode for text, p in zip(said, both)), said)


def test_a_path_is_no_loader(folder):
    raises(TypeError, lambda: adapter.iterate("x.so"), "'x.so'", "pipec.load")
