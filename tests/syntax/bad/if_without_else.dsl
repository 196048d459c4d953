fn a(x: int) -> int = if x > 1 then 2
feature f()
from range(0, 4)
y = if value > 1 then 2
z = [if value > 1 then 2, 3]
emit y
