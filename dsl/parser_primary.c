/* Expressions, the tightly bound part: primaries, calls, subscripts, blocks. */
#include "parser.h"
#include <string.h>

/* ---- subscripts and members ---- */

/* sub -> ":" | expr [ ".." expr ] */
static Sub parse_sub(Parser *p) {
    Sub sub = {.kind = SUB_ALL};
    int from = parser_token(p)->from;
    if (!parser_accept(p, T_COLON)) {
        sub.kind = SUB_AT;
        sub.at = parse_expr(p);
        if (parser_accept(p, T_DOTDOT)) {
            sub.kind = SUB_RANGE;
            sub.to = parse_expr(p);
        }
    }
    sub.loc = parser_since(p, from);
    if (sub.kind == SUB_AT && parser_kind(p) == T_COLON) {
        Diag *diag = parser_unexpected(p, "`,` or `]`");
        if (diag)
            diag_help(p->diags, diag, "a slice is written `from..to`");
    }
    return sub;
}

/* "[" sub { "," sub } [ "else" expr ] "]" */
static Expr *parse_subscripts(Parser *p, Expr *tensor, int from) {
    Expr *e = parser_node(p, EX_INDEX, from);
    e->a = tensor;
    Bracket bracket = parser_open(p);
    do {
        Sub sub = parse_sub(p);
        list_push(p->arena, &e->subs, sub);
    } while (parser_accept(p, T_COMMA));
    if (parser_accept(p, T_ELSE))
        e->b = parse_expr(p);
    parser_close(p, bracket);
    return parser_finish(p, e);
}

static Expr *parse_call(Parser *p, Expr *callee, int from) {
    Expr *e = parser_node(p, EX_CALL, from);
    e->a = callee;
    e->args = parse_args(p);
    return parser_finish(p, e);
}

static Expr *parse_member(Parser *p, Expr *whole, int from) {
    Expr *e = parser_node(p, EX_MEMBER, from);
    e->a = whole;
    parser_advance(p);
    e->name = parser_name(p, "a name");
    return parser_finish(p, e);
}

static Expr *parse_primary(Parser *p);

/* postfix -> primary { "(" args ")" | "[" … "]" | "." NAME } */
Expr *parse_postfix(Parser *p) {
    int from = parser_token(p)->from;
    Expr *e = parse_primary(p);
    for (;;)
        switch (parser_kind(p)) {
        case T_LPAREN: e = parse_call(p, e, from); break;
        case T_LBRACKET: e = parse_subscripts(p, e, from); break;
        case T_DOT: e = parse_member(p, e, from); break;
        default: return e;
        }
}

/* ---- blocks ---- */

/* names "=" expr */
static void parse_binding(Parser *p, Expr *block) {
    int start = p->at, from = parser_token(p)->from;
    Binding binding = {.names = parser_names(p, "a name")};
    parser_expect(p, T_ASSIGN, NULL);
    binding.value = parse_expr(p);
    if (!p->failed && parser_kind(p) != T_RBRACE)
        parser_end_line(p);
    binding.loc = parser_since(p, from);
    if (p->failed) {
        binding.value = parser_error(p, from);
        parser_recover(p, start, true);
    }
    list_push(p->arena, &block->bindings, binding);
}

/* Whether a binding begins here; a reserved word as its name too. */
static bool at_binding(const Parser *p) {
    return parser_at_names(p, T_ASSIGN) ||
           (token_reserved(parser_kind(p)) && parser_peek(p, 1)->kind == T_ASSIGN);
}

