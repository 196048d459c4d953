/* How many bytes a value has, as far as anybody knows. */
#include <string.h>
#include "dim.h"
#include "explain.h"

static Amount known(Arena *arena, double n) {
    return (Amount){n, false, arena_format(arena, "%.0f", n)};
}

Amount amount_none(void) { return (Amount){-1, false, "-"}; }

Amount amount_mean(Arena *arena, double n) {
    return (Amount){n, true, arena_format(arena, "~%.0f", n)};
}

static bool is_known(const Type *type, int axis, int64_t *size) {
    return type->dims && type->dims[axis] && dim_constant(type->dims[axis], size);
}

/* The constants as one number, a factor for each other dim. */
static Amount amount_of_tensor(Arena *arena, const Type *type) {
    double n = dtype_size(type->dtype);
    const char *rest = "";
    for (int k = 0; k < type->rank; k++) {
        int64_t size;
        if (is_known(type, k, &size)) n *= (double)size;
        else rest = arena_format(arena, "%s * ?", rest);
    }
    if (!*rest) return known(arena, n);
    return (Amount){-1, false, n > 1 ? arena_format(arena, "%.0f%s", n, rest) : rest + 3};
}

Amount amount_sum(Arena *arena, Amount a, Amount b) {
    bool mean = a.mean || b.mean;
    if (a.n < 0 || b.n < 0) return (Amount){-1, false, "?"};
    return mean ? amount_mean(arena, a.n + b.n) : known(arena, a.n + b.n);
}

Amount amount_of(Arena *arena, const Type *type) {
    Amount sum = {0, false, "0"};
    if (!type) return (Amount){-1, false, "?"};
    if (type->kind == TY_TENSOR || type->kind == TY_RAGGED)
        return amount_of_tensor(arena, type);
    if (type->kind != TY_TUPLE) return (Amount){-1, false, "?"};
    for (int i = 0; i < type->n; i++)
        sum = amount_sum(arena, sum, amount_of(arena, type->items[i]));
    return sum;
}

static const char *tuple_words(Arena *arena, const Type *type) {
    const char *text = "";
    for (int i = 0; i < type->n; i++)
        text = arena_format(arena, "%s%s%s", text, i ? ", " : "",
                            type_words(arena, type->items[i]));
    return arena_format(arena, "(%s)", text);
}

const char *type_words(Arena *arena, const Type *type) {
    const char *text = "";
    if (!type) return "?";
    if (type->kind == TY_TUPLE) return tuple_words(arena, type);
    if (type->kind != TY_TENSOR || type->text || !type->rank)
        return type_text(arena, type);
    for (int k = 0; k < type->rank; k++) {
        int64_t size;
        const char *word = "?";
        if (is_known(type, k, &size)) word = arena_format(arena, "%lld", (long long)size);
        text = arena_format(arena, "%s%s%s", text, k ? ", " : "", word);
    }
    return arena_format(arena, "%s[%s]", dtype_name(type->dtype), text);
}

Amount amount_made(Arena *arena, const TensorNote *n) {
    Type row = *n->var->type;
    Amount a;
    if (strcmp(n->way, "window")) return amount_of(arena, n->var->type);
    row.rank--;
    row.dims = row.dims ? row.dims + 1 : NULL;
    a = amount_of(arena, &row);
    return (Amount){-1, false, arena_format(arena, "%s a row", a.text)};
}
