"""Loaders: epochs, length, options, state, what they tell."""
import copy
import logging
import os
import pathlib
import pickle
import shutil
import time
import warnings
import pipec
from harness import LINES, RANGE, compiled, due, raises

KEPT = """feature kept(root: path)
from lines(root)
shuffle
where len(text) != 3
each i in (for j in 0..2: j)
u = uniform(0.0, 1.0) + f32(len(text) + i)
batch(8, lanes = 2)
emit u
"""


def values(loader):
    return [list(batch.y.tolist()) for batch in loader]


def test_a_for_is_an_epoch(folder):
    loader = pipec.load(compiled(RANGE), n=100)
    due((loader.epoch, len(loader)) == (0, 6), len(loader))
    due(values(loader) == [list(range(16 * k + 1, 16 * k + 17)) for k in range(6)])
    due((loader.epoch, len(loader), len(values(loader)), loader.epoch) == (1, 6, 6, 2))


def test_a_batch_is_its_fields(folder):
    batch = next(iter(pipec.load(compiled(RANGE))))
    due(batch.keys() == ["y", "z"] and len(batch) == 2 and "y" in batch and "w" not in batch)
    due([f.name for f in batch] == ["y", "z"] and batch[1].name == batch[-1].name == "z")
    due(dict(batch)["y"].tolist() == batch["y"].tolist() == batch.y.tolist())
    due((batch.rows, batch.valid, batch.epoch, batch.number) == (16, 16, 0, 0))
    due("i32" in repr(batch) and batch.z.shape == (16, 3) and batch.z.dtype == "f16")
    raises(AttributeError, lambda: batch.w, "`w`", "'y', 'z'")
    raises(KeyError, lambda: batch["w"], "w")
    raises(IndexError, lambda: batch[2])
    raises(TypeError, type(batch), "pipec.load")
    raises(TypeError, lambda: pickle.dumps(batch))


def test_a_field_called_as_an_attribute_is_an_item(folder):
    batch = next(iter(pipec.load(compiled("feature f()\nfrom range(0, 8)\nvalid = value * 2\nbatch(4)\nemit valid\n"))))
    due(batch.valid == 4 and batch["valid"].tolist() == [0, 2, 4, 6])


def test_an_epoch_left_early_goes_on(folder):
    loader = pipec.load(compiled(RANGE), n=100)
    first = next(iter(loader)).y.tolist()[0]
    due(first == 1 and len(values(loader)) == 5 and loader.epoch == 1)


def test_setting_the_epoch_begins_it(folder):
    loader = pipec.load(compiled(RANGE.replace("from range(0, n)", "from range(0, n)\nshuffle")), n=100, seed=5)
    epochs = [values(loader) for _ in range(3)]
    due(epochs[0] != epochs[1])
    for n in (1, 0, 2):
        loader.epoch = n
        due(values(loader) == epochs[n] and loader.epoch == n + 1)
    next(iter(loader))
    loader.epoch += 1
    due(loader.epoch == 4)
    due(values(pipec.load(loader.path, n=100, seed=5, epoch=1)) == epochs[1])
    raises(ValueError, lambda: setattr(loader, "epoch", -1), "epoch")


def test_an_iterator_ends_once(folder):
    loader = pipec.load(compiled(RANGE), n=16)
    it = iter(loader)
    due(len(list(it)) == 1 and list(it) == [] and len(list(loader)) == 1)


def test_iterators_end_with_the_epoch_that_they_began_in(folder):
    for process in (False, True):
        loader = pipec.load(compiled(RANGE), n=100, process=process)
        it, late = iter(loader), iter(loader)
        due(next(it).number == 0 and [b.number for b in loader] == [1, 2, 3, 4, 5])
        due(list(it) == list(late) == [] and loader.epoch == 1)
        it = iter(loader)
        loader.epoch = 3                        # as it is of no end, `it` goes on
        due([(b.epoch, b.number) for b in it] == [(3, n) for n in range(6)] and list(late) == [])


def test_behind_the_last_batch_a_for_is_of_the_next_epoch(folder):
    for process in (False, True):
        loader = pipec.load(compiled(RANGE), n=100, process=process)
        for epoch in range(3):
            due(len(loader) == 6 and [(b.epoch, n) for n, b in zip(range(6), loader)] == [(epoch, n) for n in range(6)])


