# The functions of std/text and std/table.
import "std/text"
import "std/table"

feature std_text(at: path)
from lines(at)
bare = strip(text)
spans = words(text)
parts = split(text, 44)
starts = starts_with(text, "ab")
where_is = find(text, "na")
lower = for i in 0..len(text): to_lower(text[i])
field = columns(text, 44, 3)
number = decimal(text, field[1, 0], field[1, 1])
code = hexadecimal(text, field[2, 0], field[2, 1])
batch(3, last = partial)
emit bare, spans, parts, starts, where_is, lower, number, code
