/* Values and instructions of loop IR as text. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "loops_parse.h"

typedef struct Operand { Value value; const char *literal; } Operand;
enum { MAX_OPERANDS = 64 };

/* ---- values ---- */

Value loop_label_number(const char *label) {
    return isdigit((unsigned char)label[0]) ? atoi(label) : NO_VALUE;
}

const char *loop_label_name(const char *label) {
    if (!isdigit((unsigned char)label[0])) return label;
    const char *dot = strchr(label, '.');
    return dot ? dot + 1 : NULL;
}

static Value new_value(LoopParser *p, Value number, LoopType type) {
    LoopFunction *f = p->function;
    Value value = number == NO_VALUE ? p->next++ : number;
    while (f->value_types.n <= value)
        list_push(p->arena, &f->value_types, loop_type(LT_VOID));
    f->value_types.at[value] = type;
    f->nvalues = f->value_types.n;
    return value;
}

Value loop_define(LoopParser *p, const char *label, LoopType type) {
    Value number = loop_label_number(label);
    if (number >= 1 << 24) {
        loop_fail(p, "%%%s: the number is too large", label);
        return 0;
    }
    if (number != NO_VALUE && number < p->function->nvalues &&
        p->function->value_types.at[number].scalar != LT_VOID)
        loop_fail(p, "%%%s is defined twice", label);
    Value value = new_value(p, number, type);
    if (number == NO_VALUE)
        list_push(p->arena, &p->labels, ((Label){label, value}));
    return value;
}

static Value find_value(LoopParser *p, const char *label) {
    Value number = loop_label_number(label);
    if (number != NO_VALUE) {
        if (number >= p->function->nvalues ||
            p->function->value_types.at[number].scalar == LT_VOID)
            loop_fail(p, "%%%s is not defined", label);
        return number;
    }
    for (int i = p->labels.n - 1; i >= 0; i--)
        if (strcmp(p->labels.at[i].name, label) == 0) return p->labels.at[i].value;
    loop_fail(p, "%%%s is not defined", label);
    return 0;
}

/* operand = "%" label | literal | "-" */
static Operand take_operand(LoopParser *p) {
    if (p->token.kind == T_VALUE)
        return (Operand){find_value(p, loop_take(p, T_VALUE, "a value")), NULL};
    const char *text = loop_take(p, T_TEXT, "a value");
    if (strcmp(text, "-") == 0) return (Operand){NO_VALUE, NULL};
    return (Operand){NO_VALUE, text};
}

void loop_set_constant(LoopParser *p, LoopInstr *instr, const char *text) {
    if (loop_class_fits(instr->type, "f")) {
        char *end;
        double x = strtod(text, &end);
        if (end == text || *end) loop_fail(p, "'%s' is no number", text);
        instr->real = instr->type.scalar == LT_F32 ? (float)x : x;
        return;
    }
    int64_t n = loop_integer(p, text);
    switch (instr->type.scalar) {
    case LT_I1: instr->imm = n & 1; break;
    case LT_I8: instr->imm = (int8_t)n; break;
    case LT_I16: instr->imm = (int16_t)n; break;
    case LT_I32: instr->imm = (int32_t)n; break;
    default: instr->imm = n;
    }
}

static Value literal(LoopParser *p, LoopBlock *into, LoopType type, const char *text) {
    if (type.scalar == LT_VOID || type.lanes != 1) {
        loop_fail(p, "the literal '%s' stands where no scalar type is known", text);
        return 0;
    }
    LoopInstr *instr = arena_new_of(p->arena, LoopInstr);
    *instr = (LoopInstr){.op = LOOP_CONST, .type = type};
    loop_set_constant(p, instr, text);
    instr->result = new_value(p, NO_VALUE, type);
    list_push(p->arena, &into->instrs, instr);
    return instr->result;
}

