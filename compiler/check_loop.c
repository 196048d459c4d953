/* Loops: lifting, `for`, `fold` and `scan`, and the ranges of their indices. */
#include <string.h>
#include "check.h"

void nest_push(Checker *ck, const Loop *loop, const Term *length) {
    Nest nest = {loop->var, loop->from, loop->to, length};
    list_push(ck->arena, &ck->nest, nest);
}

static const Term *zero(Checker *ck) { return term_int(ck->arena, PL_I64, 0); }

/* Indices belong to the region of their loop. */
Var *index_new(Checker *ck, const char *name, Loc loc) {
    Var *var = var_new(ck, VAR_INDEX, name, type_scalar(PL_I64), loc);
    region_own(ck, var);
    return var;
}

static const Type *for_type(Checker *ck, int n, const Dim *const *dims,
                            const Type *body) {
    const Dim **all;
    if (body->kind == TY_TUPLE) {
        Type *type = arena_new_of(ck->arena, Type);
        const Type **items = arena_array(ck->arena, const Type *, body->n);
        *type = *body;
        for (int i = 0; i < body->n; i++)
            items[i] = for_type(ck, n, dims, body->items[i]);
        type->items = items;
        return type;
    }
    all = arena_array(ck->arena, const Dim *, n + body->rank);
    for (int k = 0; k < n; k++) all[k] = dims[k];
    for (int k = 0; k < body->rank; k++) all[n + k] = body->dims[k];
    return type_tensor(ck->arena, body->dtype, n + body->rank, all);
}

const Term *make_for(Checker *ck, int n, const Loop *loops, const Dim *const *dims,
                     const Term *body, Loc loc) {
    Term *term = term_new(ck->arena, TERM_FOR, for_type(ck, n, dims, body->type),
                          place_at(ck, loc), 2, body, NULL);
    Loop *copy = arena_array(ck->arena, Loop, n);
    memcpy(copy, loops, sizeof *copy * (size_t)n);
    term->nloops = n;
    term->loop = copy;
    return term;
}

/* ---- lifting ---- */

static bool lift_shape(Checker *ck, int n, const Term **args, int *shaped, Loc loc) {
    *shaped = -1;
    for (int i = 0; i < n; i++) {
        if (args[i]->type->kind != TY_TENSOR) {
            Diag *diag = check_error(
                ck,
                args[i]->type->kind == TY_RAGGED ? DIAG_E0303_RAGGED : DIAG_E0201_TYPE,
                loc, "numbers or tensors are wanted here, not %s",
                args[i]->type->kind == TY_RAGGED ? "a ragged field"
                                                 : type_text(ck->arena, args[i]->type));
            if (args[i]->type->kind == TY_RAGGED)
                check_help(ck, diag, "below `batch` a ragged field goes into lengths(), "
                                     "padded(), padded_to() or `emit`");
            return false;
        }
        if (args[i]->type->rank == 0) continue;
        if (*shaped < 0) {
            *shaped = i;
        } else if (args[i]->type->rank != args[*shaped]->type->rank) {
            check_error(ck, DIAG_E0202_SHAPE, loc, "shapes differ: %s and %s",
                        type_text(ck->arena, args[*shaped]->type),
                        type_text(ck->arena, args[i]->type));
            return false;
        }
    }
    return true;
}

static const Term *element(Checker *ck, const Term *tensor, int n, const Loop *loops) {
    Term *term;
    if (tensor->type->rank == 0) return tensor;
    term = term_new(ck->arena, TERM_INDEX, type_scalar(tensor->type->dtype), tensor->at,
                    1, tensor);
    term->nargs = 1 + n;
    term->arg = arena_array(ck->arena, const Term *, n + 1);
    term->arg[0] = tensor;
    for (int k = 0; k < n; k++) {
        term->arg[1 + k] = term_ref(ck->arena, loops[k].var);
        if (prove_nonnegative(ck, term->arg[1 + k]) &&
            prove_below(ck, term->arg[1 + k], tensor->type->dims[k]))
            term->proved |= 1u << k;
    }
    return term;
}

