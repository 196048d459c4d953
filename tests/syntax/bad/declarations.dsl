y = 3
import x
const = 3
type T = 
fn (x: int) -> int = x
fn f(x: int) = x
fn g(x: int) -> int
fn h(x: int) -> int where T float = x
}
where x
fn ok(x: int) -> int = x
