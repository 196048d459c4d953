"""Views of batches: what they show, and how long they hold a batch's memory."""
import ctypes
import gc
import io
import threading
import weakref
import pipec
from harness import LINES, RANGE, compiled, due, raises

pythonapi = ctypes.pythonapi
pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
pythonapi.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
KINDS = "bool u8 i8 u16 i16 u32 i32 u64 i64 f16 bf16 f32 f64".split()
BIG = 8192          # rows whose fields are no small ones: they are views of the slot


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32), ("id", ctypes.c_int32), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("offset", ctypes.c_uint64)]


class Managed(ctypes.Structure):
    _fields_ = [("tensor", DLTensor), ("context", ctypes.c_void_p), ("deleter", ctypes.CFUNCTYPE(None, ctypes.c_void_p))]


class Versioned(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p),
                ("deleter", ctypes.CFUNCTYPE(None, ctypes.c_void_p)), ("flags", ctypes.c_uint64), ("tensor", DLTensor)]


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


Schema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p), ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
                   ("children", ctypes.POINTER(ctypes.POINTER(Schema))), ("dictionary", ctypes.c_void_p), ("release", ctypes.CFUNCTYPE(None, ctypes.c_void_p)), ("private", ctypes.c_void_p)]
Array._fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64), ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
                  ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.POINTER(ctypes.POINTER(Array))), ("dictionary", ctypes.c_void_p),
                  ("release", ctypes.CFUNCTYPE(None, ctypes.c_void_p)), ("private", ctypes.c_void_p)]


def managed(capsule, kind):
    """Takes a capsule over, as a consumer does."""
    name = b"dltensor" if kind is Managed else b"dltensor_versioned"
    at = pythonapi.PyCapsule_GetPointer(capsule, name)
    used = ctypes.create_string_buffer(b"used_" + name)
    managed.names.append(used)
    pythonapi.PyCapsule_SetName(capsule, ctypes.cast(used, ctypes.c_char_p))
    return ctypes.cast(at, ctypes.POINTER(kind)).contents


managed.names = []


def address(tensor):
    return tensor.__array_interface__["data"][0]


def words(folder, text="ab\n\ncde\nf\n", **more):
    (folder / "a.txt").write_text(text)
    return pipec.load(compiled(LINES), root=folder / "a.txt", **more)


def test_numbers_of_single_elements(folder):
    """Not the bytes read as text, which is what a buffer gives int() by itself."""
    batch = next(iter(pipec.load(compiled("feature f()\nfrom range(48, 60)\ny = u8(value)\nz = f32(value) / 4\nbatch(4)\nemit y, z\n"))))
    due([int(x) for x in batch.y] == [48, 49, 50, 51] and [float(x) for x in batch.z] == [12, 12.25, 12.5, 12.75])
    due(bool(batch.y[0]) and int(batch.z[3]) == 12)
    for convert in (int, float, bool):
        raises(ValueError, lambda: convert(batch.y), "4 elements")


def test_every_dtype_is_a_buffer(folder):
    fields = "".join(f"{k}_ = {f'value % 2 == 1' if k == 'bool' else f'{k}(value)'}\n" for k in KINDS)
    batch = next(iter(pipec.load(compiled(f"feature f()\nfrom range(0, 8)\n{fields}batch(4)\nemit {', '.join(k + '_' for k in KINDS)}\n"))))
    for kind, tensor in zip(KINDS, batch):
        due(tensor.dtype == kind and tensor.shape == (4,) and tensor.strides == (tensor.itemsize,), tensor)
        view = memoryview(tensor)
        due(view.readonly and view.nbytes == tensor.nbytes == 4 * tensor.itemsize, kind)
        code = {"bool": 6, "bf16": 4}.get(kind, {"u": 1, "i": 0, "f": 2}[kind[0]] if kind != "bool" and kind != "bf16" else 0)
        for form, version in ((Managed, None), (Versioned, (1, 1))):
            m = managed(tensor.__dlpack__(max_version=version), form)
            due((m.tensor.code, m.tensor.bits, m.tensor.lanes, m.tensor.ndim, m.tensor.device) == (code, 8 * tensor.itemsize, 1, 1, 1), kind)
            due(m.tensor.shape[0] == 4 and m.tensor.strides[0] == 1 and m.tensor.data % 64 == 0)
            due(form is Managed or (m.major, m.flags) == (1, 1))
            m.deleter(ctypes.addressof(m))
        due(tensor.tolist() == ([False, True] * 2 if kind == "bool" else [0, 1, 2, 3]), kind)
        due(tensor[1].item() == 1 and (kind == "f16" or view.tolist() == ([0, 0x3F80, 0x4000, 0x4040] if kind == "bf16" else tensor.tolist())), kind)


