const A = 1 ; const B = 'x'
const C = 1 && 2 || !3
const D = 2 ** 3 ^ ~4 | 5 & 6
const E = é + $
