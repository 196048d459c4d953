/* Types, dtypes, places: what every stage of the compiler asks of a term. */
#include "term.h"
#include <stdio.h>
#include <string.h>
#include "dim.h"

static const struct { const char *name; int size; char class; } dtypes[] = {
    [PL_BOOL] = {"bool", 1, 'b'}, [PL_U8] = {"u8", 1, 'u'},
    [PL_I8] = {"i8", 1, 'i'},     [PL_U16] = {"u16", 2, 'u'},
    [PL_I16] = {"i16", 2, 'i'},   [PL_U32] = {"u32", 4, 'u'},
    [PL_I32] = {"i32", 4, 'i'},   [PL_U64] = {"u64", 8, 'u'},
    [PL_I64] = {"i64", 8, 'i'},   [PL_F16] = {"f16", 2, 'f'},
    [PL_BF16] = {"bf16", 2, 'f'}, [PL_F32] = {"f32", 4, 'f'},
    [PL_F64] = {"f64", 8, 'f'},
};

const char *const op_name[OP_COUNT] = {
#define OP(name, arity, classes) #name,
#include "ops.def"
#undef OP
};
const int op_arity[OP_COUNT] = {
#define OP(name, arity, classes) arity,
#include "ops.def"
#undef OP
};

const char *dtype_name(pl_dtype d) { return dtypes[d].name; }
int dtype_size(pl_dtype d) { return dtypes[d].size; }
bool dtype_is_float(pl_dtype d) { return dtypes[d].class == 'f'; }
bool dtype_is_signed(pl_dtype d) { return dtypes[d].class == 'i'; }
bool dtype_is_integer(pl_dtype d) {
    return dtypes[d].class == 'i' || dtypes[d].class == 'u';
}

const Type *type_scalar(pl_dtype d) {
    static const Type scalars[PL_DTYPES] = {
        {.dtype = PL_BOOL}, {.dtype = PL_U8},  {.dtype = PL_I8},
        {.dtype = PL_U16},  {.dtype = PL_I16}, {.dtype = PL_U32},
        {.dtype = PL_I32},  {.dtype = PL_U64}, {.dtype = PL_I64},
        {.dtype = PL_F16},  {.dtype = PL_BF16}, {.dtype = PL_F32},
        {.dtype = PL_F64},
    };
    return &scalars[d];
}

const Type *type_tensor(Arena *arena, pl_dtype d, int rank,
                        const Dim *const *dims) {
    Type *type;
    if (rank == 0) return type_scalar(d);
    type = arena_new_of(arena, Type);
    type->kind = TY_TENSOR;
    type->dtype = d;
    type->rank = rank;
    type->dims = dims;
    return type;
}

static const char *list_text(Arena *arena, const Type *type) {
    const char *text = "";
    for (int i = 0; i < type->n; i++)
        text = arena_format(arena, "%s%s%s%s%s", text, i ? ", " : "",
                            type->names && type->names[i] ? type->names[i] : "",
                            type->names && type->names[i] ? ": " : "",
                            type_text(arena, type->items[i]));
    return arena_format(arena, "(%s)", text);
}

const char *type_text(Arena *arena, const Type *type) {
    const char *text;
    switch (type->kind) {
    case TY_TUPLE: return list_text(arena, type);
    case TY_OPAQUE: return type->opaque;
    case TY_FUNCTION: return "a function";
    case TY_TENSOR: case TY_RAGGED: break;
    }
    if (type->text == TEXT_STRING) return "string";
    if (type->text == TEXT_PATH) return "path";
    if (type->rank == 0) return dtype_name(type->dtype);
    text = arena_format(arena, "%s[%s", dtype_name(type->dtype),
                        type->kind == TY_RAGGED ? "ragged, " : "");
    for (int k = 0; k < type->rank; k++)
        text = arena_format(arena, "%s%s%s", text, k ? ", " : "",
                            type->dims[k] ? dim_text(arena, type->dims[k]) : "?");
    return arena_format(arena, "%s]", text);
}

int place_line(const Place *at, const File *main, const char **operator_name) {
    int line = 0, column;
    const Place *last = NULL;
    *operator_name = NULL;
    for (const Place *p = at; p; p = p->caller) {
        last = p;
        if (p->callee) *operator_name = p->callee;
        if (p->loc.file == main) {
            loc_line(p->loc, &line, &column);
            return line;
        }
    }
    if (last && last->loc.file) loc_line(last->loc, &line, &column);
    return line;
}
