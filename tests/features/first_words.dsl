# The first words and letters of lines: what makes lists ends where nobody reads on.
import "std/text"

kernel letters(text: bytes) -> i32[?n, 2]
    from "letters.c"
    region n

feature first_words(at: path, most: int = 3)
from lines(at)
where line != 3
spans = words(text)
few = truncate(spans, most)
long = for m in 0..len(few): few[m, 1] - few[m, 0]
parts = pad_to(split(text, 32)[:, 1], 4, -1)
found = letters(text)
first = for m in 0..5: found[m, 0 else 0]
more = if len(found) > 7 then 1 else 0
batch(3, last = partial)
emit few, long, parts, first, more
