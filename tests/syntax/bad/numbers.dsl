const A = 99999999999999999999
const B = 1e999
const C = 12ab + 0x + 1_ + 1__0 + 1e
const D = 1.
