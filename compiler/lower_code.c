/* Instructions with folding and reuse: a pure operation that was built in this
 * block or one around it is not built again, so equal dimensions are one Value. */
#include <stdarg.h>
#include <string.h>
#include "lower_room.h"

enum { BUCKETS = 1024 };

LoopScalar reg_type(pl_dtype d) {
    return d == PL_F16 || d == PL_BF16 ? LT_F32 : mem_type(d);
}

LoopScalar mem_type(pl_dtype d) {
    if (d == PL_BOOL) return LT_I1;
    if (d == PL_F32) return LT_F32;
    if (d == PL_F64) return LT_F64;
    switch (dtype_size(d)) {
    case 1: return LT_I8;
    case 2: return LT_I16;
    case 4: return LT_I32;
    default: return LT_I64;
    }
}

/* ---- what is known of values ---- */

static const LoopInstr *definition(const Gen *g, Value v) {
    return v >= 0 && v < g->def.n ? g->def.at[v] : NULL;
}

bool is_nonnegative(const Gen *g, Value v) {
    int64_t n;
    if (gen_is_int(g, v, &n)) return n >= 0;
    return v >= 0 && v < g->nonnegative.n && g->nonnegative.at[v];
}

bool is_length(const Gen *g, Value v) {
    return v >= 0 && v < g->nonnegative.n && g->nonnegative.at[v] == 2;
}

Value gen_nonnegative(Gen *g, Value v) {
    while (g->nonnegative.n <= v) list_push(g->all->arena, &g->nonnegative, 0);
    if (!g->nonnegative.at[v]) g->nonnegative.at[v] = 1;
    return v;
}

Value gen_length(Gen *g, Value v) {
    gen_nonnegative(g, v);
    g->nonnegative.at[v] = 2;
    return v;
}

static Value note_definition(Gen *g) {
    const LoopInstr *instr = built(&g->b);
    if (instr->result == NO_VALUE) return NO_VALUE;
    while (g->def.n <= instr->result) list_push(g->all->arena, &g->def, NULL);
    g->def.at[instr->result] = instr;
    return instr->result;
}

bool gen_is_int(const Gen *g, Value v, int64_t *n) {
    const LoopInstr *instr = definition(g, v);
    if (!instr || instr->op != LOOP_CONST || instr->type.scalar == LT_F32 ||
        instr->type.scalar == LT_F64)
        return false;
    *n = instr->imm;
    return true;
}

LoopScalar gen_type(const Gen *g, Value v) { return value_type(&g->b, v).scalar; }

/* ---- reuse ---- */

static unsigned bucket_of(const Known *k) {
    uint64_t h = (uint64_t)k->op * 31 + k->type.scalar;
    h = h * 1000003 + (uint64_t)k->imm;
    h = h * 1000003 + k->real;
    for (int i = 0; i < k->nargs; i++) h = h * 1000003 + (uint64_t)k->arg[i];
    return (unsigned)((h ^ h >> 29) % BUCKETS);
}

static bool same(const Known *a, const Known *b) {
    if (a->op != b->op || a->type.scalar != b->type.scalar || a->imm != b->imm ||
        a->real != b->real || a->nargs != b->nargs)
        return false;
    for (int i = 0; i < a->nargs; i++)
        if (a->arg[i] != b->arg[i]) return false;
    return true;
}

static int *bucket(Gen *g, unsigned number) {
    if (!g->bucket) {
        g->bucket = arena_array(g->all->arena, int, BUCKETS);
        for (int i = 0; i < BUCKETS; i++) g->bucket[i] = -1;
    }
    return &g->bucket[number];
}

static Value reuse(Gen *g, Known *k) {
    int *head = bucket(g, bucket_of(k));
    for (int i = *head; i >= 0; i = g->known.at[i].before)
        if (same(&g->known.at[i], k)) return g->known.at[i].result;
    return NO_VALUE;
}

static Value remember(Gen *g, Known *k) {
    k->bucket = (int)bucket_of(k);
    k->before = *bucket(g, (unsigned)k->bucket);
    *bucket(g, (unsigned)k->bucket) = g->known.n;
    k->result = note_definition(g);
    list_push(g->all->arena, &g->known, *k);
    return k->result;
}

