/* What the files of the parser share.
 *
 * After an error the parser sees nothing but END until the statement or
 * declaration that failed ends: every production unwinds by itself, keeping
 * what it has read. parser_recover() then finds the next place to go on. */
#ifndef PIPEC_PARSER_H
#define PIPEC_PARSER_H
#include "ast.h"
#include "lexer.h"

/* DEEPEST nested brackets; an `else if` or a sign costs less than a bracket.
 * HIGHEST tree: long chains of operators make it high, not deep. */
enum { DEEPEST = 200, NEST = 5, HIGHEST = 1000 };

typedef struct Parser {
    Arena *arena;
    Diags *diags;
    const File *file;
    TokenList tokens;
    int at;                 /* the token to be read next */
    bool bracketed;         /* inside ( or [: newlines do not count */
    bool newline_read;      /* the one before the next token */
    bool failed;            /* only END is seen until parser_recover */
    int failed_at;          /* the last token that was not expected, or 0 */
    int depth;              /* of nested expressions and types, times NEST */
} Parser;

/* ---- parser.c: tokens ---- */
TokenKind parser_kind(const Parser *);          /* of the next token, or NEWLINE */
const Token *parser_token(const Parser *);      /* the next, newline or not */
const Token *parser_peek(const Parser *, int n); /* n tokens on, newlines unseen */
void parser_advance(Parser *);
bool parser_accept(Parser *, TokenKind);
/* Reads the token or fails with "… expected: found …"; `what` describes what
 * is expected, NULL: the token itself. */
bool parser_expect(Parser *, TokenKind, const char *what);
bool parser_word(const Parser *, const char *); /* is the next token this name? */
void parser_skip_newlines(Parser *);
Loc parser_here(const Parser *);                /* the next token */
Loc parser_since(const Parser *, int from);     /* from a byte to the last token */

/* ---- parser.c: errors ---- */
Diag *parser_fail(Parser *, Loc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "`x` expected, found `y`"; NULL if all has been said about this token */
Diag *parser_unexpected(Parser *, const char *expected);
const char *parser_found(const Parser *);
/* Fails unless the line or the file ends here. */
void parser_end_line(Parser *);
/* Goes on at the first token after `start` that stands first on its line, no
 * further right than `start` does; in a block also at the `}` around it. */
void parser_recover(Parser *, int start, bool in_block);

/* ---- parser.c: brackets ---- */
typedef struct Bracket { TokenKind close; Loc open; bool outer; } Bracket;
Bracket parser_open(Parser *);                  /* reads ( or [ or { */
void parser_close(Parser *, Bracket);
bool parser_enter(Parser *, int cost);          /* deeper; fails if too deep */
void parser_leave(Parser *, int cost);

/* ---- parser.c: names ---- */
Name parser_name(Parser *, const char *what);
NameList parser_names(Parser *, const char *what);
/* Reports a name that one of the n before it has; each begins with its Name. */
void parser_once(Parser *, Name, const void *before, int n, size_t stride);

/* ---- parser_expr.c ---- */
Expr *parser_node(Parser *, ExprKind, int from);
/* Called when all parts are there: the place and the height of the whole. */
Expr *parser_finish(Parser *, Expr *);
Expr *parser_error(Parser *, int from);         /* EX_ERROR */
Expr *parse_expr(Parser *);
ArgList parse_args(Parser *);                   /* "(" args ")" */
ExprList parse_expr_list(Parser *);
bool parser_at_names(const Parser *, TokenKind then);   /* NAME {, NAME} then? */

/* ---- parser_primary.c ---- */
Expr *parse_postfix(Parser *);
Expr *parser_string(Parser *, const char *what);

/* ---- parser_type.c ---- */
TypeExpr *parse_type(Parser *);                 /* never NULL */
ParamList parse_params(Parser *);
void parse_attributes(Parser *, AttributeList *);

/* ---- parser_decl.c ---- */
bool parser_at_decl(const Parser *);            /* a word that begins one */
Decl *parse_decl(Parser *);                     /* NULL: nothing to be kept */
/* The same behind its attributes. */
Decl *parse_decl_body(Parser *, AttributeList, const char *doc);

/* ---- parser_feature.c ---- */
/* All statements to the end of the file; declarations that stand among them
 * are reported and go into the module. */
void parse_statements(Parser *, Module *, Decl *feature);
#endif
