/* Invariants of the loop IR: types of operands, definitions before uses, blocks
 * closed where they must be. A broken one is a bug() of the pass before. */
#include <string.h>
#include "../dsl/diag.h"
#include "loops_rules.h"

enum { MAX_LANES = 64, MAX_ALIGN = 4096 };

typedef struct Verifier {
    const LoopModule *module;
    const LoopFunction *function;
    const LoopInstr *instr;
    const char *after;
    char *visible;              /* by value: 0 no, 1 value, 2 var */
    int loops;                  /* FOR and WHILE around */
} Verifier;

_Noreturn static void broken(const Verifier *v, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn static void broken(const Verifier *v, const char *format, ...) {
    char text[400], place[200] = "";
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (v->instr) {
        int n = snprintf(place, sizeof place, "%s", loop_op_name[v->instr->op]);
        if (v->instr->result != NO_VALUE)
            n += snprintf(place + n, sizeof place - (size_t)n, " %%%d",
                          v->instr->result);
        if (v->instr->line)
            snprintf(place + n, sizeof place - (size_t)n, " (line %d)",
                     v->instr->line);
    }
    bug("loop IR after %s: %s%s%s%s: %s", v->after, v->module->name,
        v->function ? "." : "", v->function ? v->function->name : "",
        v->instr ? arena_format(v->module->arena, ": %s", place) : "", text);
}

/* ---- types ---- */

static void check_type(const Verifier *v, LoopType type) {
    char name[16];
    bool power = type.lanes > 0 && (type.lanes & (type.lanes - 1)) == 0;
    if (type.scalar > LT_PTR || !power || type.lanes > MAX_LANES)
        broken(v, "bad type %s", loop_type_name(type, name));
    if (type.lanes > 1 && (type.scalar == LT_PTR || type.scalar == LT_VOID))
        broken(v, "vector of %s", loop_type_name(loop_type(type.scalar), name));
}

static LoopType type_of(const Verifier *v, int k) {
    return v->function->value_types.at[v->instr->arg[k]];
}

static void expect_type(const Verifier *v, int k, LoopType due) {
    char a[16], b[16];
    if (!loop_type_equal(type_of(v, k), due))
        broken(v, "operand %d is %s, %s is due", k, loop_type_name(type_of(v, k), a),
               loop_type_name(due, b));
}

static void check_use(const Verifier *v, int k) {
    Value value = v->instr->arg[k];
    if (value < 0 || value >= v->function->nvalues || !v->visible[value])
        broken(v, "operand %d, %%%d, is not defined here", k, value);
    bool wants_var = k == 0 && (v->instr->op == LOOP_GET || v->instr->op == LOOP_SET);
    if (wants_var != (v->visible[value] == 2))
        broken(v, "operand %d, %%%d, is %sa var", k, value, wants_var ? "not " : "");
}

/* ---- operations whose operands loop_rule does not tell ---- */

static bool narrower(LoopScalar a, LoopScalar b) {
    static const char width[] = {0, 1, 8, 16, 32, 64, 32, 64, 64};
    return width[a] < width[b];
}

static bool integer(LoopScalar s) { return s >= LT_I1 && s <= LT_I64; }
static bool real(LoopScalar s) { return s == LT_F32 || s == LT_F64; }

static bool cast_is_sound(LoopOp op, LoopScalar from, LoopScalar to) {
    switch (op) {
    case LOOP_SEXT: case LOOP_ZEXT:
        return integer(from) && integer(to) && narrower(from, to);
    case LOOP_TRUNC: return integer(from) && integer(to) && narrower(to, from);
    case LOOP_SITOFP: case LOOP_UITOFP: return integer(from) && real(to);
    case LOOP_FPTOSI: case LOOP_FPTOUI:
        return real(from) && integer(to) && to != LT_I1;
    case LOOP_FPEXT: return from == LT_F32 && to == LT_F64;
    case LOOP_FPTRUNC: return from == LT_F64 && to == LT_F32;
    case LOOP_HTOF: case LOOP_BTOF: return from == LT_I16 && to == LT_F32;
    case LOOP_FTOH: case LOOP_FTOB: return from == LT_F32 && to == LT_I16;
    default: return false;
    }
}

static bool bitcast_is_sound(LoopType from, LoopType to) {
    if (from.scalar == LT_I1 || to.scalar == LT_I1) return false;
    if (from.scalar == LT_PTR) return loop_type_equal(to, loop_type(LT_I64));
    if (to.scalar == LT_PTR) return loop_type_equal(from, loop_type(LT_I64));
    return loop_type_bytes(from) == loop_type_bytes(to) &&
           (from.lanes > 1) == (to.lanes > 1);
}

static void check_cast(const Verifier *v) {
    LoopType from = type_of(v, 0), to = v->instr->type;
    char a[16], b[16];
    bool sound = v->instr->op == LOOP_BITCAST
                     ? bitcast_is_sound(from, to)
                     : from.lanes == to.lanes &&
                           cast_is_sound(v->instr->op, from.scalar, to.scalar);
    if (!sound)
        broken(v, "from %s to %s", loop_type_name(from, a), loop_type_name(to, b));
}

static void check_shuffle(const Verifier *v) {
    const LoopInstr *i = v->instr;
    LoopType a = type_of(v, 0);
    bool two = i->nargs == 2 && i->arg[1] != NO_VALUE;
    if (a.lanes < 2 || a.scalar != i->type.scalar || i->type.lanes < 2)
        broken(v, "not from vector to vector of one scalar");
    if (two) expect_type(v, 1, a);
    if (!i->mask) broken(v, "no mask");
    for (int k = 0; k < i->type.lanes; k++)
        if (i->mask[k] < -1 || i->mask[k] >= a.lanes * (two ? 2 : 1))
            broken(v, "lane %d comes from %d", k, i->mask[k]);
}

static void check_extract(const Verifier *v) {
    LoopType a = type_of(v, 0);
    if (a.lanes < 2 || v->instr->type.lanes != 1 || a.scalar != v->instr->type.scalar ||
        v->instr->imm < 0 || v->instr->imm >= a.lanes)
        broken(v, "not a lane of the operand");
}

static void check_call(const Verifier *v) {
    const char *name;
    LoopType result;
    int nparams, first = v->instr->op == LOOP_CALL_AT;
    const LoopType *types;
    if (!loop_callee(v->module, v->instr, &name, &result, &nparams, &types))
        broken(v, "no extern or function %lld", (long long)v->instr->imm);
    if (first && v->instr->imm < 0) broken(v, "the signature is no extern's");
    if (!loop_type_equal(result, v->instr->type))
        broken(v, "%s returns another type", name);
    if (v->instr->nargs != nparams + first)
        broken(v, "%s takes %d operands, not %d", name, nparams,
               v->instr->nargs - first);
    if (v->instr->imm < 0 && v->function->plain &&
        !v->module->functions.at[-1 - v->instr->imm]->plain)
        broken(v, "a plain function calls %s, which has many clones", name);
}

/* ---- operations with fields ---- */

static void check_memory(const Verifier *v) {
    const LoopInstr *i = v->instr;
    if (i->type.scalar == LT_I1 && i->type.lanes > 1) broken(v, "vector of i1 in memory");
    if (i->align < 0 || i->align > MAX_ALIGN || (i->align & (i->align - 1)))
        broken(v, "align %d", i->align);
    if (i->buffer < 0) broken(v, "buffer %d", i->buffer);
    if (i->stream && i->type.lanes > 1 && i->align < loop_type_bytes(i->type))
        broken(v, "a streaming store of %lld bytes with align %d",
               (long long)loop_type_bytes(i->type), i->align);
}

static void check_alloc(const Verifier *v) {
    const LoopFunction *f = v->function;
    if (!f->nparams || f->param_types[0].scalar != LT_PTR ||
        !loop_type_equal(f->result, loop_type(LT_I32)))
        broken(v, "the function is not (pl_call *, …) -> status");
}

static void check_constant(const Verifier *v) {
    int64_t n = v->instr->imm;
    LoopScalar scalar = v->instr->type.scalar;
    if (v->instr->type.lanes != 1) broken(v, "a vector (SPLAT a scalar)");
    if ((scalar == LT_I1 && n != (n & 1)) || (scalar == LT_I8 && n != (int8_t)n) ||
        (scalar == LT_I16 && n != (int16_t)n) || (scalar == LT_I32 && n != (int32_t)n))
        broken(v, "%lld is not sign-extended", (long long)n);
    if (scalar == LT_PTR && n) broken(v, "a ptr that is not null");
    if (scalar == LT_F32 && v->instr->real == v->instr->real &&
        (double)(float)v->instr->real != v->instr->real)
        broken(v, "%.17g is no f32", v->instr->real);
}

static void check_compare(const Verifier *v) {
    LoopType a = type_of(v, 0);
    bool of_reals = v->instr->op >= LOOP_FEQ && v->instr->op <= LOOP_FLE;
    bool order = v->instr->op != LOOP_EQ && v->instr->op != LOOP_NE;
    const char *classes = of_reals ? "f" : order ? "i" : "ibp";
    if (!loop_class_fits(a, classes) || a.lanes != v->instr->type.lanes)
        broken(v, "operands of this type");
}

static void check_fields(const Verifier *v) {
    const LoopInstr *i = v->instr;
    switch (i->op) {
    case LOOP_CONST: check_constant(v); break;
    case LOOP_DATA:
        if (i->imm < 0 || i->imm >= v->module->data.n) broken(v, "no such datum");
        break;
    case LOOP_FUNCTION:
        if (i->imm < 0 || i->imm >= v->module->functions.n)
            broken(v, "no such function");
        break;
    case LOOP_MULHI:
        if (i->type.scalar < LT_I32) broken(v, "narrower than i32");
        break;
    case LOOP_LOAD: case LOOP_STORE: check_memory(v); break;
    case LOOP_STACK:
        if (i->imm < 0 || i->imm > 1 << 20) broken(v, "%lld bytes", (long long)i->imm);
        break;
    case LOOP_ALLOC: case LOOP_ALLOC_OUT: check_alloc(v); break;
    case LOOP_CALL: case LOOP_CALL_AT: check_call(v); break;
    case LOOP_PHILOX:
        if (i->type.lanes != 1 || i->type.scalar < LT_I32) broken(v, "not i32 or i64");
        break;
    case LOOP_FOR:
        if (i->imm < 1) broken(v, "step %lld", (long long)i->imm);
        if (i->type.lanes != 1 || i->type.scalar < LT_I32)
            broken(v, "the index is not i32 or i64");
        break;
    default: break;
    }
}

static void check_typed(const Verifier *v) {
    const LoopInstr *i = v->instr;
    switch (i->op) {
    case LOOP_SEXT: case LOOP_ZEXT: case LOOP_TRUNC: case LOOP_SITOFP:
    case LOOP_UITOFP: case LOOP_FPTOSI: case LOOP_FPTOUI: case LOOP_FPEXT:
    case LOOP_FPTRUNC: case LOOP_HTOF: case LOOP_FTOH: case LOOP_BTOF:
    case LOOP_FTOB: case LOOP_BITCAST:
        check_cast(v);
        break;
    case LOOP_EQ: case LOOP_NE: case LOOP_SLT: case LOOP_SLE: case LOOP_ULT:
    case LOOP_ULE: case LOOP_FEQ: case LOOP_FNE: case LOOP_FLT: case LOOP_FLE:
        check_compare(v);
        break;
    case LOOP_SPLAT:
        if (i->type.lanes < 2) broken(v, "not to a vector");
        break;
    case LOOP_SHUFFLE: check_shuffle(v); break;
    case LOOP_EXTRACT: check_extract(v); break;
    case LOOP_GET:
        expect_type(v, 0, i->type);
        break;
    default: break;
    }
}

static int operands_due(const Verifier *v) {
    switch (v->instr->op) {
    case LOOP_CALL: case LOOP_CALL_AT: return v->instr->nargs;
    case LOOP_SHUFFLE: return v->instr->nargs == 1 ? 1 : 2;
    case LOOP_RETURN: return v->function->result.scalar != LT_VOID;
    default: return (int)strlen(loop_rule[v->instr->op].operands);
    }
}

static void check_operands(const Verifier *v) {
    const LoopInstr *i = v->instr;
    if (i->nargs != operands_due(v))
        broken(v, "%d operands, %d are due", i->nargs, operands_due(v));
    for (int k = 0; k < i->nargs; k++) {
        if (i->op == LOOP_SHUFFLE && k == 1 && i->arg[1] == NO_VALUE) continue;
        check_use(v, k);
        LoopType due = loop_operand_type(v->module, v->function, i, k);
        if (i->op == LOOP_SELECT && k == 0) {
            due = loop_vector(LT_I1, type_of(v, 0).lanes);
            if (due.lanes != 1 && due.lanes != i->type.lanes)
                broken(v, "the mask has %d lanes", due.lanes);
        }
        if (due.scalar != LT_VOID) expect_type(v, k, due);
    }
}

/* ---- structure ---- */

static void check_block(Verifier *v, const LoopBlock *block, bool condition);

/* Control does not come out at the end of the block. */
static bool leaves(const LoopBlock *block) {
    if (!block->instrs.n) return false;
    const LoopInstr *last = block->instrs.at[block->instrs.n - 1];
    return last->op == LOOP_RETURN || last->op == LOOP_BREAK ||
           (last->op == LOOP_IF && leaves(&last->body[0]) && leaves(&last->body[1]));
}

static void define(Verifier *v, Value value, char how) {
    char a[16], b[16];
    if (value < 0 || value >= v->function->nvalues) broken(v, "defines %%%d", value);
    if (v->visible[value]) broken(v, "defines %%%d again", value);
    LoopType type = v->function->value_types.at[value];
    if (!loop_type_equal(type, v->instr->type))
        broken(v, "%%%d is listed as %s, not %s", value, loop_type_name(type, a),
               loop_type_name(v->instr->type, b));
    v->visible[value] = how;
}

static void check_bodies(Verifier *v, const LoopInstr *i) {
    bool loop = i->op == LOOP_FOR || i->op == LOOP_WHILE;
    v->loops += loop;
    if (i->op == LOOP_FOR) define(v, i->result, 1);
    for (int k = 0; k < i->nbodies; k++) {
        v->instr = i;
        check_block(v, &i->body[k], i->op == LOOP_WHILE && k == 0);
    }
    v->loops -= loop;
}

static void hide(Verifier *v, const LoopBlock *block) {
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        if (instr->result != NO_VALUE) v->visible[instr->result] = 0;
    }
}

