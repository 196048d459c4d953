# sample 2: a = [1, 250, -3, 65535, -4, 4294967295, -5, 2.0**63, -6, 0x3E00, 1.5, 0.1]
# sample 2: b = [[0, 2], [4, 6]]
# sample 2: c = [[0, 1], [2, 3]]
# sample 2: d fails: row 2 of 3
# sample 2: e = 6
# sample 2: g = 9
# sample 2: h fails: not to be called
# sample 2: k fails: three
# sample 2: l = 1.0
# sample 2: m = [0, 1]
# sample 2: o = 12
# sample 2: p fails: -1 is below zero
# sample 2: q fails: an argument
# sample 2: r = 2
# sample 0: m = []
# sample 0: d fails: row 0 of 3
# sample 0: e = 6
# sample 0: o = 10
kernel mix(a: bool, b: u8, c: i8, d: u16, e: i16, f: u32, g: i32, h: u64, i: i64, half: f16, j: f32, k: f64) -> f64[12]
    from "kernels/all.c"
kernel strided(n: int) -> i32[?h, ?w]
    from "kernels/all.c"
kernel rows(n: int, good: int) -> int[n, 2]
    from "kernels/all.c"
kernel sizes(x: bytes) -> f32[?n]
    from "kernels/all.c"
    peek n
kernel two(n: int) -> (f32, u16[?m])
    from "kernels/all.c"
kernel box(n: int) -> Box
    from "kernels/all.c"
kernel unbox(b: Box, more: int) -> int
    from "kernels/all.c"
feature f()
from range(0, 3)
a = mix(true, u8(250), i8(-3), u16(65535), i16(-4), u32(4294967295), i32(-5), u64(9223372036854775808), -6, f16(1.5), 1.5, .1)
b = strided(2)
part = rows(3, value)
c = part[0..value]
d = part[value, 0]
e = len(part) + len(part[0]) + 1
some = sizes([u8(2 + value), 5, 6, 7, 8])
g = len(some)
h = some[0]
k = len(sizes([u8(1), 2, 3]))
l, m = two(value)
n = box(10)
o = unbox(n, value)
p = unbox(box(1 - value), 0)
x = for i in 0..4: if i == 3 then fail("an argument") else u8(i)
q = len(sizes(x))
r = len(strided(value))
batch(1)
emit e