def test_the_length_is_what_a_for_gives(folder):
    for process in (False, True):
        loader = pipec.load(compiled(RANGE), n=100, process=process)
        for left in (6, 4, 2, 6):
            due(len(loader) == left)
            for i, batch in enumerate(loader):
                due(len(loader) == left)        # in a `for` it is of the `for`
                if i == 1:
                    break
        state = loader.state_dict()
        due(len(loader) == 4 and len(list(loader)) == 4 and len(loader) == 6)
        loader.load_state_dict(state)
        due(len(loader) == 4 and next(iter(loader)).number == 2 and len(loader) == 3)
        loader.epoch = 5
        due(len(loader) == len(list(loader)) == len(loader) == 6)


def test_threads_and_modes_change_nothing(folder):
    so = compiled(RANGE)
    due(len({str(values(pipec.load(so, n=300, **o))) for o in
             (dict(threads=1), dict(threads=3), dict(mode="debug"), dict(mode="batch"), dict(cpu="plain"), dict(memory="64MB"), dict(epochs=2))}) == 1)


def test_ranks_share_the_stream(folder):
    so = compiled(RANGE)
    ranks = [values(pipec.load(so, n=128, rank=r, world=2)) for r in (0, 1)]
    due(len(ranks[0]) == len(ranks[1]) == 4 and sorted(sum(ranks[0] + ranks[1], [])) == list(range(1, 129)))


