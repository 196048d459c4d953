# Nothing crosses a `where` that is pinned; behind it the cheap one comes first.
feature pinned(n: int = 40)
from range(0, n)
dear = sum(for i in 0..50: f32(value * i % 7) * 0.5)
dearer = sum(for i in 0..500: f32(value * i % 11) * 0.5)
@pin where dear > 3
where value % 3 != 1
where dearer > 100
where value % 5 != 2
batch(1)
emit value
