"""pipec.torch against what torch's own loader does; not without numpy. Without torch: no test, and a line that says so."""
import os
import pipec
from harness import LINES, RANGE, compiled, due, raises, script

try:
    import torch
    import pipec.torch as adapter
except ImportError as why:
    torch = None
    print(f"torch is not there: its tests are left out ({why})")

if torch:
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
        loader = adapter.DataLoader(compiled(RANGE.replace("range(0, n)\n", "range(0, n)\nshuffle\n")), n=100, pin_memory=False)
        first = next(iter(loader))[0]
        second = [y for y, _ in loader]
        due(len(second) == 6 and loader.epoch == 2 and not torch.equal(second[0], first))
        loader.set_epoch(0)
        due(torch.equal(next(iter(loader))[0], first))
        loader.sampler.set_epoch(1)
        due(all(map(torch.equal, [y for y, _ in loader], second)))

    def test_a_state_in_the_middle(folder):
        so = compiled(RANGE.replace("range(0, n)\n", "range(0, n)\nshuffle\n"))
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
