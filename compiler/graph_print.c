/* Terms and graphs as text, near to the language: names carry their number
 * (`x.12`), since inlining brings many of one name. */
#include <stdio.h>
#include <string.h>
#include "dim.h"
#include "term.h"

typedef struct Printer { FILE *out; Arena *arena; int depth; } Printer;

static void put(Printer *, const Term *);

static void put_name(Printer *p, const Var *var) {
    bool field = var->kind != VAR_LET && var->kind != VAR_INDEX && var->kind != VAR_STATE;
    fprintf(p->out, "%s", var->name ? var->name : "_");
    if (!field) fprintf(p->out, ".%d", var->id);
}

static void put_type(Printer *p, const Type *type) {
    fputs(type_text(p->arena, type), p->out);
}

static void new_line(Printer *p) { fprintf(p->out, "\n%*s", 4 * p->depth, ""); }

static void put_list(Printer *p, int n, const Term *const *terms) {
    bool first = true;
    for (int i = 0; i < n; i++) {
        if (!terms[i]) continue;
        if (!first) fputs(", ", p->out);
        first = false;
        put(p, terms[i]);
    }
}

static void put_call(Printer *p, const char *name, const Term *term) {
    fprintf(p->out, "%s(", name);
    put_list(p, term->nargs, term->arg);
    putc(')', p->out);
}

/* ---- leaves ---- */

static void put_const(Printer *p, const Term *term) {
    pl_dtype d = term->type->dtype;
    if (d == PL_BOOL) fputs(term->bits ? "true" : "false", p->out);
    else if (dtype_is_float(d)) fprintf(p->out, d == PL_F64 ? "%.17g" : "%.9g", term->real);
    else if (dtype_is_signed(d)) fprintf(p->out, "%lld", (long long)term->bits);
    else fprintf(p->out, "%llu", (unsigned long long)term->bits);
    if (d != PL_BOOL && d != PL_I64) fprintf(p->out, ":%s", dtype_name(d));
}

static void put_data(Printer *p, const Term *term) {
    int64_t n = 0;
    if (term->type->text && dim_constant(term->type->dims[0], &n))
        fprintf(p->out, "\"%.*s\"", (int)n, (const char *)term->data);
    else {
        fputs("constant ", p->out);
        put_type(p, term->type);
    }
}

/* ---- operations ---- */

static const char *infix(Op op) {
    switch (op) {
    case OP_ADD: return "+";
    case OP_SUB: return "-";
    case OP_MUL: return "*";
    case OP_DIV: return "/";
    case OP_FLOORDIV: return "//";
    case OP_MOD: return "%";
    case OP_EQ: return "==";
    case OP_NE: return "!=";
    case OP_LT: return "<";
    case OP_LE: return "<=";
    case OP_GT: return ">";
    case OP_GE: return ">=";
    default: return NULL;
    }
}

static void put_lower(Printer *p, const char *name) {
    for (; *name; name++) putc(*name >= 'A' && *name <= 'Z' ? *name + 32 : *name, p->out);
}

static void put_op(Printer *p, const Term *term) {
    const char *between = infix(term->op);
    if (between) {
        putc('(', p->out);
        put(p, term->arg[0]);
        fprintf(p->out, " %s ", between);
        put(p, term->arg[1]);
        putc(')', p->out);
        return;
    }
    if (term->op == OP_CONVERT) fputs(dtype_name(term->type->dtype), p->out);
    else put_lower(p, op_name[term->op]);
    putc('(', p->out);
    if (term->op == OP_WRAP || term->op == OP_FROM_BITS)
        fprintf(p->out, "%s, ", dtype_name(term->type->dtype));
    put_list(p, term->nargs, term->arg);
    putc(')', p->out);
}

static void put_index(Printer *p, const Term *term) {
    put(p, term->arg[0]);
    putc('[', p->out);
    for (int k = 1; k < term->nargs; k++) {
        if (k > 1) fputs(", ", p->out);
        put(p, term->arg[k]);
        if (!term->otherwise && !(term->proved >> (k - 1) & 1)) putc('?', p->out);
    }
    if (term->otherwise) {
        fputs(" else ", p->out);
        put(p, term->otherwise);
    }
    putc(']', p->out);
}

/* ---- loops ---- */

static void put_loops(Printer *p, const Term *term) {
    for (int k = 0; k < term->nloops; k++) {
        fputs(k ? ", " : " ", p->out);
        put_name(p, term->loop[k].var);
        fputs(" in ", p->out);
        put(p, term->loop[k].from);
        fputs("..", p->out);
        put(p, term->loop[k].to);
    }
}

