#!/usr/bin/env python3
"""curves.py OUT: the runs in OUT side by side: curves.png, and a table of means and
spreads over the seeds."""
import json
import pathlib
import statistics
import sys

COLOURS = {"pipec": "tab:blue", "torchvision": "tab:orange"}


def runs_of(out):
    paths = sorted(pathlib.Path(out).glob("*.json"))
    return [json.loads(path.read_text()) for path in paths]


def smoothed(values, n=25):
    """Means of the last n."""
    return [sum(values[max(i - n, 0):i]) / min(i, n) for i in range(1, len(values) + 1)]


def draw(out):
    """A thin line for each run, on the left the loss of each step, on the right what the
    network makes of pictures it has not seen."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    named = set()
    for run in runs_of(out):
        style = {"color": COLOURS[run["loader"]], "lw": 1.2, "alpha": .8}
        if run["loader"] not in named:
            style["label"] = run["loader"]
            named.add(run["loader"])
        epochs = range(1, len(run["history"]) + 1)
        left.plot([(i + 1) / run["steps"] for i in range(len(run["losses"]))],
                  smoothed(run["losses"]), **style)
        right.plot(epochs, [line["val_accuracy"] for line in run["history"]], **style)
    left.set(title="training loss, mean of 25 steps", xlabel="epoch", ylim=(0, None))
    right.set(title="accuracy on the val folder", xlabel="epoch", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=.3)
        axes.legend()
    figure.savefig(pathlib.Path(out) / "curves.png", dpi=110)
    pyplot.close(figure)


def spread(values, form):
    mean = form.format(statistics.mean(values))
    if len(values) < 2:
        return mean
    return f"{mean} ± {form.format(statistics.stdev(values))}"


def table(out):
    """Per loader: mean ± standard deviation over the seeds of the last epoch's accuracy
    and loss, of an epoch's time (the median; the first one starts the workers and is left
    out), and of the share of it that was waited for data."""
    rows = [("", "seeds", "val accuracy", "train loss", "s an epoch", "waiting")]
    runs = runs_of(out)
    for loader in sorted({run["loader"] for run in runs}):
        own = [run["history"] for run in runs if run["loader"] == loader]
        seconds = [statistics.median(e["seconds"] for e in h[1:] or h) for h in own]
        waiting = [sum(e["waited"] for e in h) / sum(e["seconds"] for e in h)
                   for h in own]
        rows.append((loader, str(len(own)),
                     spread([h[-1]["val_accuracy"] for h in own], "{:.3f}"),
                     spread([h[-1]["train_loss"] for h in own], "{:.3f}"),
                     spread(seconds, "{:.1f}"), spread(waiting, "{:.0%}")))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


if __name__ == "__main__":
    draw(sys.argv[1])
    print(table(sys.argv[1]))
