/* Loop IR as text; the grammar is in docs/loops.md. What parse_loops reads
 * back prints the same. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "loops_rules.h"

typedef struct Printer {
    FILE *out;
    const LoopModule *module;
    const LoopFunction *function;
    const char **names;         /* of values, NULL: a number alone */
} Printer;

/* A name that can stand behind the number of a value. */
static bool is_label(const char *text) {
    if (!text || !isalpha((unsigned char)*text)) return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_') return false;
    return true;
}

static void print_string(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
        else if (c < 32 || c == 127) fprintf(out, "\\x%02x", c);
        else fputc(c, out);
    }
    fputc('"', out);
}

static void print_type(FILE *out, LoopType type) {
    char buffer[16];
    fputs(loop_type_name(type, buffer), out);
}

static void print_value(const Printer *p, Value value) {
    if (value == NO_VALUE) {
        fputc('-', p->out);
        return;
    }
    fprintf(p->out, "%%%d", value);
    if (p->names[value]) fprintf(p->out, ".%s", p->names[value]);
}

/* Shortest of the usual spellings that reads back as the same bits. */
static void print_real(FILE *out, LoopScalar scalar, double x) {
    char text[40];
    if (isnan(x)) {
        fputs("nan", out);
        return;
    }
    if (isinf(x)) {
        fputs(x < 0 ? "-inf" : "inf", out);
        return;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        double back = strtod(text, NULL);
        if (scalar == LT_F32 ? (float)back == (float)x : back == x) break;
    }
    fputs(text, out);
}

static void print_constant(const Printer *p, const LoopInstr *instr) {
    if (loop_class_fits(instr->type, "f"))
        print_real(p->out, instr->type.scalar, instr->real);
    else
        fprintf(p->out, "%lld", (long long)instr->imm);
}

static void print_args(const Printer *p, const LoopInstr *instr, int from) {
    for (int i = from; i < instr->nargs; i++) {
        if (i > from) fputs(", ", p->out);
        print_value(p, instr->arg[i]);
    }
}

static void print_call(const Printer *p, const LoopInstr *instr) {
    const char *name = "?";
    LoopType result;
    int nparams, first = instr->op == LOOP_CALL_AT;
    const LoopType *types;
    loop_callee(p->module, instr, &name, &result, &nparams, &types);
    if (first) {
        print_value(p, instr->arg[0]);
        fputs(" as ", p->out);
    }
    fprintf(p->out, "@%s(", name);
    print_args(p, instr, first);
    fputc(')', p->out);
}

static void print_mask(const Printer *p, const LoopInstr *instr) {
    fputs(" [", p->out);
    for (int i = 0; i < instr->type.lanes; i++)
        fprintf(p->out, i ? " %d" : "%d", instr->mask[i]);
    fputc(']', p->out);
}

static void print_operands(const Printer *p, const LoopInstr *instr) {
    FILE *out = p->out;
    switch (instr->op) {
    case LOOP_CONST: print_constant(p, instr); return;
    case LOOP_DATA: case LOOP_STACK:
        fprintf(out, "%lld", (long long)instr->imm);
        return;
    case LOOP_FUNCTION:
        fprintf(out, "@%s", p->module->functions.at[instr->imm]->name);
        return;
    case LOOP_CALL: case LOOP_CALL_AT: print_call(p, instr); return;
    default: print_args(p, instr, 0);
    }
    switch (instr->op) {
    case LOOP_OFFSET: fprintf(out, " scale %lld", (long long)instr->imm); break;
    case LOOP_EXTRACT: fprintf(out, " at %lld", (long long)instr->imm); break;
    case LOOP_FILL: fprintf(out, " with %lld", (long long)instr->imm); break;
    case LOOP_SHUFFLE: print_mask(p, instr); break;
    default: break;
    }
}

static void print_attributes(const Printer *p, const LoopInstr *instr) {
    FILE *out = p->out;
    if (instr->align) fprintf(out, " align %d", instr->align);
    if (instr->buffer) fprintf(out, " buffer %d", instr->buffer);
    if (instr->stream) fputs(" stream", out);
    if (instr->vectorize) fputs(" vectorize", out);
    if (instr->novector) fputs(" novector", out);
    if (instr->unroll) fprintf(out, " unroll %d", instr->unroll);
    if (instr->line) fprintf(out, " !%d", instr->line);
    if (instr->text && !(loop_op_defines(instr) && is_label(instr->text))) {
        fputc(' ', out);
        print_string(out, instr->text);
    }
}

static void print_block(Printer *p, const LoopBlock *block, int depth);

static void print_body(Printer *p, const LoopBlock *block, int depth) {
    fputs(" {\n", p->out);
    print_block(p, block, depth + 1);
    fprintf(p->out, "%*s}", 2 * depth, "");
}

static void print_for(Printer *p, const LoopInstr *instr, int depth) {
    fputs("for ", p->out);
    print_value(p, instr->result);
    fputc(' ', p->out);
    print_type(p->out, instr->type);
    fputs(" = ", p->out);
    print_value(p, instr->arg[0]);
    fputs(" to ", p->out);
    print_value(p, instr->arg[1]);
    fprintf(p->out, " step %lld", (long long)instr->imm);
    print_attributes(p, instr);
    print_body(p, &instr->body[0], depth);
}

static void print_if(Printer *p, const LoopInstr *instr, int depth) {
    fputs("if ", p->out);
    print_value(p, instr->arg[0]);
    print_attributes(p, instr);
    print_body(p, &instr->body[0], depth);
    if (!instr->body[1].instrs.n) return;
    fputs(" else", p->out);
    print_body(p, &instr->body[1], depth);
}

