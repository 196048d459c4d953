"""Fields whose rows differ in shape."""
from . import _pipec


class Ragged:
    """A field whose rows differ in shape: all rows one after the other, without a copy.

    values: Tensor [n], the elements of all rows
    offsets: Tensor i64 [rows + 1], where rows begin in values; the last is n
    shapes: Tensor i32 [rows, dimensions of a row], or None where rows have one dimension

    r[i] is row i as a Tensor of its own shape; iterating gives all rows; pyarrow.array(r)
    and others that know the Arrow C data interface take it as a large_list, or as a
    struct of `data` and `shape` where rows have more than one dimension. It holds the
    batch's memory as a Tensor does.
    """

    __slots__ = ("values", "offsets", "shapes", "_at", "_dims", "__weakref__")

    def __init__(self, values, offsets, shapes):
        self.values, self.offsets, self.shapes = values, offsets, shapes
        self._at = memoryview(offsets)
        self._dims = None if shapes is None else memoryview(shapes)

    @property
    def name(self):
        return self.values.name

    @property
    def dtype(self):
        return self.values.dtype

    def shape(self, i):
        """The shape of row i."""
        i = self._index(i)
        if self._dims is None:
            return (self._at[i + 1] - self._at[i],)
        return tuple(self._dims[i, d] for d in range(self._dims.shape[1]))

    def _index(self, i):
        rows = len(self)
        if not -rows <= i < rows:
            raise IndexError(f"there is no row {i} of {rows}")
        return i % rows

    def __len__(self):
        return len(self._at) - 1

    def __getitem__(self, i):
        i = self._index(i)
        return self.values._part(self._at[i], self.shape(i))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def tolist(self):
        """The rows as nested lists of numbers."""
        return [row.tolist() for row in self]

    def __arrow_c_array__(self, requested_schema=None):
        """Two capsules of the Arrow C data interface. bool comes as u8."""
        return _pipec.arrow(self.values, self.offsets, self.shapes)

    def __repr__(self):
        rank = 1 if self._dims is None else self._dims.shape[1]
        return (f"pipec.Ragged({self.name}: {len(self)} rows of {self.dtype}"
                f"[{', '.join('?' * rank)}], {self.values.size} elements)")
