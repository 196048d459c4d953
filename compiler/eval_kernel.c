/* Kernels, called natively: always whole, their arguments read in full first.
 * A dimension that the call or `peek` tells does not need the work. */
#include <dlfcn.h>
#include <ffi.h>
#include <stdio.h>
#include <string.h>
#include "eval_room.h"

/* ---- what a kernel may ask of us ---- */

typedef struct Closer {
    struct Closer *next;
    void (*destroy)(void *);
    void *what;
} Closer;

/* One for each record that calls kernels. */
typedef struct KernelCall {
    pk_call pk;                 /* first: kernels get its address */
    char empty[64];             /* what zero bytes are given */
    Root *root;
    Region scratch;
    Closer *closers;
    int64_t taken;              /* bytes, of max_bytes */
    int64_t first_row;
    const char *text;           /* of the last failure */
} KernelCall;

static void *call_more(pk_call *pk, size_t bytes) {
    KernelCall *call = (KernelCall *)pk;
    if (bytes > (size_t)(pk->max_bytes - call->taken)) return NULL;
    call->taken += (int64_t)bytes;
    return region_take(&call->root->memory, bytes);
}

static void *call_scratch(pk_call *pk, size_t bytes) {
    KernelCall *call = (KernelCall *)pk;
    return bytes > (size_t)pk->max_bytes ? NULL : region_take(&call->scratch, bytes);
}

static int call_at_close(pk_call *pk, void (*destroy)(void *), void *what) {
    KernelCall *call = (KernelCall *)pk;
    Closer *closer = region_new_of(&call->root->memory, Closer);
    *closer = (Closer){call->closers, destroy, what};
    call->closers = closer;
    return 0;
}

static int call_vfail(pk_call *pk, int64_t first_row, const char *format, va_list list) {
    KernelCall *call = (KernelCall *)pk;
    char text[256], *kept;
    vsnprintf(text, sizeof text, format, list);
    kept = region_take(&call->root->memory, strlen(text) + 1);
    call->text = strcpy(kept, text);
    call->first_row = first_row;
    return 1;
}

static KernelCall *call_of(Root *root) {
    KernelCall *call = root->call;
    if (call) return call;
    call = region_new_of(&root->memory, KernelCall);
    call->root = root;
    call->scratch.pool = &root->eval->pool;
    call->pk = (pk_call){.at = call->empty, .end = call->empty, .more = call_more,
                         .scratch = call_scratch, .at_close = call_at_close,
                         .vfail = call_vfail, .max_bytes = root->eval->max_bytes,
                         .max_pixels = root->eval->max_pixels};
    root->call = call;
    return call;
}

void kernel_calls_end(Root *root) {
    if (!root->call) return;
    for (Closer *c = root->call->closers; c; c = c->next) c->destroy(c->what);
    region_empty(&root->call->scratch);
}

/* ---- functions and their signatures ---- */

enum { MOST_ARGS = 64 };

typedef struct Symbol {
    const Kernel *kernel;
    void (*call)(void), (*peek)(void);
    ffi_cif call_cif, peek_cif;
    ffi_type *call_types[MOST_ARGS], *peek_types[MOST_ARGS];
} Symbol;

struct KernelSymbols { int n; Symbol *at; };

static ffi_type *scalar_type(pl_dtype d) {
    switch (d) {
    case PL_BOOL: case PL_U8: return &ffi_type_uint8;
    case PL_I8: return &ffi_type_sint8;
    case PL_U16: case PL_F16: case PL_BF16: return &ffi_type_uint16;
    case PL_I16: return &ffi_type_sint16;
    case PL_U32: return &ffi_type_uint32;
    case PL_I32: return &ffi_type_sint32;
    case PL_U64: return &ffi_type_uint64;
    case PL_I64: return &ffi_type_sint64;
    case PL_F32: return &ffi_type_float;
    case PL_F64: return &ffi_type_double;
    case PL_DTYPES: break;
    }
    bug("eval: dtype %d", d);
}

static bool is_scalar(const Type *type) {
    return type->kind == TY_TENSOR && type->rank == 0;
}

