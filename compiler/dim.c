/* Dimensions as hash-consed polynomials. A monomial is a sorted product of
 * symbols; a Dim is a sorted sum of monomials with non-zero coefficients. */
#include "dim.h"
#include <stdio.h>
#include <string.h>
#include "term_build.h"

typedef struct Symbol {
    const char *key, *name;
    const Term *value;
    int id;
    bool nonnegative;
    int bits;
} Symbol;

typedef struct Monomial { int64_t factor; int n; const Symbol **symbol; } Monomial;

struct Dim {
    int n;
    const Monomial *part;
    const char *key;
};

struct DimTable {
    Arena *arena;
    LIST(Symbol *) symbols;
    LIST(Dim *) dims;
};

DimTable *dim_table(Arena *arena) {
    DimTable *table = arena_new_of(arena, DimTable);
    table->arena = arena;
    return table;
}

static const char *key_of(Arena *arena, int n, const Monomial *part) {
    const char *key = "";
    for (int i = 0; i < n; i++) {
        key = arena_format(arena, "%s%+lld", key, (long long)part[i].factor);
        for (int k = 0; k < part[i].n; k++)
            key = arena_format(arena, "%s*%d", key, part[i].symbol[k]->id);
    }
    return key;
}

static const Dim *intern(DimTable *table, int n, const Monomial *part) {
    const char *key = key_of(table->arena, n, part);
    Dim *dim;
    for (int i = 0; i < table->dims.n; i++)
        if (!strcmp(table->dims.at[i]->key, key)) return table->dims.at[i];
    dim = arena_new_of(table->arena, Dim);
    *dim = (Dim){n, part, key};
    list_push(table->arena, &table->dims, dim);
    return dim;
}

const Dim *dim_number(DimTable *table, int64_t value) {
    Monomial *part = arena_new_of(table->arena, Monomial);
    part->factor = value;
    return intern(table, value != 0, part);
}

const Dim *dim_symbol(DimTable *table, const char *key, const char *name,
                      const Term *value) {
    Symbol *symbol = NULL;
    Monomial *part = arena_new_of(table->arena, Monomial);
    for (int i = 0; i < table->symbols.n && !symbol; i++)
        if (!strcmp(table->symbols.at[i]->key, key)) symbol = table->symbols.at[i];
    if (!symbol) {
        symbol = arena_new_of(table->arena, Symbol);
        *symbol = (Symbol){key, name, value, table->symbols.n, false, 64};
        list_push(table->arena, &table->symbols, symbol);
    }
    part->factor = 1;
    part->n = 1;
    part->symbol = arena_new_of(table->arena, const Symbol *);
    part->symbol[0] = symbol;
    return intern(table, 1, part);
}

void dim_set_nonnegative(const Dim *dim, int bits) {
    Symbol *symbol;
    if (dim->n != 1 || dim->part[0].n != 1) return;
    symbol = (Symbol *)dim->part[0].symbol[0];
    symbol->nonnegative = true;
    symbol->bits = bits;
}

/* Shorter products first, then by symbol: an order of monomials. */
static int compare(const Monomial *a, const Monomial *b) {
    if (a->n != b->n) return a->n - b->n;
    for (int k = 0; k < a->n; k++)
        if (a->symbol[k] != b->symbol[k]) return a->symbol[k]->id - b->symbol[k]->id;
    return 0;
}

static const Dim *sum(DimTable *table, const Dim *a, const Dim *b, int64_t factor) {
    Monomial *part = arena_array(table->arena, Monomial, a->n + b->n + 1);
    int n = 0, i = 0, j = 0;
    while (i < a->n || j < b->n) {
        int order = i == a->n ? 1 : j == b->n ? -1 : compare(&a->part[i], &b->part[j]);
        Monomial m = order <= 0 ? a->part[i] : b->part[j];
        if (order > 0) m.factor = (int64_t)((uint64_t)m.factor * (uint64_t)factor);
        if (order == 0)
            m.factor = (int64_t)((uint64_t)m.factor +
                                 (uint64_t)b->part[j].factor * (uint64_t)factor);
        i += order <= 0;
        j += order >= 0;
        if (m.factor) part[n++] = m;
    }
    return intern(table, n, part);
}

const Dim *dim_add(DimTable *t, const Dim *a, const Dim *b) { return sum(t, a, b, 1); }
const Dim *dim_sub(DimTable *t, const Dim *a, const Dim *b) { return sum(t, a, b, -1); }