static const Term *arg_or_none(const Term *term, int i) {
    return i < term->nargs ? term->arg[i] : NULL;
}

static void put_clause(Printer *p, const char *word, const Term *term) {
    if (!term) return;
    fprintf(p->out, " %s ", word);
    put(p, term);
}

static void put_body(Printer *p, const Term *term) {
    p->depth++;
    putc(':', p->out);
    new_line(p);
    put(p, term);
    p->depth--;
}

static void put_for(Printer *p, const Term *term) {
    fputs("for", p->out);
    put_loops(p, term);
    put_clause(p, "where", arg_or_none(term, 1));
    put_clause(p, "stop", term->stop);
    put_body(p, term->arg[0]);
}

static void put_fold(Printer *p, const Term *term) {
    fputs(term->kind == TERM_SCAN ? "scan " : "fold ", p->out);
    for (int i = 0; i < term->nstates; i++) {
        if (i) fputs(", ", p->out);
        put_name(p, term->states[i]);
    }
    fputs(" = ", p->out);
    put_list(p, term->nstates, term->inits);
    fputs(" for", p->out);
    put_loops(p, term);
    put_clause(p, "where", arg_or_none(term, 1));
    put_clause(p, "until", arg_or_none(term, 2));
    put_body(p, term->arg[0]);
}

/* ---- the rest ---- */

static void put_let(Printer *p, const Term *term) {
    fputs("let ", p->out);
    put_name(p, term->var);
    fputs(": ", p->out);
    put_type(p, term->var->type);
    fputs(" = ", p->out);
    p->depth++;
    put(p, term->arg[0]);
    p->depth--;
    new_line(p);
    put(p, term->arg[1]);
}

static void put_if(Printer *p, const Term *term) {
    fputs("if ", p->out);
    put(p, term->arg[0]);
    p->depth++;
    new_line(p);
    fputs("then ", p->out);
    put(p, term->arg[1]);
    new_line(p);
    fputs("else ", p->out);
    put(p, term->arg[2]);
    p->depth--;
}

static void put_check(Printer *p, const Term *term) {
    static const char *const names[] = {"equal", "size", "slice", "subscript"};
    fprintf(p->out, "check %s(", names[term->check]);
    put_list(p, term->nargs - 1, term->arg + 1);
    fputs(") in", p->out);
    new_line(p);
    put(p, term->arg[0]);
}

static void put_draw(Printer *p, const Term *term) {
    fprintf(p->out, "%s%s(\"%s\", ", term->kind == TERM_PERM ? "permutation" : "draw",
            term->kind == TERM_PERM ? "" : term->width == 64 ? "64" : "32",
            term->site_path ? term->site_path : "");
    put_list(p, term->nargs, term->arg);
    putc(')', p->out);
}

static const char *const reduction_names[] = {
    [RED_SUM] = "sum", [RED_PRODUCT] = "product", [RED_MEAN] = "mean",
    [RED_MIN] = "min", [RED_MAX] = "max", [RED_ANY] = "any", [RED_ALL] = "all",
    [RED_COUNT] = "count", [RED_ARGMIN] = "argmin", [RED_ARGMAX] = "argmax",
};
static const char *const scatter_names[] = {
    [SCATTER_ADD] = "scatter_add", [SCATTER_MIN] = "scatter_min",
    [SCATTER_MAX] = "scatter_max", [SCATTER_SET] = "scatter_set",
};

static void put(Printer *p, const Term *term) {
    switch (term->kind) {
    case TERM_CONST: put_const(p, term); return;
    case TERM_DATA: put_data(p, term); return;
    case TERM_REF: put_name(p, term->var); return;
    case TERM_LET: put_let(p, term); return;
    case TERM_OP: put_op(p, term); return;
    case TERM_IF: put_if(p, term); return;
    case TERM_FOR: put_for(p, term); return;
    case TERM_FOLD: case TERM_SCAN: put_fold(p, term); return;
    case TERM_REDUCE: put_call(p, reduction_names[term->reduction], term); return;
    case TERM_SCATTER: put_call(p, scatter_names[term->scatter], term); return;
    case TERM_INDEX: put_index(p, term); return;
    case TERM_TUPLE: put_call(p, "", term); return;
    case TERM_KERNEL:
        put_call(p, term->kernel->name, term);
        put_clause(p, "stop", term->stop);
        return;
    case TERM_DRAW: case TERM_PERM: put_draw(p, term); return;
    case TERM_FAIL: fprintf(p->out, "fail(\"%s\")", term->text); return;
    case TERM_CHECK: put_check(p, term); return;
    case TERM_LENGTHS: put_call(p, "lengths", term); return;
    case TERM_PADDED: put_call(p, "padded", term); return;
    case TERM_PADDED_TO: put_call(p, "padded_to", term); return;
    case TERM_DIM: case TERM_GET:
        put(p, term->arg[0]);
        fprintf(p->out, term->kind == TERM_DIM ? ".dim%d" : ".%d", term->axis);
        return;
    case TERM_ARRAY:
        putc('[', p->out);
        put_list(p, term->nargs, term->arg);
        putc(']', p->out);
        return;
    }
}