/* call, arguments, then `more` pointers. */
static void prepare(const Kernel *kernel, ffi_cif *cif, ffi_type **types, int more) {
    int n = 0;
    if (kernel->nparams + more + 1 > MOST_ARGS)
        bug("eval: kernel `%s` has too many arguments", kernel->name);
    types[n++] = &ffi_type_pointer;
    for (int i = 0; i < kernel->nparams; i++)
        types[n++] = is_scalar(kernel->params[i]) ? scalar_type(kernel->params[i]->dtype)
                                                  : &ffi_type_pointer;
    while (more--) types[n++] = &ffi_type_pointer;
    if (ffi_prep_cif(cif, FFI_DEFAULT_ABI, (unsigned)n, &ffi_type_sint, types) != FFI_OK)
        bug("eval: kernel `%s` has no calling convention", kernel->name);
}

static bool load_symbol(Eval *ev, Symbol *symbol, const Kernel *kernel,
                        const char **why) {
    const char *path = ev->options->kernel_library(ev->options->context, kernel);
    void *library;
    if (!path) {
        *why = NULL;
        return false;
    }
    if (!strchr(path, '/')) path = arena_format(ev->arena, "./%s", path);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    symbol->kernel = kernel;
    if (library) {
        *(void **)&symbol->call = dlsym(library, kernel->name);
        *(void **)&symbol->peek =
            dlsym(library, arena_format(ev->arena, "%s_peek", kernel->name));
    }
    if (!symbol->call || (kernel->npeek && !symbol->peek)) {
        *why = arena_format(ev->arena, "kernel `%s`: %s", kernel->name, dlerror());
        return false;
    }
    prepare(kernel, &symbol->call_cif, symbol->call_types, kernel->nresults + 1);
    prepare(kernel, &symbol->peek_cif, symbol->peek_types, kernel->npeek);
    return true;
}

bool kernels_load(Eval *ev, const char **why) {
    const Graph *graph = ev->graph;
    ev->symbols = arena_new_of(ev->arena, struct KernelSymbols);
    ev->symbols->at = arena_array(ev->arena, Symbol, graph->kernels.n + 1);
    for (int i = 0; i < graph->kernels.n; i++) {
        if (!graph->kernels.at[i]->used) continue;
        if (!load_symbol(ev, &ev->symbols->at[ev->symbols->n++],
                         graph->kernels.at[i], why))
            return false;
    }
    return true;
}

static Symbol *symbol_of(const Eval *ev, const Kernel *kernel) {
    for (int i = 0; i < ev->symbols->n; i++)
        if (ev->symbols->at[i].kernel == kernel) return &ev->symbols->at[i];
    bug("eval: kernel `%s` is not loaded", kernel->name);
}

/* ---- a call ---- */

typedef struct Actual { char bytes[8]; pk_tensor tensor; void *pointer; } Actual;

typedef struct Run {
    const Code *code;
    Frame *frame;
    bool args_read, peek_done, call_done;
    Actual *actual;
    void **values;              /* where each argument lies, for ffi */
    const Failure *args_fail, *peek_fail, *call_fail;
    int64_t peeked[PK_MAX_RANK];
    pk_tensor *result;
    void **opaque;
    bool all_known;             /* the dims of the result, before the call */
    const Failure *rows_fail;   /* of the rows from first_row on: of one result of
                                   known dims or of a kernel that stops; of others a
                                   failure is the whole's */
    int64_t first_row;
} Run;

static const Kernel *kernel_of(const Run *run) { return run->code->term->kernel; }

static const Type *result_type(const Run *run, int r) {
    const Type *type = run->code->type;
    return type->kind == TY_TUPLE ? type->items[r] : type;
}

static void dense_strides(pk_tensor *t, const Type *type) {
    int64_t stride = dtype_size(type->dtype);
    for (int k = type->rank - 1; k >= 0; k--) {
        t->stride[k] = stride;
        stride *= t->dim[k];
    }
}

static const Failure *read_arg(Run *run, int i) {
    const Code *arg = run->code->arg[i];
    Actual *actual = &run->actual[i];
    Value value = eval_value(arg, run->frame);
    const Failure *fail = value_all(value, arg->type);
    if (fail) return fail;
    run->values[i] = &actual->pointer;
    if (is_scalar(arg->type)) {
        scalar_store(arg->type->dtype, value.s.v, actual->bytes);
        run->values[i] = actual->bytes;
    } else if (arg->type->kind == TY_OPAQUE) {
        actual->pointer = value.s.v.p;
    } else {
        actual->pointer = &actual->tensor;
        actual->tensor.data = value.t->data;
        for (int k = 0; k < arg->type->rank; k++)
            actual->tensor.dim[k] = tensor_dim(value.t, k).v.i;
        dense_strides(&actual->tensor, arg->type);
    }
    return NULL;
}

