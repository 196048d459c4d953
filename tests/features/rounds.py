from support import equal


def blurred(of):
    x = [[of(i, j) for j in range(8)] for i in range(9)]
    return [[x[max(i - 1, 0)][j] + x[i][j] for j in range(8)] for i in range(9)]


def until(most, read, s=0.0):
    k = 0
    while True:
        s += read(k) + 1
        k += 1
        if s > most:
            return s


def twice(x, i, j):
    s, a = 0.0, 0
    while True:
        s = until(15, lambda k: x[(k + a) % 5 + i][j], s)
        a += 1
        if s > 20:
            return s


def grid(element):
    return [[element(i, j) for j in range(8)] for i in range(3)]


def data(bench):
    return {}


def check(run):
    made = [[blurred(of) for of in (lambda i, j: i * j + v, lambda i, j: i + j + v, lambda i, j: i * 2 + j + v, lambda i, j: i * 3 + j + v)]
            for v in range(6)]
    equal(run.all("stops"), [grid(lambda i, j: until(9, lambda k: x[k % 5 + i][j])) for x, _, _, _ in made], "stops")
    equal(run.all("unreached"), [grid(lambda i, j: y[i + 1][j]) for _, y, _, _ in made], "unreached")
    equal(run.all("both"), [grid(lambda i, j: twice(z, i, j)) for _, _, z, _ in made], "both")
    equal(run.all("written"), [grid(lambda i, j: until(9, lambda k: w[k % 6 + i][j])) for _, _, _, w in made], "written")