def test_what_dlpack_may_ask(folder):
    batch = next(iter(pipec.load(compiled(RANGE))))
    due(batch.z.__dlpack_device__() == (1, 0))
    raises(BufferError, lambda: batch.z.__dlpack__(dl_device=(2, 0)), "CPU")
    raises(BufferError, lambda: batch.z.__dlpack__(stream=1), "stream")
    m = managed(batch.z.__dlpack__(max_version=(1, 0), dl_device=(1, 0), copy=True), Versioned)
    due(m.flags == 2 and (m.tensor.shape[0], m.tensor.shape[1], m.tensor.strides[0], m.tensor.strides[1]) == (16, 3, 3, 1))
    at = memoryview(batch.z).cast("B")
    due(ctypes.string_at(m.tensor.data, batch.z.nbytes) == bytes(at))
    m.deleter(ctypes.addressof(m))


def test_memory_is_read_only(folder):
    batch = next(iter(pipec.load(compiled(RANGE))))
    raises(TypeError, lambda: memoryview(batch.y).__setitem__(0, 1))
    raises(TypeError, lambda: (ctypes.c_char * 4).from_buffer(batch.y), "not writable")
    raises(TypeError, lambda: io.BytesIO(bytes(64)).readinto(batch.y), "read-write")
    raises(AttributeError, lambda: setattr(batch, "y", 1))


def test_rows(folder):
    batch = next(iter(pipec.load(compiled(RANGE))))
    due(batch.z[2].tolist() == [0, 2, 4] and batch.z[-1].shape == (3,) and batch.y[3].shape == ())
    due([row.tolist() for row in batch.z][1] == [0, 1, 2] and batch.z[2][1].item() == 2)
    raises(IndexError, lambda: batch.y[16], "16")
    raises(ValueError, batch.y.item, "16")


def test_slices_are_rows(folder):
    batch = next(iter(pipec.load(compiled(RANGE))))
    y, z = list(range(1, 17)), [[k * i for i in range(3)] for k in range(16)]
    for s in (slice(2, 5), slice(-3, None), slice(None, -14), slice(5, 2), slice(0, 99), slice(None), slice(4, 5, 1), slice(99, None)):
        due(batch.y[s].tolist() == y[s] and batch.z[s].tolist() == z[s], s)
        due(batch.z[s].shape == (len(z[s]), 3) and bytes(memoryview(batch.z[s])) == bytes(memoryview(batch.z))[6 * s.indices(16)[0]:][:6 * len(z[s])], s)
    due(address(batch.z[3:5]) == address(batch.z) + 18 and batch.z[3:5][1].tolist() == z[4] and batch.z[2:][1:3].tolist() == z[3:5])
    raises(ValueError, lambda: batch.y[::2], "step", "np.asarray")
    raises(ValueError, lambda: batch.y[::-1], "step")
    raises(TypeError, lambda: batch.z[1, 2], "np.asarray")
    raises(TypeError, lambda: batch.z["a"], "slice")
    raises(TypeError, lambda: batch.y[0][0:1], "scalar")
    raises(IndexError, lambda: batch.y[-17], "16")
    due(batch.y[-16].item() == 1)


def test_tensors_are_not_compared_by_elements(folder):
    batch = next(iter(pipec.load(compiled(RANGE))))
    for compare in (lambda: batch.y == batch.y, lambda: batch.y != [1], lambda: batch.y[0] == 1):
        raises(TypeError, compare, "np.asarray(t) == x")
    raises(TypeError, lambda: batch.y < batch.y, "'<' not supported")
    y = batch.y
    due(y in [batch.z, y][1:] and len({y: 1, batch.z: 2}) == 2)


