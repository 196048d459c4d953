# set n = 4
# sample 5: index = 5
# sample 5: value = 10
# sample 5: where 0 is true
# sample 5: each k has 4
# sample 5, row 2: k = 12
# sample 5, row 2: double = 24
# sample 5, row 2: pair = [10, 12]
# sample 5, row 0: where 1 is true
# sample 5: hidden = 10 / 3
# sample 3: where 0 is false
# sample 3: hidden = 2.0
# sample 4: each k has 4
# sample 4, row 3: half fails at 25: division by zero
feature f(n: int)
table = for i in 0..n: i * i
from range(0, 100, 2)
shuffle
hidden = f64(value) / 3
where value != 6
k_values = for k in 0..n: value + k
each k in k_values
double = 2 * k
pair = [value, k]
half = table[3] // (11 - k)
where k > 0
batch(4)
emit double
