#!/usr/bin/python3
"""Every function of dsl/std under a ## comment stands in docs/std.md, and every name that stands there in a table or list is defined."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "std.md").read_text()
BUILT_IN = {"uniform", "randint", "normal", "permutation", "clamp", "log"}


def main():
    code = {p.name: p.read_text() for p in (ROOT / "dsl" / "std").glob("*.dsl") if p.name != "source.dsl"}
    text = "\n".join(code.values())
    defined = set(re.findall(r"^(?:fn|kernel|const|type) (\w+)", text, re.M))
    described = set(re.findall(r"^##[^\n]*\n(?:##[^\n]*\n)*(?:fn|kernel) (\w+)", text, re.M)) - {"normal_from_bits"}
    words = set(re.findall(r"\w+", PAGE))
    called = set(re.findall(r"\b([a-z]\w+)\(", " ".join(re.findall(r"`([^`\n]+)`", PAGE)))) - BUILT_IN
    bad = [f"{n} has a description, docs/std.md does not name it" for n in sorted(described - words)]
    bad += [f"docs/std.md names {n}, which is not defined" for n in sorted(called - defined)]
    print(*[f"FAIL documented -- {b}" for b in bad], sep="\n", end="\n" if bad else "")
    print(f"{len(described | called) - len(bad)} passed, {len(bad)} failed")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
