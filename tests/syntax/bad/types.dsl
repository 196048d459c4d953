fn a(x: [3]) -> int = x
fn b(x: u8[]) -> int = x
fn c(x: u8[...]) -> int = x
fn d(x: fn int -> int) -> int = x
fn e(x: (a: int, b)) -> (c) = x
fn f(x: fn(int)) -> int = x
