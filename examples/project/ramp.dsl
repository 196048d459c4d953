# ramp.dsl: numbers instead of data, an import and a kernel: what a build has to follow.
import "scale.dsl"

feature ramp(count: int = 100, start: f32 = 0, width: int = 4, batch: int = 8)

from range(0, count)
x = for i in 0..width: start + scaled(value * width + i)
odd = parity(value)

batch(batch, last = partial)
emit x, odd