void print_term(FILE *out, const Term *term) {
    Printer p = {out, arena_new(), 0};
    put(&p, term);
    putc('\n', out);
    arena_free(p.arena);
}

/* ---- the graph ---- */

static void put_bind(Printer *p, const char *word, const Var *var, const Term *term) {
    fprintf(p->out, "%s", word);
    put_name(p, var);
    fputs(": ", p->out);
    put_type(p, var->type);
    fputs(" =", p->out);
    p->depth++;
    new_line(p);
    put(p, term);
    p->depth--;
    putc('\n', p->out);
}

static void put_head(Printer *p, const Graph *graph) {
    fprintf(p->out, "feature %s\n", graph->name);
    for (int i = 0; i < graph->params.n; i++) {
        const GraphParam *param = &graph->params.at[i];
        fprintf(p->out, "param %s: %s", param->name, type_text(p->arena, param->type));
        if (param->value) {
            fputs(" = ", p->out);
            put(p, param->value);
        }
        fprintf(p->out, " (%s)\n", param->at_compile ? "compile" : "open");
    }
    for (int i = 0; i < graph->opens.n; i++)
        put_bind(p, "open ", graph->opens.at[i].var, graph->opens.at[i].term);
}

static void put_source(Printer *p, const Graph *graph) {
    static const char *const words[] = {"sample", "skip", "take"};
    fprintf(p->out, "from %s(", graph->source);
    put_list(p, graph->nsource_args, graph->source_args);
    fputs(")\n", p->out);
    if (graph->shuffle) fputs("shuffle\n", p->out);
    for (int i = COUNT_SAMPLE; i <= COUNT_TAKE; i++) {
        if (!graph->count[i]) continue;
        fprintf(p->out, "%s ", words[i]);
        put(p, graph->count[i]);
        putc('\n', p->out);
    }
}

static void put_node(Printer *p, const Node *node) {
    p->depth = node->level;
    fprintf(p->out, "%*s", 4 * node->level, "");
    if (node->kind == NODE_FIELD) {
        put_bind(p, "", node->vars[0], node->term);
        return;
    }
    fputs(node->kind == NODE_WHERE ? "where" : "each ", p->out);
    for (int i = 0; i < node->nvars; i++) {
        if (i) fputs(", ", p->out);
        put_name(p, node->vars[i]);
    }
    if (node->kind == NODE_EACH) fputs(" in", p->out);
    p->depth++;
    new_line(p);
    put(p, node->term);
    p->depth--;
    putc('\n', p->out);
}

void print_graph(FILE *out, const Graph *graph) {
    static const char *const last[] = {"drop", "partial", "pad", "wrap"};
    Printer p = {out, arena_new(), 0};
    put_head(&p, graph);
    put_source(&p, graph);
    for (int i = 0; i < graph->nodes.n; i++) put_node(&p, &graph->nodes.at[i]);
    p.depth = 0;
    fprintf(out, "batch(%lld, last = %s, lanes = %lld)\n", (long long)graph->batch,
            last[graph->last], (long long)graph->lanes);
    for (int i = 0; i < graph->below.n; i++)
        put_bind(&p, "", graph->below.at[i].var, graph->below.at[i].term);
    fputs("emit", out);
    for (int i = 0; i < graph->outputs.n; i++) {
        fprintf(out, "%s %s = ", i ? "," : "", graph->outputs.at[i].name);
        put(&p, graph->outputs.at[i].term);
        fputs(": ", out);
        put_type(&p, graph->outputs.at[i].term->type);
    }
    putc('\n', out);
    arena_free(p.arena);
}
