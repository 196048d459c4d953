# scale.dsl: imported by ramp.dsl.
fn scaled(x: int) -> f32 = f32(x) * 0.5

kernel parity(x: int) -> int
    from "parity.c"
