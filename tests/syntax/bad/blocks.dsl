fn a(x: int) -> int {
    y = +* 1
    z = x x
    f(z)
}
fn b(x: int) -> int {
    y = x
}
fn c(x: int) -> int {
    x + 1
    y = 2
    y
}
fn d(x: int) -> int { a = 1 b = 2 }
