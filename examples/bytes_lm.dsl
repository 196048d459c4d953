# bytes_lm.dsl: lines of text as bytes, for a model that predicts the next one.
# 0 … 255 are the bytes, 256 begins a line, 257 ends it; target is input shifted
# by one. All ids fit i16, which is a quarter of the memory of int.
feature bytes_lm(corpus: path, limit: int = 1024, batch: int = 64)

from lines(corpus)                        # a file, or a pattern such as "text/*.txt"
where len(text) > 0
n = min(len(text), limit)                 # longer lines are cut
input  = for i in 0..n + 1: if i == 0 then i16(256) else i16(text[i - 1])
target = for i in 0..n + 1: if i == n then i16(257) else i16(text[i])

batch(batch, last = drop)
emit input = padded(input, 0),            # i16[batch, longest of the batch]
     target = padded(target, -1),         # -1 is what a loss should ignore
     length = lengths(input)
