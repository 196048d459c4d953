"""What the runners of bench/ share: commands, rows of tables, the machine, what is kept.
PIPEC_BUILD is another build than build/."""
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("PIPEC_BUILD") or ROOT / "build").resolve()
PIPEC, PIPERT = BUILD / "bin/pipec", BUILD / "bin/pipert"


def sh(*argv, **more):
    p = subprocess.run([str(a) for a in argv], cwd=ROOT, text=True, capture_output=True, **more)
    if p.returncode:
        sys.exit(f"{' '.join(map(str, argv))}\nstatus {p.returncode}\n{p.stdout}{p.stderr}")
    return p.stdout


def one_core():
    """One core for all threads of a process: reading and taking batches count too."""
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])


def rate(measured):
    return measured["records"] / measured["seconds"]


# ---- tables ----

def row(rounds, what, unit, value, target=""):
    """One line: the median, and the spread over the rounds."""
    values = sorted(value(r) for r in rounds)
    digits = 0 if values[0] >= 200 else 1 if values[0] >= 20 else 2
    text = [f"{v:,.{digits}f}" for v in (statistics.median(values), values[0], values[-1])]
    return (what, f"{text[0]} {unit}".strip(), f"{text[1]} to {text[2]}", target)


def show(rows):
    head = ("", "median", "least to most", "asked for")
    lines = ["| " + " | ".join(head) + " |", "|---|---|---|---|"]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows])


# ---- the machine ----

def machine():
    cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read()).group(1)
    flags = open("/proc/cpuinfo").read()
    level = "x86-64-v4" if "avx512bw" in flags else "x86-64-v3" if "avx2" in flags else "x86-64-v2"
    memory = int(re.search(r"MemTotal:\s*(\d+)", open("/proc/meminfo").read()).group(1)) / 1e6
    return f"{cpu} ({level}), {os.cpu_count()} cores, {memory:.0f} GB, Linux {os.uname().release}"


def versions():
    package = lambda name: sh("dpkg-query", "-W", "-f", "${Version}", name)
    debian = open("/etc/debian_version").read().strip()
    return (f"{sh(PIPEC, '--version').splitlines()[0]}; libjpeg-turbo {package('libjpeg62-turbo')}, "
            f"Pillow {package('python3-pil')}, Debian {debian}, "
            f"{sh('cc', '--version').splitlines()[0]}")


def commit():
    """But for what is written here."""
    changed = sh("git", "status", "--porcelain", "-uno", "--", ".", ":!bench/RESULTS.md",
                 ":!README.md").strip()
    return sh("git", "rev-parse", "--short", "HEAD").strip() + (" and changes" if changed else "")


# ---- what is kept ----

def keep_first(text):
    """In RESULTS.md, before all sections."""
    path = ROOT / "bench/RESULTS.md"
    sections = path.read_text().partition("\n## ")
    path.write_text(text + "".join(sections[1:]))


def keep_section(head, text):
    """In RESULTS.md, in the place of the section of that name."""
    path = ROOT / "bench/RESULTS.md"
    sections = re.split(r"\n(?=## )", path.read_text().rstrip("\n"))
    found = [i for i, old in enumerate(sections) if old.startswith(f"## {head}\n")]
    new = f"## {head}\n\n{text}\n"
    if found:
        sections[found[0]] = new
    else:
        sections.append(new)
    path.write_text("\n".join(s.rstrip("\n") + "\n" for s in sections))


def keep_in_readme(name, text):
    readme = ROOT / "README.md"
    first, last = f"<!-- {name}: written by bench/run -->", f"<!-- end of {name} -->"
    before, rest = readme.read_text().split(first)
    readme.write_text(f"{before}{first}\n{text}\n{last}{rest.split(last)[1]}")
