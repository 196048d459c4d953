# Random choices. All of them are made of the primitives uniform, randint,
# normal and permutation.

## True with probability p.
fn chance(p: f32) -> bool = uniform(0, 1) < p

## One of the rows of x, each as likely as the others.
fn choice(x: T[n, ...s]) -> T[...s] = x[randint(0, n)]

## A place in `weights` (at least 0, not all 0), likely in proportion to its weight.
fn weighted_choice(weights: f32[n]) -> int {
    upto = scan s = 0.0 for i in 0..n: s + weights[i]
    at = uniform(0, 1) * upto[n - 1]
    min(count(upto <= at), n - 1)
}

## f(x) with probability p, else x.
fn random_apply(x: T[...s], f: fn(T[...s]) -> T[...s], p: f32 = 0.5) -> T[...s]
    = if chance(p) then f(x) else x

## All of x through f, g and h, in a random order.
fn random_order3(x: T[...s], f: fn(T[...s]) -> T[...s], g: fn(T[...s]) -> T[...s],
                 h: fn(T[...s]) -> T[...s]) -> T[...s] {
    order = permutation(3)
    fold y = x for k in 0..3: [f(y), g(y), h(y)][order[k]]
}

## The primitive `normal()`: Box and Muller over the two halves of a 64-bit draw.
fn normal_from_bits(x: u64) -> f32 {
    low = u32(bitand(x, 0xFFFFFFFF))
    high = u32(shr(x, 32))
    u = f32(shr(low, 8) + 1) * 5.9604645e-8      # 2^-24: u in (0, 1], v in [0, 1)
    v = f32(shr(high, 8)) * 5.9604645e-8
    sqrt(-2 * log(u)) * cos(6.2831855 * v)
}
