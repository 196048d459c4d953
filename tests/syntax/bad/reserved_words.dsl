fn if(in: int, is: f32) -> int = { for = 1
  then => 2 }
fn f(x: int) -> int = f(where = 3).type
feature until()
from range(0, 3)
until = 3
fold = 4
emit not
