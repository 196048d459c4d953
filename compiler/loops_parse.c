/* Reads loop IR from text (grammar: docs/loops.md). Only the form is checked
 * here; verify_loops checks the meaning. After the first error every token is
 * the end, so that all loops below end by themselves. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "loops_rules.h"

typedef enum { T_END, T_TEXT, T_VALUE, T_GLOBAL, T_STRING, T_LINE, T_PUNCT } TokenKind;

typedef struct Token {
    TokenKind kind;
    const char *text;           /* without % @ ! or quotes; T_PUNCT: one char, - for -> */
} Token;

typedef struct Label { const char *name; Value value; } Label;
typedef struct Fixup {          /* a function used before its definition */
    LoopInstr *instr;
    LoopReloc *reloc;
    const char *name;
    int line;
} Fixup;

typedef struct Operand { Value value; const char *literal; } Operand;
enum { MAX_OPERANDS = 64 };

typedef struct Parser {
    Arena *arena;
    const char *at, *end;
    int line;                   /* of the last token taken: errors are there */
    int ahead;                  /* of what is read */
    int token_line;
    Token token;
    const char *error;
    LoopModule *module;
    LoopFunction *function;
    LIST(Label) labels;         /* of the function */
    LIST(Fixup) fixups;
    Value next;                 /* number of the next value without one */
} Parser;

/* ---- tokens ---- */