const Term *lift(Checker *ck, int n, const Term **args, LiftFn *fn, void *data, Loc loc) {
    int shaped, rank, nests = ck->nest.n;
    const Term *elements[8], *body, *result;
    const Type *type;
    Loop loops[8];
    Region region;
    if (!lift_shape(ck, n, args, &shaped, loc)) return NULL;
    if (shaped < 0) return fn(ck, n, args, data);
    for (int i = 0; i < n; i++) {
        args[i] = bind_term(ck, "operand", args[i], loc);
        if (args[i]->type->rank) args[i] = tensor_name(ck, args[i], loc);
    }
    type = args[shaped]->type;
    rank = type->rank;
    region_open(ck, &region, REGION_LOOP);
    for (int k = 0; k < rank; k++) {
        loops[k] = (Loop){index_new(ck, "e", loc), zero(ck),
                          read_dim(ck, args[shaped], k)};
        nest_push(ck, &loops[k], loops[k].to);
    }
    for (int i = 0; i < n; i++) elements[i] = element(ck, args[i], rank, loops);
    body = region_close(ck, &region, fn(ck, n, elements, data));
    ck->nest.n = nests;
    if (!body) return NULL;
    result = make_for(ck, rank, loops, type->dims, body, loc);
    for (int i = 0; i < n; i++)
        for (int k = 0; i != shaped && k < args[i]->type->rank && result; k++)
            result = check_equal_dims(ck, result, type->dims[k], args[i]->type->dims[k],
                                      loc, "shapes differ");
    return result;
}

static const Term *lift_convert(Checker *ck, int n, const Term **arg, void *data) {
    (void)n;
    return term_convert(ck->arena, *(pl_dtype *)data, arg[0]->at, arg[0]);
}

const Term *convert_elements(Checker *ck, const Term *term, pl_dtype to, Loc loc) {
    if (term->type->kind != TY_TENSOR || term->type->dtype == to) return term;
    if (term->type->rank == 0)
        return term_convert(ck->arena, to, place_at(ck, loc), term);
    return lift(ck, 1, &term, lift_convert, &to, loc);
}

/* ---- the range of an index that is not written ---- */

typedef struct {
    Checker *ck; Scope *scope; const char *index;
    const Term *first; int first_axis;      /* the tensor that gave the range */
    const Dim *dim; Loc loc;
    LIST(const Dim *) others; LIST(Loc) locs;
} Ranges;

static void find_ranges(Ranges *r, const Expr *e);

static const Term *value_of_name(Ranges *r, const Expr *e) {
    const Entry *entry = scope_find(r->scope, e->name.text);
    Val val;
    if (entry && entry->kind != S_VALUE) return NULL;
    if (entry && entry->val.kind == V_ERROR) return NULL;
    val = check_expr(r->ck, r->scope, e, ANYTHING);
    return val.kind == V_TERM || val.kind == V_LITERAL ? as_term(r->ck, val, ANYTHING)
                                                       : NULL;
}

static bool is_index(const Ranges *r, const Expr *e) {
    return e->kind == EX_NAME && !strcmp(e->name.text, r->index);
}

/* The base of nested subscripts `x[a][b]`, and how many dims they took. */
static const Expr *base_of(const Expr *e, int *axis) {
    while (e->kind == EX_INDEX) {
        for (int i = 0; i < e->subs.n; i++)
            if (e->subs.at[i].kind != SUB_AT) return NULL;
        *axis += e->subs.n;
        e = e->a;
    }
    return e->kind == EX_NAME ? e : NULL;
}

static void plain_subscript(Ranges *r, const Expr *e) {
    int axis = 0;
    const Expr *base;
    const Term *tensor;
    for (int i = 0; i < e->subs.n; i++) {
        const Sub *sub = &e->subs.at[i];
        if (sub->kind != SUB_AT || !is_index(r, sub->at)) continue;
        axis = i;
        base = base_of(e->a, &axis);
        tensor = base ? value_of_name(r, base) : NULL;
        if (!tensor || tensor->type->kind != TY_TENSOR || axis >= tensor->type->rank)
            continue;
        if (!r->dim) {
            r->first = tensor;
            r->first_axis = axis;
            r->dim = tensor->type->dims[axis];
            r->loc = sub->loc;
        } else if (dims_compare(r->dim, tensor->type->dims[axis]) != 1) {
            list_push(r->ck->arena, &r->others, tensor->type->dims[axis]);
            list_push(r->ck->arena, &r->locs, sub->loc);
        }
    }
}