static const Failure *read_args(Run *run) {
    int n = run->code->nargs;
    if (run->args_read) return run->args_fail;
    run->args_read = true;
    run->actual = region_take(&run->frame->memory, sizeof *run->actual * (size_t)(n + 1));
    run->values = region_take(&run->frame->memory, sizeof *run->values * (size_t)(n + 1));
    for (int i = 0; i < n && !run->args_fail; i++) run->args_fail = read_arg(run, i);
    return run->args_fail;
}

/* Calls with the arguments and then the pointers that *last holds. */
static const Failure *call(Run *run, bool peek, int nlast, void **last) {
    Symbol *symbol = symbol_of(run->frame->root->eval, kernel_of(run));
    KernelCall *context = call_of(run->frame->root);
    pk_call *pk = &context->pk;
    void *values[MOST_ARGS];
    ffi_arg code = 0;
    int n = 0;
    values[n++] = &pk;
    for (int i = 0; i < run->code->nargs; i++) values[n++] = run->values[i];
    for (int i = 0; i < nlast; i++) values[n++] = &last[i];
    context->text = "failed";
    context->first_row = 0;
    ffi_call(peek ? &symbol->peek_cif : &symbol->call_cif,
             peek ? symbol->peek : symbol->call, &code, values);
    region_empty(&context->scratch);
    if ((int)code && !peek) run->first_row = context->first_row;
    return (int)code ? fail_text(run->code, run->frame, context->text) : NULL;
}

static const Failure *peek(Run *run) {
    void *last[PK_MAX_RANK];
    if (run->peek_done || read_args(run))
        return run->args_fail ? run->args_fail : run->peek_fail;
    run->peek_done = true;
    for (int i = 0; i < kernel_of(run)->npeek; i++) last[i] = &run->peeked[i];
    run->peek_fail = call(run, true, kernel_of(run)->npeek, last);
    return run->peek_fail;
}

/* ---- dims of results ---- */

static const Code *given(const Run *run, int r, int axis) {
    int at = axis;
    for (int i = 0; i < r; i++)
        if (kernel_of(run)->results[i]->kind == TY_TENSOR)
            at += kernel_of(run)->results[i]->rank;
    return run->code->given[at];
}

static int peek_of(const Run *run, int r, int axis) {
    for (int i = 0; i < kernel_of(run)->npeek; i++)
        if (kernel_of(run)->peek[i].result == r && kernel_of(run)->peek[i].axis == axis)
            return i;
    return -1;
}

/* What is known before the call; false: only the call can tell. */
static bool known_dim(Run *run, int r, int axis, Scalar *dim) {
    const Code *code = given(run, r, axis);
    const Failure *fail;
    int at;
    if (code) {
        *dim = eval_scalar(code, run->frame);
        if (dim->v.i < 0) dim->v.i = 0;
        return true;
    }
    at = peek_of(run, r, axis);
    if (at < 0) return false;
    fail = peek(run);
    *dim = fail ? scalar_bad(fail) : scalar_int(run->peeked[at]);
    return true;
}

/* Room for a result whose dims are all known. */
static const Failure *make_result(Run *run, int r) {
    const Type *type = result_type(run, r);
    pk_tensor *out = &run->result[r];
    int64_t bytes = dtype_size(type->dtype);
    bool all = true;
    for (int k = 0; k < type->rank; k++) {
        Scalar dim;
        if (!known_dim(run, r, k, &dim)) {
            all = false;
            continue;
        }
        if (dim.fail) return dim.fail;
        out->dim[k] = dim.v.i;
        if (__builtin_mul_overflow(bytes, dim.v.i, &bytes)) bytes = INT64_MAX;
    }
    run->all_known = all;
    if (!all) {
        memset(out, 0, sizeof *out);
        return NULL;
    }
    if (bytes > run->frame->root->eval->max_bytes) return &eval_no_memory;
    out->data = region_take(&run->frame->memory, (size_t)bytes);
    dense_strides(out, type);
    return NULL;
}

static const Failure *call_whole(Run *run) {
    const Kernel *kernel = kernel_of(run);
    void **last = region_take(&run->frame->memory,
                              sizeof *last * (size_t)(kernel->nresults + 1));
    for (int r = 0; r < kernel->nresults; r++) {
        const Failure *fail = NULL;
        bool opaque = result_type(run, r)->kind == TY_OPAQUE;
        if (!opaque) fail = make_result(run, r);
        if (fail) return fail;
        last[r + 1] = opaque ? (void *)&run->opaque[r] : (void *)&run->result[r];
    }
    return read_args(run) ? run->args_fail : call(run, false, kernel->nresults + 1, last);
}

