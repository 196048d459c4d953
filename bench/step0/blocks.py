"""Writes the shape `blocks` as loop IR:
    blocks.py [stream] [lanes] [name=…] [pixels=4] [columns=2] [unroll=1] > blocks.loops

Four output rows at a time, lanes = 4 rows x RGBX. blocks.inc is the text; the
parts that repeat (rows, columns, a transposition of 16 x 16) are written here.
stream: non-temporal stores; lanes: vertical_lanes below; pixels: of one step of the vertical pass; columns:
of one step of the horizontal pass; unroll: of the loops over taps (0: LLVM's
choice)."""
import sys

stream = "stream" in sys.argv
name = next((a[5:] for a in sys.argv if a.startswith("name=")), "blocks")
out = []
p = out.append
head = open(__file__.replace("blocks.py", "blocks.inc")).read()


def shuffle(result, a, b, mask):
    p(f"        %{result} = shuffle f32x16 %{a}, %{b} [{' '.join(map(str, mask))}]")


def transpose_quads(names, result):
    """128-bit quarters of four vectors: result[q] has quarter q of each."""
    a, b, c, d = names
    lo = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
    hi = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]
    even = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]
    odd = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31]
    shuffle(result + "l01", a, b, lo)
    shuffle(result + "l23", c, d, lo)
    shuffle(result + "h01", a, b, hi)
    shuffle(result + "h23", c, d, hi)
    shuffle(result + "0", result + "l01", result + "l23", even)
    shuffle(result + "1", result + "l01", result + "l23", odd)
    shuffle(result + "2", result + "h01", result + "h23", even)
    shuffle(result + "3", result + "h01", result + "h23", odd)


def in_quarters(mask4):
    """A mask of two vectors that does the same in each 128-bit quarter."""
    return [(m % 4) + 4 * q + (16 if m >= 4 else 0) for q in range(4) for m in mask4]


def option(name, default):
    return next((int(a[len(name) + 1:]) for a in sys.argv if a.startswith(name + "=")), default)


lanes = "lanes" in sys.argv
pixels, columns, unroll = option("pixels", 1 if lanes else 4), option("columns", 2), option("unroll", 1)
taps = f" unroll {unroll}" if unroll else ""