static Monomial product(Arena *arena, const Monomial *a, const Monomial *b) {
    Monomial m = {(int64_t)((uint64_t)a->factor * (uint64_t)b->factor), a->n + b->n,
                  arena_array(arena, const Symbol *, a->n + b->n + 1)};
    int i = 0, j = 0;
    for (int k = 0; k < m.n; k++)
        m.symbol[k] = j == b->n || (i < a->n && a->symbol[i]->id <= b->symbol[j]->id)
                          ? a->symbol[i++] : b->symbol[j++];
    return m;
}

const Dim *dim_mul(DimTable *table, const Dim *a, const Dim *b) {
    const Dim *result = dim_number(table, 0);
    for (int i = 0; i < a->n; i++)
        for (int j = 0; j < b->n; j++) {
            Monomial *m = arena_new_of(table->arena, Monomial);
            *m = product(table->arena, &a->part[i], &b->part[j]);
            if (m->factor) result = sum(table, result, intern(table, 1, m), 1);
        }
    return result;
}

bool dim_constant(const Dim *dim, int64_t *value) {
    if (!dim || dim->n > 1 || (dim->n == 1 && dim->part[0].n > 0)) return false;
    *value = dim->n ? dim->part[0].factor : 0;
    return true;
}

static int factor_bits(int64_t factor) {
    uint64_t size = factor < 0 ? -(uint64_t)factor : (uint64_t)factor;
    int bits = 0;
    while (bits < 64 && size >> bits) bits++;
    return bits;
}

int dim_bits(const Dim *dim) {
    int most = 0;
    for (int i = 0; i < dim->n; i++) {
        int bits = factor_bits(dim->part[i].factor);
        if (bits > most) most = bits;
    }
    return most;
}

/* A single symbol may be as large as it likes: it is what it is. */
static bool may_wrap(const Monomial *m) {
    int bits = factor_bits(m->factor);
    for (int k = 0; k < m->n; k++) bits += m->symbol[k]->bits;
    return m->n > 1 && bits > 63;
}

bool dim_nonnegative(const Dim *dim) {
    for (int i = 0; i < dim->n; i++) {
        if (dim->part[i].factor < 0 || may_wrap(&dim->part[i])) return false;
        for (int k = 0; k < dim->part[i].n; k++)
            if (!dim->part[i].symbol[k]->nonnegative) return false;
    }
    return true;
}

static const Term *part_term(DimTable *table, const Monomial *m) {
    const Term *term = m->n && m->factor == 1 ? NULL
                           : term_int(table->arena, PL_I64, m->factor);
    for (int k = 0; k < m->n; k++) {
        const Term *value = m->symbol[k]->value;
        term = term ? term_op(table->arena, OP_MUL, type_scalar(PL_I64), NULL, term,
                              value, NULL)
                    : value;
    }
    return term;
}

const Term *dim_term(DimTable *table, const Dim *dim) {
    const Term *term = NULL;
    for (int i = dim->n - 1; i >= 0; i--) {
        const Term *part = part_term(table, &dim->part[i]);
        term = term ? term_op(table->arena, OP_ADD, type_scalar(PL_I64), NULL, term,
                              part, NULL)
                    : part;
    }
    return term ? term : term_int(table->arena, PL_I64, 0);
}

bool dim_any_symbol(const Dim *dim, bool (*test)(const Term *, void *), void *data) {
    for (int i = 0; i < dim->n; i++)
        for (int k = 0; k < dim->part[i].n; k++)
            if (test(dim->part[i].symbol[k]->value, data)) return true;
    return false;
}

static const char *part_text(Arena *arena, const Monomial *m) {
    const char *text = "";
    int64_t factor = m->factor < 0 ? -m->factor : m->factor;
    if (factor != 1 || m->n == 0) text = arena_format(arena, "%lld", (long long)factor);
    for (int k = 0; k < m->n; k++)
        text = arena_format(arena, "%s%s%s", text, *text ? "*" : "", m->symbol[k]->name);
    return text;
}

const char *dim_text(Arena *arena, const Dim *dim) {
    const char *text = "";
    for (int i = dim->n - 1; i >= 0; i--) {
        bool negative = dim->part[i].factor < 0;
        text = arena_format(arena, "%s%s%s", text,
                            *text ? negative ? " - " : " + " : negative ? "-" : "",
                            part_text(arena, &dim->part[i]));
    }
    return *text ? text : "0";
}