static void find_in_list(Ranges *r, const Expr *e) {
    for (int i = 0; i < e->items.n; i++) find_ranges(r, e->items.at[i]);
    for (int i = 0; i < e->args.n; i++) find_ranges(r, e->args.at[i].value);
    for (int i = 0; i < e->bindings.n; i++) find_ranges(r, e->bindings.at[i].value);
    for (int i = 0; i < e->indices.n; i++) {
        if (e->indices.at[i].from) find_ranges(r, e->indices.at[i].from);
        if (e->indices.at[i].to) find_ranges(r, e->indices.at[i].to);
    }
    for (int i = 0; i < e->subs.n; i++) {
        if (e->subs.at[i].at) find_ranges(r, e->subs.at[i].at);
        if (e->subs.at[i].to) find_ranges(r, e->subs.at[i].to);
    }
}

static void find_ranges(Ranges *r, const Expr *e) {
    if (e->kind == EX_INDEX) plain_subscript(r, e);
    if (e->a) find_ranges(r, e->a);
    if (e->b) find_ranges(r, e->b);
    if (e->c) find_ranges(r, e->c);
    if (e->init) find_ranges(r, e->init);
    find_in_list(r, e);
}

/* ---- indices ---- */

typedef struct LoopSet {
    int n;
    Loop loops[16];
    const Dim *dims[16];        /* trip counts */
    LIST(const Dim *) same_a, same_b;   /* pairs to be tested when run */
    LIST(Loc) same_loc;
    const Dim *sizes[16];       /* that must not be below 0 */
    bool plain;                 /* no range may use another index */
} LoopSet;

static const Dim *trip_count(Checker *ck, const Term *from, const Term *to) {
    const Dim *count = dim_sub(ck->dims, dim_of_term(ck, to), dim_of_term(ck, from));
    int64_t n;
    if (dim_constant(count, &n)) return n < 0 ? dim_number(ck->dims, 0) : count;
    if (dim_nonnegative(count)) return count;
    return dim_of_term(ck, term_op(ck->arena, OP_MAX, type_scalar(PL_I64), NULL,
                                   dim_to_term(ck, count), zero(ck), NULL));
}

/* The part of a loop that is open now keeps what hangs on its first n indices. */
static void own_indices(Checker *ck, const LoopSet *set, int n) {
    for (int i = 0; i < n; i++) region_own(ck, set->loops[i].var);
}

/* A bound keeps its own bindings: it stands outside of the body. */
static const Term *bound(Checker *ck, Scope *scope, const Expr *e, const char *what,
                         const LoopSet *set, int n) {
    Region region;
    const Term *term;
    region_open(ck, &region, REGION_LOOP);
    own_indices(ck, set, n);
    term = region_close(ck, &region, check_scalar_int(ck, scope, e, what));
    own_indices(ck, set, n);
    return term;
}

static bool written_range(Checker *ck, Scope *scope, const Index *index, LoopSet *set,
                          int n) {
    Loop *loop = &set->loops[n];
    loop->from = bound(ck, scope, index->from, "the start of a range", set, n);
    loop->to = bound(ck, scope, index->to, "the end of a range", set, n);
    if (!loop->from || !loop->to) return false;
    if (term_region(ck, loop->from) == ck->region) return true;
    if (term_region(ck, loop->to) == ck->region) return true;
    loop->from = bind_term(ck, "from", loop->from, index->from->loc);
    loop->to = bind_term(ck, "to", loop->to, index->to->loc);
    return true;
}

static bool found_range(Checker *ck, Scope *scope, const Expr *e, const Index *index,
                        Loop *loop, LoopSet *set) {
    Ranges r = {.ck = ck, .scope = scope, .index = index->name.text};
    if (e->a) find_ranges(&r, e->a);
    if (e->b) find_ranges(&r, e->b);
    if (e->c) find_ranges(&r, e->c);
    if (!r.dim) {
        check_help(ck, check_error(ck, DIAG_E0206_INDEX, index->name.loc,
                       "nothing tells the range of `%s`", index->name.text),
                   "write it: `%s in 0..n`, or subscript a tensor with plain `%s`",
                   index->name.text, index->name.text);
        return false;
    }
    for (int i = 0; i < r.others.n; i++) {
        if (dims_compare(r.dim, r.others.at[i]) == 0) {
            Diag *diag = check_error(ck, DIAG_E0206_INDEX, index->name.loc,
                "`%s` subscripts dimensions of %s and %s", index->name.text,
                dim_text(ck->arena, r.dim), dim_text(ck->arena, r.others.at[i]));
            check_note(ck, diag, r.loc, "one here");
            check_note(ck, diag, r.locs.at[i], "the other here");
            return false;
        }
        list_push(ck->arena, &set->same_a, r.dim);
        list_push(ck->arena, &set->same_b, r.others.at[i]);
        list_push(ck->arena, &set->same_loc, r.locs.at[i]);
    }
    loop->from = zero(ck);
    loop->to = read_dim(ck, r.first, r.first_axis);
    return true;
}

