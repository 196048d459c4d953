const A = [0, 12, 1_000, 0x1F, 0XdeadBEEF, 0xFFFF_FFFF_FFFF_FFFF, 18446744073709551615]
const B = [.5, 1.5, 1e-3, 1E+3, 2.5e10, 1_0.2_5, 0.1, 1e-320, 1.7976931348623157e308]
fn range(x: T[n]) -> T[n] = for i in 0..n where 0 < i: x[i] + .5 - 1.5
fn slices(x: T[n, m]) -> T[2, m] = x[0..2, :]
fn signs(x: int) -> int = - - -x - -1 * -2