static void fail(Parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void fail(Parser *p, const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (!p->error) {
        const char *text = arena_vformat(p->arena, format, list);
        p->error = arena_format(p->arena, "line %d: %s", p->line, text);
    }
    va_end(list);
    p->at = p->end;
    p->token = (Token){T_END, "the end"};
}

static bool is_text(int c) {
    return isalnum(c) || c == '_' || c == '.' || c == '-' || c == '+';
}

static const char *take_text(Parser *p) {
    const char *from = p->at;
    while (p->at < p->end && is_text((unsigned char)*p->at)) p->at++;
    return arena_strndup(p->arena, from, (size_t)(p->at - from));
}

static const char *take_string(Parser *p) {
    char *text = arena_alloc(p->arena, (size_t)(p->end - p->at) + 1), *to = text;
    for (;; p->at++) {
        if (p->at >= p->end || *p->at == '\n') {
            fail(p, "a string has no end");
            return "";
        }
        if (*p->at == '"') break;
        if (*p->at == '\\' && p->end - p->at > 3 && p->at[1] == 'x') {
            char hex[3] = {p->at[2], p->at[3], 0};
            *to++ = (char)strtol(hex, NULL, 16);
            p->at += 3;
        } else {
            if (*p->at == '\\' && p->at + 1 < p->end) p->at++;
            *to++ = *p->at;
        }
    }
    p->at++;
    return arena_strndup(p->arena, text, (size_t)(to - text));
}

static void skip_space(Parser *p) {
    for (; p->at < p->end; p->at++) {
        if (*p->at == '\n') p->ahead++;
        else if (*p->at == '#')
            while (p->at + 1 < p->end && p->at[1] != '\n') p->at++;
        else if (!isspace((unsigned char)*p->at)) return;
    }
}

static void advance(Parser *p) {
    p->line = p->token_line;
    skip_space(p);
    p->token_line = p->ahead;
    if (p->at >= p->end) {
        p->token = (Token){T_END, "the end"};
        return;
    }
    char c = *p->at;
    if (c == '-' && p->at + 1 < p->end && p->at[1] == '>') {
        p->at += 2;
        p->token = (Token){T_PUNCT, "->"};
    } else if (is_text((unsigned char)c)) {
        p->token = (Token){T_TEXT, take_text(p)};
    } else {
        p->at++;
        switch (c) {
        case '%': p->token = (Token){T_VALUE, take_text(p)}; break;
        case '@': p->token = (Token){T_GLOBAL, take_text(p)}; break;
        case '!': p->token = (Token){T_LINE, take_text(p)}; break;
        case '"': p->token = (Token){T_STRING, take_string(p)}; break;
        default: p->token = (Token){T_PUNCT, arena_strndup(p->arena, &c, 1)};
        }
    }
    if (p->error) p->token = (Token){T_END, "the end"};
}

static bool is(const Parser *p, const char *text) {
    return (p->token.kind == T_TEXT || p->token.kind == T_PUNCT) &&
           strcmp(p->token.text, text) == 0;
}

static bool accept(Parser *p, const char *text) {
    if (!is(p, text)) return false;
    advance(p);
    return true;
}

static void expect(Parser *p, const char *text) {
    if (!accept(p, text)) fail(p, "'%s' expected before '%s'", text, p->token.text);
}

static const char *take(Parser *p, TokenKind kind, const char *what) {
    const char *text = p->token.text;
    if (p->token.kind != kind) {
        fail(p, "%s expected before '%s'", what, text);
        return "";
    }
    advance(p);
    return text;
}

static int64_t to_integer(Parser *p, const char *text) {
    char *end;
    int64_t n = text[0] == '-' ? strtoll(text, &end, 0)
                               : (int64_t)strtoull(text, &end, 0);
    if (end == text || *end) fail(p, "'%s' is no integer", text);
    return n;
}

static int64_t take_integer(Parser *p) {
    return to_integer(p, take(p, T_TEXT, "an integer"));
}

static int take_int(Parser *p) { return (int)take_integer(p); }

/* type = scalar [ "x" lanes ] */
static LoopType take_type(Parser *p) {
    const char *text = take(p, T_TEXT, "a type");
    for (LoopScalar scalar = LT_VOID; scalar <= LT_PTR; scalar++) {
        char buffer[16];
        const char *name = loop_type_name(loop_type(scalar), buffer);
        size_t length = strlen(name);
        if (strncmp(text, name, length) != 0) continue;
        if (!text[length]) return loop_type(scalar);
        if (text[length] == 'x' && isdigit((unsigned char)text[length + 1]))
            return loop_vector(scalar, atoi(text + length + 1));
    }
    fail(p, "'%s' is no type", text);
    return loop_type(LT_VOID);
}

/* ---- values ---- */

/* The number that a label begins with ("12", "12.x"), or NO_VALUE. */
static Value label_number(const char *label) {
    return isdigit((unsigned char)label[0]) ? atoi(label) : NO_VALUE;
}

static const char *label_name(const char *label) {
    if (!isdigit((unsigned char)label[0])) return label;
    const char *dot = strchr(label, '.');
    return dot ? dot + 1 : NULL;
}

static Value new_value(Parser *p, Value number, LoopType type) {
    LoopFunction *f = p->function;
    Value value = number == NO_VALUE ? p->next++ : number;
    while (f->value_types.n <= value)
        list_push(p->arena, &f->value_types, loop_type(LT_VOID));
    f->value_types.at[value] = type;
    f->nvalues = f->value_types.n;
    return value;
}

static Value define(Parser *p, const char *label, LoopType type) {
    Value number = label_number(label);
    if (number >= 1 << 24) {
        fail(p, "%%%s: the number is too large", label);
        return 0;
    }
    if (number != NO_VALUE && number < p->function->nvalues &&
        p->function->value_types.at[number].scalar != LT_VOID)
        fail(p, "%%%s is defined twice", label);
    Value value = new_value(p, number, type);
    if (number == NO_VALUE)
        list_push(p->arena, &p->labels, ((Label){label, value}));
    return value;
}

static Value find_value(Parser *p, const char *label) {
    Value number = label_number(label);
    if (number != NO_VALUE) {
        if (number >= p->function->nvalues ||
            p->function->value_types.at[number].scalar == LT_VOID)
            fail(p, "%%%s is not defined", label);
        return number;
    }
    for (int i = p->labels.n - 1; i >= 0; i--)
        if (strcmp(p->labels.at[i].name, label) == 0) return p->labels.at[i].value;
    fail(p, "%%%s is not defined", label);
    return 0;
}

/* operand = "%" label | literal | "-" */
static Operand take_operand(Parser *p) {
    if (p->token.kind == T_VALUE)
        return (Operand){find_value(p, take(p, T_VALUE, "a value")), NULL};
    const char *text = take(p, T_TEXT, "a value");
    if (strcmp(text, "-") == 0) return (Operand){NO_VALUE, NULL};
    return (Operand){NO_VALUE, text};
}

static void set_constant(Parser *p, LoopInstr *instr, const char *text) {
    if (loop_class_fits(instr->type, "f")) {
        char *end;
        double x = strtod(text, &end);
        if (end == text || *end) fail(p, "'%s' is no number", text);
        instr->real = instr->type.scalar == LT_F32 ? (float)x : x;
        return;
    }
    int64_t n = to_integer(p, text);
    switch (instr->type.scalar) {
    case LT_I1: instr->imm = n & 1; break;
    case LT_I8: instr->imm = (int8_t)n; break;
    case LT_I16: instr->imm = (int16_t)n; break;
    case LT_I32: instr->imm = (int32_t)n; break;
    default: instr->imm = n;
    }
}

static Value literal(Parser *p, LoopBlock *into, LoopType type, const char *text) {
    if (type.scalar == LT_VOID || type.lanes != 1) {
        fail(p, "the literal '%s' stands where no scalar type is known", text);
        return 0;
    }
    LoopInstr *instr = arena_new_of(p->arena, LoopInstr);
    *instr = (LoopInstr){.op = LOOP_CONST, .type = type};
    set_constant(p, instr, text);
    instr->result = new_value(p, NO_VALUE, type);
    list_push(p->arena, &into->instrs, instr);
    return instr->result;
}

/* Puts operands into an instruction that is complete but for them. */
static void set_operands(Parser *p, LoopBlock *into, LoopInstr *instr, int n,
                         const Operand *operands) {
    instr->nargs = n;
    instr->arg = arena_array(p->arena, Value, n);
    for (int i = 0; i < n; i++) instr->arg[i] = operands[i].value;
    for (int i = 0; i < n && !p->error; i++)
        if (operands[i].literal)
            instr->arg[i] = literal(p, into, loop_operand_type(p->module, p->function,
                                                               instr, i),
                                    operands[i].literal);
}

/* ---- instructions ---- */

static void parse_block(Parser *p, LoopBlock *block);

static void parse_body(Parser *p, LoopBlock *block) {
    expect(p, "{");
    parse_block(p, block);
    expect(p, "}");
}

/* attributes = { "align" N | "buffer" N | "unroll" N | "stream" | … | "!" N | STRING } */
static void parse_attributes(Parser *p, LoopInstr *instr) {
    for (;;) {
        if (accept(p, "align")) instr->align = take_int(p);
        else if (accept(p, "buffer")) instr->buffer = take_int(p);
        else if (accept(p, "unroll")) instr->unroll = take_int(p);
        else if (accept(p, "stream")) instr->stream = true;
        else if (accept(p, "vectorize")) instr->vectorize = true;
        else if (accept(p, "novector")) instr->novector = true;
        else if (accept(p, "scale") || accept(p, "at") || accept(p, "with"))
            instr->imm = take_integer(p);
        else if (p->token.kind == T_LINE)
            instr->line = (int)to_integer(p, take(p, T_LINE, "a line"));
        else if (p->token.kind == T_STRING)
            instr->text = take(p, T_STRING, "a text");
        else return;
    }
}

/* mask = "[" { lane } "]" */
static void parse_mask(Parser *p, LoopInstr *instr) {
    expect(p, "[");
    int lanes = instr->type.lanes;
    instr->mask = arena_array(p->arena, int, lanes);
    for (int i = 0; i < lanes && !p->error; i++) {
        instr->mask[i] = take_int(p);
        accept(p, ",");
    }
    expect(p, "]");
}

static void use_function(Parser *p, LoopInstr *instr, LoopReloc *reloc,
                         const char *name) {
    list_push(p->arena, &p->fixups, ((Fixup){instr, reloc, name, p->line}));
}

static int find_function(const LoopModule *m, const char *name) {
    for (int i = 0; i < m->functions.n; i++)
        if (strcmp(m->functions.at[i]->name, name) == 0) return i;
    return -1;
}

/* callee = "@" NAME, of an extern or a function */
static void parse_callee(Parser *p, LoopInstr *instr) {
    const char *name = take(p, T_GLOBAL, "the name of a function");
    for (int i = 0; i < p->module->externs.n; i++)
        if (strcmp(p->module->externs.at[i]->name, name) == 0) {
            instr->imm = i;
            return;
        }
    int number = find_function(p->module, name);
    instr->imm = number >= 0 ? -1 - (int64_t)number : INT64_MAX;
    if (number < 0) use_function(p, instr, NULL, name);
}

static int parse_operand_list(Parser *p, Operand *operands) {
    int n = 0;
    while (n < MAX_OPERANDS && (p->token.kind == T_VALUE || p->token.kind == T_TEXT)) {
        operands[n++] = take_operand(p);
        if (!accept(p, ",")) break;
    }
    return n;
}

/* call = "@" NAME "(" operands ")";  call_at = operand "as" call */
static int parse_call(Parser *p, LoopInstr *instr, Operand *operands) {
    int n = 0;
    if (instr->op == LOOP_CALL_AT) {
        operands[n++] = take_operand(p);
        expect(p, "as");
    }
    parse_callee(p, instr);
    expect(p, "(");
    n += parse_operand_list(p, operands + n);
    expect(p, ")");
    return n;
}

/* "data" ( N | STRING ) */
static int64_t parse_datum_number(Parser *p) {
    if (p->token.kind != T_STRING) return take_integer(p);
    const char *name = take(p, T_STRING, "a name");
    for (int i = 0; i < p->module->data.n; i++) {
        const char *other = p->module->data.at[i]->name;
        if (other && strcmp(other, name) == 0) return i;
    }
    fail(p, "no datum is called \"%s\"", name);
    return 0;
}

static int parse_operands(Parser *p, LoopInstr *instr, Operand *operands) {
    switch (instr->op) {
    case LOOP_CONST: set_constant(p, instr, take(p, T_TEXT, "a number")); return 0;
    case LOOP_DATA: instr->imm = parse_datum_number(p); return 0;
    case LOOP_STACK: instr->imm = take_integer(p); return 0;
    case LOOP_FUNCTION:
        use_function(p, instr, NULL, take(p, T_GLOBAL, "a function"));
        return 0;
    case LOOP_CALL: case LOOP_CALL_AT: return parse_call(p, instr, operands);
    case LOOP_PRAGMA: case LOOP_BREAK: return 0;
    case LOOP_RETURN:               /* has no operand if a new instruction follows */
        if (p->function->result.scalar == LT_VOID) return 0;
        break;
    default: break;
    }
    int n = parse_operand_list(p, operands);
    if (instr->op == LOOP_SHUFFLE) parse_mask(p, instr);
    return n;
}

static bool find_op(const char *name, LoopOp *op) {
    for (int i = 0; i < LOOP_OPS; i++)
        if (strcasecmp(loop_op_name[i], name) == 0) {
            *op = (LoopOp)i;
            return true;
        }
    return false;
}

static bool has_type(LoopOp op) {
    const char *classes = loop_rule[op].classes;
    return strcmp(classes, "-") != 0 && strcmp(classes, "p") != 0;
}

/* [ "%" label "=" ] op [ type ] operands attributes */
static void parse_plain(Parser *p, LoopBlock *into) {
    const char *label = NULL;
    if (p->token.kind == T_VALUE) {
        label = take(p, T_VALUE, "a value");
        expect(p, "=");
    }
    LoopInstr *instr = arena_new_of(p->arena, LoopInstr);
    instr->result = NO_VALUE;
    const char *name = take(p, T_TEXT, "an instruction");
    if (!find_op(name, &instr->op)) {
        fail(p, "'%s' is no instruction", name);
        return;
    }
    if (has_type(instr->op)) instr->type = take_type(p);
    else instr->type = loop_type(loop_rule[instr->op].classes[0] == 'p' ? LT_PTR
                                                                        : LT_VOID);
    Operand operands[MAX_OPERANDS + 1];
    int n = parse_operands(p, instr, operands);
    parse_attributes(p, instr);
    if (loop_op_defines(instr) != (label != NULL))
        fail(p, "'%s' %s", name, label ? "has no result" : "needs a result");
    set_operands(p, into, instr, n, operands);
    if (p->error) return;
    list_push(p->arena, &into->instrs, instr);
    if (!label) return;
    instr->result = define(p, label, instr->type);
    if (label_name(label)) instr->text = label_name(label);
}

static LoopInstr *control(Parser *p, LoopOp op, int nbodies) {
    LoopInstr *instr = arena_new_of(p->arena, LoopInstr);
    *instr = (LoopInstr){.op = op, .type = loop_type(LT_VOID), .result = NO_VALUE,
                         .nbodies = nbodies,
                         .body = arena_array(p->arena, LoopBlock, nbodies)};
    advance(p);
    return instr;
}

/* "for" "%" label type "=" from "to" to "step" N attributes "{" block "}" */
static void parse_for(Parser *p, LoopBlock *into) {
    LoopInstr *instr = control(p, LOOP_FOR, 1);
    const char *label = take(p, T_VALUE, "the index");
    Operand bounds[2];
    instr->type = take_type(p);
    expect(p, "=");
    bounds[0] = take_operand(p);
    expect(p, "to");
    bounds[1] = take_operand(p);
    instr->imm = 1;
    if (accept(p, "step")) instr->imm = take_integer(p);
    parse_attributes(p, instr);
    set_operands(p, into, instr, 2, bounds);
    if (p->error) return;
    instr->result = define(p, label, instr->type);
    if (label_name(label)) instr->text = label_name(label);
    list_push(p->arena, &into->instrs, instr);
    parse_body(p, &instr->body[0]);
}

/* "if" operand attributes "{" block "}" [ "else" "{" block "}" ] */
static void parse_if(Parser *p, LoopBlock *into) {
    LoopInstr *instr = control(p, LOOP_IF, 2);
    Operand condition = take_operand(p);
    parse_attributes(p, instr);
    set_operands(p, into, instr, 1, &condition);
    if (p->error) return;
    list_push(p->arena, &into->instrs, instr);
    parse_body(p, &instr->body[0]);
    if (accept(p, "else")) parse_body(p, &instr->body[1]);
}

/* "while" attributes "{" block "}" "do" "{" block "}" */
static void parse_while(Parser *p, LoopBlock *into) {
    LoopInstr *instr = control(p, LOOP_WHILE, 2);
    parse_attributes(p, instr);
    list_push(p->arena, &into->instrs, instr);
    parse_body(p, &instr->body[0]);
    expect(p, "do");
    parse_body(p, &instr->body[1]);
}

static void parse_block(Parser *p, LoopBlock *block) {
    while (!is(p, "}") && p->token.kind != T_END) {
        if (is(p, "for")) parse_for(p, block);
        else if (is(p, "if")) parse_if(p, block);
        else if (is(p, "while")) parse_while(p, block);
        else parse_plain(p, block);
    }
}

/* ---- the module ---- */

/* One more than the largest number of a value in the function ahead. */
static Value first_free_number(const Parser *at) {
    Parser p = *at;
    Value free = 0;
    for (int depth = 0; p.token.kind != T_END;) {
        if (p.token.kind == T_VALUE && label_number(p.token.text) >= free)
            free = label_number(p.token.text) + 1;
        if (is(&p, "{")) depth++;
        if (is(&p, "}") && --depth == 0) break;
        advance(&p);
    }
    return free;
}

/* "function" NAME "(" { label type [ "noalias" ] } ")" "->" type flags "{" block "}" */
static void parse_function(Parser *p) {
    enum { MAX_PARAMS = 32 };
    LoopFunction *f = loop_function(p->module, take(p, T_TEXT, "a name"),
                                    loop_type(LT_VOID), 0, NULL, NULL);
    p->function = f;
    p->labels.n = 0;
    p->next = first_free_number(p);
    f->param_types = arena_array(p->arena, LoopType, MAX_PARAMS);
    f->param_names = arena_array(p->arena, const char *, MAX_PARAMS);
    f->param_noalias = arena_array(p->arena, bool, MAX_PARAMS);
    Value numbered = p->next;
    p->next = 0;                            /* parameters come first */
    expect(p, "(");
    while (p->token.kind == T_VALUE) {
        int k = f->nparams++;
        const char *label = take(p, T_VALUE, "a parameter");
        if (k == MAX_PARAMS) {
            fail(p, "more than %d parameters", MAX_PARAMS);
            return;
        }
        f->param_types[k] = take_type(p);
        f->param_names[k] = label_name(label);
        if (define(p, label, f->param_types[k]) != k)
            fail(p, "parameter %%%s is not number %d", label, k);
        if (accept(p, "noalias")) f->param_noalias[k] = true;
        accept(p, ",");
    }
    expect(p, ")");
    expect(p, "->");
    f->result = take_type(p);
    p->next = numbered > f->nparams ? numbered : f->nparams;
    for (;;) {
        if (accept(p, "exported")) f->exported = true;
        else if (accept(p, "plain")) f->plain = true;
        else if (accept(p, "noinline")) f->noinline_ = true;
        else break;
    }
    parse_body(p, &f->body);
}

/* "extern" NAME "(" { type [ "signed" ] } ")" "->" type [ "pure" ]
 * [ "import" STRING "slot" N ] */
static void parse_extern(Parser *p) {
    LoopExtern *e = arena_new_of(p->arena, LoopExtern);
    LIST(LoopType) types = {0};
    LIST(bool) is_signed = {0};
    bool any = false;
    e->name = take(p, T_TEXT, "a name");
    expect(p, "(");
    while (p->token.kind == T_TEXT) {
        list_push(p->arena, &types, take_type(p));
        bool here = accept(p, "signed");
        list_push(p->arena, &is_signed, here);
        any |= here;
        accept(p, ",");
    }
    expect(p, ")");
    expect(p, "->");
    e->result = take_type(p);
    e->nparams = types.n;
    e->param_types = types.at;
    if (any) e->param_signed = is_signed.at;
    if (accept(p, "pure")) e->pure = true;
    if (accept(p, "import")) {
        e->import_library = take(p, T_STRING, "the name of a library");
        expect(p, "slot");
        e->slot = take_int(p);
    }
    list_push(p->arena, &p->module->externs, e);
}

typedef LIST(char) Bytes;

static void push_bytes(Parser *p, Bytes *bytes, const void *from, int n) {
    for (int i = 0; i < n; i++)
        list_push(p->arena, bytes, ((const char *)from)[i]);
}

/* Numbers of a type, as they lie in memory. */
static void parse_numbers(Parser *p, LoopType type, Bytes *bytes) {
    while (p->token.kind == T_TEXT) {
        LoopInstr number = {.op = LOOP_CONST, .type = type};
        set_constant(p, &number, take(p, T_TEXT, "a number"));
        float f = (float)number.real;
        if (type.scalar == LT_F32) push_bytes(p, bytes, &f, 4);
        else if (type.scalar == LT_F64) push_bytes(p, bytes, &number.real, 8);
        else push_bytes(p, bytes, &number.imm, loop_scalar_bytes(type.scalar));
        accept(p, ",");
    }
}

/* { HEX HEX | "*" N } */
static void parse_hex(Parser *p, Bytes *bytes) {
    while (p->token.kind == T_TEXT || is(p, "*")) {
        if (accept(p, "*")) {
            int64_t zeros = take_integer(p);
            for (char zero = 0; zeros > 0; zeros--) push_bytes(p, bytes, &zero, 1);
            continue;
        }
        char *end, byte = (char)strtol(p->token.text, &end, 16);
        if (*end || end - p->token.text != 2) fail(p, "two hex digits expected");
        else advance(p);
        push_bytes(p, bytes, &byte, 1);
    }
}

/* "reloc" N ( "datum" N | "function" "@" NAME "cpu" N ) */
static void parse_relocs(Parser *p, LoopDatum *d) {
    enum { MAX_RELOCS = 4096 };             /* not moved: fixups point into it */
    LoopReloc *relocs = NULL;
    int n = 0;
    while (accept(p, "reloc")) {
        if (!relocs) relocs = arena_array(p->arena, LoopReloc, MAX_RELOCS);
        if (n == MAX_RELOCS) {
            fail(p, "more than %d relocations", MAX_RELOCS);
            return;
        }
        LoopReloc *r = &relocs[n++];
        r->at = take_integer(p);
        if (accept(p, "datum")) {
            r->target = (int)parse_datum_number(p);
            continue;
        }
        expect(p, "function");
        r->kind = 1;
        use_function(p, NULL, r, take(p, T_GLOBAL, "a function"));
        if (accept(p, "cpu")) r->cpu = take_int(p);
    }
    d->relocs.at = relocs;
    d->relocs.n = d->relocs.room = n;
}

/* "datum" ( STRING | "-" ) flags [ "of" type ] "{" bytes "}" relocs */
static void parse_datum(Parser *p) {
    LoopDatum *d = arena_new_of(p->arena, LoopDatum);
    Bytes bytes = {0};
    d->align = 1;
    if (!accept(p, "-")) d->name = take(p, T_STRING, "a name");
    for (;;) {
        if (accept(p, "align")) d->align = take_int(p);
        else if (accept(p, "writable")) d->writable = true;
        else if (accept(p, "exported")) d->exported = true;
        else break;
    }
    bool typed = accept(p, "of");
    LoopType type = typed ? take_type(p) : loop_type(LT_I8);
    expect(p, "{");
    if (typed) parse_numbers(p, type, &bytes);
    else parse_hex(p, &bytes);
    expect(p, "}");
    d->bytes = bytes.at;
    d->size = bytes.n;
    list_push(p->arena, &p->module->data, d);
    parse_relocs(p, d);
}

static void parse_module(Parser *p) {
    expect(p, "module");
    p->module = loop_module(p->arena, take(p, T_STRING, "a name"));
    if (accept(p, "file")) p->module->dsl_file = take(p, T_STRING, "a name");
    while (p->token.kind != T_END) {
        if (accept(p, "extern")) parse_extern(p);
        else if (accept(p, "datum")) parse_datum(p);
        else if (accept(p, "function")) parse_function(p);
        else fail(p, "extern, datum or function expected before '%s'", p->token.text);
    }
}

static void resolve(Parser *p) {
    for (int i = 0; i < p->fixups.n && !p->error; i++) {
        Fixup *fix = &p->fixups.at[i];
        int number = find_function(p->module, fix->name);
        p->line = fix->line;
        if (number < 0) fail(p, "no function is called @%s", fix->name);
        else if (fix->reloc) fix->reloc->target = number;
        else if (fix->instr->op == LOOP_FUNCTION) fix->instr->imm = number;
        else fix->instr->imm = -1 - (int64_t)number;
    }
}

LoopModule *parse_loops(Arena *arena, const char *text, size_t size,
                        const char **error) {
    Parser p = {.arena = arena, .at = text, .end = text + size, .ahead = 1};
    advance(&p);
    parse_module(&p);
    resolve(&p);
    if (p.error) *error = p.error;
    return p.error ? NULL : p.module;
}