/* ---- constants ---- */

Value gen_int(Gen *g, LoopScalar type, int64_t n) {
    Known k = {.op = LOOP_CONST, .type = loop_type(type), .imm = n};
    Value v;
    switch (type) {
    case LT_I1: k.imm = n & 1; break;
    case LT_I8: k.imm = (int8_t)n; break;
    case LT_I16: k.imm = (int16_t)n; break;
    case LT_I32: k.imm = (int32_t)n; break;
    default: break;
    }
    if ((v = reuse(g, &k)) != NO_VALUE) return v;
    build_int(&g->b, type, k.imm);
    return remember(g, &k);
}

Value gen_long(Gen *g, int64_t n) { return gen_int(g, LT_I64, n); }
Value gen_null(Gen *g) { return gen_int(g, LT_PTR, 0); }

Value gen_real(Gen *g, LoopScalar type, double x) {
    Known k = {.op = LOOP_CONST, .type = loop_type(type)};
    Value v;
    memcpy(&k.real, &x, sizeof x);
    if ((v = reuse(g, &k)) != NO_VALUE) return v;
    build_real(&g->b, type, x);
    return remember(g, &k);
}

Value gen_zero(Gen *g, LoopScalar type) {
    return type == LT_F32 || type == LT_F64 ? gen_real(g, type, 0) : gen_int(g, type, 0);
}

Value gen_data(Gen *g, int datum) {
    Known k = {.op = LOOP_DATA, .type = loop_type(LT_PTR), .imm = datum};
    Value v;
    if ((v = reuse(g, &k)) != NO_VALUE) return v;
    build(&g->b, LOOP_DATA, k.type, 0);
    built(&g->b)->imm = datum;
    return remember(g, &k);
}

/* ---- operations ---- */

static int64_t cut(LoopScalar type, int64_t n) {
    switch (type) {
    case LT_I1: return n & 1;
    case LT_I8: return (int8_t)n;
    case LT_I16: return (int16_t)n;
    case LT_I32: return (int32_t)n;
    default: return n;
    }
}

static bool fold_two(LoopOp op, int64_t a, int64_t b, int64_t *r) {
    switch (op) {
    case LOOP_ADD: *r = (int64_t)((uint64_t)a + (uint64_t)b); return true;
    case LOOP_SUB: *r = (int64_t)((uint64_t)a - (uint64_t)b); return true;
    case LOOP_MUL: *r = (int64_t)((uint64_t)a * (uint64_t)b); return true;
    case LOOP_AND: *r = a & b; return true;
    case LOOP_OR: *r = a | b; return true;
    case LOOP_XOR: *r = a ^ b; return true;
    case LOOP_SMIN: *r = a < b ? a : b; return true;
    case LOOP_SMAX: *r = a > b ? a : b; return true;
    case LOOP_EQ: *r = a == b; return true;
    case LOOP_NE: *r = a != b; return true;
    case LOOP_SLT: *r = a < b; return true;
    case LOOP_SLE: *r = a <= b; return true;
    case LOOP_ULT: *r = (uint64_t)a < (uint64_t)b; return true;
    case LOOP_ULE: *r = (uint64_t)a <= (uint64_t)b; return true;
    default: return false;
    }
}

/* x + 0, x * 1, x == x and the like. */
static Value fold_one(Gen *g, LoopOp op, LoopScalar type, Value a, Value b) {
    int64_t n;
    bool integer = type != LT_F32 && type != LT_F64 && type != LT_PTR;
    if (!integer) return NO_VALUE;
    if (gen_is_int(g, b, &n)) {
        if (n == 0 && (op == LOOP_ADD || op == LOOP_SUB || op == LOOP_OR ||
                       op == LOOP_XOR || op == LOOP_SHL || op == LOOP_ASHR))
            return a;
        if (n == 1 && op == LOOP_MUL) return a;
        if (n == 0 && (op == LOOP_MUL || op == LOOP_AND)) return b;
        if (n == 0 && op == LOOP_ULT) return b = gen_int(g, LT_I1, 0);
        if (type == LT_I1 && n == 1 && op == LOOP_AND) return a;
        if (type == LT_I1 && n == 1 && op == LOOP_OR) return b;
    }
    if (gen_is_int(g, a, &n) && (op == LOOP_ADD || op == LOOP_MUL || op == LOOP_AND ||
                                 op == LOOP_OR))
        return gen_is_int(g, b, &(int64_t){0}) ? NO_VALUE : fold_one(g, op, type, b, a);
    if (a == b && (op == LOOP_EQ || op == LOOP_SLE || op == LOOP_ULE))
        return gen_int(g, LT_I1, 1);
    if (a == b && (op == LOOP_NE || op == LOOP_SLT || op == LOOP_ULT))
        return gen_int(g, LT_I1, 0);
    return a == b && (op == LOOP_SMIN || op == LOOP_SMAX || op == LOOP_AND ||
                      op == LOOP_OR) ? a : NO_VALUE;
}

