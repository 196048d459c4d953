# energy.dsl: how loud each stretch of a recording is, in dB: a record per
# window of `size` samples, a window every `step` samples.
import "std/audio"

feature energy(root: path, size: int = 400, step: int = 160, batch: int = 64)

window = hann_window(size)                # made once, when the library is opened

from files(root, "**/*.wav")
samples = wav_channel(data)               # 16-bit PCM to f32, the first channel
each frame in frames(samples, size, step) # from here on a record is a frame
y = frame * window
db = 10 * log10(sum(y * y) / size + 1e-10)

batch(batch, last = partial)
emit db
