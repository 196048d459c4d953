const A = 1 +* 2
const B = 1 < 2 < 3
const C = 1 + if true then 1 else 2
const D = +1
const E = 1 + not true
const F = if A = B then 1 else 2
const G = a == b is c
