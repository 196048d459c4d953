/* Statements of the emitted C: one function of the loop IR. A value that is used
 * once, in the block that computes it, and reads no memory becomes part of the
 * expression that uses it; the others get a variable. */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include "../dsl/diag.h"
#include "../runtime/plan.h"
#include "emit_c.h"

static void block(CWriter *, const LoopBlock *);

static void line(CWriter *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void line(CWriter *c, const char *format, ...) {
    va_list list;
    va_start(list, format);
    fprintf(c->out, "%*s", 4 * c->depth, "");
    vfprintf(c->out, format, list);
    fputc('\n', c->out);
    va_end(list);
}

static const char *text_of(const CWriter *c, const LoopInstr *i, int k) {
    return c->value[i->arg[k]].text;
}

/* ---- uses ---- */

/* What has an effect uses its operands; the rest counts when it is used. */
static bool has_effect(const LoopInstr *i) {
    if (i->result == NO_VALUE) return i->op != LOOP_SET && i->op != LOOP_PRAGMA;
    return i->op == LOOP_CALL || i->op == LOOP_CALL_AT || i->op == LOOP_FOR ||
           i->op == LOOP_ALLOC || i->op == LOOP_ALLOC_OUT;
}

static void use(CWriter *c, Value value, const LoopBlock *in) {
    CValue *v = &c->value[value];
    v->uses++;
    v->used_in = in;
    if (v->uses > 1 || !v->by || has_effect(v->by)) return;
    for (int k = 0; k < v->by->nargs; k++)
        if (v->by->arg[k] != NO_VALUE) use(c, v->by->arg[k], v->block);
}

static void define_values(CWriter *c, const LoopBlock *block) {
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        if (instr->result != NO_VALUE) {
            c->value[instr->result].by = instr;
            c->value[instr->result].block = block;
        }
        for (int k = 0; k < instr->nbodies; k++) define_values(c, &instr->body[k]);
    }
}

static void count_effects(CWriter *c, const LoopBlock *block) {
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        if (has_effect(instr))
            for (int k = 0; k < instr->nargs; k++) use(c, instr->arg[k], block);
        for (int k = 0; k < instr->nbodies; k++) count_effects(c, &instr->body[k]);
    }
}

/* A SET counts once its VAR is read; that may make other VARs read. */
static bool count_sets(CWriter *c, const LoopBlock *block, char *done, int *number) {
    bool more = false;
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        if (instr->op == LOOP_SET) {
            int me = (*number)++;
            if (!done[me] && c->value[instr->arg[0]].uses) {
                done[me] = more = true;
                use(c, instr->arg[1], block);
            }
        }
        for (int k = 0; k < instr->nbodies; k++)
            more |= count_sets(c, &instr->body[k], done, number);
    }
    return more;
}

static int count_ops(const LoopBlock *block, LoopOp op) {
    int n = 0;
    for (int i = 0; i < block->instrs.n; i++) {
        n += block->instrs.at[i]->op == op;
        for (int k = 0; k < block->instrs.at[i]->nbodies; k++)
            n += count_ops(&block->instrs.at[i]->body[k], op);
    }
    return n;
}

static void count_uses(CWriter *c, const LoopFunction *f) {
    int number = 0;
    char *done = arena_array(c->arena, char, count_ops(&f->body, LOOP_SET) + 1);
    define_values(c, &f->body);
    count_effects(c, &f->body);
    while (count_sets(c, &f->body, done, &number)) number = 0;
}

/* ---- names and variables ---- */

static const char *name_of(CWriter *c, Value value, const char *text) {
    bool word = text && isalpha((unsigned char)*text);
    for (const char *p = text; word && *p; p++)
        word = isalnum((unsigned char)*p) || *p == '_';
    return word ? arena_format(c->arena, "%s_%d", text, value)
                : arena_format(c->arena, "v%d", value);
}

static void declare(CWriter *c, const LoopInstr *i, const char *text) {
    CValue *v = &c->value[i->result];
    const char *type = c_type(c, i->type);
    v->text = name_of(c, i->result, i->text);
    v->bound = true;
    line(c, "%s%s%s = %s;", type, i->type.scalar == LT_PTR ? "" : " ", v->text, text);
}

/* Constants are spelt out wherever they are used; long expressions get a name. */
static void pure(CWriter *c, const LoopInstr *i) {
    enum { LONG = 72 };
    CValue *v = &c->value[i->result];
    bool bound, one = v->uses == 1 && v->used_in == v->block;
    const char *text = c_expression(c, i, &bound);
    if (i->op == LOOP_CONST || i->op == LOOP_DATA || (one && strlen(text) < LONG)) {
        v->text = text;
        v->bound = bound;
    } else {
        declare(c, i, text);
    }
}

