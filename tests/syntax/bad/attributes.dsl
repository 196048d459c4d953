@pni
fn a(x: int) -> int = f(x) @catch |> g @workers(3) @3
fn b(@cosnt x: int) -> int = x
feature f(@const x: int)
@on_eror(skip)
from range(0, 3)
y = x @pin