static const Failure *ensure_call(Run *run) {
    const Failure *fail;
    if (run->call_done) return run->call_fail;
    run->call_done = true;
    fail = call_whole(run);
    if (run->first_row > 0 && kernel_of(run)->nresults == 1 &&
        (run->all_known || (kernel_of(run)->stops && run->result[0].data)))
        run->rows_fail = fail;
    else run->call_fail = fail;
    return run->call_fail;
}

/* ---- results as tensors ---- */

typedef struct Result { Tensor t; int r; } Result;

static Scalar result_dim(Tensor *t, int axis) {
    Run *run = t->run;
    int r = ((Result *)t)->r;
    const Failure *fail;
    Scalar dim;
    if (known_dim(run, r, axis, &dim)) return dim;
    fail = ensure_call(run);
    return fail ? scalar_bad(fail) : scalar_int(run->result[r].dim[axis]);
}

static void copy_strided(Tensor *t, const pk_tensor *from) {
    int size = dtype_size(t->type->dtype), rank = t->type->rank;
    for (int64_t p = 0; p < t->count; p++) {
        const char *at = from->data;
        int64_t rest = p;
        for (int k = rank - 1; k >= 0; k--) {
            at += rest % t->dim[k].v.i * from->stride[k];
            rest /= t->dim[k].v.i;
        }
        memcpy(t->data + p * size, at, (size_t)size);
    }
}

static bool is_dense(const Tensor *t, const pk_tensor *from) {
    pk_tensor dense = *from;
    dense_strides(&dense, t->type);
    for (int k = 0; k < t->type->rank; k++)
        if (from->dim[k] > 1 && dense.stride[k] != from->stride[k]) return false;
    return true;
}

static const Failure *result_whole(Tensor *t) {
    Run *run = t->run;
    const pk_tensor *from = &run->result[((Result *)t)->r];
    const Failure *fail = ensure_call(run);
    int64_t row = 1;
    if (fail) return fail;
    for (int k = 0; k < t->type->rank; k++)
        if (from->dim[k] != t->dim[k].v.i)
            return fail_text(t->code, t->frame, "the kernel's result has a wrong shape");
    t->data = from->data;
    if (!is_dense(t, from)) {
        t->data = region_take(t->region, (size_t)(t->count * dtype_size(t->type->dtype)));
        copy_strided(t, from);
    }
    for (int k = 1; k < t->type->rank; k++) row *= t->dim[k].v.i;
    t->rest = run->rows_fail;
    t->good = run->first_row * row;
    return NULL;
}

static Scalar result_at(Tensor *t, const int64_t *subs) {
    (void)subs;
    bug("eval: an element of the result of `%s` is missing", t->code->term->kernel->name);
}

static const Failure *result_first(Tensor *t) { return read_args(t->run); }

static const TensorOps result_ops = {result_dim, result_whole, result_at, result_first};

static Value result_value(Run *run, int r) {
    const Type *type = result_type(run, r);
    const Failure *fail;
    Value value;
    if (type->kind == TY_TENSOR && type->rank) {
        value.t = tensor_of(&run->frame->memory, &result_ops, run->code, run->frame,
                            sizeof(Result));
        value.t->type = type;
        value.t->run = run;
        ((Result *)value.t)->r = r;
        return value;
    }
    fail = ensure_call(run);
    if (fail) value.s = scalar_bad(fail);
    else if (type->kind == TY_OPAQUE) value.s = scalar_of((Number){.p = run->opaque[r]});
    else value.s = scalar_of(scalar_load(type->dtype, run->result[r].data));
    return value;
}

static Value result_item(Tuple *tuple, int r) { return result_value(tuple->run, r); }

Value eval_kernel(const Code *c, Frame *f) {
    Run *run = region_new_of(&f->memory, Run);
    size_t n = (size_t)c->term->kernel->nresults;
    Value value;
    run->code = c;
    run->frame = f;
    run->result = region_take(&f->memory, sizeof *run->result * n);
    run->opaque = region_take(&f->memory, sizeof *run->opaque * n);
    if (c->type->kind != TY_TUPLE) return result_value(run, 0);
    value.tuple = tuple_new(&f->memory, c->type, result_item);
    value.tuple->run = run;
    return value;
}
