/* The C back end: one text, readable, for people who build with their own
 * compiler. It can be compiled once, or once for each CPU level and once for the
 * tables (data and plain functions), and linked; docs/loops.md. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "../dsl/diag.h"
#include "emit_c.h"

/* ---- names ---- */

static const char *identifier(Arena *arena, const char *text) {
    char *name = arena_format(arena, "%s", text);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p)) *p = '_';
    return name;
}

/* Names that are not exported begin with the module's: objects of two features
 * may be linked into one program. Support code is static. */
const char *c_function_name(CWriter *c, const LoopModule *module, int64_t number) {
    const LoopFunction *f = module->functions.at[number];
    if (module == c->support) {
        c_use_support(c, f->name);
        return f->name;
    }
    const char *name = f->exported ? f->name
                                   : arena_format(c->arena, "%s_%s", c->prefix, f->name);
    return f->plain ? name : arena_format(c->arena, "PIPEC_NAME(%s)", name);
}

const char *c_datum_name(CWriter *c, int64_t number) {
    const LoopDatum *d = c->loops->data.at[number];
    if (d->exported && d->name) return d->name;
    return arena_format(c->arena, "%s_data%lld%s%s", c->prefix, (long long)number,
                        d->name ? "_" : "", d->name ? identifier(c->arena, d->name) : "");
}

/* The name of a clone, as tables spell it. */
static const char *clone_name(CWriter *c, const LoopReloc *r) {
    const LoopFunction *f = c->loops->functions.at[r->target];
    const char *name = f->exported ? f->name
                                   : arena_format(c->arena, "%s_%s", c->prefix, f->name);
    if (f->plain) return name;
    if (r->cpu >= c->options->ncpus)
        bug("emit_c: a table names clone %d of %s", r->cpu, name);
    return arena_format(c->arena, "%s%s", name, cpu_suffix(c->options->cpu[r->cpu]));
}

/* ---- support code ---- */

static void write_support(CWriter *c, int number);

void c_use_support(CWriter *c, const char *name) {
    for (int i = 0; i < c->support->functions.n; i++)
        if (strcmp(c->support->functions.at[i]->name, name) == 0) write_support(c, i);
}

static void write_result(CWriter *c, const LoopFunction *f) {
    const char *type = c_type(c, f->result);
    fprintf(c->out, "%s%s", type, f->result.scalar == LT_PTR ? "" : " ");
}

/* Goes to the helpers when it is complete, behind those that it uses itself. */
static void write_support(CWriter *c, int number) {
    const LoopFunction *f = c->support->functions.at[number];
    if (c->support_used[number]) return;
    c->support_used[number] = true;
    CWriter inner = *c;
    char *text;
    size_t size;
    inner.out = open_memstream(&text, &size);
    fprintf(inner.out, "static inline __attribute__((unused)) ");
    write_result(&inner, f);
    fprintf(inner.out, "%s", f->name);
    c_function(&inner, c->support, f);
    fclose(inner.out);
    c->known = inner.known;
    fputs(text, c->helpers);
    free(text);
}

/* ---- data ---- */

static int by_place(const void *a, const void *b) {
    int64_t x = ((const LoopReloc *)a)->at, y = ((const LoopReloc *)b)->at;
    return (x > y) - (x < y);
}

static LoopReloc *sorted_relocs(CWriter *c, const LoopDatum *d) {
    LoopReloc *list = arena_array(c->arena, LoopReloc, d->relocs.n);
    for (int i = 0; i < d->relocs.n; i++) list[i] = d->relocs.at[i];
    qsort(list, (size_t)d->relocs.n, sizeof *list, by_place);
    return list;
}

/* A datum with addresses is a struct of bytes and pointers in turn. */
static void write_datum_type(CWriter *c, int number) {
    const LoopDatum *d = c->loops->data.at[number];
    LoopReloc *r = sorted_relocs(c, d);
    int64_t at = 0;
    fprintf(c->out, "struct %s_type%d {", c->prefix, number);
    for (int i = 0; i < d->relocs.n; i++) {
        if (r[i].at > at)
            fprintf(c->out, " uint8_t b%d[%lld];", i, (long long)(r[i].at - at));
        fprintf(c->out, " const void *p%d;", i);
        at = r[i].at + 8;
    }
    if (d->size > at || !d->relocs.n)
        fprintf(c->out, " uint8_t rest[%lld];",
                (long long)(d->size > at ? d->size - at : 1));
    fprintf(c->out, " } __attribute__((packed, aligned(%d)));\n", d->align);
}

