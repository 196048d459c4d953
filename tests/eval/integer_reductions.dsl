# sample 2: s = 3 * 255
# sample 2: s: u64
# sample 2: t = -1
# sample 2: wrapped = -2
# sample 2: p = 2**64 - 8
# sample 2: mean_i = f32(7.0 / 3)
# sample 2: mean_u = f32(float(2**64 - 1) / 1)
# sample 2: least = -7
# sample 2: least: i8
# sample 2: some = True
# sample 2: every = False
# sample 2: trues = 2
# sample 2: where_min = 1
# sample 2: where_max = 0
feature f()
from range(0, 4)
bytes = for i in 0..3: u8(255)
s = sum(bytes)
x = [i8(5), i8(-7), i8(1)]
t = sum(x)
wrapped = sum([9223372036854775807, 9223372036854775807])
p = product([u64(18446744073709551615), u64(8)])
mean_i = mean([value, 2, 3])
mean_u = mean([u64(18446744073709551615)])
least = min(x)
flags = [true, value == 2, false]
some = any(flags)
every = all(flags)
trues = count(flags)
where_min = argmin([4, 1, 1])
where_max = argmax([value, value, 1])
batch(4)
emit s
