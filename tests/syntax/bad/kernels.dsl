kernel a(x: int) -> int
    form "a.c"
    cost
    peek 3
    one at a time
    at close
kernel b(x: int) -> int
    from a.c
    needs
kernel c(x) -> int
kernel d(x: int)
    zzz 3
