# Spans by `where`, then a record for each.
import "std/text"

feature words_of(at: path)
from lines(at)
each span in split(text, 32)
word = text[span[0]..span[1]]
where len(word) > 0
loud = for i in 0..len(word): to_upper(word[i])
batch(4, last = partial)
emit word, loud, n = lengths(word)
