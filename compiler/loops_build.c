/* Makes modules, functions and instructions of the loop IR. Nothing is checked
 * here beyond what would crash the builder: verify_loops does that. */
#include <string.h>
#include "../dsl/diag.h"
#include "loops.h"

const char *const loop_op_name[LOOP_OPS] = {
#define LOOP_OP(name) #name,
#include "loops.def"
#undef LOOP_OP
};

/* ---- types ---- */

LoopType loop_type(LoopScalar scalar) { return (LoopType){scalar, 1}; }

LoopType loop_vector(LoopScalar scalar, int lanes) {
    return (LoopType){scalar, lanes};
}

int loop_scalar_bytes(LoopScalar scalar) {
    switch (scalar) {
    case LT_VOID: return 0;
    case LT_I1: case LT_I8: return 1;
    case LT_I16: return 2;
    case LT_I32: case LT_F32: return 4;
    case LT_I64: case LT_F64: case LT_PTR: return 8;
    }
    bug("loops: scalar type %d", (int)scalar);
}

int64_t loop_type_bytes(LoopType type) {
    return (int64_t)loop_scalar_bytes(type.scalar) * type.lanes;
}

bool loop_type_equal(LoopType a, LoopType b) {
    return a.scalar == b.scalar && a.lanes == b.lanes;
}

/* ---- modules ---- */

LoopModule *loop_module(Arena *arena, const char *name) {
    LoopModule *module = arena_new_of(arena, LoopModule);
    module->arena = arena;
    module->name = arena_strndup(arena, name, strlen(name));
    return module;
}

static LoopType *copy_types(Arena *arena, int n, const LoopType *types) {
    LoopType *copy = arena_array(arena, LoopType, n);
    for (int i = 0; i < n; i++) copy[i] = types[i];
    return copy;
}

LoopFunction *loop_function(LoopModule *module, const char *name, LoopType result,
                            int nparams, const LoopType *types,
                            const char *const *names) {
    Arena *arena = module->arena;
    LoopFunction *f = arena_new_of(arena, LoopFunction);
    f->name = arena_strndup(arena, name, strlen(name));
    f->result = result;
    f->nparams = f->nvalues = nparams;
    f->param_types = copy_types(arena, nparams, types);
    f->param_names = arena_array(arena, const char *, nparams);
    f->param_noalias = arena_array(arena, bool, nparams);
    for (int i = 0; i < nparams; i++) {
        if (names && names[i])
            f->param_names[i] = arena_strndup(arena, names[i], strlen(names[i]));
        list_push(arena, &f->value_types, types[i]);
    }
    list_push(arena, &module->functions, f);
    return f;
}

static bool same_signature(const LoopExtern *e, LoopType result, int nparams,
                           const LoopType *types) {
    if (!loop_type_equal(e->result, result) || e->nparams != nparams) return false;
    for (int i = 0; i < nparams; i++)
        if (!loop_type_equal(e->param_types[i], types[i])) return false;
    return true;
}

int loop_extern(LoopModule *module, const char *name, LoopType result, int nparams,
                const LoopType *types) {
    for (int i = 0; i < module->externs.n; i++) {
        const LoopExtern *e = module->externs.at[i];
        if (strcmp(e->name, name) == 0 && same_signature(e, result, nparams, types))
            return i;
    }
    LoopExtern *e = arena_new_of(module->arena, LoopExtern);
    e->name = arena_strndup(module->arena, name, strlen(name));
    e->result = result;
    e->nparams = nparams;
    e->param_types = copy_types(module->arena, nparams, types);
    list_push(module->arena, &module->externs, e);
    return module->externs.n - 1;
}

int loop_datum(LoopModule *module, const char *name, const void *bytes, int64_t size,
               int align) {
    Arena *arena = module->arena;
    LoopDatum *d = arena_new_of(arena, LoopDatum);
    char *copy = arena_alloc(arena, size ? (size_t)size : 1);
    if (bytes && size) memcpy(copy, bytes, (size_t)size);
    *d = (LoopDatum){.size = size, .align = align, .bytes = copy};
    if (name) d->name = arena_strndup(arena, name, strlen(name));
    list_push(arena, &module->data, d);
    return module->data.n - 1;
}