def test_weak_references(folder):
    (folder / "a.txt").write_text("ab\n")
    batch = next(iter(pipec.load(compiled(LINES), root="a.txt")))
    up, size = batch.up, batch.size
    refs = [weakref.ref(x) for x in (batch, up, size)]
    due([r() is x for r, x in zip(refs, (batch, up, size))] == [True] * 3)
    del batch, up, size
    gc.collect()
    due([r() for r in refs] == [None] * 3)


def test_views_hold_a_slot(folder):
    """A view of each sort is kept, with nothing else of its batch, while the loader goes on to its end."""
    views = dict(tensor=lambda b: b.y, row=lambda b: b.z[0], buffer=lambda b: memoryview(b.y), batch=lambda b: b,
                 old=lambda b: b.y.__dlpack__(), versioned=lambda b: b.y.__dlpack__(max_version=(1, 0)))
    for name, view in views.items():
        loader = pipec.load(compiled(RANGE, batch=BIG), n=300 * BIG)
        it = iter(loader)
        batch = next(it)
        held, before = view(batch), bytes(memoryview(batch.y))
        at = batch.y.__array_interface__["data"][0]
        del batch
        for _ in range(2):
            for other in it:
                due(other.y.__array_interface__["data"][0] != at, name)
            other = None
            it = iter(loader)
        it = None
        loader.close()
        due(ctypes.string_at(at, len(before)) == before, name)
        del held, loader
        gc.collect()


def test_a_slot_comes_back_with_the_last_view(folder):
    loader = pipec.load(compiled(RANGE, batch=BIG), n=1000 * BIG, threads=1)
    it, held = iter(loader), []
    error = raises(pipec.HeldError, lambda: held.extend(it), "memory=", "drop")
    due(error.status == "HELD" and isinstance(error, MemoryError) and len(held) >= 8)
    views = [memoryview(b.y) for b in held]
    before = [bytes(v) for v in views]
    held.clear()
    it = iter(loader)
    raises(pipec.HeldError, lambda: next(it))
    due([bytes(v) for v in views] == before)
    views.pop()
    it = iter(loader)
    batch = next(it)
    due(batch.number == len(before))
    raises(pipec.HeldError, lambda: next(it))
    views.clear()
    del batch
    due(sum(1 for _ in loader) == 1000 - len(before) - 1)


def test_small_fields_do_not_hold_a_slot(folder):
    """Labels of a whole epoch are kept, in every form; the images beside them come and go."""
    forms = dict(tensor=lambda y: y, row=lambda y: y[3], buffer=memoryview, old=lambda y: y.__dlpack__(),
                 versioned=lambda y: y.__dlpack__(max_version=(1, 0)))
    so = compiled(RANGE.replace("y =", "x = for i in 0..4000: u8(value)\ny =").replace("emit y", "emit x, y"))
    for name, form in forms.items():
        loader, kept, ends = pipec.load(so, n=16 * 300), [], []
        for batch in loader:
            kept.append(form(batch.y))
            ends.append(address(batch.y))
            due(address(batch.y) == ends[-1] and address(batch["y"]) % 64 == 0 and len(set(ends)) == len(ends), name)
            due(address(batch.x) == address(batch.x))
        loader.close()
        del loader, batch
        gc.collect()
        for i, at in enumerate(ends):
            due(ctypes.string_at(at, 64) == b"".join((16 * i + k + 1).to_bytes(4, "little") for k in range(16)), (name, i))


