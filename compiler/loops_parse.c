/* Reads loop IR from text (grammar: docs/loops.md). Only the form is checked;
 * verify_loops checks the meaning. */
#include <stdlib.h>
#include "loops_parse.h"

/* One more than the largest number of a value in the function ahead. */
static Value first_free_number(const LoopParser *at) {
    LoopParser p = *at;
    Value free = 0;
    for (int depth = 0; p.token.kind != T_END;) {
        if (p.token.kind == T_VALUE && loop_label_number(p.token.text) >= free)
            free = loop_label_number(p.token.text) + 1;
        if (loop_is(&p, "{")) depth++;
        if (loop_is(&p, "}") && --depth == 0) break;
        loop_advance(&p);
    }
    return free;
}

/* "function" NAME "(" { label type [ "noalias" ] } ")" "->" type flags "{" block "}" */
static void parse_function(LoopParser *p) {
    enum { MAX_PARAMS = 32 };
    LoopFunction *f = loop_function(p->module, loop_take(p, T_TEXT, "a name"),
                                    loop_type(LT_VOID), 0, NULL, NULL);
    p->function = f;
    p->labels.n = 0;
    p->next = first_free_number(p);
    f->param_types = arena_array(p->arena, LoopType, MAX_PARAMS);
    f->param_names = arena_array(p->arena, const char *, MAX_PARAMS);
    f->param_noalias = arena_array(p->arena, bool, MAX_PARAMS);
    Value numbered = p->next;
    p->next = 0;                            /* parameters come first */
    loop_expect(p, "(");
    while (p->token.kind == T_VALUE) {
        int k = f->nparams++;
        const char *label = loop_take(p, T_VALUE, "a parameter");
        if (k == MAX_PARAMS) {
            loop_fail(p, "more than %d parameters", MAX_PARAMS);
            return;
        }
        f->param_types[k] = loop_take_type(p);
        f->param_names[k] = loop_label_name(label);
        if (loop_define(p, label, f->param_types[k]) != k)
            loop_fail(p, "parameter %%%s is not number %d", label, k);
        if (loop_accept(p, "noalias")) f->param_noalias[k] = true;
        loop_accept(p, ",");
    }
    loop_expect(p, ")");
    loop_expect(p, "->");
    f->result = loop_take_type(p);
    p->next = numbered > f->nparams ? numbered : f->nparams;
    for (;;) {
        if (loop_accept(p, "exported")) f->exported = true;
        else if (loop_accept(p, "plain")) f->plain = true;
        else if (loop_accept(p, "noinline")) f->noinline_ = true;
        else break;
    }
    loop_parse_body(p, &f->body);
}

/* "extern" NAME "(" { type [ "signed" ] } ")" "->" type [ "pure" ]
 * [ "import" STRING "slot" N ] */
static void parse_extern(LoopParser *p) {
    LoopExtern *e = arena_new_of(p->arena, LoopExtern);
    LIST(LoopType) types = {0};
    LIST(bool) is_signed = {0};
    bool any = false;
    e->name = loop_take(p, T_TEXT, "a name");
    loop_expect(p, "(");
    while (p->token.kind == T_TEXT) {
        list_push(p->arena, &types, loop_take_type(p));
        bool here = loop_accept(p, "signed");
        list_push(p->arena, &is_signed, here);
        any |= here;
        loop_accept(p, ",");
    }
    loop_expect(p, ")");
    loop_expect(p, "->");
    e->result = loop_take_type(p);
    e->nparams = types.n;
    e->param_types = types.at;
    if (any) e->param_signed = is_signed.at;
    if (loop_accept(p, "pure")) e->pure = true;
    if (loop_accept(p, "import")) {
        e->import_library = loop_take(p, T_STRING, "the name of a library");
        loop_expect(p, "slot");
        e->slot = (int)loop_take_integer(p);
    }
    list_push(p->arena, &p->module->externs, e);
}

typedef LIST(char) Bytes;

static void push_bytes(LoopParser *p, Bytes *bytes, const void *from, int n) {
    for (int i = 0; i < n; i++)
        list_push(p->arena, bytes, ((const char *)from)[i]);
}

/* Numbers of a type, as they lie in memory. */
static void parse_numbers(LoopParser *p, LoopType type, Bytes *bytes) {
    while (p->token.kind == T_TEXT) {
        LoopInstr number = {.op = LOOP_CONST, .type = type};
        loop_set_constant(p, &number, loop_take(p, T_TEXT, "a number"));
        float f = (float)number.real;
        if (type.scalar == LT_F32) push_bytes(p, bytes, &f, 4);
        else if (type.scalar == LT_F64) push_bytes(p, bytes, &number.real, 8);
        else push_bytes(p, bytes, &number.imm, loop_scalar_bytes(type.scalar));
        loop_accept(p, ",");
    }
}