/* ---- memory ---- */

static void load(CWriter *c, const LoopInstr *i) {
    declare(c, i, arena_format(c->arena, "%s(%s)", c_load(c, i->type), text_of(c, i, 0)));
}

static void store(CWriter *c, const LoopInstr *i) {
    line(c, "%s(%s, %s);", c_store(c, i->type), text_of(c, i, 1), text_of(c, i, 0));
}

static void alloc(CWriter *c, const LoopInstr *i) {
    const char *call = c->value[0].text;
    if (i->op == LOOP_ALLOC) {
        c_use_support(c, "pipec_alloc");
        declare(c, i,
                arena_format(c->arena, "pipec_alloc(%s, %s)", call, text_of(c, i, 0)));
    } else {
        declare(c, i,
                arena_format(c->arena,
                             "(*(uint8_t *(**)(void *, uint64_t))(%s + %zu))(%s, %s)",
                             call, offsetof(pl_call, alloc_out), call, text_of(c, i, 0)));
    }
    line(c, "if (!%s) return %d;", c->value[i->result].text, PL_NO_MEMORY);
}

/* ---- calls ---- */

/* The C type that a callee sees: small integers may be signed. */
static const char *param_type(CWriter *c, const LoopExtern *e, int k) {
    bool is_signed = e->param_signed && e->param_signed[k];
    if (e->param_types[k].scalar == LT_PTR) return "void *";
    return is_signed ? c_signed_type(c, e->param_types[k]) : c_type(c, e->param_types[k]);
}

static const char *signature(CWriter *c, const LoopExtern *e) {
    const char *list = e->nparams ? "" : "void";
    for (int k = 0; k < e->nparams; k++)
        list = arena_format(c->arena, "%s%s%s", list, k ? ", " : "", param_type(c, e, k));
    return list;
}

static const char *callee(CWriter *c, const LoopInstr *i) {
    if (i->op == LOOP_CALL && i->imm < 0)
        return c_function_name(c, c->module, -1 - i->imm);
    const LoopExtern *e = c->module->externs.at[i->imm];
    const char *result = c_type(c, e->result), *pointer;
    if (i->op == LOOP_CALL && !e->import_library) {
        const char *name = e->name;
        for (int k = 0; k < c->known.n; k++)
            if (strcmp(c->known.at[k], name) == 0) return name;
        list_push(c->arena, &c->known, name);
        fprintf(c->helpers, "%s %s(%s);\n", result, name, signature(c, e));
        return name;
    }
    if (i->op == LOOP_CALL_AT) pointer = c_operand(c, i->arg[0]);
    else pointer = arena_format(c->arena, "*(uint8_t **)&%s", c_datum_name(c, e->slot));
    return arena_format(c->arena, "((%s (*)(%s))(uintptr_t)%s)", result, signature(c, e),
                        pointer);
}

static void call(CWriter *c, const LoopInstr *i) {
    int first = i->op == LOOP_CALL_AT;
    const char *list = "";
    for (int k = first; k < i->nargs; k++)
        list = arena_format(c->arena, "%s%s%s", list, k > first ? ", " : "",
                            text_of(c, i, k));
    const char *text = arena_format(c->arena, "%s(%s)", callee(c, i), list);
    if (i->result != NO_VALUE && c->value[i->result].uses) declare(c, i, text);
    else line(c, "%s;", text);
}

/* ---- control ---- */

static void body(CWriter *c, const LoopBlock *b) {
    c->depth++;
    block(c, b);
    c->depth--;
}

static void for_loop(CWriter *c, const LoopInstr *i) {
    const char *type = c_signed_type(c, i->type), *name = name_of(c, i->result, i->text);
    const char *from = c_signed(c, i->arg[0]), *to = c_signed(c, i->arg[1]);
    CValue *v = &c->value[i->result];
    v->text = arena_format(c->arena, "(%s)%s", c_type(c, i->type), name);
    v->bound = true;
    if (i->vectorize) line(c, "PIPEC_VECTORIZE");
    if (i->novector) line(c, "PIPEC_NOVECTOR");
    if (i->unroll > 1) line(c, "PIPEC_UNROLL(%d)", i->unroll);
    if (i->imm == 1)
        line(c, "for (%s %s = %s; %s < %s; %s++) {", type, name, from, name, to, name);
    else
        line(c, "for (%s %s = %s; %s < %s; %s += %lld) {", type, name, from, name, to,
             name, (long long)i->imm);
    body(c, &i->body[0]);
    line(c, "}");
}