void loop_reloc(LoopModule *module, int datum, LoopReloc reloc) {
    list_push(module->arena, &module->data.at[datum]->relocs, reloc);
}

int loop_import(LoopModule *module, const char *library, const char *name,
                LoopType result, int nparams, const LoopType *types) {
    int number = loop_extern(module, name, result, nparams, types);
    LoopExtern *e = module->externs.at[number];
    if (e->import_library) return number;
    e->import_library = arena_strndup(module->arena, library, strlen(library));
    e->slot = loop_datum(module, arena_format(module->arena, "import_%s", name),
                         NULL, 8, 8);
    module->data.at[e->slot]->writable = true;
    return number;
}

/* ---- instructions ---- */

LoopBuilder loop_builder(LoopModule *module, LoopFunction *function) {
    return (LoopBuilder){.module = module, .function = function,
                         .into = &function->body};
}

bool loop_op_defines(const LoopInstr *instr) {
    switch (instr->op) {
    case LOOP_STORE: case LOOP_FILL: case LOOP_COPY: case LOOP_SET:
    case LOOP_PRAGMA: case LOOP_WHILE: case LOOP_YIELD: case LOOP_IF:
    case LOOP_BREAK: case LOOP_RETURN:
        return false;
    case LOOP_CALL: case LOOP_CALL_AT:
        return instr->type.scalar != LT_VOID;
    default:
        return true;
    }
}

static int bodies_of(LoopOp op) {
    return op == LOOP_FOR ? 1 : op == LOOP_WHILE || op == LOOP_IF ? 2 : 0;
}

static LoopInstr *append(LoopBuilder *b, LoopOp op, LoopType type, int nargs,
                         const Value *args) {
    Arena *arena = b->module->arena;
    LoopInstr *instr = arena_new_of(arena, LoopInstr);
    *instr = (LoopInstr){.op = op, .type = type, .result = NO_VALUE,
                         .nargs = nargs, .nbodies = bodies_of(op), .line = b->line};
    instr->arg = arena_array(arena, Value, nargs);
    for (int i = 0; i < nargs; i++) instr->arg[i] = args[i];
    if (instr->nbodies)
        instr->body = arena_array(arena, LoopBlock, instr->nbodies);
    if (loop_op_defines(instr)) {
        instr->result = b->function->nvalues++;
        list_push(arena, &b->function->value_types, type);
    }
    list_push(arena, &b->into->instrs, instr);
    return instr;
}

LoopType value_type(const LoopBuilder *b, Value value) {
    if (value < 0 || value >= b->function->nvalues)
        bug("loops: %s has no value %d", b->function->name, value);
    return b->function->value_types.at[value];
}

Value build_array(LoopBuilder *b, LoopOp op, LoopType type, int nargs,
                  const Value *args) {
    return append(b, op, type, nargs, args)->result;
}

Value build(LoopBuilder *b, LoopOp op, LoopType type, int nargs, ...) {
    Value args[8];
    if (nargs > 8) bug("loops: build(%s) with %d operands", loop_op_name[op], nargs);
    va_list list;
    va_start(list, nargs);
    for (int i = 0; i < nargs; i++) args[i] = va_arg(list, Value);
    va_end(list);
    return build_array(b, op, type, nargs, args);
}

LoopInstr *built(LoopBuilder *b) {
    if (!b->into->instrs.n) bug("loops: nothing was built in this block");
    return b->into->instrs.at[b->into->instrs.n - 1];
}

Value build_int(LoopBuilder *b, LoopScalar scalar, int64_t n) {
    LoopInstr *instr = append(b, LOOP_CONST, loop_type(scalar), 0, NULL);
    switch (scalar) {                   /* one spelling per value: sign-extended */
    case LT_I1: instr->imm = n & 1; break;
    case LT_I8: instr->imm = (int8_t)n; break;
    case LT_I16: instr->imm = (int16_t)n; break;
    case LT_I32: instr->imm = (int32_t)n; break;
    default: instr->imm = n;
    }
    return instr->result;
}

Value build_real(LoopBuilder *b, LoopScalar scalar, double x) {
    LoopInstr *instr = append(b, LOOP_CONST, loop_type(scalar), 0, NULL);
    instr->real = scalar == LT_F32 ? (float)x : x;
    return instr->result;
}

