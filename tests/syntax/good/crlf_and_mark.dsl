# A byte order mark and CRLF.
## Doc.
## Two lines.
const K = "a\u{1f600}é\n\t\"\\"

feature f()
from range(0, 9)
y = value
    |> min(3)
batch(2)
emit y