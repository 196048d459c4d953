#!/usr/bin/env python3
"""Trains a small network on the pictures of make_data.py, by either loader.

    train.py DATA --loader pipec --out runs
    train.py DATA --loader pipec --out runs --resume

Tells loss, accuracy, time and waiting for data of each epoch; OUT gets a checkpoint,
the numbers as JSON and curves.png of all runs in it. --resume goes on from the last
checkpoint, with pipec at the very batch. torchvision's loader has no state, so there
a checkpoint is of the end of an epoch.
"""
import argparse
import json
import math
import os
import pathlib
import sys
import time

# Loader and network share the cores: threads that wait must not burn them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import nn

import curves
from loaders import LOADERS


PROGRESS = ["epoch", "step", "clock", "history", "losses"]


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inward, outward):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inward, outward, 3, 2, 1, bias=False), nn.BatchNorm2d(outward),
            nn.ReLU(),
            nn.Conv2d(outward, outward, 3, 1, 1, bias=False), nn.BatchNorm2d(outward))
        self.around = nn.Sequential(nn.Conv2d(inward, outward, 1, 2, bias=False),
                                    nn.BatchNorm2d(outward))

    def forward(self, x):
        return torch.relu(self.body(x) + self.around(x))


def network(classes, width=24):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        Block(width, 2 * width), Block(2 * width, 4 * width), Block(4 * width, 8 * width),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, classes))


class Sums:
    """Loss and accuracy over the pictures seen."""

    def __init__(self, loss=0.0, right=0, seen=0):
        self.loss, self.right, self.seen = loss, right, seen

    def add(self, loss, output, labels):
        self.loss += loss.item() * len(labels)
        self.right += (output.argmax(1) == labels).sum().item()
        self.seen += len(labels)

    def means(self, part):
        return {f"{part}_loss": self.loss / self.seen,
                f"{part}_accuracy": self.right / self.seen}


def timed(batches, clock):
    """The batches; what was waited for them is added to clock["waited"]."""
    batches = iter(batches)
    while True:
        began = time.perf_counter()
        batch = next(batches, None)
        clock["waited"] += time.perf_counter() - began
        if batch is None:
            return
        yield batch


class Trainer:
    """A network, its optimizer, two loaders, and how far they are."""

    def __init__(self, o):
        self.o, self.checkpoint = o, o.out / f"{o.loader}-{o.seed}.pt"
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(o.seed)               # both loaders train the same network
        classes = sum(1 for f in (o.data / "train").iterdir() if f.is_dir())
        self.net = network(classes).to(self.device)
        self.train, self.val = LOADERS[o.loader](o.data, o.batch, o.seed, o.workers)
        self.steps = len(self.train)                    # of an epoch
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=o.rate, momentum=.9,
                                         nesterov=True, weight_decay=5e-4)
        self.epoch = self.step = 0
        self.sums, self.clock = Sums(), {"waited": 0.0, "seconds": 0.0}
        self.history, self.losses = [], []

    # ---- checkpoints ----
    def save(self):
        state = {name: getattr(self, name) for name in PROGRESS}
        for name in self.stateful():
            state[name] = getattr(self, name).state_dict()
        part = self.checkpoint.with_suffix(".part")
        torch.save({**state, "sums": vars(self.sums)}, part)
        part.replace(self.checkpoint)

    def stateful(self):
        return ["net", "optimizer"] + ["train"] * hasattr(self.train, "state_dict")

    def load(self):
        state = torch.load(self.checkpoint, map_location=self.device)
        for name in PROGRESS:
            setattr(self, name, state[name])
        for name in self.stateful():
            getattr(self, name).load_state_dict(state[name])
        self.sums = Sums(**state["sums"])

    # ---- an epoch ----
    def rate(self):
        """A tenth of the steps upwards, then down along a cosine."""
        t = (self.step + 1) / (self.o.epochs * self.steps)
        falling = .5 + .5 * math.cos(math.pi * (t - .1) / .9)
        return self.o.rate * (t / .1 if t < .1 else falling)

    def learn(self, images, labels):
        """One step; gives the loss."""
        images, labels = images.to(self.device), labels.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        output = self.net(images)
        loss = nn.functional.cross_entropy(output, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.sums.add(loss, output, labels)
        return loss.item()

    def learn_epoch(self):
        """The rest of an epoch. False: --steps ended it."""
        if self.step == self.steps * (self.epoch + 1):      # nothing is left of it
            return True
        self.net.train()
        self.train.set_epoch(self.epoch)
        began, before = time.perf_counter(), self.clock["seconds"]
        for images, labels in timed(self.train, self.clock):
            self.losses.append(self.learn(images, labels))
            self.step += 1
            self.clock["seconds"] = before + time.perf_counter() - began
            if self.step == self.o.steps:
                self.save_within()
                return False
            if self.o.save_every and self.step % self.o.save_every == 0:
                self.save_within()
        return True

    def save_within(self):
        """In an epoch: only where the loader can go on in it."""
        if "train" in self.stateful():
            self.save()

    @torch.no_grad()
    def judge(self):
        """Loss and accuracy of the pictures that are not learnt from."""
        self.net.eval()
        sums = Sums()
        for images, labels in self.val:
            images, labels = images.to(self.device), labels.to(self.device)
            output = self.net(images)
            sums.add(nn.functional.cross_entropy(output, labels), output, labels)
        return sums.means("val")

    def end_epoch(self):
        line = {"epoch": self.epoch, **self.sums.means("train"), **self.judge(),
                **self.clock}
        self.history.append(line)
        self.epoch += 1
        self.sums, self.clock = Sums(), {"waited": 0.0, "seconds": 0.0}
        print(f"epoch {line['epoch']:2}: loss {line['train_loss']:.3f}, accuracy "
              f"{line['train_accuracy']:.3f}; val loss {line['val_loss']:.3f}, accuracy "
              f"{line['val_accuracy']:.3f}; {line['seconds']:.1f} s, "
              f"{line['waited'] / line['seconds']:.0%} of it waiting", flush=True)

    def write(self):
        """The numbers, and the picture of all runs beside it."""
        run = {"loader": self.o.loader, "seed": self.o.seed, "steps": self.steps,
               "history": self.history, "losses": self.losses}
        (self.o.out / f"{self.o.loader}-{self.o.seed}.json").write_text(json.dumps(run))
        curves.draw(self.o.out)

    def run(self):
        while self.epoch < self.o.epochs:
            if not self.learn_epoch():
                print(f"stopped after {self.step} steps; --resume goes on")
                return
            self.end_epoch()
            self.save()
        self.write()


def options(argv=None):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data", type=pathlib.Path, help="folder with train and val")
    add("--loader", choices=LOADERS, default="pipec")
    add("--out", type=pathlib.Path, default=pathlib.Path("runs"))
    add("--epochs", type=int, default=12)
    add("--batch", type=int, default=64)
    add("--rate", type=float, default=.1, help="the highest learning rate")
    add("--seed", type=int, default=0)
    add("--workers", type=int, default=2, help="threads (pipec), processes (torchvision)")
    add("--steps", type=int, help="stop after so many in all, with a checkpoint")
    add("--save-every", type=int, default=50,
        help="steps between checkpoints; 0: at the end of epochs alone")
    add("--resume", action="store_true")
    return parser.parse_args(argv)


def main(argv=None):
    o = options(argv)
    o.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(o)
    if o.resume:
        if not trainer.checkpoint.exists():
            sys.exit(f"nothing to go on from at {trainer.checkpoint}: leave out --resume")
        trainer.load()
    trainer.run()
    return trainer


if __name__ == "__main__":
    main()
