"""The loader: one open feature, its epochs, its state."""
import atexit
import os
import re
import sys
import weakref

from . import _pipec, _values
from ._errors import ParameterError, ProcessError, StateError

MODES = {"streaming": 0, "batch": 1, "debug": 2}
ON_ERROR = {"fail": 0, "skip": 1}
PATHS = (str, bytes, os.PathLike)
CPUS = {None: 0, "plain": -1, "x86-64": 1, "x86-64-v2": 2, "x86-64-v3": 3, "x86-64-v4": 4}
OPTIONS = ("seed", "epoch", "rank", "world", "threads", "readers", "mode", "memory",
           "on_error", "max_errors", "max_error_rate", "report", "cpu", "max_bytes",
           "max_pixels", "epochs", "process", "allow_changed", "control_interval",
           "cache", "state", "params", "D")

# What Loader.__init__ sets; a pickle makes it anew.
OWN = {"_path", "_params", "_options", "_closed", "_length", "_for", "_handle", "_first",
       "_state"}

open_loaders: "weakref.WeakSet[Loader]" = weakref.WeakSet()


@atexit.register
def close_all():
    """Threads end before the interpreter does."""
    for loader in list(open_loaders):
        loader.close()


class Field:
    """What is known of a field before a batch: name, dtype, shape, ragged.

    shape has the batch's dimension first, and None where it differs."""

    __slots__ = ("name", "dtype", "shape", "ragged")

    def __init__(self, name, dtype, shape, ragged):
        self.name, self.dtype, self.ragged = name, dtype, ragged
        self.shape = tuple(None if n < 0 else n for n in shape)

    def __repr__(self):
        dims = ", ".join("?" if n is None else str(n) for n in self.shape)
        return f"{self.name}: {'ragged ' * self.ragged}{self.dtype}[{dims}]"


class Batches:
    """An iteration of a loader: to the end of the epoch that it began in, which another
    one may come to first. It goes on after an error that can be mended."""

    __slots__ = ("_loader", "_turn", "moves", "first", "__weakref__")

    def __init__(self, loader, place):
        self._loader = loader
        self._turn, self.moves, self.first, _ = place

    def __iter__(self):
        return self

    def __next__(self):
        batch = self._loader._handle.next(self._turn)
        if batch is None:
            raise StopIteration
        return batch


