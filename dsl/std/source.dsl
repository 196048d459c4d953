# Sources: what may stand after `from`. The runtime makes their records; here
# are their arguments and the fields that a record has. Every record has
# `index: int` besides. `region n`: of a field of that length only what is used
# is read.

## The integers a, a + step, … below b.
kernel range(a: int, b: int, step: int = 1) -> (value: int)

## The files below root whose path matches, sorted by the bytes of their path.
## label: the rank of the first directory below root; -1 directly below root.
kernel files(root: path, pattern: string) -> (path: path, data: u8[?n], label: i32)
    region n

## The lines of a text file, or of all files that a pattern names.
kernel lines(path: path) -> (text: bytes, path: path, line: int)

## The rows of a table with a header, CSV or JSONL. `columns = Row` names their
## types; `read = NAME` loads the file that column NAME names, as `data`.
kernel manifest(path: path) -> (path: path, data: u8[?n], line: int)
    region n
