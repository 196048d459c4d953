"""Scans of progressive JPEG files, for make_jpegs.py: any script, and what is wrong with
some. A scan is (components, first, last, high, low), as T.81 has Ss, Se, Ah and Al."""
MOST_RUN = 0x7FFF

# libjpeg's own (jpeg_simple_progression), of three components and of one
USUAL = [([0, 1, 2], 0, 0, 0, 1), ([0], 1, 5, 0, 2), ([2], 1, 63, 0, 1),
         ([1], 1, 63, 0, 1), ([0], 6, 63, 0, 2), ([0], 1, 63, 2, 1),
         ([0, 1, 2], 0, 0, 1, 0), ([2], 1, 63, 1, 0), ([1], 1, 63, 1, 0),
         ([0], 1, 63, 1, 0)]
USUAL_GRAY = [([0], 0, 0, 0, 1), ([0], 1, 5, 0, 2), ([0], 6, 63, 0, 2),
              ([0], 1, 63, 2, 1), ([0], 0, 0, 1, 0), ([0], 1, 63, 1, 0)]

# Symbols of AC: run and size, and the ends of 2 ** n blocks and more
SYMBOLS = [run << 4 | size for size in range(1, 11) for run in range(16)]
SYMBOLS += [n << 4 for n in range(16)]
SYMBOLS.sort(key=lambda s: (s not in (0, 1, 0x11), s & 15, s >> 4))


def drawn(r, n):
    """A script that is whole, by chance: n components."""
    low = [[-1] * 64 for _ in range(n)]
    groups = r.choice(([[0], [1], [2]], [[0], [1, 2]], [[0, 1, 2]]) if n == 3 else ([[0]], ))
    begin = r.randrange(4)
    script = [(group, 0, 0, 0, begin) for group in groups]
    for c in range(n):
        low[c][0] = begin
    while True:
        open_ = [(c, k) for c in range(n) for k in range(64) if low[c][k]]
        if not open_:
            return script
        c, k = r.choice(open_)
        was, last = low[c][k], k
        now = was - 1 if was > 0 else 0 if len(script) > 9 else r.randrange(4)
        stop = 0 if not k else 63 if len(script) > 9 else r.choice((k, 40, 63, 63))
        while last < stop and low[c][last + 1] == was:
            last += 1
        script.append(([c], k, last, max(was, 0), now))
        for i in range(k, last + 1):
            low[c][i] = now


class Band:
    """One scan of AC coefficients into bits. most_run: blocks that an end may stand for."""
    def __init__(self, bits, codes, scan, most_run=MOST_RUN):
        _, self.first, self.last, self.high, self.low = scan
        self.bits, self.codes, self.most_run = bits, codes, most_run
        self.ended, self.behind = 0, []

    def symbol(self, s):
        self.bits.put(*self.codes[s])

    def correct(self, marks):
        for mark in marks:
            self.bits.put(mark, 1)

    def flush(self):
        """The blocks whose band has ended, and the bits that belong to them."""
        if self.ended:
            n = self.ended.bit_length() - 1
            self.symbol(n << 4)
            self.bits.put(self.ended, n)
        self.correct(self.behind)
        self.ended, self.behind = 0, []

    def block(self, block):
        """In the order of the file; of a later scan with the bits of what is known."""
        sizes = [abs(x) >> self.low for x in block]
        new = [k for k in range(self.first, self.last + 1)
               if sizes[k] and not (self.high and sizes[k] > 1)]
        run, marks = 0, []
        for k in range(self.first, self.last + 1):
            if sizes[k] and k not in new:
                marks.append(sizes[k] & 1)
            elif not sizes[k]:
                run += 1
                if run == 16 and any(i > k for i in new):
                    self.flush()
                    self.symbol(0xF0)
                    self.correct(marks)
                    run, marks = 0, []
            else:
                self.flush()
                size = 1 if self.high else sizes[k].bit_length()
                self.symbol(run << 4 | size)
                value = sizes[k] if block[k] > 0 else -sizes[k]
                if self.high:
                    self.bits.put(block[k] > 0, 1)
                else:
                    self.bits.number(value, size)
                self.correct(marks)
                run, marks = 0, []
        if run or marks:
            self.ended += 1
            self.behind += marks
            if self.ended == self.most_run:
                self.flush()