static void write_datum_head(CWriter *c, int number, const char *linkage) {
    const LoopDatum *d = c->loops->data.at[number];
    fprintf(c->out, "%s%sstruct %s_type%d %s", linkage, d->writable ? "" : "const ",
            c->prefix, number, c_datum_name(c, number));
}

static void write_bytes(CWriter *c, const LoopDatum *d, int64_t from, int64_t to) {
    const unsigned char *bytes = d->bytes;
    while (to > from + 1 && !bytes[to - 1]) to--;       /* the rest is zero anyway */
    fprintf(c->out, "\n    {");
    for (int64_t i = from; i < to; i++)
        fprintf(c->out, "%s%d", i == from ? "" : (i - from) % 24 ? ", " : ",\n     ",
                bytes[i]);
    fprintf(c->out, "},");
}

static void write_datum(CWriter *c, int number) {
    const LoopDatum *d = c->loops->data.at[number];
    LoopReloc *r = sorted_relocs(c, d);
    int64_t at = 0;
    write_datum_head(c, number, d->exported ? "" : "PIPEC_LOCAL ");
    fprintf(c->out, " = {");
    for (int i = 0; i < d->relocs.n; i++) {
        if (r[i].at > at) write_bytes(c, d, at, r[i].at);
        if (r[i].kind == 0) fprintf(c->out, "\n    &%s,", c_datum_name(c, r[i].target));
        else fprintf(c->out, "\n    (const void *)%s,", clone_name(c, &r[i]));
        at = r[i].at + 8;
    }
    if (d->size > at) write_bytes(c, d, at, d->size);
    fprintf(c->out, "\n};\n");
    if (d->weak)
        fprintf(c->out, "extern const struct %s_type%d %s "
                        "__attribute__((weak, alias(\"%s\")));\n",
                c->prefix, number, d->weak, d->name);
}

/* ---- functions ---- */

static void write_head(CWriter *c, int number) {
    const LoopFunction *f = c->loops->functions.at[number];
    fprintf(c->out, "%s", f->exported ? "" : "PIPEC_LOCAL ");
    if (f->noinline_) fprintf(c->out, "__attribute__((noinline)) ");
    write_result(c, f);
    fprintf(c->out, "%s", c_function_name(c, c->loops, number));
}

static void write_prototype(CWriter *c, int number, const char *name) {
    const LoopFunction *f = c->loops->functions.at[number];
    if (name) {
        fprintf(c->out, "%s", f->exported ? "" : "PIPEC_LOCAL ");
        write_result(c, f);
        fprintf(c->out, "%s", name);
    } else {
        write_head(c, number);
    }
    fputc('(', c->out);
    for (int k = 0; k < f->nparams; k++)
        fprintf(c->out, "%s%s", k ? ", " : "", c_type(c, f->param_types[k]));
    fprintf(c->out, "%s);\n", f->nparams ? "" : "void");
}

static void write_functions(CWriter *c, bool plain) {
    for (int i = 0; i < c->loops->functions.n; i++)
        if (c->loops->functions.at[i]->plain == plain) write_prototype(c, i, NULL);
    for (int i = 0; i < c->loops->functions.n; i++) {
        if (c->loops->functions.at[i]->plain != plain) continue;
        fputc('\n', c->out);
        write_head(c, i);
        c_function(c, c->loops, c->loops->functions.at[i]);
    }
}

/* The clones that tables name, which other compilations make. */
static void write_clone_prototypes(CWriter *c) {
    fprintf(c->out, "#ifdef PIPEC_TABLES\n");
    for (int i = 0; i < c->loops->data.n; i++) {
        const LoopDatum *d = c->loops->data.at[i];
        for (int k = 0; k < d->relocs.n; k++) {
            const LoopReloc *r = &d->relocs.at[k];
            if (r->kind == 1 && !c->loops->functions.at[r->target]->plain)
                write_prototype(c, r->target, clone_name(c, r));
        }
    }
    fprintf(c->out, "#endif\n");
}

/* ---- the file ---- */

static const char how[] =
    " * Made by pipec. GNU C 11: gcc from 12, or clang; link with -lm.\n"
    " * For one CPU level:   cc -std=gnu11 -O2 -fPIC -c FILE\n"
    " * For several: once a level with -DPIPEC_SUFFIX=__v3 -march=x86-64-v3 (and so\n"
    " * on), once with -DPIPEC_TABLES; link the objects. */\n";

/* A contracted product and sum would round once instead of twice. gcc ignores
 * the standard's pragma, clang ignores gcc's. Without rounding-math gcc 12 makes -x of
 * 0 - x, where x is an integer as a float. */