static bool one_index(Checker *ck, Scope *inner, const Expr *e, int i, Expect want,
                      LoopSet *set) {
    const Index *index = &e->indices.at[i];
    Loop *loop = &set->loops[i];
    const Dim *declared = want.result && want.type && want.type->kind == TY_TENSOR &&
                                  i < want.type->rank ? want.type->dims[i] : NULL;
    Entry *entry;
    Var *var;
    if (index->from) {
        if (!written_range(ck, inner, index, set, i)) return false;
    } else if (declared) {
        loop->from = zero(ck);
        loop->to = dim_to_term(ck, declared);
        set->sizes[i] = declared;
    } else if (!found_range(ck, inner, e, index, loop, set)) {
        return false;
    }
    if (set->plain && (term_region(ck, loop->to) == ck->region ||
                       term_region(ck, loop->from) == ck->region)) {
        check_error(ck, DIAG_E0206_INDEX, index->name.loc,
                    "the range of `%s` may not depend on another index of this `for`",
                    index->name.text);
        return false;
    }
    set->dims[i] = declared && !index->from ? declared
                                            : trip_count(ck, loop->from, loop->to);
    var = index_new(ck, index->name.text, index->name.loc);
    loop->var = var;
    entry = scope_add(ck, inner, index->name, S_VALUE);
    entry->val = val_term(term_ref(ck->arena, var), index->name.loc);
    return true;
}

/* Opens the indices in the region that is current. */
static bool check_indices(Checker *ck, Scope *inner, const Expr *e, Expect want,
                          LoopSet *set) {
    set->n = e->indices.n;
    if (set->n > 8) {
        check_error(ck, DIAG_E0206_INDEX, e->loc, "more than 8 indices");
        return false;
    }
    for (int i = 0; i < set->n; i++)
        if (!one_index(ck, inner, e, i, want, set)) return false;
    for (int i = 0; i < set->n; i++)
        nest_push(ck, &set->loops[i], dim_to_term(ck, set->dims[i]));
    return true;
}

static const Term *test_ranges(Checker *ck, const Term *value, const LoopSet *set,
                               Loc loc) {
    for (int i = 0; i < set->same_a.n && value; i++)
        value = check_equal_dims(ck, value, set->same_a.at[i], set->same_b.at[i],
                                 set->same_loc.at[i], "one index, two dimensions");
    for (int i = 0; i < set->n && value; i++)
        if (set->sizes[i]) value = check_size(ck, value, set->sizes[i], loc);
    return value;
}

/* ---- for ---- */

static const Term *check_where(Checker *ck, Scope *inner, const LoopSet *set,
                               const Expr *e) {
    Region region;
    const Term *term;
    region_open(ck, &region, REGION_LOOP);
    own_indices(ck, set, set->n);
    term = check_term(ck, inner, e, ANYTHING);
    if (term && (term->type->kind != TY_TENSOR || term->type->rank ||
                 term->type->dtype != PL_BOOL)) {
        check_error(ck, DIAG_E0201_TYPE, e->loc,
                    "what follows `where` must be a bool, this is %s",
                    type_text(ck->arena, term->type));
        term = NULL;
    }
    return region_close(ck, &region, term);
}

/* Dims of a body that hang on the indices. */
static bool body_shape(Checker *ck, const Type *type, Loc loc) {
    if (type->kind == TY_TUPLE) {
        for (int i = 0; i < type->n; i++)
            if (!body_shape(ck, type->items[i], loc)) return false;
        return true;
    }
    for (int k = 0; k < type->rank; k++)
        if (!type->dims[k]) {
            check_error(ck, DIAG_E0202_SHAPE, loc,
                        "the shape of the body may not depend on the indices");
            return false;
        }
    return true;
}

static Expect body_expect(Checker *ck, Expect want, int n) {
    Expect body = {.dtype = want.dtype};
    if (!want.type || want.type->kind != TY_TENSOR || want.type->rank < n) return body;
    body.type = type_tensor(ck->arena, want.type->dtype, want.type->rank - n,
                            want.type->dims + n);
    body.result = want.result;
    return body;
}

