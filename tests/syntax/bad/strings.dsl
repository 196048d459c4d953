const A = "abc
const B = "a\qb\u{110000}\u{d800}\u{}\u{12"
const C = "tab	here \