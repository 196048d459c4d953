"""examples/train: it learns, and goes on exactly where it was stopped. Not without numpy."""
import contextlib
import io
import math
import os
import pathlib
import subprocess
import sys
from harness import due, needs

os.environ.setdefault("OMP_WAIT_POLICY", "passive")      # as train.py does
torch = needs("torch")
EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "train"
sys.path.insert(0, str(EXAMPLE))
import train

STEPS = 10                              # of an epoch of 200 pictures in batches of 20


def made(folder):
    """The pictures, by the Python that has what make_data.py needs."""
    subprocess.run(["/usr/bin/python3", EXAMPLE / "make_data.py", folder / "data", "--train", "200", "--val", "40", "--jobs", "2"], check=True)
    return folder / "data"


def trained(data, out, steps, *more):
    """A trainer that stopped after so many steps, and what it learnt from at each."""
    seen, learn = [], train.Trainer.learn

    def watched(self, images, labels):
        seen.append((hash(tuple(images.flatten().tolist())), labels.tolist()))
        return learn(self, images, labels)
    train.Trainer.learn = watched
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            trainer = train.main([str(data), "--out", str(out), "--batch", "20", "--epochs", "16", "--rate", ".02", "--steps", str(steps), *more])
    finally:
        train.Trainer.learn = learn
    return trainer, seen


def test_it_learns_and_a_stop_changes_nothing(folder):
    data = made(folder)
    whole, batches = trained(data, folder / "whole", 15 * STEPS)
    due(len(batches) == len({pixels for pixels, _ in batches}) == 15 * STEPS == whole.step)
    last = sum(whole.losses[-STEPS:]) / STEPS
    due(last < math.log(10) - .4, last)         # log(10) is what guessing costs
    for stops in ((7, 13), (STEPS,), (STEPS - 1, 2 * STEPS + 1)):
        out, seen = folder / f"stopped{stops[0]}", []
        for i, steps in enumerate((*stops, 25)):
            trainer, more = trained(data, out, steps, *["--resume"] * (i > 0))
            seen += more
        due(seen == batches[:25] and (trainer.step, trainer.epoch) == (25, 2), stops)
        due(torch.allclose(torch.tensor(trainer.losses), torch.tensor(whole.losses[:25]), atol=1e-3), stops)
        due(all(abs(one[key] - two[key]) < 1e-3 for one, two in zip(trainer.history, whole.history) for key in ("epoch", "train_loss", "train_accuracy")), stops)


def test_each_picture_is_seen_once_an_epoch(folder):
    """The labels of an epoch are those of the folders; another epoch has another order."""
    trainer, batches = trained(made(folder), folder, 2 * STEPS)
    labels = [label for _, some in batches for label in some]
    due(sorted(labels[:200]) == sorted(labels[200:]) == [k for k in range(10) for _ in range(20)])
    due(labels[:200] != labels[200:] and 0 < trainer.judge()["val_accuracy"] < 1)