static void print_while(Printer *p, const LoopInstr *instr, int depth) {
    fputs("while", p->out);
    print_attributes(p, instr);
    print_body(p, &instr->body[0], depth);
    fputs(" do", p->out);
    print_body(p, &instr->body[1], depth);
}

static bool prints_type(const LoopInstr *instr) {
    const char *classes = loop_rule[instr->op].classes;
    return strcmp(classes, "-") != 0 && strcmp(classes, "p") != 0;
}

static void print_plain(Printer *p, const LoopInstr *instr) {
    if (instr->result != NO_VALUE) {
        print_value(p, instr->result);
        fputs(" = ", p->out);
    }
    for (const char *c = loop_op_name[instr->op]; *c; c++)
        fputc(tolower((unsigned char)*c), p->out);
    if (prints_type(instr)) {
        fputc(' ', p->out);
        print_type(p->out, instr->type);
    }
    if (instr->op != LOOP_PRAGMA && instr->op != LOOP_BREAK &&
        (instr->op != LOOP_RETURN || instr->nargs))
        fputc(' ', p->out);
    print_operands(p, instr);
    print_attributes(p, instr);
}

static void print_block(Printer *p, const LoopBlock *block, int depth) {
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        fprintf(p->out, "%*s", 2 * depth, "");
        switch (instr->op) {
        case LOOP_FOR: print_for(p, instr, depth); break;
        case LOOP_IF: print_if(p, instr, depth); break;
        case LOOP_WHILE: print_while(p, instr, depth); break;
        default: print_plain(p, instr);
        }
        fputc('\n', p->out);
    }
}

static void collect_names(const char **names, const LoopBlock *block) {
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        if (instr->result != NO_VALUE && is_label(instr->text))
            names[instr->result] = instr->text;
        for (int k = 0; k < instr->nbodies; k++)
            collect_names(names, &instr->body[k]);
    }
}

static void print_function(Printer *p, const LoopFunction *f, Arena *scratch) {
    FILE *out = p->out;
    p->function = f;
    p->names = arena_array(scratch, const char *, f->nvalues + 1);
    for (int i = 0; i < f->nparams; i++)
        if (is_label(f->param_names[i])) p->names[i] = f->param_names[i];
    collect_names(p->names, &f->body);
    fprintf(out, "\nfunction %s(", f->name);
    for (int i = 0; i < f->nparams; i++) {
        if (i) fputs(", ", out);
        print_value(p, i);
        fputc(' ', out);
        print_type(out, f->param_types[i]);
        if (f->param_noalias[i]) fputs(" noalias", out);
    }
    fputs(") -> ", out);
    print_type(out, f->result);
    if (f->exported) fputs(" exported", out);
    if (f->plain) fputs(" plain", out);
    if (f->noinline_) fputs(" noinline", out);
    print_body(p, &f->body, 0);
    fputc('\n', out);
}

static void print_extern(FILE *out, const LoopExtern *e) {
    fprintf(out, "\nextern %s(", e->name);
    for (int i = 0; i < e->nparams; i++) {
        if (i) fputs(", ", out);
        print_type(out, e->param_types[i]);
        if (e->param_signed && e->param_signed[i]) fputs(" signed", out);
    }
    fputs(") -> ", out);
    print_type(out, e->result);
    if (e->pure) fputs(" pure", out);
    if (e->import_library) {
        fputs(" import ", out);
        print_string(out, e->import_library);
        fprintf(out, " slot %d", e->slot);
    }
    fputc('\n', out);
}

/* Bytes in hex, 32 a line; *N stands for N zero bytes. */
static void print_bytes(FILE *out, const unsigned char *bytes, int64_t size) {
    int column = 0;
    for (int64_t i = 0; i < size;) {
        int64_t zeros = 0;
        while (i + zeros < size && !bytes[i + zeros]) zeros++;
        fputs(column % 32 ? " " : "\n  ", out);
        if (zeros >= 8) {
            fprintf(out, "*%lld", (long long)zeros);
            i += zeros;
        } else {
            fprintf(out, "%02x", bytes[i++]);
        }
        column++;
    }
}

static void print_datum(FILE *out, const LoopModule *m, int number) {
    const LoopDatum *d = m->data.at[number];
    fputs("\ndatum ", out);
    if (d->name) print_string(out, d->name);
    else fputc('-', out);
    fprintf(out, " align %d", d->align);
    if (d->writable) fputs(" writable", out);
    if (d->exported) fputs(" exported", out);
    if (d->weak) fputs(" weak ", out), print_string(out, d->weak);
    fprintf(out, " {   # %d", number);
    print_bytes(out, d->bytes, d->size);
    fputs("\n}\n", out);
    for (int i = 0; i < d->relocs.n; i++) {
        const LoopReloc *r = &d->relocs.at[i];
        fprintf(out, "reloc %lld ", (long long)r->at);
        if (r->kind == 0) fprintf(out, "datum %d\n", r->target);
        else fprintf(out, "function @%s cpu %d\n",
                     m->functions.at[r->target]->name, r->cpu);
    }
}

void print_loops(FILE *out, const LoopModule *m) {
    Arena *scratch = arena_new();
    Printer p = {.out = out, .module = m};
    fputs("module ", out);
    print_string(out, m->name);
    fputc('\n', out);
    if (m->dsl_file) {
        fputs("file ", out);
        print_string(out, m->dsl_file);
        fputc('\n', out);
    }
    for (int i = 0; i < m->externs.n; i++) print_extern(out, m->externs.at[i]);
    for (int i = 0; i < m->data.n; i++) print_datum(out, m, i);
    for (int i = 0; i < m->functions.n; i++)
        print_function(&p, m->functions.at[i], scratch);
    arena_free(scratch);
}
