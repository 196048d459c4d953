# A tuple of two ragged fields out of one `for … where`.
fn runs(x: T[n]) -> (T[?m], int[?m]) {
    value, end = for i in 0..n where i == n - 1 or x[i] != x[i + 1]: (x[i], i)
    (value, for r in 0..len(end): end[r] - (if r == 0 then -1 else end[r - 1]))
}

feature run_length(at: path)
from lines(at)
value, length = runs(text)
batch(3, last = partial)
emit value, length
