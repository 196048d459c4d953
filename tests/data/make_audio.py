#!/usr/bin/python3
"""make_audio.py DIR [-n 200] [--seconds 3] [--seed 1]

A folder of 16-bit WAV files at 16 kHz: tones that come and go over noise that
falls with the frequency, most of one channel, some of two, lengths from half to
one and a half of --seconds. The same arguments give the same files.
"""
import argparse
import pathlib
import wave

import numpy as np

RATE = 16000


def noise(rng, n):
    spectrum = rng.standard_normal(n // 2 + 1) + 1j * rng.standard_normal(n // 2 + 1)
    spectrum /= np.sqrt(np.arange(n // 2 + 1) + 20)
    x = np.fft.irfft(spectrum, n)
    return x / x.std()


def recording(rng, n):
    t = np.arange(n) / RATE
    x = .03 * noise(rng, n)
    for _ in range(rng.integers(2, 9)):
        start, length = rng.uniform(0, n / RATE), rng.uniform(.05, .6)
        pitch, loud = 110 * 2 ** rng.uniform(0, 4), rng.uniform(.02, .2)
        shape = np.clip((t - start) / .01, 0, 1) * np.clip((start + length - t) / .05, 0, 1)
        for k in range(1, 6):
            x += shape * loud / k * np.sin(2 * np.pi * pitch * k * t)
    return np.clip(np.rint(x * 32767), -32768, 32767).astype("<i2")


def write(path, rng, seconds):
    n = int(RATE * seconds * rng.uniform(.5, 1.5))
    channels = 2 if rng.random() < .2 else 1
    samples = np.stack([recording(rng, n) for _ in range(channels)], 1)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for i in range(given.n):
        write(given.folder / f"{i:05}.wav", np.random.default_rng([given.seed, 4, i]),
              given.seconds)