static Value fold(Gen *g, LoopOp op, LoopScalar type, const Value *arg) {
    int64_t a, b, r;
    if (gen_is_int(g, arg[0], &a) && gen_is_int(g, arg[1], &b) &&
        gen_type(g, arg[0]) != LT_PTR && fold_two(op, a, b, &r))
        return gen_int(g, type, cut(type, r));
    return fold_one(g, op, type, arg[0], arg[1]);
}

Value gen_op(Gen *g, LoopOp op, LoopScalar type, int nargs, ...) {
    Known k = {.op = op, .type = loop_type(type), .nargs = nargs};
    Value v;
    va_list list;
    va_start(list, nargs);
    for (int i = 0; i < nargs; i++) k.arg[i] = va_arg(list, Value);
    va_end(list);
    if (nargs == 2 && (v = fold(g, op, type, k.arg)) != NO_VALUE) return v;
    if ((v = reuse(g, &k)) != NO_VALUE) return v;
    build_array(&g->b, op, k.type, nargs, k.arg);
    return remember(g, &k);
}

Value gen_cast(Gen *g, LoopOp op, LoopScalar type, Value a) {
    int64_t n;
    if (gen_type(g, a) == type) return a;
    if (gen_is_int(g, a, &n)) {
        int bits = 8 * loop_scalar_bytes(gen_type(g, a));
        if (gen_type(g, a) == LT_I1) bits = 1;
        if (op == LOOP_TRUNC) return gen_int(g, type, cut(type, n));
        if (op == LOOP_SEXT)
            return gen_int(g, type, bits == 1 ? -n : n);
        if (op == LOOP_ZEXT && bits < 64)
            return gen_int(g, type, n & (((int64_t)1 << bits) - 1));
    }
    return gen_op(g, op, type, 1, a);
}

Value gen_select(Gen *g, Value condition, Value a, Value b) {
    int64_t n;
    if (a == b) return a;
    if (gen_is_int(g, condition, &n)) return n ? a : b;
    return gen_op(g, LOOP_SELECT, gen_type(g, a), 3, condition, a, b);
}

Value gen_not(Gen *g, Value a) {
    int64_t n;
    if (gen_is_int(g, a, &n)) return gen_int(g, LT_I1, !n);
    return gen_op(g, LOOP_XOR, LT_I1, 2, a, gen_int(g, LT_I1, 1));
}

Value gen_or(Gen *g, Value a, Value b) {
    if (a == NO_VALUE) return b;
    return b == NO_VALUE ? a : gen_op(g, LOOP_OR, LT_I1, 2, a, b);
}

Value gen_add(Gen *g, Value a, Value b) { return gen_op(g, LOOP_ADD, LT_I64, 2, a, b); }
Value gen_sub(Gen *g, Value a, Value b) { return gen_op(g, LOOP_SUB, LT_I64, 2, a, b); }
Value gen_mul(Gen *g, Value a, Value b) { return gen_op(g, LOOP_MUL, LT_I64, 2, a, b); }

/* ---- memory with a constant offset ---- */

static Value address(Gen *g, Value ptr, int64_t at) {
    Known k = {.op = LOOP_OFFSET, .type = loop_type(LT_PTR), .imm = 1, .nargs = 2};
    Value v;
    if (at == 0) return ptr;
    k.arg[0] = ptr;
    k.arg[1] = gen_long(g, at);
    if ((v = reuse(g, &k)) != NO_VALUE) return v;
    build_offset(&g->b, ptr, k.arg[1], 1);
    return remember(g, &k);
}

