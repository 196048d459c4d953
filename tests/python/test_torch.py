"""pipec.torch against what torch's own loader does; not without numpy."""
import logging
import os
import subprocess
import sys
import warnings
import pipec
from harness import LINES, RANGE, Skip, compiled, due, needs, raises, script

torch = needs("torch")
import pipec.torch as adapter

SHUFFLED = RANGE.replace("range(0, n)\n", "range(0, n)\nshuffle\n")


def test_an_epoch_is_a_for(folder):
    loader = adapter.DataLoader(compiled(RANGE), n=100, pin_memory=False)
    due(len(loader) == 6 and loader.batch_size == 16)
    for epoch in range(2):
        due(loader.epoch == epoch)
        batches = list(loader)
        due(len(batches) == 6 and all(y.dtype == torch.int32 and z.dtype == torch.float16 and z.shape == (16, 3) for y, z in batches))
        due(torch.equal(torch.cat([y for y, _ in batches]), torch.arange(1, 97, dtype=torch.int32)))


def test_tensors_are_views_that_keep_their_memory(folder):
    loader = adapter.DataLoader(compiled(RANGE), n=10**5, pin_memory=False, threads=2)
    kept = [y for i, (y, _) in zip(range(4), loader)]
    for y, _ in loader:
        pass
    due(all(torch.equal(y, torch.arange(16 * i + 1, 16 * i + 17, dtype=torch.int32)) for i, y in enumerate(kept)))


def test_who_keeps_everything_gets_copies(folder):
    (folder / "text").write_text("".join(f"{i}\n" for i in range(4000)))
    loader = adapter.DataLoader(compiled(LINES), root=str(folder / "text"), pin_memory=False)
    for epoch in range(2):
        kept = [(up.values, size[:2]) for up, _, size in loader]
        due(len(kept) == len(loader) == 1000)
        due(all(bytes(text.tolist()) == b"".join(b"%d" % i for i in range(4 * k, 4 * k + 4)) and size.tolist() == [len(str(4 * k))] * 2 for k, (text, size) in enumerate(kept)))


def test_fields_are_chosen(folder):
    z, y = next(iter(adapter.DataLoader(compiled(RANGE), fields=["z", "y"], pin_memory=False)))
    due(z.shape == (16, 3) and y.shape == (16,))
    both = next(iter(adapter.DataLoader(compiled(RANGE), mapping=True, pin_memory=False)))
    due(list(both) == ["y", "z"] and torch.equal(both["y"], y))
    raises(ValueError, lambda: adapter.DataLoader(compiled(RANGE), fields=["w"]), "`w`", "y, z")


def test_bf16_is_torchs(folder):
    x, = next(iter(adapter.DataLoader(compiled("feature f()\nfrom range(0, 8)\nx = bf16(f32(value) * 1.5)\nbatch(8)\nemit x\n"), pin_memory=False)))
    due(x.dtype == torch.bfloat16 and torch.equal(x.float(), torch.arange(8) * 1.5), x)


def test_ragged_is_values_and_offsets(folder):
    (folder / "text").write_bytes(b"one\nthree\n\nfourteen\n")
    up, grid, size = next(iter(adapter.DataLoader(compiled(LINES), root=str(folder / "text"), pin_memory=False)))
    due(bytes(up.values.tolist()) == b"onethreefourteen" and up.offsets.tolist() == [0, 3, 8, 8, 16] and up.shapes is None)
    due(grid.shapes.tolist() == [[2, n] for n in (3, 5, 0, 8)] == [[2, n] for n in size.tolist()])


def test_left_early_the_next_for_is_the_next_epoch(folder):
    loader = adapter.DataLoader(compiled(SHUFFLED), n=100, pin_memory=False)
    first = next(iter(loader))[0]
    second = [y for y, _ in loader]
    due(len(second) == 6 and loader.epoch == 2 and not torch.equal(second[0], first))
    loader.set_epoch(0)
    due(torch.equal(next(iter(loader))[0], first))
    loader.sampler.set_epoch(1)
    due(all(map(torch.equal, [y for y, _ in loader], second)))


