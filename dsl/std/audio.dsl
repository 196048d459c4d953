# Sound: samples -1 … 1 as f32.

# ---- WAV -----------------------------------------------------------------

fn le16(x: bytes, at: int) -> int = int(x[at]) + 256 * int(x[at + 1])
fn le32(x: bytes, at: int) -> int = le16(x, at) + 65536 * le16(x, at + 2)

## start: where the samples begin; rate: samples a second.
type WavHeader = (start: int, frames: int, channels: int, rate: int)

## Walks the chunks of a RIFF WAVE file up to `data`. Chunks that it does not
## know are passed over; one of odd length is followed by a byte of padding.
fn wav_header(x: bytes) -> WavHeader {
    n = len(x)
    body = if n >= 12 and le32(x, 0) == 0x46464952 and le32(x, 8) == 0x45564157     # RIFF, WAVE
        then 12 else fail("not a RIFF WAVE file")
    at, format, start, size = fold p, f, s, z = (body, 0, 0, 0) for i in 0..64 until s > 0: {
        length = le32(x, p + 4)
        after = p + 8 + length + length % 2
        if le32(x, p) == 0x20746D66 then (after, p + 8, 0, 0)                       # "fmt "
        else if le32(x, p) == 0x61746164 then (p, f, p + 8, min(length, n - p - 8)) # "data"
        else (after, f, 0, 0)
    }
    channels = le16(x, format + 2)
    if format > 0 and start > 0 and le16(x, format) == 1 and le16(x, format + 14) == 16 and channels > 0
        then (start, size // (2 * channels), channels, le32(x, format + 4))
        else fail("not 16-bit PCM")
}

## One channel of a 16-bit WAV file.
fn wav_channel(x: bytes, channel: int = 0) -> f32[?n] {
    start, frames, channels, rate = wav_header(x)
    at = if channel >= 0 and channel < channels then start + 2 * channel else fail("the file has no such channel")
    for i in 0..frames: wrap(i16, le16(x, at + 2 * channels * i)) * 3.0517578125e-5      # 2^-15
}

## All channels of a 16-bit WAV file.
fn decode_wav(x: bytes) -> f32[?c, ?n] {
    start, frames, channels, rate = wav_header(x)
    for c in 0..channels, i in 0..frames: wrap(i16, le16(x, start + 2 * (channels * i + c))) * 3.0517578125e-5
}

# ---- frames --------------------------------------------------------------

## The windows of frame_length samples that begin at 0, hop_length, … and fit.
fn frames(x: T[n], frame_length: int, hop_length: int) -> T[?m, frame_length]
    = for m in 0..max((n - frame_length) // hop_length + 1, 0), t in 0..frame_length: x[m * hop_length + t]

fn hann_window(window_length: int) -> f32[window_length]
    = for t: .5 - .5 * cos(6.2831855 * t / window_length)

fn hamming_window(window_length: int) -> f32[window_length]
    = for t: .54 - .46 * cos(6.2831855 * t / window_length)

## 10 log10 of a power, which counts as `floor` at least.
fn power_to_db(x: f32, floor: f32 = 1e-10) -> f32 = 10 * log10(max(x, floor))