/* block -> "{" { names "=" expr } expr "}" */
static Expr *parse_block(Parser *p) {
    Expr *e = parser_node(p, EX_BLOCK, parser_token(p)->from);
    Bracket bracket = parser_open(p);
    for (parser_skip_newlines(p); at_binding(p); parser_skip_newlines(p))
        parse_binding(p, e);
    if (parser_kind(p) == T_RBRACE) {
        Diag *diag = diag_at(p->diags, DIAG_E0002_SYNTAX, parser_here(p),
                             "a block ends with an expression, its value");
        diag_note(p->diags, diag, bracket.open, "the block");
        e->a = parser_error(p, parser_token(p)->from);
    } else {
        e->a = parser_at_decl(p) ? parser_error(p, parser_token(p)->from) : parse_expr(p);
    }
    parser_skip_newlines(p);
    if (at_binding(p)) {
        Diag *diag = parser_fail(p, e->a->loc, "a value that nobody uses");
        diag_help(p->diags, diag, "only the last line of a block is an expression; "
                                  "give the others a name");
    }
    parser_close(p, bracket);
    return parser_finish(p, e);
}

/* ---- primaries ---- */

/* "(" expr { "," expr } ")" */
static Expr *parse_brackets(Parser *p) {
    Expr *e = parser_node(p, EX_TUPLE, parser_token(p)->from);
    Bracket bracket = parser_open(p);
    e->items = parse_expr_list(p);
    parser_close(p, bracket);
    if (e->items.n > 1)
        return parser_finish(p, e);
    Expr *inner = e->items.at[0];
    inner->loc = parser_since(p, e->loc.from);
    return inner;
}

/* "[" expr { "," expr } "]" */
static Expr *parse_list(Parser *p) {
    Expr *e = parser_node(p, EX_LIST, parser_token(p)->from);
    Bracket bracket = parser_open(p);
    if (parser_kind(p) == T_RBRACKET) {
        Diag *diag = parser_fail(p, parser_here(p), "an empty list has no type");
        diag_help(p->diags, diag, "write `zeros(T, 0)` with the dtype T");
    }
    e->items = parse_expr_list(p);
    parser_close(p, bracket);
    return parser_finish(p, e);
}

static Expr *parse_atom(Parser *p, ExprKind kind) {
    const Token *token = parser_token(p);
    Expr *e = parser_node(p, kind, token->from);
    e->text = token->text;
    e->length = token->length;
    e->integer = token->kind == T_TRUE ? 1 : token->integer;
    e->real = token->real;
    if (kind == EX_NAME)
        e->name = (Name){token->text, parser_here(p)};
    parser_advance(p);
    return parser_finish(p, e);
}

/* An if, for, fold or not as an operand: read it, and ask for brackets. */
static Expr *parse_unbracketed(Parser *p) {
    const char *word = token_text(parser_kind(p));
    Diag *diag = diag_at(p->diags, DIAG_E0002_SYNTAX, parser_here(p),
                         "%s needs brackets as a part of an operation", word);
    diag_help(p->diags, diag, "write `(%.*s …)`", (int)strlen(word) - 2, word + 1);
    return parse_expr(p);
}

static Expr *no_primary(Parser *p) {
    int from = parser_token(p)->from;
    if (!p->failed)
        parser_unexpected(p, "an expression");
    return parser_error(p, from);
}

/* primary -> NAME | number | STRING | "true" | "false" | "(" … ")" | "[" … "]"
 *          | block */
static Expr *parse_primary(Parser *p) {
    switch (parser_kind(p)) {
    case T_NAME: return parse_atom(p, EX_NAME);
    case T_INT: return parse_atom(p, EX_INT);
    case T_FLOAT: return parse_atom(p, EX_FLOAT);
    case T_STRING: return parse_atom(p, EX_STRING);
    case T_TRUE: case T_FALSE: return parse_atom(p, EX_BOOL);
    case T_LPAREN: return parse_brackets(p);
    case T_LBRACKET: return parse_list(p);
    case T_LBRACE: return parse_block(p);
    case T_IF: case T_FOR: case T_FOLD: case T_SCAN: case T_NOT:
        return parse_unbracketed(p);
    default: return no_primary(p);
    }
}

Expr *parser_string(Parser *p, const char *what) {
    if (parser_kind(p) == T_STRING)
        return parse_atom(p, EX_STRING);
    int from = parser_token(p)->from;
    if (!p->failed)
        parser_unexpected(p, what);
    return parser_error(p, from);
}