static Expect tuple_expect(Checker *ck, Expect want, int n) {
    Type *type = arena_new_of(ck->arena, Type);
    const Type **items = arena_array(ck->arena, const Type *, want.type->n);
    for (int i = 0; i < want.type->n; i++) {
        const Type *item = want.type->items[i];
        items[i] = item->kind == TY_TENSOR && item->rank >= n
                       ? type_tensor(ck->arena, item->dtype, item->rank - n,
                                     item->dims + n)
                       : item;
    }
    *type = (Type){.kind = TY_TUPLE, .n = want.type->n, .items = items};
    return (Expect){-1, type, false};
}

static const Term *keep_where(Checker *ck, const Term *where, LoopSet *set,
                              const Term *body, Loc loc) {
    const Dim *unknown = NULL;
    Term *term = (Term *)make_for(ck, set->n, set->loops, set->dims, body, loc);
    term->type = for_type(ck, 1, &unknown, body->type);
    term->arg[1] = where;
    return term;
}

Val check_for(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    Scope *inner = scope_new(ck, scope, scope->unit);
    LoopSet set = {.plain = e->b == NULL};
    Region region;
    const Term *where = NULL, *body = NULL;
    int nests = ck->nest.n, outer = e->b ? 1 : e->indices.n;
    bool good;
    Expect expect = want.type && want.type->kind == TY_TUPLE
                        ? tuple_expect(ck, want, outer)
                        : body_expect(ck, want, outer);
    region_open(ck, &region, REGION_LOOP);
    good = check_indices(ck, inner, e, e->b ? ANYTHING : want, &set);
    if (good && e->b) good = (where = check_where(ck, inner, &set, e->b)) != NULL;
    if (good) own_indices(ck, &set, set.n);
    if (good) body = check_term(ck, inner, e->a, expect);
    body = region_close(ck, &region, body);
    ck->nest.n = nests;
    if (!body) return val_error();
    if (body->type->kind != TY_TENSOR && body->type->kind != TY_TUPLE) {
        check_error(ck, DIAG_E0201_TYPE, e->a->loc,
                    "the elements of a `for` are numbers");
        return val_error();
    }
    if (body->type->kind == TY_TUPLE || body->type->rank)
        ((Term *)body)->type = type_outside(ck, body->type);
    if (!body_shape(ck, body->type, e->a->loc)) return val_error();
    body = where ? keep_where(ck, where, &set, body, e->loc)
                 : make_for(ck, set.n, set.loops, set.dims, body, e->loc);
    body = settle(ck, "kept", body, e->loc);
    return val_term(test_ranges(ck, body, &set, e->loc), e->loc);
}

/* ---- fold and scan ---- */

static bool state_terms(Checker *ck, Scope *scope, const Expr *e, Expect want, int n,
                        const Term **inits) {
    const Term *init;
    Expect expect = {.dtype = want.dtype, .type = want.type};
    if (want.type && want.type->kind == TY_TENSOR && e->kind == EX_SCAN)
        expect = body_expect(ck, want, 1);
    init = check_term(ck, scope, e->init, expect);
    if (!init) return false;
    if (n == 1) {
        inits[0] = bind_term(ck, "start", init, e->init->loc);
        return true;
    }
    if (init->type->kind != TY_TUPLE || init->type->n != n) {
        check_error(ck, DIAG_E0201_TYPE, e->init->loc, "%d states start as %s", n,
                    type_text(ck->arena, init->type));
        return false;
    }
    if (init->kind != TERM_TUPLE) init = bind_term(ck, "start", init, e->init->loc);
    for (int i = 0; i < n; i++) {
        if (init->kind == TERM_TUPLE) {
            inits[i] = bind_term(ck, "start", init->arg[i], e->init->loc);
        } else {
            Term *get = term_new(ck->arena, TERM_GET, init->type->items[i], init->at, 1,
                                 init);
            get->axis = i;
            inits[i] = get;
        }
    }
    return true;
}

static const Var **state_vars(Checker *ck, Scope *scope, const Expr *e,
                              const Term **inits) {
    const Var **vars = arena_array(ck->arena, const Var *, e->names.n);
    for (int i = 0; i < e->names.n; i++) {
        Name name = e->names.at[i];
        Var *var = var_new(ck, VAR_STATE, name.text, inits[i]->type, name.loc);
        Entry *entry = scope_add(ck, scope, name, S_VALUE);
        region_own(ck, var);
        entry->val = val_term(term_ref(ck->arena, var), name.loc);
        vars[i] = var;
    }
    return vars;
}

