# Elementary functions, made of operations that round in one way only, so that
# every machine agrees on every bit. No branch but where said, no table: loops
# over tensors vectorise.
#
# exp, log, their kin and sigmoid of f32 are computed in f32, for speed; the
# other functions of f32 are those of f64, rounded: half as fast, and right to
# half an ulp. f16 and bf16 go by f32. Errors are at most, in ulp
# (tests/std/math_oracle.py looks for larger ones):
#                             f32     f64
#   exp exp2                  1.1     1.2
#   log log2 log10            2.1     2.1
#   sigmoid                   2.6     2.6
#   expm1 log1p               0.51    2.6
#   sin cos                   0.51    2.8     |x| < 2^128
#   tan                       0.51    4.4     |x| < 2^128
#   asin acos atan atan2      0.51    3.0
#   sinh cosh tanh            0.51    3.0
#   pow hypot                 0.51    2.2

const PI = 3.141592653589793

fn infinity() -> f32 = from_bits(f32, 0x7F800000)
fn not_a_number() -> f32 = from_bits(f32, 0x7FC00000)

# ---- exp -----------------------------------------------------------------
# exp(x) = 2^n exp(r), |r| <= log(2) / 2. 2^n comes in two factors, since n
# goes from the least subnormal to beyond the greatest number.

fn exp(x: T) -> T where T is float = if T is f64 then exp64(x) else T(exp32(f32(x)))

fn scale32(x: f32, n: i32) -> f32 {
    half = shr(n, 1)
    x * from_bits(f32, wrap(u32, shl(half + 127, 23))) * from_bits(f32, wrap(u32, shl(n - half + 127, 23)))
}

fn scale64(x: f64, n: i32) -> f64 {
    half = shr(n, 1)
    x * from_bits(f64, shl(wrap(u64, half + 1023), 52)) * from_bits(f64, shl(wrap(u64, n - half + 1023), 52))
}

fn exp32(x: f32) -> f32 {
    y = min(max(x, -104), 89)
    n = i32(y * 1.442695)
    r = (y - n * 0.69314575) - n * 1.4286068e-6
    q = 0.5 + r * (0.16666576 + r * (0.041666552 + r * (0.0083633335 + r * 0.0013926376)))
    z = scale32(1 + (r + r * r * q), n)
    if x == x then z else x
}

