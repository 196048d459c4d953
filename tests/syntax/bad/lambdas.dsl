const A = x => x + 1
const B = f((x, y) => x, [z => 2])
const C = f((x, 1) => x)