def test_who_shares_a_batch_shares_its_copies(folder):
    for batch in pipec.load(compiled(RANGE), n=16 * 200):
        seen, start = [], threading.Barrier(4)

        def look():
            start.wait()
            seen.append(address(batch.y))
        threads = [threading.Thread(target=look) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        due(len(set(seen)) == 1)


def test_views_outlive_the_loader(folder):
    def views():
        batch = next(iter(pipec.load(compiled(RANGE, batch=BIG), n=BIG)))
        return memoryview(batch.y), batch.z.__dlpack__(), batch.z[1]
    view, capsule, row = views()
    gc.collect()
    due(view.tolist() == list(range(1, BIG + 1)) and row.tolist() == [0, 1, 2])
    m = managed(capsule, Managed)
    del view, row, capsule
    gc.collect()
    due(ctypes.string_at(m.tensor.data, 6) == bytes(6))
    thread = threading.Thread(target=m.deleter, args=(ctypes.addressof(m),))
    thread.start()
    thread.join()


def test_ragged(folder):
    batch = next(iter(words(folder)))
    up, grid = batch.up, batch.grid
    due((len(up), up.dtype, up.name, up.shapes) == (4, "u8", "up", None) and up.offsets.tolist() == [0, 2, 2, 5, 6])
    due([bytes(memoryview(row)) for row in up] == [b"ab", b"", b"cde", b"f"] and up.values.shape == (6,))
    due(grid.shapes.tolist() == [[2, 2], [2, 0], [2, 3], [2, 1]] and grid.shape(2) == (2, 3))
    due(grid[2].tolist() == [[99, 100, 101], [100, 101, 102]] and grid[-1].tolist() == [[102], [103]] and grid[1].shape == (2, 0))
    raises(IndexError, lambda: up[4], "4 of 4")
    due(up.tolist() == [[97, 98], [], [99, 100, 101], [102]] and grid.tolist()[1] == [[], []])
    due("ragged" not in repr(batch.size) and "4 rows" in repr(up) and batch.size.tolist() == [2, 0, 3, 1])


def test_rows_of_no_elements(folder):
    batch = next(iter(words(folder, "\n\n\n\n")))
    due([r.shape for r in batch.up] == [(0,)] * 4 and bytes(memoryview(batch.up.values)) == b"" and batch.up.__arrow_c_array__())


def arrow(field):
    schema, array = field.__arrow_c_array__()
    at = [pythonapi.PyCapsule_GetPointer(c, n) for c, n in ((schema, b"arrow_schema"), (array, b"arrow_array"))]
    return schema, array, ctypes.cast(at[0], ctypes.POINTER(Schema)).contents, ctypes.cast(at[1], ctypes.POINTER(Array)).contents


def test_ragged_is_arrow(folder):
    batch = next(iter(words(folder)))
    keep, keep2, s, a = arrow(batch.up)
    due((s.format, s.name, s.n_children, s.children[0].contents.format) == (b"+L", b"up", 1, b"C"))
    due((a.length, a.null_count, a.n_buffers, a.n_children) == (4, 0, 2, 1))
    due(ctypes.string_at(a.buffers[1], 40) == bytes(memoryview(batch.up.offsets)))
    due(ctypes.string_at(a.children[0].contents.buffers[1], 6) == b"abcdef" and a.children[0].contents.length == 6)
    keep, keep2, s, a = arrow(batch.grid)
    due((s.format, [s.children[i].contents.format for i in (0, 1)], [s.children[i].contents.name for i in (0, 1)]) == (b"+s", [b"+L", b"+w:2"], [b"data", b"shape"]))
    due(ctypes.string_at(a.children[1].contents.children[0].contents.buffers[1], 32) == bytes(memoryview(batch.grid.shapes)))


def test_arrow_holds_the_batch(folder):
    loader = words(folder)
    keep, capsule, s, a = arrow(next(iter(loader)).up)
    child = Array()
    ctypes.memmove(ctypes.addressof(child), ctypes.addressof(a.children[0].contents), ctypes.sizeof(Array))
    a.children[0].contents.release = type(a.release)()      # moved out
    del keep, capsule, s, a, loader
    gc.collect()
    due(ctypes.string_at(child.buffers[1], 6) == b"abcdef")
    child.release(ctypes.addressof(child))


def test_threads_share_a_loader(folder):
    """Each batch of the epoch goes to one of them, and none begins the next epoch."""
    loader, seen, start = pipec.load(compiled(RANGE), n=16 * 500, threads=2), [], threading.Barrier(4)

    def work():
        batches = iter(loader)
        start.wait()
        seen.extend((batch.epoch, batch.number, memoryview(batch.y)[0]) for batch in batches)
    for epoch in range(5):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        due(sorted(seen) == [(epoch, n, 16 * n + 1) for n in range(500)] and loader.epoch == epoch + 1, len(seen))
        seen.clear()


def test_a_loader_closed_by_another_thread(folder):
    loader = pipec.load(compiled(RANGE), n=10**8)
    timer = threading.Timer(0.05, loader.close)
    timer.start()
    raises(pipec.Error, lambda: sum(1 for _ in loader), "closed")
    timer.join()


def test_nothing_is_left_behind(folder):
    loader = pipec.load(compiled(RANGE))
    seen = weakref.ref(loader)
    next(iter(loader))
    del loader
    gc.collect()
    due(seen() is None)