static void while_loop(CWriter *c, const LoopInstr *i) {
    const LoopBlock *condition = &i->body[0];
    const LoopInstr *yield = condition->instrs.at[condition->instrs.n - 1];
    line(c, "for (;;) {");
    body(c, condition);
    c->depth++;
    line(c, "if (!%s) break;", c_operand(c, yield->arg[0]));
    block(c, &i->body[1]);
    c->depth--;
    line(c, "}");
}

static void if_else(CWriter *c, const LoopInstr *i) {
    if (!i->body[0].instrs.n) {
        line(c, "if (!%s) {", c_operand(c, i->arg[0]));
    } else {
        line(c, "if (%s) {", text_of(c, i, 0));
        body(c, &i->body[0]);
        if (i->body[1].instrs.n) line(c, "} else {");
    }
    body(c, &i->body[1]);
    line(c, "}");
}

static void instruction(CWriter *c, const LoopInstr *i) {
    if (i->result != NO_VALUE && !has_effect(i) && !c->value[i->result].uses) return;
    switch (i->op) {
    case LOOP_LOAD: load(c, i); break;
    case LOOP_STORE: store(c, i); break;
    case LOOP_ALLOC: case LOOP_ALLOC_OUT: alloc(c, i); break;
    case LOOP_FILL:
        line(c, "memset(%s, %d, %s);", text_of(c, i, 0), (int)(i->imm & 255),
             text_of(c, i, 1));
        break;
    case LOOP_COPY:
        line(c, "memcpy(%s, %s, %s);", text_of(c, i, 0), text_of(c, i, 1),
             text_of(c, i, 2));
        break;
    case LOOP_VAR: case LOOP_GET: declare(c, i, text_of(c, i, 0)); break;
    case LOOP_SET:
        if (c->value[i->arg[0]].uses)
            line(c, "%s = %s;", text_of(c, i, 0), text_of(c, i, 1));
        break;
    case LOOP_CALL: case LOOP_CALL_AT: call(c, i); break;
    case LOOP_FOR: for_loop(c, i); break;
    case LOOP_WHILE: while_loop(c, i); break;
    case LOOP_IF: if_else(c, i); break;
    case LOOP_BREAK: line(c, "break;"); break;
    case LOOP_RETURN:
        if (i->nargs) line(c, "return %s;", text_of(c, i, 0));
        else line(c, "return;");
        break;
    case LOOP_PRAGMA:
        if (i->text) line(c, "/* %s */", i->text);
        break;
    case LOOP_YIELD: case LOOP_STACK: break;
    default: pure(c, i);
    }
}

static void block(CWriter *c, const LoopBlock *block) {
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        if (c->options->debug && instr->line && c->module->dsl_file)
            fprintf(c->out, "#line %d \"%s\"\n", instr->line, c->module->dsl_file);
        instruction(c, instr);
    }
}

/* The frame: whatever block asks for bytes, they last as long as the function. */
static void stacks(CWriter *c, const LoopBlock *block) {
    for (int k = 0; k < block->instrs.n; k++) {
        const LoopInstr *i = block->instrs.at[k];
        if (i->op == LOOP_STACK && c->value[i->result].uses) {
            CValue *v = &c->value[i->result];
            v->text = name_of(c, i->result, i->text);
            v->bound = true;
            line(c, "uint8_t %s[%lld] __attribute__((aligned(64)));", v->text,
                 (long long)(i->imm ? i->imm : 1));
        }
        for (int n = 0; n < i->nbodies; n++) stacks(c, &i->body[n]);
    }
}

/* The head and body of a function; the caller has written what stands before. */
void c_function(CWriter *c, const LoopModule *module, const LoopFunction *f) {
    c->module = module;
    c->function = f;
    c->value = arena_array(c->arena, CValue, f->nvalues + 1);
    fputc('(', c->out);
    for (int k = 0; k < f->nparams; k++) {
        CValue *v = &c->value[k];
        bool pointer = f->param_types[k].scalar == LT_PTR;
        v->text = name_of(c, k, f->param_names[k]);
        v->bound = true;
        fprintf(c->out, "%s%s%s%s%s", k ? ", " : "", c_type(c, f->param_types[k]),
                pointer ? "" : " ", f->param_noalias[k] ? "restrict " : "", v->text);
    }
    fprintf(c->out, "%s) {\n", f->nparams ? "" : "void");
    count_uses(c, f);
    c->depth = 1;
    stacks(c, &f->body);
    block(c, &f->body);
    fprintf(c->out, "}\n");
}
