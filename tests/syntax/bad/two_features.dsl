feature f()
from range(0, 3)
y = value
emit y
feature g()
from range(0, 3)
emit value
