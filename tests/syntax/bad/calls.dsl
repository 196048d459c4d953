const A = f(1, b = 2, 3)
const B = f(1,)
const C = x[1:2]
const D = x[]
const E = []
const F = ()
const G = f(1 2)
const H = x.3
