"""Batches as a tf.data.Dataset.

    loader = pipec.load("imagenet.so", root="train/")
    model.fit(pipec.tf.dataset(loader), epochs=90)

Elements are tuples in the order of `emit`: (image, label). See dataset.
"""
import threading

try:
    import tensorflow as tf
except ModuleNotFoundError as why:
    raise ImportError("pipec.tf needs tensorflow: pip install tensorflow") from why
import numpy as np

from ._lend import Lender, Ragged, chosen

__all__ = ["dataset"]

AutoShardPolicy = tf.data.experimental.AutoShardPolicy

DTYPES = {"bool": tf.bool, "u8": tf.uint8, "i8": tf.int8, "u16": tf.uint16,
          "i16": tf.int16, "u32": tf.uint32, "i32": tf.int32, "u64": tf.uint64,
          "i64": tf.int64, "f16": tf.float16, "bf16": tf.bfloat16, "f32": tf.float32,
          "f64": tf.float64}


def dataset(loader, *, fields=None, mapping=False):
    """A tf.data.Dataset of the loader's batches: tuples in the order of `emit`, or of the
    names in `fields`; with mapping=True dicts by name. Ragged fields are RaggedTensors.

    Each iteration is an epoch, the first one the rest of the loader's; one that is left
    early is not gone on with, the next is the next epoch. The batch's dimension is static
    where all batches of the epoch are known to be whole, and so is the cardinality where
    `len(loader)` is known and the loader stands at the beginning of an epoch. tensorflow
    runs ahead: loader.state_dict() is exact between iterations only.

    An error of the loader is a tf.errors.OpError whose message has that of the loader,
    with record, operator and line.
    """
    names = chosen(loader, fields)
    length, rows = whole(loader)
    specs = [spec(loader.fields[name], rows) for name in names]
    signature = dict(zip(names, specs)) if mapping else tuple(specs)
    data = tf.data.Dataset.from_generator(Epochs(loader, names, specs, mapping),
                                          output_signature=signature)
    options = tf.data.Options()                 # the loader's rank is the share
    options.experimental_distribute.auto_shard_policy = AutoShardPolicy.OFF
    data = data.with_options(options)
    if length is None:
        return data
    return data.apply(tf.data.experimental.assert_cardinality(length))


def whole(loader):
    """(batches of each epoch, rows of each batch); None: not known before."""
    begun = "\nbatches 0\n" not in loader.state_dict()["pipec"]
    try:
        length = loader._whole()
    except TypeError:
        return None, None
    rows = next(iter(loader.fields.values())).shape[0]
    records = length * loader._options["world"] * rows
    return (None if begun else length,
            rows if not begun and records <= loader.stats()["places"] else None)


def ragged_rank(field):
    """Dimensions of a row up to the last one that differs."""
    return max(d for d, n in enumerate(field.shape) if d and n is None)


def spec(field, rows):
    dtype = DTYPES[field.dtype]
    if not field.ragged:
        return tf.TensorSpec((rows, *field.shape[1:]), dtype)
    rank = ragged_rank(field)
    shape = (rows, *[None] * rank, *field.shape[rank + 1:])
    return tf.RaggedTensorSpec(shape, dtype, rank, tf.int64)


def splits_of(field, rank):
    """What divides the values, for each of the dimensions that differ: of n parts of
    lengths l, the sums 0, l[0], l[0] + l[1], ..."""
    if field.shapes is None:
        return [field.offsets]
    splits, parts = [], np.ones(len(field.shapes), np.int64)
    for d in range(rank):
        each = np.repeat(field.shapes[:, d], parts)
        splits.append(np.concatenate([[0], np.cumsum(each, dtype=np.int64)]))
        parts = parts * field.shapes[:, d]
    return splits


def tensor(field, its_spec):
    if not isinstance(field, Ragged):
        return field
    rank = its_spec.ragged_rank
    inner = its_spec.shape[rank + 1:]
    return tf.RaggedTensor.from_nested_row_splits(
        tf.reshape(field.values, (-1, *inner)), splits_of(field, rank), validate=False)


class Epochs:
    """Called for each iteration, in a thread of tensorflow's."""

    def __init__(self, loader, names, specs, mapping):
        self.loader, self.mapping = loader, mapping
        self.specs = dict(zip(names, specs))
        self.lender = Lender(loader, names, tf.bfloat16.as_numpy_dtype)
        self.lock = threading.Lock()
        self.turn, self.left_early, self.begun = 0, False, None

    def begin(self):
        """Batches of this iteration, and its number."""
        with self.lock:
            now = self.loader.epoch             # the next one, if its last batch was taken
            if self.left_early:
                now = self.loader.epoch = now + (now == self.begun)
            self.left_early, self.begun = True, now
            self.turn += 1
            return iter(self.loader), self.turn

    def __call__(self):
        batches, turn = self.begin()
        for batch in batches:
            if turn != self.turn:
                raise RuntimeError("another iteration of this dataset began: for two at "
                                   "a time, load twice")
            yield self.element(batch)
        if turn == self.turn:
            self.left_early = False

    def element(self, batch):
        fields = {name: tensor(field, self.specs[name])
                  for name, field in self.lender.fields(batch).items()}
        return fields if self.mapping else tuple(fields.values())
