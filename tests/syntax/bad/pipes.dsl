fn a(x: int) -> int = if x > 0 then 1 else x |> g
fn b(x: T[n]) -> T[n] = for i: x[i] |> g(2)
fn c(x: T[n]) -> T = fold s = 0 for i in 0..n: s + x[i]
    |> g
fn d(x: int) -> int = map(y => y |> g)
fn e(x: int) -> int = x |> g[0] |> h
fn f(x: int) -> int = x |> 3
fn ok(x: int) -> int = if x |> g then x |> g else (x |> g)
