#!/usr/bin/python3
"""make_text.py FILE [--lines 100000] [--length 0] [--seed 1]

Lines of words that look like text: word lengths and frequencies fall as in a
language. --length 120 gives every line that many bytes; 0 gives lines of all
lengths, a few of them empty. The same arguments give the same bytes.
"""
import argparse
import pathlib

import numpy as np

LETTERS = np.frombuffer(b"eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnssssss"
                        b"hhhhhhrrrrrrddddllllcccuuummmwwwffggyyppbbvvkjxqz", np.uint8)
WORDS = 20000


def vocabulary(rng):
    lengths = np.clip(rng.poisson(5.5, WORDS), 1, 14)
    lengths[:60] = rng.integers(1, 5, 60)               # the frequent ones are short
    return [rng.choice(LETTERS, n).tobytes() for n in lengths]


def zipf(rng, n):
    """n word numbers: word k about as often as 1 / (k + 3)."""
    weights = 1 / (np.arange(WORDS) + 3)
    return np.searchsorted(np.cumsum(weights / weights.sum()), rng.random(n))


def write(path, lines, length, seed):
    rng = np.random.default_rng([seed, 3])
    words = vocabulary(rng)
    lengths = np.full(lines, length) if length else rng.negative_binomial(2, .02, lines)
    stream = b" ".join(words[min(k, WORDS - 1)] for k in zipf(rng, lengths.sum() // 4 + 100))
    ends = np.cumsum(lengths)
    with open(path, "wb") as out:
        for a, b in zip(ends - lengths, ends):
            out.write(stream[a:b] + b"\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--lines", type=int, default=100000)
    parser.add_argument("--length", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.file.parent.mkdir(parents=True, exist_ok=True)
    write(given.file, given.lines, given.length, given.seed)
