# Log-mel frames over a user's Fourier transform, whose plan is made at open.
import "std/audio"

kernel dft_plan(n: int) -> Plan
    from "dft.c"
    at open
kernel dft(plan: Plan, x: f32[n]) -> f32[n // 2 + 1, 2]
    from "dft.c"

fn mel(f: f32) -> f32 = 2595 * log10(1 + f / 700)
fn hertz(m: f32) -> f32 = 700 * (pow(10.0, m / 2595) - 1)

fn filters(bands: int, bins: int, rate: f32) -> f32[bands, bins] {
    edge = for e in 0..bands + 2: hertz(mel(rate / 2) * e / (bands + 1))
    for b, k: {
        f = k * rate / (2 * (bins - 1))
        max(min((f - edge[b]) / (edge[b + 1] - edge[b]), (edge[b + 2] - f) / (edge[b + 2] - edge[b + 1])), 0)
    }
}

feature mel_frames(root: path, size: int = 64, step: int = 40, bands: int = 8)
plan = dft_plan(size)
bank = filters(bands, size // 2 + 1, 16000)
window = hann_window(size)

from files(root, "*.wav")
spans = frames(wav_channel(data), size, step)
power = for m: {
    z = dft(plan, spans[m] * window)
    for k in 0..size // 2 + 1: z[k, 0] * z[k, 0] + z[k, 1] * z[k, 1]
}
logmel = for m, b in 0..bands: log(sum(for k: bank[b, k] * power[m, k]) + 1e-6)
batch(3, last = partial)
emit logmel = padded(logmel, 0), n = lengths(logmel)