fn exp64(x: f64) -> f64 {
    y = min(max(x, -746), 710)
    k = i32(y * 1.4426950408889634)
    n = f64(k)
    r = (y - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    z = scale64(1 + (r + r * r * exp_rest(r)), k)
    if x == x then z else x
}

# (exp(r) - 1 - r) / r^2
fn exp_rest(r: f64) -> f64
    = 0.5000000000000001 + r * (0.16666666666666669 + r * (0.04166666666662324
    + r * (0.008333333333329994 + r * (0.0013888888917654016 + r * (0.00019841269863392214
    + r * (2.4801520613566223e-5 + r * (2.7557267935231926e-6 + r * (2.762041219449885e-7
    + r * 2.5100634461878497e-8))))))))

fn exp2(x: T) -> T where T is float = if T is f64 then exp2_64(x) else T(exp2_32(f32(x)))

fn exp2_32(x: f32) -> f32 {
    y = min(max(x, -150), 129)
    n = i32(y)
    r = (y - n) * 0.6931472
    q = 0.5 + r * (0.16666576 + r * (0.041666552 + r * (0.0083633335 + r * 0.0013926376)))
    z = scale32(1 + (r + r * r * q), n)
    if x == x then z else x
}

fn exp2_64(x: f64) -> f64 {
    y = min(max(x, -1076), 1025)
    n = i32(y)
    r = (y - n) * 0.6931471805599453
    z = scale64(1 + (r + r * r * exp_rest(r)), n)
    if x == x then z else x
}

## exp(x) - 1, exact to the last places near 0.
fn expm1(x: T) -> T where T is float = T(expm1_64(f64(x)))

fn expm1_64(x: f64) -> f64 {
    y = min(max(x, -40), 710)
    k = i32(y * 1.4426950408889634)
    n = f64(k)
    r = (y - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    e = r + r * r * exp_rest(r)
    z = scale64(e + (1 - scale64(f64(1), -k)), k)
    if x == 0 or x != x then x else if k == 0 then e else z
}

# ---- log -----------------------------------------------------------------
# x = 2^e m, sqrt(1/2) <= m < sqrt(2); f = m - 1, s = f / (2 + f):
# log(m) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + s^2 P(s^2))).

fn log(x: T) -> T where T is float = if T is f64 then log64(x) else T(log32(f32(x)))
fn log10(x: T) -> T where T is float = if T is f64 then log10_64(x) else T(log10_32(f32(x)))
fn log2(x: T) -> T where T is float = if T is f64 then log2_64(x) else T(log2_32(f32(x)))

# (e, m - 1)
fn split32(x: f32) -> (i32, f32) {
    small = x < 1.1754944e-38
    t = bits(if small then x * 8388608 else x) + 0x004AFB0D
    e = wrap(i32, shr(t, 23)) - i32(if small then 150 else 127)
    (e, from_bits(f32, bitand(t, 0x007FFFFF) + 0x3F3504F3) - 1)
}

fn split64(x: f64) -> (i32, f64) {
    small = x < 2.2250738585072014e-308
    t = bits(if small then x * 18014398509481984 else x) + 0x00095F619980C433
    e = wrap(i32, shr(t, 52)) - i32(if small then 1077 else 1023)
    (e, from_bits(f64, bitand(t, 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD) - 1)
}

# f - log(1 + f)
fn log_rest32(f: f32) -> f32 {
    s = f / (2 + f)
    z = s * s
    h = .5 * f * f
    h - s * (h + z * (0.66666687 + z * (0.39988747 + z * 0.29581454)))
}

fn log_rest64(f: f64) -> f64 {
    s = f / (2 + f)
    z = s * s
    h = .5 * f * f
    h - s * (h + z * (0.666666666666667 + z * (0.3999999999989861 + z * (0.2857142862638008
        + z * (0.22222211068796616 + z * (0.18182893930347405 + z * (0.15331561995946066
        + z * 0.1461842103782396)))))))
}

# What a logarithm is outside of its range; z inside.
fn log_of(x: T, z: T) -> T
    = if x > 0 then (if x < infinity() then z else x)
      else if x == 0 then T(-infinity()) else T(not_a_number())

fn log32(x: f32) -> f32 {
    e, f = split32(x)
    log_of(x, e * 0.69314575 + (f - (log_rest32(f) - e * 1.4286068e-6)))
}

fn log64(x: f64) -> f64 {
    k, f = split64(x)
    e = f64(k)
    log_of(x, e * 0.6931471803691238 + (f - (log_rest64(f) - e * 1.9082149292705877e-10)))
}

fn log10_32(x: f32) -> f32 {
    e, f = split32(x)
    log_of(x, e * 0.3010254 + ((f - log_rest32(f)) * 0.4342945 + e * 4.605039e-6))
}

fn log10_64(x: f64) -> f64 {
    k, f = split64(x)
    e = f64(k)
    log_of(x, e * 0.3010299955494702 + ((f - log_rest64(f)) * 0.4342944819032518 + e * 1.1451100898021838e-10))
}

fn log2_32(x: f32) -> f32 {
    e, f = split32(x)
    log_of(x, e + (f - log_rest32(f)) * 1.442695)
}

fn log2_64(x: f64) -> f64 {
    e, f = split64(x)
    log_of(x, e + (f - log_rest64(f)) * 1.4426950408889634)
}

## log(1 + x), exact to the last places near 0.
fn log1p(x: T) -> T where T is float = T(log1p_64(f64(x)))

fn log1p_64(x: f64) -> f64 {
    u = 1 + x
    lost = if x < 1 then x - (u - 1) else 1 - (u - x)
    z = log64(u)
    if u == 1 then x else if u > 0 and u < infinity() then z + lost / u else z
}

# ---- circle --------------------------------------------------------------
# x = n pi/2 + r, |r| <= pi/4. Below 2^20 quarters, three parts of pi/2 do,
# the first two with products that are exact. Above (the one branch here) x is
# multiplied by 2/pi in parts of 26 bits, whole turns being dropped from every
# product, and the rest is summed with its rounding errors.

const TWO_OVER_PI: f64[9] = [
    0.6366197615861893, 1.0781392001391055e-8, 7.166494634684664e-17,
    2.7653040292560713e-24, 1.0181664073134233e-32, 3.143654692300393e-40,
    6.319121160070941e-48, 1.051335891051139e-56, 9.464361875654162e-64]

fn sin(x: T) -> T where T is float = T(sin64(f64(x)))
fn cos(x: T) -> T where T is float = T(cos64(f64(x)))
fn tan(x: T) -> T where T is float = T(tan64(f64(x)))

# (n mod 4, r)
fn quarter(x: f64) -> (i32, f64) = if abs(x) < 1647099 then near_quarter(x) else far_quarter(x)

fn near_quarter(x: f64) -> (i32, f64) {
    n = round(x * 0.6366197723675814)
    t = x - n * 1.5707963267341256
    p = n * 6.077100506303966e-11
    r = t - p
    (bitand(i32(n), 3), r - (n * 2.0222662487959506e-21 - ((t - r) - p)))
}

fn far_quarter(x: f64) -> (i32, f64) {
    high = from_bits(f64, bitand(bits(x), 0xFFFFFFFFF8000000))
    sum, lost = fold s, e = (f64(0), f64(0)) for k in 0..18: {
        p = (if k % 2 == 0 then high else x - high) * TWO_OVER_PI[k // 2]
        y = p - 4 * round(p / 4)
        t = s + y
        back = t - s
        (t, e + ((s - (t - back)) + (y - back)))
    }
    n = round(sum)
    (bitand(i32(n), 3), ((sum - n) + lost) * 1.5707963267948966)
}

fn sin_near(r: f64) -> f64 {
    z = r * r
    r * (1 - z * (0.16666666666666666 - z * (0.008333333333330918 - z * (0.00019841269836712495
        - z * (2.755731607868067e-6 - z * (2.5051126876085338e-8 - z * 1.5917771759341917e-10))))))
}

fn cos_near(r: f64) -> f64 {
    z = r * r
    1 - (.5 * z - z * z * (0.041666666666666664 - z * (0.0013888888888887378 - z * (2.4801587298736863e-5
        - z * (2.755731725679604e-7 - z * (2.087614315990944e-9 - z * 1.1382408754153254e-11))))))
}

fn sin64(x: f64) -> f64 {
    n, r = quarter(x)
    y = if bitand(n, 1) == 0 then sin_near(r) else cos_near(r)
    if x == 0 then x else if bitand(n, 2) == 0 then y else -y
}

fn cos64(x: f64) -> f64 {
    n, r = quarter(x)
    y = if bitand(n, 1) == 0 then cos_near(r) else sin_near(r)
    if bitand(n + 1, 2) == 0 then y else -y
}

fn tan64(x: f64) -> f64 {
    n, r = quarter(x)
    s = sin_near(r)
    c = cos_near(r)
    if x == 0 then x else if bitand(n, 1) == 0 then s / c else -c / s
}

# ---- inverse circle ------------------------------------------------------

fn atan(x: T) -> T where T is float = T(atan2_64(f64(x), f64(1)))
fn atan2(y: T, x: T) -> T where T is float = T(atan2_64(f64(y), f64(x)))
fn asin(x: T) -> T where T is float = T(asin64(f64(x)))
fn acos(x: T) -> T where T is float = T(acos64(f64(x)))

fn negative(x: f64) -> bool = shr(bits(x), 63) != 0

# Of 0 … 1. Above tan(pi/8), atan(t) = pi/4 + atan((t - 1) / (t + 1)).
fn atan_near(t: f64) -> f64 {
    far = t > 0.41421356237309503
    a = if far then (t - 1) / (t + 1) else t
    z = a * a
    p = a * z * (0.3333333333333333 - z * (0.1999999999999549 - z * (0.1428571428466014
        - z * (0.11111111014741562 - z * (0.09090904557214267 - z * (0.0769218270524632
        - z * (0.06664504610032648 - z * (0.05858089538610203 - z * (0.050851391487066376
        - z * (0.03922268882347632 - z * 0.0191659065063043))))))))))
    if far then 0.7853981633974483 + (a - (p - 3.061616997868383e-17)) else a - p
}

fn atan2_64(y: f64, x: f64) -> f64 {
    ax = abs(x)
    ay = abs(y)
    low = min(ax, ay)
    high = max(ax, ay)
    t = if high == 0 then 0 else if low == high then 1 else low / high
    a = atan_near(t)
    b = if ay > ax then 1.5707963267948966 - (a - 6.123233995736766e-17) else a
    c = if negative(x) then 3.141592653589793 - (b - 1.2246467991473532e-16) else b
    if x != x or y != y then x + y else if negative(y) then -c else c
}

fn asin64(x: f64) -> f64 = atan2_64(x, sqrt((1 - x) * (1 + x)))
fn acos64(x: f64) -> f64 = atan2_64(sqrt((1 - x) * (1 + x)), x)

# ---- hyperbolic ----------------------------------------------------------

fn sinh(x: T) -> T where T is float = T(sinh64(f64(x)))
fn cosh(x: T) -> T where T is float = T(cosh64(f64(x)))
fn tanh(x: T) -> T where T is float = T(tanh64(f64(x)))

## 1 / (1 + exp(-x))
fn sigmoid(x: T) -> T where T is float = if T is f64 then sigmoid_of(x) else T(sigmoid_of(f32(x)))

fn sigmoid_of(x: T) -> T {
    e = exp(-abs(x))
    (if x < 0 then e else 1) / (1 + e)
}

# exp(709) is finite, so larger arguments leave a factor for the end.
fn sinh64(x: f64) -> f64 {
    a = abs(x)
    e = expm1_64(min(a, 709))
    y = .5 * (e + e / (e + 1)) * exp64(a - min(a, 709))
    if x != x then x else if negative(x) then -y else y
}

fn cosh64(x: f64) -> f64 {
    a = abs(x)
    e = exp64(min(a, 709))
    y = .5 * (e + 1 / e) * exp64(a - min(a, 709))
    if x != x then x else y
}

fn tanh64(x: f64) -> f64 {
    e = expm1_64(2 * min(abs(x), 20))
    y = e / (e + 2)
    if x != x then x else if negative(x) then -y else y
}

# ---- powers --------------------------------------------------------------
# x^y = exp(y log(x)). What y log(x) loses costs as many ulp as it is large, so
# the logarithm is had to 80 bits, as a sum of two numbers, and y times it too.

fn pow(x: T, y: T) -> T where T is float = if T is f64 then pow64(x, y) else T(pow32(f32(x), f32(y)))

# What a power is, from |x|^y.
fn pow_of(x: f64, y: f64, z: f64) -> f64 {
    whole = floor(y) == y
    odd = whole and floor(y / 2) * 2 != y and abs(y) < 9007199254740992
    minus = negative(x)
    if x == 1 or y == 0 then 1
    else if x != x or y != y then x + y
    else if abs(x) == 1 and abs(y) == infinity() then 1
    else if x < 0 and not whole and x > -infinity() then f64(not_a_number())
    else if minus and odd then -z else z
}

fn pow32(x: f32, y: f32) -> f32 {
    a = f64(x)
    b = f64(y)
    f32(pow_of(a, b, exp64(b * log64(abs(a)))))
}

# The first 26 bits; what is left has no more.
fn top(x: f64) -> f64 = from_bits(f64, bitand(bits(x), 0xFFFFFFFFF8000000))

# (a b, its rounding error)
fn product(a: f64, b: f64) -> (f64, f64) {
    p = a * b
    ah = top(a)
    bh = top(b)
    al = a - ah
    bl = b - bh
    (p, ((ah * bh - p) + (ah * bl + al * bh)) + al * bl)
}

# log(x) = the sum of the two, x > 0 and finite.
fn log_pair(x: f64) -> (f64, f64) {
    k, f = split64(x)
    e = f64(k)
    d = 2 + f
    s = f / d
    sd, sd_lost = product(s, d)
    t = (((f - sd) - sd_lost) - s * (f - (d - 2))) / d                 # s + t is f / (2 + f)
    z, z_lost = product(s, s)
    cube, cube_lost = product(s, z)
    p, p_lost = product(cube, 0.6666666666666666)
    q = p_lost + (cube_lost + s * z_lost) * 0.6666666666666666 + cube * 3.700743415417188e-17
    r = s * z * z * (0.4 + z * (0.28571428571429375 + z * (0.22222222221651192
        + z * (0.18181818336456082 + z * (0.15384594848987562 + z * (0.13334810864251617
        + z * (0.1170607121759953 + z * 0.11724904124570042)))))))
    a = e * 0.6931471803691238
    b = a + 2 * s
    b_lost = if k == 0 then 0 else 2 * s - (b - a)
    h = b + p
    (h, ((b - h) + p) + (b_lost + (2 * t * (1 + z) + q + r + e * 1.9082149292705877e-10)))
}

fn pow64(x: f64, y: f64) -> f64 {
    a = abs(x)
    near = a > 0 and a < infinity() and abs(y) < 1e300
    h, l = log_pair(if near then a else 1)
    p, p_lost = product(y, h)
    r = p_lost + y * l
    w = p + r
    z = exp64(w)
    precise = if z < infinity() then z + z * ((p - w) + r) else z
    rough = exp64(y * log64(a))
    pow_of(x, y, if near and abs(w) < 744 then precise else rough)
}

## sqrt(x x + y y) without overflow on the way.
fn hypot(x: T, y: T) -> T where T is float = T(hypot64(f64(x), f64(y)))

fn hypot64(x: f64, y: f64) -> f64 {
    a = abs(x)
    b = abs(y)
    high = max(a, b)
    t = if high == 0 then 0 else min(a, b) / high
    if high == infinity() then high else if x != x or y != y then x + y else high * sqrt(1 + t * t)
}
