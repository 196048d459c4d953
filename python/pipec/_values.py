"""From values of Python to the text that libpipert takes, with the types checked."""
import numbers
import os
import re

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


def size(name, value):
    """Bytes of 512_000_000, "512MB" or "1.5GiB"; None: 0, chosen."""
    if value is None:
        return 0
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKmMgGtT]?[iI]?[bB]?)\s*", value)
        if not found or found[2].upper() not in UNITS:
            raise ValueError(f"{name}={value!r} is no size: write 512MB, 2GiB or a number")
        value = int(float(found[1]) * UNITS[found[2].upper()])
    return integer(name, value, 0, 2**63 - 1)


def utf8(text):
    """Bytes of text, and of what os.fsdecode made of a path."""
    return text.encode("utf-8", "surrogateescape")


def path_bytes(path):
    """As the system has it; UTF-8 where the locale cannot say it."""
    path = os.fspath(path)
    if isinstance(path, bytes):
        return path
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:
        return utf8(path)


def absolute(path):
    """What it means now: the program may go to another folder."""
    path = os.fspath(path)
    if not path or os.path.isabs(path):
        return path
    return os.path.join(os.getcwdb() if isinstance(path, bytes) else os.getcwd(), path)


def report(path):
    """As bytes; b"": none."""
    if path is not None and not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"report={path!r}: it takes a path")
    return path_bytes(absolute(path or ""))


def cache(path):
    """As bytes; b"": nothing is kept."""
    if path is False:
        return b""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"cache={path!r}: it takes a path, or False")
    return path_bytes(absolute(path))


def mapping(name, value):
    """A dict by name, of None or of what is like one."""
    if value is None:
        return {}
    if not hasattr(value, "keys"):
        raise TypeError(f"{name}={value!r}: it takes a dict, {{name: value}}")
    wrong = [key for key in value if not isinstance(key, str)]
    if wrong:
        raise TypeError(f"{name}: {wrong[0]!r} is no name: names are strings")
    return dict(value)


def integer(name, value, least, most):
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}={value!r}: it takes an integer")
    value = value.__index__()
    if not least <= value <= most:
        raise ValueError(f"{name}={value}: it takes {least} to {most}")
    return value


def budget(errors, rate):
    """Of an epoch: the records that may fail, -1: any number; their share, -1: any."""
    if isinstance(errors, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", errors)
        if not found or float(found[1]) > 100:
            raise ValueError(f"max_errors={errors!r}: it takes a number of records, or a "
                             "share of them such as \"0.1%\"")
        if rate is not None:
            raise TypeError(f"max_errors={errors!r} and max_error_rate say the same")
        errors, rate = None, float(found[1]) / 100
    if rate is not None and (not isinstance(rate, numbers.Real) or not 0 <= rate <= 1):
        raise ValueError(f"max_error_rate={rate!r}: it takes a share from 0 to 1")
    return (-1 if errors is None else integer("max_errors", errors, 0, 2**63 - 1),
            -1.0 if rate is None else float(rate))


def choice(name, value, choices):
    if not isinstance(value, (str, type(None))) or value not in choices:
        raise ValueError(f"{name}={value!r}: it takes " + ", ".join(map(repr, choices)))
    return choices[value]


def element(name, kind, value):
    """One scalar as text."""
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()                    # of NumPy, torch, ...
    if kind == "bool":
        if not isinstance(value, bool):
            raise TypeError(f"{name} is a bool, not {value!r}")
        return "true" if value else "false"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {'an integer' if kind == 'int' else 'a number'} "
                        f"({kind}), not {value!r}")
    if kind == "int":
        if not hasattr(value, "__index__"):
            raise TypeError(f"{name} is an integer, not {value!r}")
        value = value.__index__()
        if not -2**63 <= value < 2**64:
            raise ValueError(f"{name} is an integer, and of at most 64 bits")
        return str(value)
    try:
        return repr(float(value))
    except OverflowError:
        raise ValueError(f"{name} is a number ({kind}), and no double holds "
                         "that one") from None


def nested(name, kind, value, depth):
    if not depth:
        return element(name, kind, value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} has {depth} dimension{'s' * (depth > 1)} there: it takes "
                        f"a list, not {value!r}")
    return "[" + ", ".join(nested(name, kind, v, depth - 1) for v in value) + "]"


def kind_of(base):
    if base in ("path", "string", "bytes", "bool"):
        return base
    return "float" if base.startswith(("f", "bf")) else "int"


def text(name, type_, value):
    """A parameter's value of the type `f32[3]` as bytes for pipert_set."""
    base, _, dims = type_.partition("[")
    kind = kind_of(base)
    label = f"parameter `{name}` ({type_})"
    if kind == "path" and isinstance(value, os.PathLike):
        value = os.fspath(value)
    if kind in ("path", "string", "bytes") and not dims:
        if not isinstance(value, (str, bytes)):
            raise TypeError(f"{label} takes a {'path' if kind == 'path' else 'string'}, "
                            f"not {value!r}")
        if isinstance(value, str):
            value = path_bytes(value) if kind == "path" else utf8(value)
        if b"\0" in value:
            raise ValueError(f"{label} has a zero byte in it")
        return value
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{label} takes {'numbers' if dims else 'a number'}, not {value!r}"
                        if kind != "bool" else f"{label} takes a bool, not {value!r}")
    depth = dims.count(",") + 1 if dims else 0
    return nested(label, kind, value, depth).encode()


def define(name, value):
    """A value for -D, whose type nobody knows here, as bytes."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, os.PathLike):
        return path_bytes(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return b"[" + b", ".join(define(name, v) for v in value) + b"]"
    if isinstance(value, numbers.Real):
        return repr(value).encode()
    raise TypeError(f"D={{{name!r}: {value!r}}}: it takes numbers, strings, bools and lists "
                    "of them")


def near(name, names):
    import difflib                              # slow to import, seldom needed
    found = difflib.get_close_matches(name, names, 1)
    return f"; did you mean `{found[0]}`?" if found else ""


def seconds(name, value, most):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}={value!r}: it takes seconds, a number")
    if not 0 <= value <= most:
        raise ValueError(f"{name}={value}: it takes 0 to {most} seconds")
    return float(value)