/* { HEX HEX | "*" N } */
static void parse_hex(LoopParser *p, Bytes *bytes) {
    while (p->token.kind == T_TEXT || loop_is(p, "*")) {
        if (loop_accept(p, "*")) {
            int64_t zeros = loop_take_integer(p);
            for (char zero = 0; zeros > 0; zeros--) push_bytes(p, bytes, &zero, 1);
            continue;
        }
        char *end, byte = (char)strtol(p->token.text, &end, 16);
        if (*end || end - p->token.text != 2) loop_fail(p, "two hex digits expected");
        else loop_advance(p);
        push_bytes(p, bytes, &byte, 1);
    }
}

/* "reloc" N ( "datum" N | "function" "@" NAME "cpu" N ) */
static void parse_relocs(LoopParser *p, LoopDatum *d) {
    enum { MAX_RELOCS = 4096 };             /* not moved: fixups point into it */
    LoopReloc *relocs = NULL;
    int n = 0;
    while (loop_accept(p, "reloc")) {
        if (!relocs) relocs = arena_array(p->arena, LoopReloc, MAX_RELOCS);
        if (n == MAX_RELOCS) {
            loop_fail(p, "more than %d relocations", MAX_RELOCS);
            return;
        }
        LoopReloc *r = &relocs[n++];
        r->at = loop_take_integer(p);
        if (loop_accept(p, "datum")) {
            r->target = (int)loop_datum_number(p);
            continue;
        }
        loop_expect(p, "function");
        r->kind = 1;
        loop_use_function(p, NULL, r, loop_take(p, T_GLOBAL, "a function"));
        if (loop_accept(p, "cpu")) r->cpu = (int)loop_take_integer(p);
    }
    d->relocs.at = relocs;
    d->relocs.n = d->relocs.room = n;
}

/* "datum" ( STRING | "-" ) flags [ "of" type ] "{" bytes "}" relocs */
static void parse_datum(LoopParser *p) {
    LoopDatum *d = arena_new_of(p->arena, LoopDatum);
    Bytes bytes = {0};
    d->align = 1;
    if (!loop_accept(p, "-")) d->name = loop_take(p, T_STRING, "a name");
    for (;;) {
        if (loop_accept(p, "align")) d->align = (int)loop_take_integer(p);
        else if (loop_accept(p, "writable")) d->writable = true;
        else if (loop_accept(p, "exported")) d->exported = true;
        else if (loop_accept(p, "weak")) d->weak = loop_take(p, T_STRING, "a name");
        else break;
    }
    bool typed = loop_accept(p, "of");
    LoopType type = typed ? loop_take_type(p) : loop_type(LT_I8);
    loop_expect(p, "{");
    if (typed) parse_numbers(p, type, &bytes);
    else parse_hex(p, &bytes);
    loop_expect(p, "}");
    d->bytes = bytes.at;
    d->size = bytes.n;
    list_push(p->arena, &p->module->data, d);
    parse_relocs(p, d);
}

static void parse_module(LoopParser *p) {
    loop_expect(p, "module");
    p->module = loop_module(p->arena, loop_take(p, T_STRING, "a name"));
    if (loop_accept(p, "file")) p->module->dsl_file = loop_take(p, T_STRING, "a name");
    while (p->token.kind != T_END) {
        if (loop_accept(p, "extern")) parse_extern(p);
        else if (loop_accept(p, "datum")) parse_datum(p);
        else if (loop_accept(p, "function")) parse_function(p);
        else loop_fail(p, "extern, datum or function expected before '%s'",
                       p->token.text);
    }
}

static void resolve(LoopParser *p) {
    for (int i = 0; i < p->fixups.n && !p->error; i++) {
        Fixup *fix = &p->fixups.at[i];
        int number = loop_find_function(p->module, fix->name);
        p->line = fix->line;
        if (number < 0) loop_fail(p, "no function is called @%s", fix->name);
        else if (fix->reloc) fix->reloc->target = number;
        else if (fix->instr->op == LOOP_FUNCTION) fix->instr->imm = number;
        else fix->instr->imm = -1 - (int64_t)number;
    }
}

LoopModule *parse_loops(Arena *arena, const char *text, size_t size,
                        const char **error) {
    LoopParser p = {.arena = arena, .at = text, .end = text + size, .ahead = 1};
    loop_advance(&p);
    parse_module(&p);
    resolve(&p);
    if (p.error) *error = p.error;
    return p.error ? NULL : p.module;
}