static const Type *state_type(Checker *ck, int n, const Term **inits) {
    Type *type;
    const Type **items;
    if (n == 1) return inits[0]->type;
    type = arena_new_of(ck->arena, Type);
    items = arena_array(ck->arena, const Type *, n);
    for (int i = 0; i < n; i++) items[i] = inits[i]->type;
    *type = (Type){.kind = TY_TUPLE, .n = n, .items = items};
    return type;
}

static const Term *fold_body(Checker *ck, Scope *inner, const LoopSet *set,
                             const Var *const *states, const Expr *e, const Type *type) {
    Region region;
    const Term *body;
    Expect want = {type->kind == TY_TENSOR ? (int)type->dtype : -1, type, true};
    region_open(ck, &region, REGION_LOOP);
    own_indices(ck, set, set->n);
    for (int i = 0; i < e->names.n; i++) region_own(ck, states[i]);
    body = check_term(ck, inner, e->a, want);
    if (body)
        body = coerce(ck, body, type, e->a->loc,
                      arena_format(ck->arena, "the new state `%s`", e->names.at[0].text));
    return region_close(ck, &region, body);
}

static const Term *fold_where(Checker *ck, Scope *inner, const LoopSet *set,
                              const Var *const *states, const Expr *e) {
    Region region;
    const Term *where;
    region_open(ck, &region, REGION_LOOP);
    for (int i = 0; i < e->names.n; i++) region_own(ck, states[i]);
    where = check_where(ck, inner, set, e->b);
    return region_close(ck, &region, where);
}

static const Term *fold_until(Checker *ck, Scope *inner, const LoopSet *set,
                              const Expr *e, const Term **inits, const Var ***news) {
    Scope *scope = scope_new(ck, inner, inner->unit);
    Region region;
    const Term *until;
    region_open(ck, &region, REGION_LOOP);
    *news = state_vars(ck, scope, e, inits);
    until = check_where(ck, scope, set, e->c);
    return region_close(ck, &region, until);
}

Val check_fold(Checker *ck, Scope *scope, const Expr *e, Expect want) {
    int n = e->names.n, nests = ck->nest.n;
    const Term **inits = arena_array(ck->arena, const Term *, n);
    Scope *inner = scope_new(ck, scope, scope->unit);
    LoopSet set = {0};
    Region region;
    Term *fold;
    const Type *type;
    const Term *body = NULL, *where = NULL, *until = NULL;
    const Var **states, **news = NULL;
    const Dim *count = NULL;
    bool good;
    if (!state_terms(ck, scope, e, want, n, inits)) return val_error();
    type = state_type(ck, n, inits);
    region_open(ck, &region, REGION_LOOP);
    good = check_indices(ck, inner, e, e->kind == EX_SCAN ? want : ANYTHING, &set);
    states = state_vars(ck, inner, e, inits);
    if (good && e->b) good = (where = fold_where(ck, inner, &set, states, e)) != NULL;
    if (good) good = (body = fold_body(ck, inner, &set, states, e, type)) != NULL;
    if (good && e->c)
        good = (until = fold_until(ck, inner, &set, e, inits, &news)) != NULL;
    region_close(ck, &region, NULL);
    ck->nest.n = nests;
    if (!good) return val_error();
    if (e->kind == EX_SCAN) {
        if (!where && !until) {
            count = dim_number(ck->dims, 1);
            for (int i = 0; i < set.n; i++) count = dim_mul(ck->dims, count, set.dims[i]);
        }
        type = for_type(ck, 1, &count, type);
    }
    fold = term_new(ck->arena, e->kind == EX_SCAN ? TERM_SCAN : TERM_FOLD, type,
                    place_at(ck, e->loc), 3, body, where, until);
    fold->nloops = set.n;
    fold->loop = arena_array(ck->arena, Loop, set.n);
    memcpy((Loop *)fold->loop, set.loops, sizeof(Loop) * (size_t)set.n);
    fold->nstates = n;
    fold->inits = inits;
    fold->states = states;
    fold->news = news;
    return val_term(test_ranges(ck, settle(ck, "states", fold, e->loc), &set, e->loc),
                    e->loc);
}