static void check_instr(Verifier *v, const LoopInstr *i) {
    v->instr = i;
    if (i->op < 0 || i->op >= LOOP_OPS) broken(v, "operation %d", (int)i->op);
    check_type(v, i->type);
    if (!loop_class_fits(i->type, loop_rule[i->op].classes)) {
        char name[16];
        broken(v, "cannot be %s", loop_type_name(i->type, name));
    }
    check_operands(v);
    check_typed(v);
    check_fields(v);
    if (loop_op_defines(i) != (i->result != NO_VALUE)) broken(v, "result or none");
    int bodies = i->op == LOOP_FOR ? 1 : i->op == LOOP_IF || i->op == LOOP_WHILE ? 2 : 0;
    if (i->nbodies != bodies) broken(v, "%d bodies", i->nbodies);
    if (i->op == LOOP_BREAK && !v->loops) broken(v, "outside a loop");
    if (bodies) check_bodies(v, i);
    else if (i->result != NO_VALUE) define(v, i->result, i->op == LOOP_VAR ? 2 : 1);
    if (i->op == LOOP_WHILE) hide(v, &i->body[0]);
    if (i->op == LOOP_FOR) v->visible[i->result] = 0;
}

/* The condition block of a WHILE stays visible in its body: check_instr hides it. */
static void check_block(Verifier *v, const LoopBlock *block, bool condition) {
    int n = block->instrs.n;
    for (int i = 0; i < n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        v->instr = instr;
        if ((instr->op == LOOP_YIELD) != (condition && i == n - 1))
            broken(v, condition ? "a condition block ends in one YIELD"
                                : "outside a condition block");
        if (i < n - 1 && (instr->op == LOOP_RETURN || instr->op == LOOP_BREAK))
            broken(v, "instructions follow");
        check_instr(v, instr);
    }
    if (condition && !n) broken(v, "an empty condition block");
    if (!condition) hide(v, block);
}

