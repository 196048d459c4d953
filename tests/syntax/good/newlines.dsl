# Where a newline ends something, and where it does not.
fn joined(a: int,
          b: int
         ) -> int
    = a +
      b

fn after(x: T[n],
         f: fn(T) ->
            T) -> T[n]
    where T is number
{
    y =
        x
    z = for i in
           0..
           n:
        if y[i] > 0 and
           y[i] < 9
        then
            f(y[i])
        else
            -y[i]

    # a comment between lines


    z
}

fn inside(x: int) -> int = (x
    - 1
    + [1,
       2
       , 3][0
      ]
)

fn brackets(x: int) -> int = joined(x, {
    # newlines count again inside braces
    a = (x
         + 1)
    b = a

    b * 2
})

fn minus(x: int) -> int = {
    a = x
    -a
}

fn one_line(x: int) -> int { a, b = (x, 1)
    a + b }

feature f()
from range(0,
           9)

y = value
    |> joined(2)
    |> joined(
        3)
a,
b = (1, 2)
c
    = 3
where y > 0
    and c == 3
batch(8)
emit y,
     c