/* Puts operands into an instruction that is complete but for them. */
static void set_operands(LoopParser *p, LoopBlock *into, LoopInstr *instr, int n,
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

static void parse_block(LoopParser *p, LoopBlock *block);

void loop_parse_body(LoopParser *p, LoopBlock *block) {
    loop_expect(p, "{");
    parse_block(p, block);
    loop_expect(p, "}");
}

/* attributes = { "align" N | "buffer" N | "stream" | … | "!" N | STRING } */
static void parse_attributes(LoopParser *p, LoopInstr *instr) {
    for (;;) {
        if (loop_accept(p, "align")) instr->align = (int)loop_take_integer(p);
        else if (loop_accept(p, "buffer")) instr->buffer = (int)loop_take_integer(p);
        else if (loop_accept(p, "unroll")) instr->unroll = (int)loop_take_integer(p);
        else if (loop_accept(p, "stream")) instr->stream = true;
        else if (loop_accept(p, "vectorize")) instr->vectorize = true;
        else if (loop_accept(p, "novector")) instr->novector = true;
        else if (loop_accept(p, "scale") || loop_accept(p, "at") ||
                 loop_accept(p, "with"))
            instr->imm = loop_take_integer(p);
        else if (p->token.kind == T_LINE)
            instr->line = (int)loop_integer(p, loop_take(p, T_LINE, "a line"));
        else if (p->token.kind == T_STRING)
            instr->text = loop_take(p, T_STRING, "a text");
        else return;
    }
}

/* mask = "[" { lane } "]" */
static void parse_mask(LoopParser *p, LoopInstr *instr) {
    loop_expect(p, "[");
    int lanes = instr->type.lanes;
    instr->mask = arena_array(p->arena, int, lanes);
    for (int i = 0; i < lanes && !p->error; i++) {
        instr->mask[i] = (int)loop_take_integer(p);
        loop_accept(p, ",");
    }
    loop_expect(p, "]");
}

void loop_use_function(LoopParser *p, LoopInstr *instr, LoopReloc *reloc,
                         const char *name) {
    list_push(p->arena, &p->fixups, ((Fixup){instr, reloc, name, p->line}));
}

int loop_find_function(const LoopModule *m, const char *name) {
    for (int i = 0; i < m->functions.n; i++)
        if (strcmp(m->functions.at[i]->name, name) == 0) return i;
    return -1;
}

/* callee = "@" NAME, of an extern or a function */
static void parse_callee(LoopParser *p, LoopInstr *instr) {
    const char *name = loop_take(p, T_GLOBAL, "the name of a function");
    for (int i = 0; i < p->module->externs.n; i++)
        if (strcmp(p->module->externs.at[i]->name, name) == 0) {
            instr->imm = i;
            return;
        }
    int number = loop_find_function(p->module, name);
    instr->imm = number >= 0 ? -1 - (int64_t)number : INT64_MAX;
    if (number < 0) loop_use_function(p, instr, NULL, name);
}

static int parse_operand_list(LoopParser *p, Operand *operands) {
    int n = 0;
    while (n < MAX_OPERANDS && (p->token.kind == T_VALUE || p->token.kind == T_TEXT)) {
        operands[n++] = take_operand(p);
        if (!loop_accept(p, ",")) break;
    }
    return n;
}

/* call = "@" NAME "(" operands ")";  call_at = operand "as" call */
static int parse_call(LoopParser *p, LoopInstr *instr, Operand *operands) {
    int n = 0;
    if (instr->op == LOOP_CALL_AT) {
        operands[n++] = take_operand(p);
        loop_expect(p, "as");
    }
    parse_callee(p, instr);
    loop_expect(p, "(");
    n += parse_operand_list(p, operands + n);
    loop_expect(p, ")");
    return n;
}

/* "data" ( N | STRING ) */
int64_t loop_datum_number(LoopParser *p) {
    if (p->token.kind != T_STRING) return loop_take_integer(p);
    const char *name = loop_take(p, T_STRING, "a name");
    for (int i = 0; i < p->module->data.n; i++) {
        const char *other = p->module->data.at[i]->name;
        if (other && strcmp(other, name) == 0) return i;
    }
    loop_fail(p, "no datum is called \"%s\"", name);
    return 0;
}

static int parse_operands(LoopParser *p, LoopInstr *instr, Operand *operands) {
    switch (instr->op) {
    case LOOP_CONST:
        loop_set_constant(p, instr, loop_take(p, T_TEXT, "a number"));
        return 0;
    case LOOP_DATA: instr->imm = loop_datum_number(p); return 0;
    case LOOP_STACK: instr->imm = loop_take_integer(p); return 0;
    case LOOP_FUNCTION:
        loop_use_function(p, instr, NULL, loop_take(p, T_GLOBAL, "a function"));
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
static void parse_plain(LoopParser *p, LoopBlock *into) {
    const char *label = NULL;
    if (p->token.kind == T_VALUE) {
        label = loop_take(p, T_VALUE, "a value");
        loop_expect(p, "=");
    }
    LoopInstr *instr = arena_new_of(p->arena, LoopInstr);
    instr->result = NO_VALUE;
    const char *name = loop_take(p, T_TEXT, "an instruction");
    if (!find_op(name, &instr->op)) {
        loop_fail(p, "'%s' is no instruction", name);
        return;
    }
    if (has_type(instr->op)) instr->type = loop_take_type(p);
    else instr->type = loop_type(loop_rule[instr->op].classes[0] == 'p' ? LT_PTR
                                                                        : LT_VOID);
    Operand operands[MAX_OPERANDS + 1];
    int n = parse_operands(p, instr, operands);
    parse_attributes(p, instr);
    if (loop_op_defines(instr) != (label != NULL))
        loop_fail(p, "'%s' %s", name, label ? "has no result" : "needs a result");
    set_operands(p, into, instr, n, operands);
    if (p->error) return;
    list_push(p->arena, &into->instrs, instr);
    if (!label) return;
    instr->result = loop_define(p, label, instr->type);
    if (loop_label_name(label)) instr->text = loop_label_name(label);
}

static LoopInstr *control(LoopParser *p, LoopOp op, int nbodies) {
    LoopInstr *instr = arena_new_of(p->arena, LoopInstr);
    *instr = (LoopInstr){.op = op, .type = loop_type(LT_VOID), .result = NO_VALUE,
                         .nbodies = nbodies,
                         .body = arena_array(p->arena, LoopBlock, nbodies)};
    loop_advance(p);
    return instr;
}

/* "for" "%" label type "=" from "to" to "step" N attributes "{" block "}" */
static void parse_for(LoopParser *p, LoopBlock *into) {
    LoopInstr *instr = control(p, LOOP_FOR, 1);
    const char *label = loop_take(p, T_VALUE, "the index");
    Operand bounds[2];
    instr->type = loop_take_type(p);
    loop_expect(p, "=");
    bounds[0] = take_operand(p);
    loop_expect(p, "to");
    bounds[1] = take_operand(p);
    instr->imm = 1;
    if (loop_accept(p, "step")) instr->imm = loop_take_integer(p);
    parse_attributes(p, instr);
    set_operands(p, into, instr, 2, bounds);
    if (p->error) return;
    instr->result = loop_define(p, label, instr->type);
    if (loop_label_name(label)) instr->text = loop_label_name(label);
    list_push(p->arena, &into->instrs, instr);
    loop_parse_body(p, &instr->body[0]);
}

/* "if" operand attributes "{" block "}" [ "else" "{" block "}" ] */
static void parse_if(LoopParser *p, LoopBlock *into) {
    LoopInstr *instr = control(p, LOOP_IF, 2);
    Operand condition = take_operand(p);
    parse_attributes(p, instr);
    set_operands(p, into, instr, 1, &condition);
    if (p->error) return;
    list_push(p->arena, &into->instrs, instr);
    loop_parse_body(p, &instr->body[0]);
    if (loop_accept(p, "else")) loop_parse_body(p, &instr->body[1]);
}

/* "while" attributes "{" block "}" "do" "{" block "}" */
static void parse_while(LoopParser *p, LoopBlock *into) {
    LoopInstr *instr = control(p, LOOP_WHILE, 2);
    parse_attributes(p, instr);
    list_push(p->arena, &into->instrs, instr);
    loop_parse_body(p, &instr->body[0]);
    loop_expect(p, "do");
    loop_parse_body(p, &instr->body[1]);
}

static void parse_block(LoopParser *p, LoopBlock *block) {
    while (!loop_is(p, "}") && p->token.kind != T_END) {
        if (loop_is(p, "for")) parse_for(p, block);
        else if (loop_is(p, "if")) parse_if(p, block);
        else if (loop_is(p, "while")) parse_while(p, block);
        else parse_plain(p, block);
    }
}
