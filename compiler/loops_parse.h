/* The parser of loop IR as text, in three rooms: loops_scan.c (tokens),
 * loops_parse_code.c (values and instructions), loops_parse.c (the module). */
#ifndef PIPEC_LOOPS_PARSE_H
#define PIPEC_LOOPS_PARSE_H
#include "loops_rules.h"

typedef enum { T_END, T_TEXT, T_VALUE, T_GLOBAL, T_STRING, T_LINE, T_PUNCT } TokenKind;

typedef struct Token {
    TokenKind kind;
    const char *text;           /* without % @ ! or quotes; T_PUNCT: one char, or -> */
} Token;

typedef struct Label { const char *name; Value value; } Label;
typedef struct Fixup {          /* a function used before its definition */
    LoopInstr *instr;
    LoopReloc *reloc;
    const char *name;
    int line;
} Fixup;

typedef struct LoopParser {
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
} LoopParser;

/* ---- loops_scan.c: after the first error every token is the end, so that all
 * loops of the parser end by themselves ---- */
void loop_fail(LoopParser *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void loop_advance(LoopParser *);
bool loop_is(const LoopParser *, const char *text);
bool loop_accept(LoopParser *, const char *text);
void loop_expect(LoopParser *, const char *text);
const char *loop_take(LoopParser *, TokenKind, const char *what);
int64_t loop_integer(LoopParser *, const char *text);
int64_t loop_take_integer(LoopParser *);
LoopType loop_take_type(LoopParser *);

/* ---- loops_parse_code.c ---- */
void loop_set_constant(LoopParser *, LoopInstr *, const char *text);
/* The number that a label begins with ("12", "12.x"), or NO_VALUE; its name. */
Value loop_label_number(const char *label);
const char *loop_label_name(const char *label);
Value loop_define(LoopParser *, const char *label, LoopType);
void loop_use_function(LoopParser *, LoopInstr *, LoopReloc *, const char *name);
int loop_find_function(const LoopModule *, const char *name);
int64_t loop_datum_number(LoopParser *);
void loop_parse_body(LoopParser *, LoopBlock *);
#endif