def vertical():
    groups = range(pixels // 4)
    for r in range(4):
        for g in groups:
            p(f"      %a{r}{g}v = var f32x16 %zero16")
    p(f"      for %t i64 = 0 to %ky{taps} {{")
    for r in range(4):
        p(f"        %pr{r} = offset %rows, %t scale {32}")
        p(f"        %pr{r}b = offset %pr{r}, {r} scale 8")
        p(f"        %row{r} = load ptr %pr{r}b buffer 5")
        p(f"        %in{r} = offset %row{r}, %x scale 4")
        p(f"        %kw{r} = add i64 %iw{r}, %t")
        p(f"        %pw{r} = offset %wy, %kw{r} scale 4")
        p(f"        %w{r}s = load f32 %pw{r} buffer 1")
        p(f"        %w{r} = splat f32x16 %w{r}s")
        for g in groups:
            k = f"{r}{g}"
            p(f"        %in{k} = offset %in{r}, {g} scale 16")
            p(f"        %b{k} = load i8x16 %in{k} buffer 3")
            p(f"        %i{k} = zext i32x16 %b{k}")
            p(f"        %v{k} = sitofp f32x16 %i{k}")
            p(f"        %m{k} = fmul f32x16 %w{r}, %v{k}")
            p(f"        %s{k} = get f32x16 %a{k}v")
            p(f"        %s{k}b = fadd f32x16 %s{k}, %m{k}")
            p(f"        set %a{k}v, %s{k}b")
    p("      }")
    p("      %px = offset %cols, %x scale 64")
    for g in groups:
        for r in range(4):
            p(f"      %a{r}{g} = get f32x16 %a{r}{g}v")
        transpose_quads([f"a{r}{g}" for r in range(4)], f"t{g}")
        for q in range(4):
            p(f"      %px{g}{q} = offset %px, {4 * g + q} scale 64")
            p(f"      store f32x16 %t{g}{q}, %px{g}{q} align 64 buffer 2")


def vertical_lanes():
    """The same without a transposition: a vector is (4 rows, RGBX) of one column from
    the start, put together from four loads of four bytes."""
    p("      %av = var f32x16 %zero16")
    p(f"      for %t i64 = 0 to %ky{taps} {{")
    for r in range(4):
        p(f"        %pr{r} = offset %rows, %t scale {32}")
        p(f"        %pr{r}b = offset %pr{r}, {r} scale 8")
        p(f"        %row{r} = load ptr %pr{r}b buffer 5")
        p(f"        %in{r} = offset %row{r}, %x scale 4")
        p(f"        %b{r} = load i32 %in{r} align 1 buffer 3")
        p(f"        %c{r} = splat i32x4 %b{r}")
    p("        %l = shuffle i32x4 %c0, %c1 [0 4 0 4]")
    p("        %h = shuffle i32x4 %c2, %c3 [0 4 0 4]")
    p("        %lh = shuffle i32x4 %l, %h [0 1 4 5]")
    p("        %b = bitcast i8x16 %lh")
    p("        %i32 = zext i32x16 %b")
    p("        %f = sitofp f32x16 %i32")
    p("        %pw = offset %wlanes, %t scale 64")
    p("        %w16 = load f32x16 %pw align 64 buffer 7")
    p("        %m = fmul f32x16 %w16, %f")
    p("        %s = get f32x16 %av")
    p("        %s1 = fadd f32x16 %s, %m")
    p("        set %av, %s1")
    p("      }")
    p("      %a = get f32x16 %av")
    p("      %px = offset %cols, %x scale 64")
    p("      store f32x16 %a, %px align 64 buffer 2")


def weights():
    """Weights of the block's rows as lanes, for vertical_lanes."""
    p("    for %t i64 = 0 to %ky {")
    p("      %pl = offset %wlanes, %t scale 64")
    for r in range(4):
        p(f"      %k{r} = add i64 %iw{r}, %t")
        p(f"      %pk{r} = offset %wy, %k{r} scale 4")
        p(f"      %wk{r} = load f32 %pk{r} buffer 1")
        p(f"      %wl{r} = splat f32x4 %wk{r}")
        p(f"      %pl{r} = offset %pl, {16 * r} scale 1")
        p(f"      store f32x4 %wl{r}, %pl{r} align 16 buffer 7")
    p("    }")


def horizontal():
    p(f"      for %jj i64 = 0 to 16 step {columns} {{")
    for c in range(columns):
        p(f"        %j{c} = add i64 %jj, {c}")
        p(f"        %jx{c} = add i64 %j, %j{c}")
        p(f"        %pfx{c} = offset %first_x, %jx{c} scale 8")
        p(f"        %ax{c} = load i64 %pfx{c} buffer 1")
        p(f"        %pa{c} = offset %cols, %ax{c} scale 64")
        p(f"        %jw{c} = mul i64 %jx{c}, 32")
        p(f"        %acc{c} = var f32x16 %zero16")
    p(f"        for %t i64 = 0 to %kx{taps} {{")
    for c in range(columns):
        p(f"          %kw{c} = add i64 %jw{c}, %t")
        p(f"          %pw{c} = offset %wx, %kw{c} scale 4")
        p(f"          %ws{c} = load f32 %pw{c} buffer 1")
        p(f"          %wv{c} = splat f32x16 %ws{c}")
        p(f"          %pq{c} = offset %pa{c}, %t scale 64")
        p(f"          %q{c} = load f32x16 %pq{c} align 64 buffer 2")
        p(f"          %m{c} = fmul f32x16 %wv{c}, %q{c}")
        p(f"          %s{c} = get f32x16 %acc{c}")
        p(f"          %s1{c} = fadd f32x16 %s{c}, %m{c}")
        p(f"          set %acc{c}, %s1{c}")
    p("        }")
    for c in range(columns):
        p(f"        %z0{c} = get f32x16 %acc{c}")
        p(f"        %z1{c} = rint f32x16 %z0{c}")
        p(f"        %z2{c} = fmul f32x16 %z1{c}, %scale")
        p(f"        %z3{c} = fsub f32x16 %z2{c}, %shift")
        p(f"        %pz{c} = offset %zbuf, %j{c} scale 64")
        p(f"        store f32x16 %z3{c}, %pz{c} align 64 buffer 6")
    p("      }")


def store_planes():
    """z[0..15], each (row, channel), to 16 columns of each row and channel."""
    for j in range(16):
        p(f"      %pz{j} = offset %zbuf, {j} scale 64")
        p(f"      %z{j} = load f32x16 %pz{j} align 64 buffer 6")
    # in each quarter (a row): 4x4 transposes of (column, channel)
    for g in range(4):
        z = [f"z{4 * g + k}" for k in range(4)]
        for k, (a, b) in enumerate(((0, 1), (2, 3))):
            shuffle(f"u{g}l{k}", z[a], z[b], in_quarters([0, 4, 1, 5]))
            shuffle(f"u{g}h{k}", z[a], z[b], in_quarters([2, 6, 3, 7]))
        shuffle(f"c0g{g}", f"u{g}l0", f"u{g}l1", in_quarters([0, 1, 4, 5]))
        shuffle(f"c1g{g}", f"u{g}l0", f"u{g}l1", in_quarters([2, 3, 6, 7]))
        shuffle(f"c2g{g}", f"u{g}h0", f"u{g}h1", in_quarters([0, 1, 4, 5]))
    for c in range(3):
        transpose_quads([f"c{c}g{g}" for g in range(4)], f"p{c}r")
        for r in range(4):
            p(f"      %o{c}{r} = offset %out, {(c * 224 + r) * 224} scale 4")
            p(f"      %o{c}{r}b = offset %o{c}{r}, %o0 scale 4")
            p(f"      %o{c}{r}c = offset %o{c}{r}b, %j scale 4")
            p(f"      store f32x16 %p{c}r{r}, %o{c}{r}c align 64 buffer 4{' stream' if stream else ''}")


for line in head.replace("NAME", name).split("\n"):
    if line.strip() == "VERTICAL":
        vertical_lanes() if lanes else vertical()
    elif line.strip() == "WEIGHTS":
        if lanes:
            weights()
    elif line.strip() == "HORIZONTAL":
        horizontal()
    elif line.strip() == "STORE":
        store_planes()
    else:
        p(line.replace("PIXELS", str(pixels)).replace("TOP", str(pixels - 1)))
print("\n".join(out))
