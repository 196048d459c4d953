/* Text to tokens. The whole file is read at once, so that the parser can look
 * ahead as far as it likes. Newlines are no tokens here: each token knows
 * whether it is the first of its line, and the parser, which knows the
 * brackets, decides whether that newline counts. */
#ifndef PIPEC_LEXER_H
#define PIPEC_LEXER_H
#include <stdbool.h>
#include <stdint.h>
#include "arena.h"
#include "diag.h"

typedef enum TokenKind {
#define TOKEN(kind, text) T_##kind,
#include "token.def"
#undef TOKEN
    T_COUNT
} TokenKind;

/* How messages call it: "`then`", "a name". */
const char *token_text(TokenKind);
bool token_reserved(TokenKind);     /* a reserved word */

typedef struct Token {
    TokenKind kind;
    bool first;             /* of its line */
    int from, to;           /* bytes of the file */
    int column;             /* bytes before it on its line */
    uint64_t integer;       /* INT */
    double real;            /* FLOAT */
    const char *text;       /* NAME, INT, FLOAT: as written; STRING: the bytes */
    size_t length;          /* STRING */
    const char *doc;        /* the ## lines right above it, or NULL */
} Token;

typedef LIST(Token) TokenList;

/* All tokens of the file, the last one END. What is no token is reported; it
 * becomes a BAD token where it stands in the place of one. */
TokenList lex_file(Arena *, Diags *, const File *);
#endif
