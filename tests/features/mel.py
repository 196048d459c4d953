"""Log-mel against numpy.fft in f64."""
import numpy as np
from support import close, equal, noise, wav

SIZE, STEP, BANDS, RATE = 64, 40, 8, 16000
X = [noise(500), noise(64, 1), noise(333, 2), noise(60, 3), noise(1000, 4)]


def data(bench):
    for i, x in enumerate(X):
        bench.file(f"in/{i}.wav", wav(x))
    return {"set": {"root": bench.dir / "in"}}


def logmel(x):
    bins = SIZE // 2 + 1
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edge = 700 * (10 ** (top * np.arange(BANDS + 2) / (BANDS + 1) / 2595) - 1)
    f = np.arange(bins) * RATE / SIZE
    bank = np.array([np.clip(np.minimum((f - edge[b]) / (edge[b + 1] - edge[b]), (edge[b + 2] - f) / (edge[b + 2] - edge[b + 1])), 0, None)
                     for b in range(BANDS)])
    w = .5 - .5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    p = [np.abs(np.fft.rfft(x[a:a + SIZE] / 32768 * w)) ** 2 for a in range(0, len(x) - SIZE + 1, STEP)]
    return np.log(np.array(p).reshape(-1, bins) @ bank.T + 1e-6)


def check(run):
    due = [logmel(x) for x in X]
    equal(run.all("n"), [len(d) for d in due], "n")
    for i, d in enumerate(due):
        got = run.fields["logmel"][i // 3][i % 3]
        close(got[:len(d)], d, 3e-3, f"sound {i}")
        equal(got[len(d):], np.zeros((len(got) - len(d), BANDS)), "padding")
