fn a(x: T[n]) -> T[n] = for v in x: v
fn b(x: T[n]) -> T[n] = for 3: v
fn c(x: T[n]) -> T = fold s for i: s
fn d(x: T[n]) -> T = fold s = 0: s
fn e(x: T[n]) -> T[n] = for i in 0..n x[i]
