"""pipec.tf against NumPy: values, element_spec, epochs, model.fit, errors."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import pipec
from harness import compiled, due, needs, raises

tf = needs("tensorflow")
import numpy as np
import pipec.tf as adapter

ALL = """feature f(n: int = 96)
from range(0, n)
shuffle
b = value % 3 == 0
u8 = u8(value * 2)
i16 = i16(value - 50)
u32 = u32(value)
i64 = value * 3
f16 = f16(f32(value) * 0.25)
bf16 = bf16(f32(value) * 0.5)
f32 = for i in 0..3, j in 0..2: f32(value) + f32(i) / 4 + f32(j) / 8
f64 = f64(value) / 8
batch(16)
emit b, u8, i16, u32, i64, f16, bf16, f32, f64
"""
RAGGED = """feature f(n: int = 40)
from range(0, n)
up = for i in 0..(value % 4): i32(value + i)
last = for i in 0..2, j in 0..(value % 3): f32(i * value + j)
first = for i in 0..(value % 3), j in 0..2: u8(i + j)
both = for i in 0..(value % 2), j in 0..(value % 3): value + i - j
batch(8)
emit up, last, first, both
"""
LINE = """feature f(n: int = 1280)
from range(0, n)
shuffle
x = for i in 0..4: uniform(-1, 1)
y = x[0] + 2 * x[1] - x[2] + 0.5 * x[3] + 1
i = value
batch(32)
emit x, y, i
"""


def of_numpy(v):
    i, j = np.meshgrid(np.arange(3) / 4, np.arange(2) / 8, indexing="ij")
    return {"b": v % 3 == 0, "u8": (v * 2).astype("u1"), "i16": (v - 50).astype("i2"), "u32": v.astype("u4"), "i64": v * 3, "f16": (v * .25).astype("f2"),
            "bf16": (v * .5).astype(tf.bfloat16.as_numpy_dtype), "f32": (v[:, None, None] + i + j).astype("f4"), "f64": v / 8}


def index(data, at=0):
    """The values of a field of whole numbers, batch by batch."""
    return [np.asarray(batch[at]).tolist() for batch in data]


def test_values_and_their_spec(folder):
    data = adapter.dataset(pipec.load(compiled(ALL), n=100), mapping=True)
    due(len(data) == 6 and all(spec.shape[0] == 16 for spec in data.element_spec.values()))
    due(data.element_spec["f32"] == tf.TensorSpec((16, 3, 2), tf.float32) and data.element_spec["bf16"] == tf.TensorSpec((16,), tf.bfloat16))
    seen = []
    for batch in data:
        v = batch["i64"].numpy() // 3
        for name, want in of_numpy(v).items():
            got = batch[name].numpy()
            due(got.dtype == want.dtype == data.element_spec[name].dtype.as_numpy_dtype and (got == want).all(), name)
        seen += v.tolist()
    due(len(set(seen)) == 96 and set(seen) < set(range(100)))


def test_tuples_in_the_order_of_emit_or_of_names(folder):
    due([spec.dtype for spec in adapter.dataset(pipec.load(compiled(ALL))).element_spec][-3:] == [tf.bfloat16, tf.float32, tf.float64])
    x, b = next(iter(adapter.dataset(pipec.load(compiled(ALL)), fields=["f64", "b"])))
    due(x.dtype == tf.float64 and b.dtype == tf.bool)
    raises(ValueError, lambda: adapter.dataset(pipec.load(compiled(ALL)), fields=["x"]), "`x`", "f32, f64")


def test_ragged(folder):
    data = adapter.dataset(pipec.load(compiled(RAGGED)))
    up, last, first, both = data.element_spec
    due((up.shape.as_list(), up.ragged_rank, up.dtype, up.row_splits_dtype) == ([8, None], 1, tf.int32, tf.int64))
    due((last.shape.as_list(), first.shape.as_list(), both.shape.as_list()) == ([8, None, None], [8, None, 2], [8, None, None]))
    due((last.ragged_rank, first.ragged_rank, both.ragged_rank) == (2, 1, 2))
    for k, (up, last, first, both) in enumerate(data):
        rows = range(8 * k, 8 * k + 8)
        due(up.to_list() == [[v + i for i in range(v % 4)] for v in rows])
        due(last.to_list() == [[[i * v + j for j in range(v % 3)] for i in range(2)] for v in rows])
        due(first.to_list() == [[[i + j for j in range(2)] for i in range(v % 3)] for v in rows])
        due(both.to_list() == [[[v + i - j for j in range(v % 3)] for i in range(v % 2)] for v in rows])
    due(k == 4 and next(iter(data.map(lambda up, *rest: up.to_tensor()))).shape == (8, 3))


def test_what_is_not_known_is_not_in_the_spec(folder):
    for last, n, rows, length in (("drop", 100, 16, 6), ("partial", 100, None, 7), ("partial", 96, 16, 6), ("pad", 100, None, 7)):
        data = adapter.dataset(pipec.load(compiled(ALL.replace("batch(16)", f"batch(16, last = {last})")), n=n))
        due(data.element_spec[0].shape.as_list() == [rows] and len(data) == len(list(data)) == length, (last, n))
    data = adapter.dataset(pipec.load(compiled(ALL.replace("shuffle\n", "where value % 2 == 0\n"))))
    due(data.element_spec[7].shape.as_list() == [None, 3, 2] and data.cardinality() == tf.data.UNKNOWN_CARDINALITY and len(list(data)) == 3)


def test_each_iteration_is_an_epoch(folder):
    so = compiled(LINE)
    one = pipec.load(so, seed=3)
    epochs = [[b.i.tolist() for b in one] for _ in range(4)]
    due(epochs[0] != epochs[1])
    loader = pipec.load(so, seed=3)
    data = adapter.dataset(loader)
    due(index(data, 2) == epochs[0] and index(data, 2) == epochs[1] and loader.epoch == 2)
    due(index(data.take(3), 2) == epochs[2][:3])
    due(index(data, 2) == epochs[3])                    # the one that was left is not gone on with
    loader = pipec.load(so, seed=3)
    due(index(adapter.dataset(loader).repeat(2), 2) == epochs[0] + epochs[1])


def test_a_loader_that_was_resumed(folder):
    so = compiled(LINE)
    loader = pipec.load(so, seed=3)
    it = iter(loader)
    for _ in range(15):
        next(it)
    data = adapter.dataset(pipec.load(so, state=loader.state_dict()))
    due(data.cardinality() == tf.data.UNKNOWN_CARDINALITY)
    rest, after = index(data, 2), index(data, 2)
    due(rest == [b.i.tolist() for b in it] and len(rest) == 25 and after == [b.i.tolist() for b in loader])


def test_a_model_learns(folder):
    loader = pipec.load(compiled(LINE), threads=2)
    data = adapter.dataset(loader, fields=["x", "y"])
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
    model.compile(tf.keras.optimizers.SGD(.1), "mse")
    told = model.fit(data, epochs=5, verbose=0, validation_data=adapter.dataset(pipec.load(compiled(LINE), seed=1), fields=["x", "y"]))
    weights, bias = model.get_weights()
    due(np.allclose(weights[:, 0], [1, 2, -1, .5], atol=.01) and np.allclose(bias, 1, atol=.01), (weights, bias))
    due(len(told.history["val_loss"]) == 5 and loader.epoch == 5)


def test_who_keeps_everything(folder):
    """Views and copies: what is kept stays as it was, however far tensorflow runs ahead."""
    so = compiled("feature g(n: int = 1600)\nfrom range(0, n)\nx = for i in 0..50000: f32(value) + f32(i % 7)\nbatch(8)\nemit x\n")
    want = np.arange(8)[:, None] + np.arange(50000) % 7
    for data in (adapter.dataset(pipec.load(so, memory="20MB")), adapter.dataset(pipec.load(so)).prefetch(20)):
        kept = list(data)
        due(len(kept) == 200 and all((x.numpy() == want + 8 * k).all() for k, (x,) in enumerate(kept)))


def test_an_error_says_record_line_and_operator(folder):
    so = compiled("feature f()\nfrom range(0, 96)\ny = i32(100 // (value - 50))\nbatch(16)\nemit y\n")
    told = ("RecordError", "record 50 failed", "feature.dsl:3", "y: division by zero")
    raises(tf.errors.UnknownError, lambda: list(adapter.dataset(pipec.load(so))), *told)
    model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    pairs = adapter.dataset(pipec.load(so)).map(lambda y: (tf.cast(y, tf.float32)[:, None], y))
    raises(tf.errors.UnknownError, lambda: model.fit(pairs, verbose=0), *told)
    due(len(list(adapter.dataset(pipec.load(so, on_error="skip")))) == 6)


def test_two_iterations_at_a_time_are_refused(folder):
    data = adapter.dataset(pipec.load(compiled(LINE), n=12800))
    raises(tf.errors.UnknownError, lambda: list(tf.data.Dataset.zip((data, data))), "another iteration", "load twice")


def test_a_path_is_no_loader(folder):
    raises(TypeError, lambda: adapter.dataset("x.so"), "'x.so'", "pipec.load")