static void check_function(Verifier *v, const LoopFunction *f, Arena *scratch) {
    v->function = f;
    v->instr = NULL;
    v->visible = arena_array(scratch, char, f->nvalues + 1);
    v->loops = 0;
    if (f->value_types.n != f->nvalues || f->nparams > f->nvalues)
        broken(v, "%d values, %d types", f->nvalues, f->value_types.n);
    check_type(v, f->result);
    for (int i = 0; i < f->nparams; i++) {
        check_type(v, f->param_types[i]);
        if (!loop_type_equal(f->param_types[i], f->value_types.at[i]) ||
            f->param_types[i].scalar == LT_VOID)
            broken(v, "the type of parameter %d", i);
        v->visible[i] = 1;
    }
    check_block(v, &f->body, false);
    v->instr = NULL;
    if (f->result.scalar != LT_VOID && !leaves(&f->body))
        broken(v, "control reaches the end without a result");
}

static void check_datum(const Verifier *v, const LoopDatum *d, int number) {
    if (d->size < 0 || d->align < 1 || d->align > MAX_ALIGN ||
        (d->align & (d->align - 1)))
        broken(v, "datum %d: size %lld, align %d", number, (long long)d->size, d->align);
    for (int i = 0; i < d->relocs.n; i++) {
        const LoopReloc *r = &d->relocs.at[i];
        int limit = r->kind == 0 ? v->module->data.n : v->module->functions.n;
        if (r->at < 0 || r->at % 8 || r->at + 8 > d->size || r->target < 0 ||
            r->target >= limit || r->kind < 0 || r->kind > 1 || r->cpu < 0)
            broken(v, "datum %d: relocation at %lld", number, (long long)r->at);
        for (int k = 0; k < i; k++)
            if (d->relocs.at[k].at == r->at)
                broken(v, "datum %d: two relocations at %lld", number,
                       (long long)r->at);
    }
}

