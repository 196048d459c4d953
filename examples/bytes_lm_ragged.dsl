# bytes_lm_ragged.dsl: bytes_lm.dsl without padding. A field of no constant
# length comes out as its values, one row after the other, and their offsets.
feature bytes_lm_ragged(corpus: path, limit: int = 1024, batch: int = 64)

from lines(corpus)
where len(text) > 0
n = min(len(text), limit)
input  = for i in 0..n + 1: if i == 0 then i16(256) else i16(text[i - 1])
target = for i in 0..n + 1: if i == n then i16(257) else i16(text[i])

batch(batch, last = drop)
emit input, target                        # values, and offsets: i64[batch + 1]
