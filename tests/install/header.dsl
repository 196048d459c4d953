# What a header has to bear: words of C and C++ as names, every kind of parameter and
# of field. header.c says what comes out.
feature class(root: path = "a\"b??/c", word: string = "wörd", long: int,
              scale: f32 = 0.1, big: u64 = 18446744073709551615,
              low: i64 = -9223372036854775807, mean: f32[3] = [0.485, 1, 1e-3],
              table: i32[2, 2] = [[1, 2], [3, 4]], on: bool = true, half: f16 = 0.5,
              must: f64[2], n: int = 3, params: u8 = 7)

from range(0, 10)
new = f16(f32(value) * scale)
delete = bf16(half) + bf16(long)
namespace = value > params
struct = for i in 0..n, j in 0..2: mean[i] + f32(must[j])
linux = for i in 0..value % 4, j in 0..2: u8(i + j)
ragged = for i in 0..value % 3: i64(table[1, i % 2])
texts = len(word) + 100 * len(root)
bounds = if on then big else 0
least = low

batch(4, last = partial)
emit new, delete, namespace, struct, linux, ragged, texts, bounds, least,
     batch = value, batch_ = value + 1, padded = padded(ragged, 0), mean = [1.5, 2.5]
