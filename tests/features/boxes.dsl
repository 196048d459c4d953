# Random boxes until one overlaps the object enough, as SSD crops.
type Box = (top: f32, left: f32, bottom: f32, right: f32)

fn area(b: Box) -> f32 = max(b.bottom - b.top, 0) * max(b.right - b.left, 0)

fn overlap(a: Box, b: Box) -> f32 {
    height = max(min(a.bottom, b.bottom) - max(a.top, b.top), 0)
    width = max(min(a.right, b.right) - max(a.left, b.left), 0)
    common = height * width
    common / (area(a) + area(b) - common)
}

feature boxes(n: int = 40)
from range(0, n)
object = (.1 + f32(value % 5) * .1, .2, .6 + f32(value % 7) * .05, .75)
box, tries = fold b, k = ([0.0, 0, 0, 0], 0) for t in 0..20 until overlap((b[0], b[1], b[2], b[3]), object) >= .4: {
    top = uniform(0, .5)
    left = uniform(0, .5)
    ([top, left, top + uniform(.2, .5), left + uniform(.2, .5)], k + 1)
}
iou = overlap((box[0], box[1], box[2], box[3]), object)
where iou >= .4
batch(5, last = partial)
emit index, box, tries, iou
