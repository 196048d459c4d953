feature f()
from range(0, 3)
shuffle(window = 100)
mix a, b
python "module:function"
pack(3)
y = value
emit y
