## A file without a feature is a library.
##
##     Indented text stays.
fn f(x: T[...s], g: fn(T, int) -> T = h) -> T[...s] where T is integer, S is float = g(x, 1)

# No doc: a comment.
type Row = (id: int, text: string[?n], (u8, u8[2 * n + 1, ?]), f: (bool, bool))
@pin
@after(f)
const K: f32[3] = [1.0, 2.0, 3.0]