static const char head[] =
    "#if defined __FAST_MATH__ || defined __FINITE_MATH_ONLY__ && __FINITE_MATH_ONLY__\n"
    "#error \"values would depend on the compiler: no -ffast-math\"\n"
    "#endif\n"
    "#ifdef __clang__\n"
    "#pragma STDC FP_CONTRACT OFF\n"
    "#pragma clang diagnostic ignored \"-Wpass-failed\"\n"
    "#define PIPEC_VECTORIZE _Pragma(\"clang loop vectorize(assume_safety)\")\n"
    "#define PIPEC_NOVECTOR _Pragma(\"clang loop vectorize(disable)\")\n"
    "#define PIPEC_UNROLL(n) PIPEC_PRAGMA(clang loop unroll_count(n))\n"
    "#else\n"
    "#pragma GCC optimize(\"fp-contract=off\", \"no-math-errno\", \"rounding-math\")\n"
    "#pragma GCC diagnostic ignored \"-Wmaybe-uninitialized\"\n"
    "#define PIPEC_VECTORIZE _Pragma(\"GCC ivdep\")\n"
    "#define PIPEC_NOVECTOR\n"
    "#define PIPEC_UNROLL(n)                /* it warns where it folds the loop */\n"
    "#endif\n"
    "#define PIPEC_PRAGMA(x) _Pragma(#x)\n"
    "#pragma GCC diagnostic ignored \"-Wtautological-compare\"\n\n"
    "#include <stdint.h>\n"
    "#include <string.h>\n\n";

static void write_parts(CWriter *c, FILE *out) {
    const char *suffix = c->options->ncpus ? cpu_suffix(c->options->cpu[0]) : "";
    fprintf(out, "#if defined PIPEC_SUFFIX || defined PIPEC_TABLES\n"
                 "#define PIPEC_LOCAL __attribute__((visibility(\"hidden\")))\n"
                 "#define PIPEC_DECLARE extern PIPEC_LOCAL\n"
                 "#else\n");
    if (c->options->ncpus > 1)
        fprintf(out, "#error \"this file has %d CPU levels: define PIPEC_SUFFIX or "
                     "PIPEC_TABLES\"\n", c->options->ncpus);
    fprintf(out, "#define PIPEC_LOCAL static __attribute__((unused))\n"
                 "#define PIPEC_DECLARE PIPEC_LOCAL\n"
                 "#define PIPEC_SUFFIX %s\n"
                 "#define PIPEC_ALL\n"
                 "#endif\n"
                 "#define PIPEC_JOIN(a, b) a##b\n"
                 "#define PIPEC_JOIN2(a, b) PIPEC_JOIN(a, b)\n"
                 "#define PIPEC_NAME(name) PIPEC_JOIN2(name, PIPEC_SUFFIX)\n\n", suffix);
}

static void write_body(CWriter *c) {
    int n = c->loops->data.n;
    for (int i = 0; i < n; i++) {
        write_datum_type(c, i);
        write_datum_head(c, i, c->loops->data.at[i]->exported ? "extern "
                                                              : "PIPEC_DECLARE ");
        fprintf(c->out, ";\n");
    }
    fprintf(c->out, "\n#ifndef PIPEC_TABLES\n");
    for (int i = 0; i < c->loops->functions.n; i++)
        if (c->loops->functions.at[i]->plain) write_prototype(c, i, NULL);
    write_functions(c, false);
    fprintf(c->out, "#endif\n\n#if defined PIPEC_ALL || defined PIPEC_TABLES\n");
    write_functions(c, true);
    write_clone_prototypes(c);
    for (int i = 0; i < n; i++) write_datum(c, i);
    fprintf(c->out, "#endif\n");
}

bool emit_c(const LoopModule *loops, const EmitOptions *options, FILE *out) {
    Arena *arena = arena_new();
    CWriter c = {.arena = arena, .loops = loops, .options = options};
    char *helpers, *body;
    size_t size;
    c.support = loops_support(arena);
    c.support_used = arena_array(arena, bool, c.support->functions.n);
    c.prefix = identifier(arena, loops->name);
    c.helpers = open_memstream(&helpers, &size);
    c.out = open_memstream(&body, &size);
    write_body(&c);
    fclose(c.helpers);
    fclose(c.out);
    fprintf(out, "/* %s\n%s\n%s", loops->name, how, head);
    write_parts(&c, out);
    fprintf(out, "%s\n%s", helpers, body);
    free(helpers);
    free(body);
    arena_free(arena);
    return !ferror(out);
}
