# Rows of click logs, by std/table.
import "std/table"

feature criteo(at: path, batch: int = 4)
from lines(at)
row = criteo_row(text)
label = row.label
dense = log1p(max(row.dense, 0))
sparse = row.sparse
batch(batch, last = partial)
emit label, dense, sparse
