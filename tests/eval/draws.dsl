# seed 5
# epoch 2
# sample 6: a = uniform("a/uniform#0", 6, seed=5, epoch=2)
# sample 6: b = [uniform("b/uniform#0", 6, e, seed=5, epoch=2) for e in range(6)]
# sample 6: c = randint(-3, 40, "c/randint#0", 6, seed=5, epoch=2)
# sample 6: d = [[randint(0, 10, "d/randint#0", 6, 3 * i + j, seed=5, epoch=2) for j in range(3)] for i in range(2)]
# sample 6: e = permutation(9, "e/permutation#0", 6, seed=5, epoch=2)
# sample 6: g = [permutation(4, "g/permutation#0", 6, i, seed=5, epoch=2) for i in range(3)]
# sample 6: h = (draw64("h/uniform#0", 6, seed=5, epoch=2) >> 11) * 2.0 ** -53
# sample 6: k = [uniform("k/twice#0/uniform#0", 6, seed=5, epoch=2), uniform("k/twice#1/uniform#0", 6, seed=5, epoch=2)]
# sample 6: l = bool(uniform("l/chance#0/uniform#0", 6, seed=5, epoch=2) < f32(0.5))
# sample 6: m fails: the subscript 0 is not below 0
# sample 6: n = uniform("n/uniform#0", 6, seed=5, epoch=2) == uniform("n/uniform#1", 6, seed=5, epoch=2)
# sample 6: o = []
# sample 6, row 1: p = uniform("p/uniform#0", child(6, 1), seed=5, epoch=2)
# sample 6, row 1: q = uniform("a/uniform#0", 6, seed=5, epoch=2)
fn twice() -> f32 = uniform(0, 1)
feature f()
from range(0, 20)
a = uniform(0, 1)
b = for i in 0..6: uniform(0, 1)
c = randint(-3, 40)
d = for i in 0..2, j in 3..6: randint(0, 10)
e = permutation(9)
g = for i in 0..3: permutation(4)
h = f64(0) + uniform(f64(0), f64(1))
k = [twice(), twice()]
l = chance(.5)
m = randint(value, value)
n = uniform(0, 1) == uniform(0, 1)
o = permutation(value - 6)
each r in for r in 0..3: r
p = uniform(0, 1)
q = a
batch(4)
emit a
