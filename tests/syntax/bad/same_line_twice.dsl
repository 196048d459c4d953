const A = $	$ + é$
const B = 1	+ $
