feature f()
from range(0, 3)
x = 12345678901234567890TiB
y = 8388608TiB
z = 1GB
cache
cache ram
batch(2)
emit x
