"""Builds loop IR through every back end and level of this machine and calls it.

A build is a shared library made from one text: LLVM at -O0 and -O2 with all
levels in one object, C by gcc and clang, each level compiled apart (the way
docs/loops.md tells users).

As a command, harness.py OUT compiles the tool `loopc` to OUT."""
import ctypes
import glob
import os
import re
import struct
import subprocess
import sys

LEVELS = {"v2": "x86-64-v2", "v3": "x86-64-v3", "v4": "x86-64-v4"}
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")


def machine_levels():
    flags = open("/proc/cpuinfo").read()
    return ["v2"] + ["v3"] * ("avx2" in flags) + ["v4"] * ("avx512vl" in flags)


def shell(*argv):
    p = subprocess.run(argv, capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError(f"{' '.join(argv)}:\n{p.stdout}{p.stderr}")
    return p.stdout


def make_loopc(out):
    """The rooms of the loop IR and its back ends alone, so that tests of them run
    whatever the rest of the compiler is up to."""
    sources = [HERE + "/loopc.c", ROOT + "/dsl/arena.c", ROOT + "/dsl/diag.c", ROOT + "/runtime/cpu.c"]
    for name in ("loops_*.c", "emit_c*.c", "emit_llvm*.c"):
        sources += glob.glob(f"{ROOT}/compiler/{name}")
    config = "llvm-config-19"
    shell("gcc", "-std=gnu11", "-O1", "-g", "-I", ROOT, "-I", shell(config, "--includedir").strip(), *sources,
          "-o", out, "-L", shell(config, "--libdir").strip(), "-lLLVM-19", "-lm")
    return out


class Build:
    def __init__(self, name, library, suffix):
        self.name, self.library, self.suffix = name, library, suffix

    def function(self, name):
        return getattr(self.library, name + self.suffix, None) or getattr(self.library, name)


def compile_c(cc, text, levels, level, folder, name):
    objects = []
    flags = [cc, "-std=gnu11", "-Wall", "-Werror", "-fPIC", *level.split(), "-c", text, "-o"]
    for k, v in enumerate(levels):
        objects.append(f"{folder}/{name}{k}.o")
        shell(*flags, objects[-1], f"-DPIPEC_SUFFIX=__{v}", f"-march={LEVELS[v]}")
    objects.append(f"{folder}/{name}t.o")
    shell(*flags, objects[-1], "-DPIPEC_TABLES")
    return objects


UBSAN = "-O1 -fsanitize=undefined -fno-sanitize-recover"
EVERY = [(cc, level, ("v2", "v3", "v4")) for cc in ("gcc", "clang-19") for level in ("-O0", "-O2")]


def builds(loopc, path, folder, c_builds=EVERY):
    """All builds of one text; each level of one library is a Build. c_builds: compiler,
    optimisation, levels."""
    levels, out = machine_levels(), []
    helper = f"{folder}/helper.o"
    shell("gcc", "-O2", "-fPIC", "-I", ROOT, "-c", HERE + "/helper.c", "-o", helper)

    def link(name, objects, levels):
        so = f"{folder}/{name}.so"
        sanitize = ["-fsanitize=undefined"] * ("UB" in name)
        shell("gcc", "-shared", "-o", so, *objects, helper, "-lm", *sanitize)
        library = ctypes.CDLL(so)
        out.extend(Build(f"{name} {v}", library, "__" + v) for v in levels)

    for n in "02":
        obj = f"{folder}/llvm{n}.o"
        shell(loopc, "obj", path, "-o", obj, "-O", n, "--cpu", ",".join(levels))
        link(f"llvm-O{n}", [obj], levels)
    text = f"{folder}/text.c"
    shell(loopc, "c", path, "-o", text, "--cpu", ",".join(levels))
    for cc, n, wanted in c_builds:
        some = [v for v in levels if v in wanted]
        if some:
            name = cc + n.replace(UBSAN, "UB")
            link(name, compile_c(cc, text, some, n, folder, name), some)
    return out


# ---- expectations: lines "# f(1, u8[1 2], out f32[2]) = 3; 0.5 0.25" ----

CODES = {"i1": "?", "i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i", "u32": "I",
         "i64": "q", "u64": "Q", "f32": "f", "f64": "d"}
CTYPES = {"i1": ctypes.c_bool, "i8": ctypes.c_uint8, "i16": ctypes.c_uint16,
          "i32": ctypes.c_uint32, "i64": ctypes.c_uint64, "f32": ctypes.c_float,
          "f64": ctypes.c_double, "ptr": ctypes.c_void_p, "void": None}


def number(text, kind):
    if kind in ("f32", "f64"):
        x = float.fromhex(text) if "0x" in text else float(text)
        return struct.unpack("<f", struct.pack("<f", x))[0] if kind == "f32" and abs(x) < 3.5e38 else x
    return int(text, 0)


def bits(x, kind):
    """What is compared: bytes; any NaN is the same."""
    if kind in ("f32", "f64"):
        return "nan" if x != x else struct.pack("<" + CODES[kind], x)
    size = struct.calcsize(CODES[kind])
    return (x & (1 << 8 * size) - 1).to_bytes(size, "little")


def signatures(text):
    """name -> (parameter types, result) of the functions of a text."""
    found = {}
    for name, params, result in re.findall(r"function (\w+)\(([^)]*)\)\s*->\s*(\w+)", text):
        found[name] = ([p.split()[1] for p in params.split(",") if p.strip()], result)
    return found


def arguments(text, types):
    """ctypes values, and the (array, kind) of each `out`."""
    values, outs = [], []
    if not text.strip():
        return values, outs
    for word, kind in zip(re.findall(r"(?:out )?\w+\[[^\]]*\]|[^,\s][^,]*", text), types, strict=True):
        m = re.match(r"(out )?(\w+)\[([^\]]*)\]", word.strip())
        if not m:
            values.append(CTYPES[kind](number(word.strip(), kind)))
            continue
        out, element, list_ = m.groups()
        numbers = [0] * int(list_) if out else [number(n, element) for n in list_.split()]
        size = struct.calcsize(CODES[element])
        raw = b"".join(struct.pack("<" + CODES[element], n) if element[0] == "f" else
                       (n & (1 << 8 * size) - 1).to_bytes(size, "little") for n in numbers)
        buffer = ctypes.create_string_buffer(raw + bytes(64 + 64))
        address = (ctypes.addressof(buffer) + 63) & ~63
        ctypes.memmove(address, raw, len(raw))
        values.append(ctypes.c_void_p(address))
        values[-1].keep = buffer
        if out:
            outs.append((address, element, len(numbers)))
    return values, outs


def read(out):
    address, element, n = out
    raw = ctypes.string_at(address, n * struct.calcsize(CODES[element]))
    return [bits(x, element) for x in struct.unpack(f"<{n}{CODES[element]}", raw)]


def show(list_):
    return " ".join(b if b == "nan" else b[::-1].hex() for b in list_)


def check(build, name, args, due, signature):
    """None, or what is wrong."""
    types, result = signature
    f = build.function(name)
    f.restype = CTYPES[result]
    values, outs = arguments(args, types)
    r = f(*values)
    parts = [p.strip() for p in due.split(";")]
    got = [[bits(r, result)]] if result != "void" else []
    kinds = [result] if result != "void" else []
    got += [read(o) for o in outs]
    kinds += [o[1] for o in outs]
    for g, kind, part in zip(got, kinds, parts, strict=True):
        want = [bits(number(n, kind), kind) for n in part.split()]
        if g != want:
            return f"{build.name}: {name}({args}) = {show(g)}, due {show(want)}"
    return None


def run_file(loopc, path, folder):
    """Problems of one test file."""
    text = open(path).read()
    found, problems = signatures(text), []
    cases = re.findall(r"^# (\w+)\((.*)\) = (.*)$", text, re.M)
    if not cases:
        return [f"{path}: no expectations"]
    for build in builds(loopc, path, folder):
        for name, args, due in cases:
            wrong = check(build, name, args, due, found[name])
            if wrong:
                problems.append(wrong)
    return problems


if __name__ == "__main__":
    make_loopc(sys.argv[1])
