# Statement and clause words are names where no statement begins.
import "other.dsl" as as

fn batch(from: int, take: int, skip: int) -> int = from + take - skip
fn rows(cost: T[peek], region: int = 3) -> T[peek] where T is float = cost
fn open(at: int) -> int { one = at
    one + 1
}

kernel needs(layout: bytes) -> (u8[?m], Plan)
    at open
    from "needs.c"

feature emit(from: path, each: int = 3, shuffle: bool = true)
from lines(from)
shuffle
skip skip_first
take take_first
batch = 3
take, skip = (1, 2)
emit = each
from = take
shuffle = skip
cache = 1
where batch == 3
each each in [1, 2]
each a, b in (c, d)
batch(batch, lanes = 1, last = drop)
emit emit, from, shuffle = batch