def test_a_state_in_the_middle(folder):
    so = compiled(SHUFFLED)
    whole = [y for y, _ in adapter.DataLoader(so, n=200, seed=3, pin_memory=False)]
    loader = adapter.DataLoader(so, n=200, seed=3, pin_memory=False)
    it = iter(loader)
    for _ in range(5):
        next(it)
    state = loader.state_dict()
    other = adapter.DataLoader(so, n=200, threads=3, pin_memory=False)
    other.load_state_dict(state)
    due(all(map(torch.equal, [y for y, _ in other], whole[5:])) and other.epoch == 1)


def test_ranks_are_those_of_the_job(folder):
    text = f"import os, pipec.torch\nloader = pipec.torch.DataLoader({compiled(RANGE)!r}, n=100, pin_memory=False)\nprint([int(y[0]) for y, _ in loader])\n"
    said = [script(text, folder, env={**os.environ, "RANK": str(r), "WORLD_SIZE": "2"}).stdout for r in range(2)]
    due(said == ["[1, 33, 65]\n", "[17, 49, 81]\n"], said)


def test_torchs_own_loader_over_the_dataset(folder):
    data = adapter.IterableDataset(compiled(RANGE), n=200)
    for workers, parts in ((0, 1), (2, 2)):
        data.set_epoch(0)
        got = [int(y[0]) for y, _ in torch.utils.data.DataLoader(data, batch_size=None, num_workers=workers)]
        due(sorted(got) == [1 + 16 * k for k in range(12 // parts * parts)], (workers, got))


def test_a_model_learns(folder):
    """The loop of a trainer: y = 3 x + 1 from batches of x and y."""
    so = compiled("feature f()\nfrom range(0, 4096)\nshuffle\nx = uniform(-1, 1)\ny = 3 * x + 1\nbatch(64)\nemit x, y\n")
    model = torch.nn.Linear(1, 1)
    best = torch.optim.SGD(model.parameters(), lr=.1)
    loader = adapter.DataLoader(so, pin_memory=False, threads=2)
    for _ in range(3):
        for x, y in loader:
            best.zero_grad()
            torch.nn.functional.mse_loss(model(x[:, None])[:, 0], y).backward()
            best.step()
    due(abs(model.weight.item() - 3) < .01 and abs(model.bias.item() - 1) < .01, (model.weight, model.bias))


def test_what_trainers_look_at(folder):
    loader = adapter.DataLoader(compiled(RANGE), n=100, pin_memory=False)
    due(not isinstance(loader, torch.utils.data.DataLoader) and len(loader.dataset) == 100)
    due((loader.batch_size, loader.num_workers, loader.persistent_workers, loader.pin_memory, loader.batch_sampler) == (16, 0, False, False, None))
    again = torch.utils.data.DataLoader(loader.dataset, batch_size=4)       # as trainers make them to skip batches
    raises(TypeError, lambda: next(iter(again)), "records come in batches", "load_state_dict")
    due(loader.sampler.set_epoch(7) is None and loader.epoch == 7)
    even = adapter.DataLoader(compiled(RANGE.replace("y =", "where value % 2 == 0\ny =")), n=100)
    due(len(even.dataset) == 100)
    raises(TypeError, lambda: len(even), "where")


def test_what_torchs_loader_is_told_is_somewhere_else(folder):
    so = compiled(RANGE)
    raises(TypeError, lambda: adapter.DataLoader(so, num_workers=4), "`num_workers`", "threads=", "parameters: n, a, batch")
    raises(TypeError, lambda: adapter.DataLoader(so, shuffle=True), "the feature's shuffle")
    raises(TypeError, lambda: adapter.DataLoader(so, m=1), "no parameter `m`")
    own = compiled(RANGE.replace("batch: int = 16", "batch_size: int = 16").replace("batch(batch)", "batch(batch_size)"), batch_size=8)
    due(adapter.DataLoader(own).batch_size == 8)


def test_the_length_is_that_of_an_epoch_also_of_one_that_is_resumed(folder):
    loader = adapter.DataLoader(compiled(RANGE), n=200, pin_memory=False)
    it = iter(loader)
    for _ in range(5):
        next(it)
    other = adapter.DataLoader(compiled(RANGE), n=200, pin_memory=False, state=loader.state_dict())
    due(len(other) == 12)
    due([len(list(other)), len(other), len(list(other)), other.epoch] == [7, 12, 12, 2])
    halves = [adapter.DataLoader(compiled(RANGE), n=200, rank=r, world=2, state=loader.state_dict(), pin_memory=False) for r in (0, 1)]
    firsts = [[int(y[0]) for y, _ in half] for half in halves]
    due(firsts == [[81, 113, 145], [97, 129, 161]], firsts)     # batches 5 to 10; the last has no fellow


def test_epochs_of_workers_that_stay_or_go(folder):
    whole = adapter.DataLoader(compiled(SHUFFLED), n=192, pin_memory=False)
    epochs = [sorted(int(y[0]) for y, _ in whole) for _ in range(3)]
    due(epochs[0] != epochs[1])
    for persistent in (False, True):
        data = adapter.IterableDataset(compiled(SHUFFLED), n=192)
        loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=2, persistent_workers=persistent)
        got = [sorted(int(y[0]) for y, _ in loader) for _ in range(3)]
        due(got == epochs and data.epoch == 3, (persistent, data.epoch))
        data.set_epoch(1)
        due(sorted(int(y[0]) for y, _ in loader) == epochs[1])


RANKS = """
import sys, torch, torch.distributed as dist, pipec.torch
rank, so, store = int(sys.argv[1]), *sys.argv[2:]
early = pipec.torch.DataLoader(so, n=1000, seed=4, pin_memory=False)
dist.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=2)
late = pipec.torch.DataLoader(so, n=1000, seed=4, pin_memory=False)
one = pipec.torch.DataLoader(so, n=1000, seed=4, rank=0, world=1, pin_memory=False)
for loader in (early, late):
    for epoch in range(2):
        whole = [y for y, _ in one]
        mine = torch.stack([y for y, _ in loader])
        both = [torch.empty_like(mine) for _ in range(2)]
        dist.all_gather(both, mine)                 # of one shape, or it fails
        assert len(loader) == len(mine) == 31 and len(whole) == 62
        assert all(torch.equal(y, both[i % 2][i // 2]) for i, y in enumerate(whole))
        assert loader.epoch == epoch + 1
    one.set_epoch(0)
it = iter(late)                                     # rank 0's state is everybody's
for _ in range(9):
    next(it)
given = [late.state_dict()]
dist.broadcast_object_list(given)
other = pipec.torch.DataLoader(so, n=1000, pin_memory=False)
other.load_state_dict(given[0])
assert all(map(torch.equal, [y for y, _ in other], [y for y, _ in it])) and len(other) == 31
dist.destroy_process_group()
print("same")
"""


def test_two_ranks_of_torch_distributed_share_the_stream(folder):
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        raise Skip("this torch has no gloo")
    (folder / "ranks.py").write_text(RANKS)
    argv = [sys.executable, str(folder / "ranks.py")]
    both = [subprocess.Popen([*argv, str(r), compiled(SHUFFLED), str(folder / "store")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for r in (0, 1)]
    said = [p.communicate()[0] for p in both]
    due(all(text.endswith("same\n") for text in said), said)


def test_pinning_without_cuda_is_a_warning(folder):
    if torch.cuda.is_available():
        raise Skip("there is CUDA")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        loader = adapter.DataLoader(compiled(RANGE), pin_memory=True)
        quiet = [adapter.DataLoader(compiled(RANGE), pin_memory=p) for p in (None, False)]
    due([str(w.message)[:40] for w in said] == ["pin_memory=True, and there is no CUDA: b"] and said[0].filename == __file__, said)
    due(not any(x.pin_memory for x in [loader, *quiet]) and len(list(loader)) == 62)


def test_pinned_memory(folder):
    if not torch.cuda.is_available():
        raise Skip("there is no CUDA")
    y, _ = next(iter(adapter.DataLoader(compiled(RANGE))))
    due(y.is_pinned() and torch.equal(y, torch.arange(1, 17, dtype=torch.int32)))


def test_lightning_trains_and_goes_on_in_the_middle_of_an_epoch(folder):
    """What is trained on is the stream of one loader, over a checkpoint and a new run."""
    lightning = needs("pytorch_lightning")
    so = compiled("feature f()\nfrom range(0, 400)\nshuffle\ni = value\nx = uniform(-1, 1)\ny = 3 * x + 1\nbatch(20)\nemit i, x, y\n")

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.line, self.seen = torch.nn.Linear(1, 1), []

        def training_step(self, batch, index):
            i, x, y = batch
            self.seen.append(i.tolist())
            return torch.nn.functional.mse_loss(self.line(x[:, None])[:, 0], y)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=.3)

    logging.disable(logging.WARNING)

    def trainer(**more):
        return lightning.Trainer(accelerator="cpu", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder, **more)

    one = adapter.DataLoader(so, pin_memory=False)
    whole = [i.tolist() for _ in range(2) for i, _, _ in one]
    straight = Model()
    trainer(max_epochs=2, enable_checkpointing=False).fit(straight, adapter.DataLoader(so, pin_memory=False))
    due(straight.seen == whole and abs(straight.line.weight.item() - 3) < .05, straight.line.weight)
    saver = lightning.callbacks.ModelCheckpoint(dirpath=folder, every_n_train_steps=7, save_top_k=-1, filename="{step}")
    first = Model()
    trainer(max_epochs=2, callbacks=[saver]).fit(first, adapter.DataLoader(so, pin_memory=False))
    for step in (7, 14, 21, 35):
        again = Model()
        trainer(max_epochs=2, enable_checkpointing=False).fit(again, adapter.DataLoader(so, pin_memory=False), ckpt_path=folder / f"step={step}.ckpt")
        due(again.seen == whole[step:], (step, len(again.seen), [whole.index(i) for i in again.seen]))


def test_an_adapter_without_its_library_says_what_to_install(folder):
    for library, name in (("torch", "torch"), ("jax", "jax"), ("tensorflow", "tf")):
        said = script(f"import sys\nsys.modules[{library!r}] = None\nimport pipec\ntry:\n    pipec.{name}\nexcept ImportError as why:\n    print(why)\n", folder)
        due(said.stdout == f"pipec.{name} needs {library}: pip install {library}\n", said.stdout)


LIGHTNING = """
import pathlib, sys, torch, pipec.torch, pytorch_lightning as lightning
class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.line, self.seen = torch.nn.Linear(1, 1), []
    def training_step(self, batch, index):
        self.seen += batch[0].tolist()
        return self.line(batch[1][:, None]).mean()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=.1)
loader = pipec.torch.DataLoader(sys.argv[1])            # before there are ranks
model = Model()
trainer = lightning.Trainer(accelerator="cpu", devices=2, strategy="ddp", max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False)
trainer.fit(model, loader)
pathlib.Path(sys.argv[2], str(trainer.global_rank)).write_text(repr(model.seen))
"""


def test_lightnings_ranks_share_the_stream(folder):
    needs("pytorch_lightning")
    so = compiled("feature f()\nfrom range(0, 400)\nshuffle\ni = value\nx = uniform(-1, 1)\nbatch(20)\nemit i, x\n")
    said = script(LIGHTNING, folder, [so, folder]).stdout
    due((folder / "0").exists() and (folder / "1").exists(), said)
    seen = [eval((folder / rank).read_text()) for rank in "01"]
    one = adapter.DataLoader(so, pin_memory=False)
    for epoch in range(2):
        mine = [s[200 * epoch:200 * epoch + 200] for s in seen]
        batches = [i.tolist() for i, _ in one]
        due([sum(batches[r::2], []) for r in (0, 1)] == mine)