class Loader:
    """Batches of a compiled feature; made by pipec.load.

    `for batch in loader:` gives the epoch, from where it stands to its end; then
    `loader.epoch` is one more, and the next `for` gives the next epoch. A `for` that is
    left early is gone on with by the next one, unless it has had the last batch;
    `loader.epoch = n` begins epoch n.

    It may be used by several threads: each batch goes to one of them, and a `for` ends
    with the epoch that it began in. A fork does not carry it over; a pickle does, and goes
    on at the same place.
    """

    def __init__(self, path, params, options):
        self._path, self._params, self._options = path, dict(params), options
        self._closed = False
        self._length = None             # of a whole epoch, once it is known
        self._for = lambda: None        # the iteration that `len` is of: a weak reference
        self._open()
        open_loaders.add(self)

    # ---- opening ----
    def _open(self, state=None, **changed):
        options = self._options = {**self._options, **changed}
        handle = _pipec.Handle(_values.path_bytes(self._path), **options)
        given = self._params
        types = {name: (type_, value, fixed)
                 for name, type_, value, fixed in handle.parameters()}
        for name, value in given.items():
            if name not in types:
                raise TypeError(
                    f"{handle.name()} has no parameter `{name}`"
                    + _values.near(name, [*types, *OPTIONS])
                    + f"\nparameters: {', '.join(types) or 'none'}")
            if types[name][0] == "path" and isinstance(value, PATHS):
                given[name] = value = _values.absolute(value)
            handle.set(name, _values.text(name, types[name][0], value))
        for name, (type_, value, fixed) in types.items():
            if value is None and name not in given:
                raise ParameterError(f"parameter `{name}` ({type_}) must be given: "
                                     f"pipec.load(..., {name}=...)")
        if state is not None:
            handle.restore(state)
        self._handle = handle
        self._first = options["epoch"]
        self._state = state

    @property
    def _used(self):
        """Its start was tried, at the least."""
        return self._handle.begun()

    def _go_on(self, state):
        """In the run that there is, if it has begun and nothing has failed."""
        if not self._used or self._closed or self._handle.failed():
            return False
        self._handle.restore(state)
        return True

    def _reopen(self, state=None, **changed):
        """Batches of the old one stay good until they are dropped."""
        if self._closed:
            raise StateError("the loader is closed")
        old = self._handle
        place = old.place()
        self._open(state, **changed)
        self._handle.follow(place)
        old.close()

    def start(self):
        """Opens the source and starts the threads; the first batch does it otherwise."""
        self._handle.start()
        return self

    def close(self):
        """Stops the threads. Batches that are held stay good until they are dropped."""
        self._closed = True
        self._handle.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()

    # ---- batches ----
    def __iter__(self):
        """Goes on where the loader stands, also after an error that can be mended."""
        place = self._place()
        batches = Batches(self, place)
        if self._running(place) is None:
            self._for = weakref.ref(batches)
        return batches

    def _place(self):
        """As the handle has it. An epoch whose last batch was taken is over here."""
        place = self._handle.place()
        if place[-1] < 0 or self.epoch == place[-1]:
            return place
        self._handle.next(place[0])
        return self._handle.place()

    def _running(self, place):
        batches = self._for()
        return batches if batches is not None and batches.moves == place[1] else None

    def __len__(self):
        """Batches that a `for` gives this rank: of the epoch, or what is left of one that
        was resumed or left early. In a `for`, those of the whole `for`."""
        place = self._handle.place()
        batches = self._running(place)
        before = batches.first if batches else self._place()[2]
        return self._whole() - before

    def _whole(self):
        """Batches of the epoch, or of what was left where it was resumed."""
        stats = self._handle.stats()
        if stats["epoch_batches"] < 0 and self._length is not None:
            return self._length
        if stats["epoch_batches"] < 0:
            self._handle.begin()
            stats = self._handle.stats()
        if stats["epoch_batches"] < 0:
            raise TypeError("the length is not known: how many records a `where` or "
                            "`each` leaves is seen at the end of the epoch")
        if self._state is None:
            self._length = stats["epoch_batches"]
        return stats["epoch_batches"]

    def _position(self):
        """The state; None: the first epoch has not begun, or could not."""
        if not self._used:
            return self._state
        try:
            return self._handle.save()
        except StateError:
            return self._state

    @property
    def epoch(self):
        """The epoch of the next batch. Setting it begins that epoch at its first batch."""
        text = self._position()
        return self._first if text is None else number(text, "epoch")

    @epoch.setter
    def epoch(self, n):
        n = _values.integer("epoch", n, 0, 2**63 - 1)
        if not self._used and self._state is None and n == self._first:
            return
        if self._used and not self._handle.failed():
            now, stats = self._handle.save(), self._handle.stats()
            begins = stats["epoch_batches"] < 0 or stats["places_done"] == 0
            if number(now, "epoch") == n and number(now, "batches") == 0 and begins:
                return                          # else an end is still to be told
        if self._go_on(f"epoch {n}"):
            self._state = None
            return
        seed = self._options["seed"]
        self._reopen(epoch=n, seed=seed if self._state is None
                     else number(self._state, "seed"))

    # ---- state ----
    def state_dict(self):
        """Where the next batch comes from: {"pipec": text}, under 1 KB.

        It is exact at the batches that were handed out, for any number of threads."""
        if not self._used and self._state is None:
            self.start()
        text = self._position()
        return {"pipec": self._handle.save() if text is None else text}

    def load_state_dict(self, state):
        """Goes on where state_dict() was called. StateError if it is of another feature,
        other parameters or other data (the last at the first batch, or start())."""
        text = state.get("pipec") if isinstance(state, dict) else state
        if not isinstance(text, str):
            raise TypeError("a state is what state_dict() gave: {'pipec': text}")
        if self._go_on(text):
            self._state = text
        else:
            self._reopen(text)

    def __reduce__(self):
        state = self.state_dict()["pipec"] if self._used and not self._closed else self._state
        own = {name: value for name, value in vars(self).items() if name not in OWN}
        return remake, (type(self), self._path, self._params, self._options, state), own

    # ---- what is known ----
    def show(self, n=8):
        """The next n samples of this rank, at most up to the epoch's end: a Samples, which
        a notebook shows, print() tells and .save("x.png") writes. The loader stays where
        it is; the samples are made by another one, with the memory of another one."""
        n = _values.integer("n", n, 1, 1024)
        if self._closed:
            raise StateError("the loader is closed")
        _, (_, path, params, options, state), _ = self.__reduce__()
        options = {**options, "report": b"", "epochs": 1}
        options.pop("sidecar", None)
        from . import _show
        with remake(Loader, path, params, options, state) as other:
            return _show.take(other, n)

    @property
    def name(self):
        """The feature's name."""
        return self._handle.name()

    @property
    def path(self):
        """The library's path."""
        return self._path

    @property
    def fields(self):
        """{name: Field} in the order of `emit`."""
        return {row[0]: Field(*row) for row in self._handle.fields()}

    @property
    def parameters(self):
        """{name: value} as text, as the feature sees them: given, default or fixed."""
        return {name: value for name, _, value, _ in self._handle.parameters()}

    @property
    def classes(self):
        """The names behind `label`, in its order; [] if the source has none."""
        return self._handle.classes()

    def stats(self):
        """Numbers of the run, a dict: records, batches handed out; bad_records; places,
        places_done, epoch_batches of this epoch; bytes_read, bytes_out; from_cache,
        records that the feature had kept; wait_ns (this side waited), idle_read_ns, idle_full_ns, parked_ns (workers waited for reading,
        for this side, were not needed); memory, memory_used in bytes; threads, active of
        them by now, readers, batches ahead; cpu, the code that runs."""
        return self._handle.stats()

    def _lines(self):
        stats = self.stats()
        batches = stats["epoch_batches"] if stats["epoch_batches"] >= 0 else self._length
        run = [f"epoch {self.epoch}"]
        run += [f"{batches} batches"] * (batches is not None)
        run += [f"cpu {stats['cpu']}"]
        run += [f"{stats['threads']} threads"] * bool(stats["threads"])
        return f"{self.name} from {self._path}", ", ".join(run)

    def __repr__(self):
        if self._closed:
            return f"<pipec.Loader {self._path}, closed>"
        what, run = self._lines()
        fields = "".join(f"\n    {field}" for field in self.fields.values())
        return f"<pipec.Loader {what}: {run}{fields}>"

    def _repr_html_(self):
        from html import escape
        from ._compile import plan
        if self._closed:
            return escape(repr(self))
        what, run = map(escape, self._lines())
        rows = "".join(
            f"<tr><td>{escape(f.name)}</td><td>{'ragged ' * f.ragged}{f.dtype}</td>"
            f"<td>{', '.join('?' if n is None else str(n) for n in f.shape)}</td></tr>"
            for f in self.fields.values())
        how = escape(plan(self._path))
        return (f"<b>{what}</b><br>{run}<table><tr><th>field</th><th>dtype</th>"
                f"<th>shape</th></tr>{rows}</table>"
                + f"<details><summary>plan</summary><pre>{how}</pre></details>" * bool(how))


