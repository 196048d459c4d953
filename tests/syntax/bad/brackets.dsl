fn a(x: int) -> int = [x, 1

fn b(x: int -> int = x
fn c(x: int) -> int {
    y = (x + 1
    z = x]
    y

fn d(x: int) -> int = (x]
feature f(