Value gen_field(Gen *g, LoopScalar type, Value ptr, int64_t at, int buffer) {
    Value where = address(g, ptr, at);
    build_load(&g->b, loop_type(type), where, buffer);
    return note_definition(g);
}

void gen_put(Gen *g, Value value, Value ptr, int64_t at, int buffer) {
    Value where = address(g, ptr, at);
    build_store(&g->b, value, where, buffer);
}

/* ---- blocks: what was learnt in one is forgotten at its end ---- */

static void scope_open(Gen *g, int loops) {
    Scope s = {g->known.n, g->undo.n, loops, g->facts.n};
    list_push(g->all->arena, &g->scope, s);
    g->loops += loops;
}

static void scope_forget(Gen *g) {
    const Scope *s = &g->scope.at[g->scope.n - 1];
    g->facts.n = s->facts;
    while (g->known.n > s->knowns) {
        const Known *k = &g->known.at[--g->known.n];
        *bucket(g, (unsigned)k->bucket) = k->before;
    }
    while (g->undo.n > s->undos) {
        const Undo *u = &g->undo.at[--g->undo.n];
        *u->where = u->old;
    }
}

/* The flag of tests in loops lives just before the outermost loop. */
static void flag_open(Gen *g) {
    if (g->plain || g->loops) return;
    g->suspect = build_var(&g->b, LT_I1, gen_int(g, LT_I1, 0));
    note_definition(g);
    g->suspected = false;
}

static void flag_close(Gen *g) {
    if (g->plain || g->loops) return;
    if (g->suspected) {
        gen_if(g, build_get(&g->b, g->suspect));
        gen_return(g, PL_SUSPECT);
        gen_end(g);
    } else {
        gen_remove(g, g->b.into, g->def.at[g->suspect]);
    }
    g->suspect = NO_VALUE;
}

Value gen_for(Gen *g, Value from, Value to) {
    Value index;
    flag_open(g);
    index = build_for(&g->b, from, to, 1);
    scope_open(g, 1);
    list_push(g->all->arena, &g->open_loops, ((OpenLoop){index, from, to}));
    return index;
}

void gen_while(Gen *g) {
    flag_open(g);
    build_while(&g->b);
    scope_open(g, 1);
    list_push(g->all->arena, &g->open_loops, ((OpenLoop){NO_VALUE, NO_VALUE, NO_VALUE}));
}

void gen_do(Gen *g, Value condition) {
    scope_forget(g);
    build_do(&g->b, condition);
}

void gen_know(Gen *g, Value condition, bool holds) {
    Fact fact = {condition, holds};
    list_push(g->all->arena, &g->facts, fact);
}

void gen_if(Gen *g, Value condition) {
    build_if(&g->b, condition);
    scope_open(g, 0);
    gen_know(g, condition, true);
}

void gen_else(Gen *g) {
    Value condition = g->facts.at[g->scope.at[g->scope.n - 1].facts].condition;
    scope_forget(g);
    build_else(&g->b);
    gen_know(g, condition, false);
}

void gen_end(Gen *g) {
    int loops = g->scope.at[g->scope.n - 1].loops;
    scope_forget(g);
    g->scope.n--;
    g->loops -= loops;
    g->open_loops.n -= loops;
    build_end(&g->b);
    if (loops) flag_close(g);
}

void gen_return(Gen *g, int status) {
    sweep_leave(g);
    build_return(&g->b, gen_int(g, LT_I32, status));
}

void gen_remove(Gen *g, LoopBlock *block, const LoopInstr *instr) {
    (void)g;
    for (int i = block->instrs.n - 1; i >= 0; i--) {
        if (block->instrs.at[i] != instr) continue;
        block->instrs.n--;
        memmove(&block->instrs.at[i], &block->instrs.at[i + 1],
                sizeof *block->instrs.at * (size_t)(block->instrs.n - i));
        return;
    }
    bug("lower: an instruction to remove is not in its block");
}
