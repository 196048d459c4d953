# Words to numbers by a vocabulary that is read once, at open.
import "std/text"

kernel vocabulary(file: path) -> Vocabulary
    from "vocabulary.c"
    at open
kernel word_id(v: Vocabulary, word: bytes) -> i32
    from "vocabulary.c"

feature vocabulary_ids(at: path, words_file: path)
known = vocabulary(words_file)
from lines(at)
spans = words(text)
ids = for m: word_id(known, text[spans[m, 0]..spans[m, 1]])
batch(3, last = partial)
emit ids = padded(ids, -2), n = lengths(ids)