Value build_offset(LoopBuilder *b, Value ptr, Value index, int64_t scale) {
    Value args[] = {ptr, index};
    LoopInstr *instr = append(b, LOOP_OFFSET, loop_type(LT_PTR), 2, args);
    instr->imm = scale;
    return instr->result;
}

Value build_load(LoopBuilder *b, LoopType type, Value ptr, int buffer) {
    LoopInstr *instr = append(b, LOOP_LOAD, type, 1, &ptr);
    instr->buffer = buffer;
    return instr->result;
}

void build_store(LoopBuilder *b, Value value, Value ptr, int buffer) {
    Value args[] = {value, ptr};
    append(b, LOOP_STORE, value_type(b, value), 2, args)->buffer = buffer;
}

Value build_call(LoopBuilder *b, int number, int nargs, const Value *args) {
    LoopType result = b->module->externs.at[number]->result;
    LoopInstr *instr = append(b, LOOP_CALL, result, nargs, args);
    instr->imm = number;
    return instr->result;
}

Value build_call_function(LoopBuilder *b, int number, int nargs, const Value *args) {
    LoopType result = b->module->functions.at[number]->result;
    LoopInstr *instr = append(b, LOOP_CALL, result, nargs, args);
    instr->imm = -1 - (int64_t)number;
    return instr->result;
}

Value build_var(LoopBuilder *b, LoopScalar scalar, Value start) {
    return append(b, LOOP_VAR, loop_type(scalar), 1, &start)->result;
}

Value build_get(LoopBuilder *b, Value var) {
    return append(b, LOOP_GET, value_type(b, var), 1, &var)->result;
}

void build_set(LoopBuilder *b, Value var, Value value) {
    Value args[] = {var, value};
    append(b, LOOP_SET, loop_type(LT_VOID), 2, args);
}

/* ---- control ---- */

static void enter(LoopBuilder *b, LoopBlock *block) {
    list_push(b->module->arena, &b->outer, b->into);
    b->into = block;
}

/* The instruction whose body is being built. */
static LoopInstr *around(LoopBuilder *b) {
    if (!b->outer.n) bug("loops: no block is open in %s", b->function->name);
    const LoopBlock *block = b->outer.at[b->outer.n - 1];
    return block->instrs.at[block->instrs.n - 1];
}

Value build_for(LoopBuilder *b, Value from, Value to, int64_t step) {
    Value args[] = {from, to};
    LoopInstr *instr = append(b, LOOP_FOR, value_type(b, from), 2, args);
    instr->imm = step;
    enter(b, &instr->body[0]);
    return instr->result;
}

void build_unroll(LoopBuilder *b, int count) { around(b)->unroll = count; }

void build_if(LoopBuilder *b, Value condition) {
    LoopInstr *instr = append(b, LOOP_IF, loop_type(LT_VOID), 1, &condition);
    enter(b, &instr->body[0]);
}

void build_else(LoopBuilder *b) {
    LoopInstr *instr = around(b);
    if (instr->op != LOOP_IF || b->into != &instr->body[0])
        bug("loops: build_else outside a then-block of %s", b->function->name);
    b->into = &instr->body[1];
}

void build_while(LoopBuilder *b) {
    LoopInstr *instr = append(b, LOOP_WHILE, loop_type(LT_VOID), 0, NULL);
    enter(b, &instr->body[0]);
}

void build_do(LoopBuilder *b, Value condition) {
    LoopInstr *instr = around(b);
    if (instr->op != LOOP_WHILE || b->into != &instr->body[0])
        bug("loops: build_do outside a condition block of %s", b->function->name);
    append(b, LOOP_YIELD, loop_type(LT_VOID), 1, &condition);
    b->into = &instr->body[1];
}

void build_break(LoopBuilder *b) {
    append(b, LOOP_BREAK, loop_type(LT_VOID), 0, NULL);
}

void build_return(LoopBuilder *b, Value value) {
    append(b, LOOP_RETURN, loop_type(LT_VOID), value != NO_VALUE, &value);
}

void build_end(LoopBuilder *b) {
    around(b);
    b->into = b->outer.at[--b->outer.n];
}
