/* verify_graph finds each kind of broken graph, and print_graph shows a whole one.
 * A graph is built by hand, broken in one place, and verified in a child that is
 * to die of it with the right words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compiler/dim.h"
#include "compiler/term.h"
#include "compiler/term_build.h"

static Arena *arena;
static Graph graph;
static Var value, x, i, let, batched, rows;
static Term *loop, *index_term, *sum, *let_term, *field_ref;
static Loop loops[1];

static const Dim *const *one_dim(int64_t n) {
    const Dim **dims = arena_new_of(arena, const Dim *);
    dims[0] = dim_number(dim_table(arena), n);
    return dims;
}

static Var var_of(VarKind kind, const char *name, const Type *type) {
    return (Var){.kind = kind, .name = name, .id = graph.nvars++, .type = type};
}

static const Term *number(int64_t n) { return term_int(arena, PL_I64, n); }

/* x = let t = value + 1 in for i in 0..4: t * i;   y = x[2];   emit y */
static void build(void) {
    const Type *i64 = type_scalar(PL_I64), *vector = type_tensor(arena, PL_I64, 1, one_dim(4));
    static Var y;
    Node node = {.kind = NODE_FIELD, .nvars = 1};
    memset(&graph, 0, sizeof graph);
    graph.name = "f";
    graph.source = "range";
    graph.batch = graph.lanes = 1;
    value = var_of(VAR_SOURCE, "value", i64);
    x = var_of(VAR_FIELD, "x", vector);
    y = var_of(VAR_FIELD, "y", i64);
    i = var_of(VAR_INDEX, "i", i64);
    let = var_of(VAR_LET, "t", i64);
    batched = var_of(VAR_BATCHED, "y", type_tensor(arena, PL_I64, 1, one_dim(1)));
    batched.of = &y;
    rows = var_of(VAR_BELOW, "rows", i64);
    sum = (Term *)term_op(arena, OP_ADD, i64, NULL, term_ref(arena, &value), number(1), NULL);
    loop = term_new(arena, TERM_FOR, vector, NULL, 2,
                    term_op(arena, OP_MUL, i64, NULL, term_ref(arena, &let),
                            term_ref(arena, &i), NULL), NULL);
    loops[0] = (Loop){&i, number(0), number(4)};
    loop->nloops = 1;
    loop->loop = loops;
    let_term = term_new(arena, TERM_LET, vector, NULL, 2, (const Term *)sum, (const Term *)loop);
    let_term->var = &let;
    index_term = term_new(arena, TERM_INDEX, i64, NULL, 2, term_ref(arena, &x), number(2));
    list_push(arena, &graph.source_fields, (const Var *)&value);
    node.vars = arena_array(arena, const Var *, 1);
    node.vars[0] = &x;
    node.term = let_term;
    list_push(arena, &graph.nodes, node);
    node.vars = arena_array(arena, const Var *, 1);
    node.vars[0] = &y;
    node.term = index_term;
    list_push(arena, &graph.nodes, node);
    list_push(arena, &graph.batched, (const Var *)&batched);
    graph.rows = &rows;
    field_ref = (Term *)term_ref(arena, &batched);
    Output out = {.name = "y", .term = field_ref};
    list_push(arena, &graph.outputs, out);
}

static void operand_dtype(void) { sum->arg[1] = term_int(arena, PL_I32, 1); }
static void too_few(void) { sum->nargs = 1; }
static void wrong_class(void) { sum->op = OP_SQRT; sum->nargs = 1; }
static void wrong_result(void) { sum->type = type_scalar(PL_F32); }
static void unbound(void) { loop->arg[0] = term_ref(arena, &batched); }
static void outside(void) { index_term->arg[1] = term_ref(arena, &i); }
static void inner_name(void) { index_term->arg[1] = term_ref(arena, &let); }
static void subscripts(void) { index_term->nargs = 1; }
static void no_name(void) { index_term->arg[0] = let_term; }
static void subscript_dtype(void) { index_term->arg[1] = term_int(arena, PL_U8, 2); }
static void body_rank(void) { loop->type = type_scalar(PL_I64); let_term->type = loop->type; }
static void bound_dtype(void) { loops[0].to = term_bool(arena, true); }
static void let_type(void) { let.type = type_scalar(PL_F64); }
static void twice(void) { graph.nodes.at[1].term = let_term; graph.nodes.at[1].vars[0] = &x; }
static void field_type(void) { graph.nodes.at[1].term = let_term; }
static void output_kind(void) { graph.outputs.at[0].term = term_ref(arena, &rows); rows.kind = VAR_LET; }
static void later(void) { sum->arg[0] = index_term; }
static void rebound(void) {
    Term *other = term_new(arena, TERM_LET, type_scalar(PL_I64), NULL, 2, number(1), number(2));
    other->var = &let;
    index_term->arg[1] = other;
}

static const struct { void (*breaks)(void); const char *words; } cases[] = {
    {operand_dtype, "operands of different dtypes"},
    {too_few, "wrong number of operands"},
    {wrong_class, "wrong dtype"},
    {wrong_result, "wrong result"},
    {unbound, "not that of its body"},
    {outside, "outside of its scope"},
    {inner_name, "outside of its scope"},
    {subscripts, "subscripts of a wrong number"},
    {no_name, "subscripts of no name"},
    {subscript_dtype, "subscript is no i64"},
    {body_rank, "not that of its body"},
    {bound_dtype, "a bound is no i64"},
    {let_type, "a name"},
    {twice, "defined twice"},
    {field_type, "a field of a wrong type"},
    {output_kind, "no name of the batch"},
    {later, "outside of its scope"},
    {rebound, "bound twice"},
};

/* What verify_graph says; "" if it is content. */
static void verdict(char *said, size_t n) {
    int ends[2], status;
    ssize_t got;
    size_t at = 0;
    if (pipe(ends)) return;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        verify_graph(&graph, "a test");
        _exit(0);
    }
    close(ends[1]);
    while (at < n - 1 && (got = read(ends[0], said + at, n - 1 - at)) > 0) at += (size_t)got;
    said[at] = 0;
    close(ends[0]);
    waitpid(child, &status, 0);
}

static int check_print(void) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    print_graph(out, &graph);
    fclose(out);
    int good = strstr(text, "x: i64[4] =\n    let t.4: i64 = (value + 1)\n"
                            "    for i.3 in 0..4:\n        (t.4 * i.3)") != NULL &&
               strstr(text, "x[2?]") != NULL;
    if (!good) fputs(text, stdout);
    free(text);
    return !good;
}

int main(void) {
    char said[2048];
    int failed = 0;
    arena = arena_new();
    build();
    verdict(said, sizeof said);
    if (*said) failed++, printf("a sound graph: %s\n", said);
    failed += check_print();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        build();
        cases[k].breaks();
        verdict(said, sizeof said);
        if (strstr(said, cases[k].words) && strstr(said, "after a test")) continue;
        failed++;
        printf("case %zu (%s): %s\n", k, cases[k].words, said);
    }
    arena_free(arena);
    return failed > 0;
}