def test_state_goes_on_at_what_was_consumed(folder):
    so = compiled(RANGE.replace("from range(0, n)", "from range(0, n)\nshuffle"))
    whole = values(pipec.load(so, n=320, seed=3))
    for k in (0, 1, 7, 19, 20):
        loader = pipec.load(so, n=320, seed=3, threads=2)
        it = iter(loader)
        for _ in range(k):
            next(it)
        state = loader.state_dict()
        due(list(state) == ["pipec"] and len(state["pipec"]) < 1024)
        other = pipec.load(so, n=320, threads=1)
        other.load_state_dict(state)
        due(other.epoch == k // 20 and other.state_dict() == state)       # behind the last: the next one
        due(k == 20 or len(other) == 20 - k, len(other))
        due(k == 20 or values(other) == whole[k:], k)
        due(k == 20 or values(pipec.load(so, n=320, state=state)) == whole[k:], k)
        it = None
    raises(pipec.StateError, lambda: values(pipec.load(so, n=16, state=state)), "parameter")
    raises(pipec.StateError, lambda: pipec.load(so, state={"pipec": "x"}), "no state")
    raises(TypeError, lambda: pipec.load(so, state=[1]), "state_dict")


def test_a_pickle_opens_it_again(folder):
    loader = pipec.load(compiled(RANGE), n=100)
    next(iter(loader))
    for other in (pickle.loads(pickle.dumps(loader)), copy.copy(loader)):
        due(len(values(other)) == 5)
    due(len(values(pickle.loads(pickle.dumps(pipec.load(loader.path, n=100))))) == 6)


class Counted(pipec.Loader):
    count = 0


def test_a_pickle_keeps_the_class(folder):
    loader = pipec.load(compiled(RANGE), n=100)
    loader.__class__, loader.count = Counted, 7
    next(iter(loader))
    for other in (pickle.loads(pickle.dumps(loader)), copy.copy(loader)):
        due(type(other) is Counted and other.count == 7 and len(values(other)) == 5)


def test_relative_paths_are_those_of_the_load(folder):
    for name in ("here", "there"):
        (folder / name).mkdir()
    (folder / "here" / "a.txt").write_text("ab\ncde\n")
    shutil.copy(compiled(LINES), folder / "here" / "words.so")
    os.chdir("here")
    for process in (False, True):
        for root in ("a.txt", b"a.txt", "../here/*.txt", pathlib.Path("a.txt")):
            loader = pipec.load("words.so", root=root, process=process, report="bad.jsonl")
            os.chdir("../there")
            due([b.size.tolist()[:2] for b in loader] == [[2, 3]])
            loader._reopen(loader.state_dict()["pipec"])
            due(len(list(pickle.loads(pickle.dumps(loader)))) == len(list(loader)) == 1)
            os.chdir("../here")
    os.chdir("..")
    due(os.listdir("there") == [] and "bad.jsonl" in os.listdir("here"), os.listdir("here"))


def test_a_warning_that_is_an_error_loses_nothing(folder):
    """That an epoch is empty is told by what asks for batches, not by what tells where it is."""
    for process in (False, True):
        loader = pipec.load(compiled(RANGE), n=3, process=process)
        loader._handle.begin()
        due((loader.epoch, len(loader)) == (0, 0) and "3 records" not in repr(loader) and loader.state_dict())
        raises(pipec.PipecWarning, lambda: list(loader), "3 records", 'D={"batch": ')
        due(list(loader) == [])


def test_what_is_known(folder):
    (folder / "a.txt").write_text("ab\ncde\n")
    loader = pipec.load(compiled(LINES), root=folder / "a.txt")
    due({n: (f.dtype, f.shape, f.ragged) for n, f in loader.fields.items()} ==
        {"up": ("u8", (4, None), True), "grid": ("i32", (4, 2, None), True), "size": ("i32", (4,), False)}, loader.fields)
    due(loader.parameters == {"root": str(folder / "a.txt"), "batch": "4"} and loader.classes == [] and loader.name == "words")
    for text in (repr(loader), loader._repr_html_()):
        due(all(word in text for word in ("words", "epoch 0", "up", "grid", "ragged", "u8", loader.stats()["cpu"])), text)
    due([b.valid for b in loader] == [2] and loader.stats()["records"] == 2 and loader.stats()["threads"] > 0)


def test_threads_are_fitted_to_the_trainer(folder):
    """One that sleeps needs one thread; what was decided goes to logging, and is no warning."""
    lines, logger = [], logging.getLogger("pipec")
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = pipec.load(compiled(RANGE), n=10**6, threads=3, control_interval=.05)
        for batch in loader:
            time.sleep(.005)
            if loader.stats()["active"] == 1 and lines or batch.number > 2000:
                break
    logger.removeHandler(handler)
    stats = loader.stats()
    due(stats["active"] == 1 and stats["threads"] == 3 and stats["parked_ns"] >= 0, stats)
    due(lines and all(line.startswith("control: ") for line in lines) and "threads 3 to 1" in lines[0], lines)
    off = pipec.load(compiled(RANGE), n=100, threads=3, control_interval=0)
    due(len(values(off)) == 6 and off.stats()["active"] == 3)
    for wrong in (-1, 3601, float("nan")):
        raises(ValueError, lambda: pipec.load(compiled(RANGE), control_interval=wrong), "control_interval")
    raises(TypeError, lambda: pipec.load(compiled(RANGE), control_interval="1"), "control_interval")


def test_a_length_that_is_not_known_is_none(folder):
    loader = pipec.load(compiled(RANGE.replace("y =", "where value % 2 == 0\ny =")))
    raises(TypeError, lambda: len(loader), "where")
    due(len(list(loader.__iter__())) == 31)
    due(sum(1 for _ in loader) == 31)


def test_closing(folder):
    with pipec.load(compiled(RANGE)) as loader:
        batch = next(iter(loader))
    loader.close()
    due("closed" in repr(loader) and batch.y.tolist() == list(range(1, 17)))
    raises(pipec.Error, lambda: next(iter(loader)), "closed")
    for call in (loader.stats, loader.state_dict, lambda: loader.fields, lambda: loader.classes, lambda: len(loader), lambda: setattr(loader, "epoch", 3)):
        raises(pipec.Error, call, "closed")


def test_an_epoch_without_a_batch_warns(folder):
    loader = pipec.load(compiled(RANGE), n=3)
    raises(pipec.PipecWarning, lambda: list(loader), "epoch 0 has no batch", "3 records")


def test_behind_the_last_batch_the_next_epoch_comes(folder):
    """A state from the end of a loop's body, in the last turn: no epoch is trained twice."""
    for process in (False, True):
        loader = pipec.load(compiled(RANGE), process=process)
        it = iter(loader)
        for _ in range(62):
            next(it)
        due(loader.epoch == 1)
        state = loader.state_dict()
        loader.epoch = 1
        due(next(it).number == 0 and loader.epoch == 1)
        for other in (pipec.load(compiled(RANGE), process=process, state=state), loader):
            other.load_state_dict(state)
            due(other.epoch == 1 and len(other) == 62 and sum(1 for _ in other) == 62 and other.epoch == 2)


def test_an_iterator_goes_on_when_there_is_room(folder):
    it = iter(pipec.load(compiled(RANGE), n=16 * 200))
    held = []
    raises(pipec.HeldError, lambda: held.extend(it) or [held.append(b) for b in it])
    n = len(held)
    held.clear()
    due(n < 200 and sum(1 for _ in it) > 0)


def test_a_start_that_failed_keeps_the_state(folder):
    state = pipec.load(compiled(LINES), root=__file__).state_dict()
    for process in (False, True):
        loader = pipec.load(compiled(LINES), root="absent", process=process, state=state)
        raises(pipec.SourceError, lambda: next(iter(loader)))
        due(loader.state_dict() == state and loader.epoch == 0 and "absent" not in repr(loader))
        loader = pipec.load(compiled(LINES), root="absent", process=process)
        raises(pipec.SourceError, lambda: next(iter(loader)))
        raises(pipec.StateError, loader.state_dict)
        repr(loader)


def parts(batch):
    """The memory of all fields."""
    return [p for f in batch for p in ((f.values, f.offsets) if isinstance(f, pipec.Ragged) else (f,))]


def test_it_goes_on_elsewhere_without_opening_again(folder):
    """A run that has begun takes states and epochs as it is: its threads and its source stay."""
    (folder / "text").write_text("".join(f"{'x' * (i % 9)}\n" for i in range(1000)))
    for text, arguments in ((RANGE, {}), (LINES, {"root": "text"}), (KEPT, {"root": "text"})):
        for process in (False, True):
            feature = compiled(text)
            fresh = [[list(map(bytes, parts(b))) for b in pipec.load(feature, epoch=e, seed=5, **arguments)] for e in range(3)]
            loader = pipec.load(feature, seed=5, process=process, **arguments)
            it = iter(loader)
            took = [list(map(bytes, parts(next(it)))) for _ in range(7)]
            os.path.exists("text") and os.rename("text", "elsewhere")
            state = loader.state_dict()
            for _ in range(5):
                next(it)
            loader.epoch = 2
            due([list(map(bytes, parts(b))) for b in loader] == fresh[2] and loader.epoch == 3)
            raises(pipec.StateError, lambda: loader.load_state_dict({"pipec": state["pipec"].replace("places", "faces")}), "faces")
            raises(pipec.StateError, lambda: loader.load_state_dict({"pipec": state["pipec"].replace("places ", "places 1")}), "places")
            due(loader.epoch == 3)
            loader.load_state_dict(state)
            due(took + [list(map(bytes, parts(b))) for b in loader] == fresh[0] and loader.epoch == 1)
            loader.epoch = 1
            due([list(map(bytes, parts(b))) for b in loader] == fresh[1])
            loader.close()
            os.path.exists("elsewhere") and os.rename("elsewhere", "text")


CACHED = """feature f(n: int = 64)
from range(0, n)
x = for i in 0..50: f32(value + i)
cache(ram)
y = for i in 0..50: x[i] + uniform(0, 1)
batch(8)
emit y
"""


def test_what_is_kept(folder):
    def epochs(n, **options):
        with pipec.load(compiled(CACHED), **options) as loader:
            return [values(loader) for _ in range(n)], loader.stats()["from_cache"]
    made, none = epochs(2, cache=False)
    due(none == 0 and made[0] != made[1])
    for options in ({}, {"cache": "kept"}, {"cache": folder / "other", "process": True}):
        rows, served = epochs(2, **options)
        due(rows == made and served == 64, f"{options}: {served}")
    due(epochs(2, cache="kept")[1] == 128)          # the second run begins with it
    raises(TypeError, lambda: pipec.load(compiled(CACHED), cache=3), "cache")