static void check_names(const Verifier *v) {
    const LoopModule *m = v->module;
    for (int i = 0; i < m->functions.n; i++) {
        const char *name = m->functions.at[i]->name;
        for (int k = 0; k < i; k++)
            if (strcmp(m->functions.at[k]->name, name) == 0)
                broken(v, "two functions are called %s", name);
        for (int k = 0; k < m->externs.n; k++)
            if (strcmp(m->externs.at[k]->name, name) == 0)
                broken(v, "%s is a function and an extern", name);
    }
    for (int i = 0; i < m->externs.n; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(m->externs.at[i]->name, m->externs.at[k]->name) == 0)
                broken(v, "%s is declared with two signatures", m->externs.at[i]->name);
    for (int i = 0; i < m->externs.n; i++) {
        const LoopExtern *e = m->externs.at[i];
        if (e->import_library && (e->slot < 0 || e->slot >= m->data.n ||
                                  m->data.at[e->slot]->size != 8))
            broken(v, "%s has no slot", e->name);
    }
}

void verify_loops(const LoopModule *module, const char *after) {
    Arena *scratch = arena_new();
    Verifier v = {.module = module, .after = after};
    check_names(&v);
    for (int i = 0; i < module->data.n; i++) check_datum(&v, module->data.at[i], i);
    for (int i = 0; i < module->functions.n; i++)
        check_function(&v, module->functions.at[i], scratch);
    arena_free(scratch);
}