def remake(kind, path, params, options, state):
    """A loader of a kind that may have been derived from Loader."""
    if "sidecar" in options:                    # another Python, maybe
        options["sidecar"] = sidecar()
    loader = kind.__new__(kind)
    Loader.__init__(loader, path, params, options)
    if state is not None:
        loader.load_state_dict({"pipec": state})
    return loader


def number(state, name):
    """A number of a saved state."""
    found = re.search(rf"^{name} (\d+)$", state, re.M)
    if not found:
        raise StateError(f"the state has no {name}")
    return int(found[1])


def sidecar():
    """The command of a process that serves this one: this Python, and no more of it than
    the extension."""
    if not sys.executable:
        raise ProcessError("process=True starts a Python, and sys.executable does not "
                           "say which")
    code = "import sys; sys.path[:] = sys.argv[1:]; import _pipec; _pipec.serve()"
    folder = os.path.dirname(_pipec.__file__)
    return tuple(map(os.fsencode, (sys.executable, "-I", "-S", "-c", code, folder)))


def load(path, *, seed=0, epoch=0, rank=0, world=1, threads=0, readers=0,
         mode="streaming", memory=None, on_error="fail", max_errors=None,
         max_error_rate=None, report=None, cpu=None, max_bytes="1GiB", max_pixels=1 << 27,
         epochs=0, process=False, allow_changed=False, control_interval=1.0,
         cache=None, state=None, params=None, D=None, **parameters):
    """Opens a compiled feature (.so), or compiles a .dsl and opens that; a Loader.

    The feature's own parameters are given by name: load("f.so", root="train/"). One that
    is called as an option is goes into params={...}. Those fixed when the feature was
    compiled are set by D={...} where `path` is a .dsl. Relative paths are those of the
    current folder as it is now.

    seed, epoch     of the first epoch
    rank, world     this process's share of the stream
    threads         that compute; 0: the cores of this process. readers: read ahead
    mode            "streaming"; "batch": stage by stage; "debug": in this thread
    memory          budget for batches and what is read ahead, bytes or "2GB"
    on_error        "fail", or "skip" records that fail, up to max_errors (20 an epoch, or
                    "0.1%" of its places) or max_error_rate (0.001), each listed in the
                    file `report`, a JSON object a line
    cpu             highest code: "x86-64-v3", "plain"; None: the best of this machine
    max_bytes       of a record; max_pixels: of a picture
    epochs          that will be asked for, 0: not known; the next is begun in time
    process         True: in a process of its own, a child of this one, which shares the
                    memory of the batches; this one spends its time on training alone
    control_interval    seconds: so often as many threads, readers and batches ahead are put
                    to work as this side needs; 0: always all. The logger "pipec" has
                    what was decided, and why (level INFO)
    cache           a folder for what the feature keeps from one epoch to the next; False:
                    it keeps nothing; None: as its `cache(…)` says
    state           of state_dict(): goes on there; of a feature that was changed since
                    only with allow_changed=True

    TypeError for a wrong type or an unknown name, ValueError for a wrong value,
    LoadError, ParameterError; what the source has to say (SourceError, StateError) comes
    with the first batch, or with start().
    """
    path = os.fsdecode(path)
    params, D = _values.mapping("params", params), _values.mapping("D", D)
    if path.endswith(".dsl"):
        from ._compile import compile as compile_feature
        path = compile_feature(path, D)
    elif D:
        raise TypeError("D is for a .dsl: a library is compiled already")
    path = _values.absolute(path)
    integer, whole = _values.integer, 2**31 - 1
    max_errors, rate = _values.budget(max_errors, max_error_rate)
    options = dict(
        seed=integer("seed", seed, 0, 2**64 - 1), epoch=integer("epoch", epoch, 0, 2**63 - 1),
        rank=integer("rank", rank, 0, whole), world=integer("world", world, 1, whole),
        threads=integer("threads", threads, 0, 1024),
        readers=integer("readers", readers, 0, 1024),
        mode=_values.choice("mode", mode, MODES), memory=_values.size("memory", memory),
        on_error=_values.choice("on_error", on_error, ON_ERROR),
        max_errors=max_errors, max_error_rate=rate, report=_values.report(report),
        cpu=_values.choice("cpu", cpu, CPUS), max_bytes=_values.size("max_bytes", max_bytes),
        max_pixels=integer("max_pixels", max_pixels, 1, 2**63 - 1),
        epochs=integer("epochs", epochs, 0, 2**63 - 1),
        allow_changed=bool(allow_changed),
        control_interval=_values.seconds("control_interval", control_interval, 3600))
    if cache is not None:
        options["cache"] = _values.cache(cache)
    if process:
        options["sidecar"] = sidecar()
    twice = set(params) & set(parameters)
    if twice:
        raise TypeError(f"parameter `{min(twice)}` is given twice")
    loader = Loader(path, {**params, **parameters}, options)
    if state is not None:
        loader.load_state_dict(state)
    return loader
