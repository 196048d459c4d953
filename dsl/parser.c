#include "parser.h"
#include <assert.h>
#include <string.h>

/* ---- tokens ---- */

const Token *parser_token(const Parser *p) { return &p->tokens.at[p->at]; }

const Token *parser_peek(const Parser *p, int n) {
    int at = p->at + n;
    return &p->tokens.at[at < p->tokens.n ? at : p->tokens.n - 1];
}

/* A line that ends in one of these goes on in the next. */
static bool goes_on_after(TokenKind kind) {
    switch (kind) {
    case T_LBRACE: case T_COMMA: case T_ASSIGN: case T_COLON: case T_ARROW:
    case T_FATARROW: case T_IN: case T_THEN: case T_ELSE: case T_WHERE:
    case T_UNTIL: case T_DOTDOT: case T_PIPE: case T_OR: case T_AND: case T_NOT:
    case T_EQ: case T_NE: case T_LT: case T_LE: case T_GT: case T_GE: case T_IS:
    case T_PLUS: case T_MINUS: case T_STAR: case T_SLASH: case T_SLASHSLASH:
    case T_PERCENT:
        return true;
    default: return false;
    }
}

/* A line that begins with one of these goes on from the one before. */
static bool goes_on_before(TokenKind kind) {
    switch (kind) {
    case T_PIPE: case T_THEN: case T_ELSE: case T_ASSIGN: case T_AND: case T_OR:
    case T_RPAREN: case T_RBRACKET:
        return true;
    default: return false;
    }
}

static bool newline_counts(const Parser *p) {
    const Token *token = parser_token(p);
    if (!token->first || p->bracketed || p->newline_read || p->at == 0)
        return false;
    return !goes_on_after(token[-1].kind) && !goes_on_before(token->kind);
}

TokenKind parser_kind(const Parser *p) {
    if (p->failed || parser_token(p)->kind == T_END)
        return T_END;
    return newline_counts(p) ? T_NEWLINE : parser_token(p)->kind;
}

void parser_advance(Parser *p) {
    if (parser_kind(p) == T_NEWLINE) {
        p->newline_read = true;
    } else if (parser_kind(p) != T_END) {
        p->at++;
        p->newline_read = false;
    }
}

bool parser_accept(Parser *p, TokenKind kind) {
    if (parser_kind(p) != kind || kind == T_END)
        return false;
    parser_advance(p);
    return true;
}

bool parser_word(const Parser *p, const char *word) {
    return parser_kind(p) == T_NAME && !strcmp(parser_token(p)->text, word);
}

void parser_skip_newlines(Parser *p) {
    while (parser_accept(p, T_NEWLINE)) {}
}

Loc parser_here(const Parser *p) {
    const Token *token = parser_token(p);
    if (parser_kind(p) == T_NEWLINE && p->at > 0)
        return (Loc){p->file, token[-1].to, token[-1].to};
    return (Loc){p->file, token->from, token->to};
}

Loc parser_since(const Parser *p, int from) {
    int to = p->at > 0 ? p->tokens.at[p->at - 1].to : from;
    return (Loc){p->file, from, to > from ? to : from};
}

/* ---- errors ---- */

Diag *parser_fail(Parser *p, Loc loc, const char *format, ...) {
    assert(!p->failed);
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vformat(p->arena, format, arguments);
    va_end(arguments);
    p->failed = true;
    return diag_at(p->diags, DIAG_E0002_SYNTAX, loc, "%s", text);
}

const char *parser_found(const Parser *p) {
    const Token *token = parser_token(p);
    TokenKind kind = parser_kind(p);
    if (kind == T_NAME || kind == T_INT || kind == T_FLOAT)
        return arena_format(p->arena, "`%s`", token->text);
    return token_text(kind);
}

Diag *parser_unexpected(Parser *p, const char *expected) {
    /* All has been said about a bad token, and about one that failed before. */
    if (parser_kind(p) == T_BAD || (p->at > 0 && p->at == p->failed_at)) {
        p->failed = true;
        return NULL;
    }
    p->failed_at = p->at;
    bool assigns = parser_kind(p) == T_ASSIGN;
    Diag *diag = parser_fail(p, parser_here(p), "%s expected, found %s", expected,
                             parser_found(p));
    if (assigns)
        diag_help(p->diags, diag, "`=` gives a name to a value; `==` compares");
    return diag;
}

bool parser_expect(Parser *p, TokenKind kind, const char *what) {
    if (parser_accept(p, kind))
        return true;
    if (!p->failed)
        parser_unexpected(p, what ? what : token_text(kind));
    return false;
}

static int bracket_step(TokenKind kind) {
    switch (kind) {
    case T_LPAREN: case T_LBRACKET: case T_LBRACE: return 1;
    case T_RPAREN: case T_RBRACKET: case T_RBRACE: return -1;
    default: return 0;
    }
}

void parser_recover(Parser *p, int start, bool in_block) {
    int column = p->tokens.at[start].column, depth = 0, stop = p->at;
    for (p->at = start; p->tokens.at[p->at].kind != T_END; p->at++) {
        const Token *token = parser_token(p);
        int step = bracket_step(token->kind);
        bool past = p->at > start && p->at >= stop;
        if (past && in_block && token->kind == T_RBRACE && depth <= 0)
            break;
        if (past && token->first && token->column <= column && step >= 0)
            break;
        depth += step;
    }
    p->failed = false;
    p->newline_read = false;
}

/* ---- brackets ---- */

Bracket parser_open(Parser *p) {
    TokenKind kind = parser_kind(p);
    assert(bracket_step(kind) == 1);
    Bracket bracket = {
        .close = kind == T_LPAREN ? T_RPAREN : kind == T_LBRACKET ? T_RBRACKET : T_RBRACE,
        .open = parser_here(p),
        .outer = p->bracketed,
    };
    parser_advance(p);
    p->bracketed = kind != T_LBRACE;
    return bracket;
}

static void unclosed(Parser *p, Bracket bracket) {
    const Token *token = parser_token(p);
    const char *open = bracket.close == T_RPAREN ? "`(`"
                     : bracket.close == T_RBRACKET ? "`[`" : "`{`";
    if (parser_kind(p) == T_BAD || (parser_kind(p) != T_END && !token->first)) {
        Diag *diag = parser_unexpected(
            p, arena_format(p->arena, "`,` or %s", token_text(bracket.close)));
        if (diag)
            diag_note(p->diags, diag, bracket.open, "%s is opened here", open);
        return;
    }
    Loc here = parser_here(p);
    const char *found = parser_found(p);
    Diag *diag = parser_fail(p, bracket.open, "%s is never closed", open);
    diag_note(p->diags, diag, here, "%s is missing before %s",
              token_text(bracket.close), found);
}

void parser_close(Parser *p, Bracket bracket) {
    if (bracket.close == T_RBRACE)
        parser_skip_newlines(p);
    if (!p->failed && !parser_accept(p, bracket.close))
        unclosed(p, bracket);
    p->bracketed = bracket.outer;
}

bool parser_enter(Parser *p, int cost) {
    p->depth += cost;
    if (p->failed || p->depth <= DEEPEST * NEST)
        return !p->failed;
    Diag *diag = parser_fail(p, parser_here(p), "nested too deep");
    diag_help(p->diags, diag, "give a part of it a name of its own");
    return false;
}

void parser_leave(Parser *p, int cost) { p->depth -= cost; }

/* ---- names ---- */

static void reserved_name(Parser *p) {
    const char *word = parser_token(p)->text;
    Diag *diag = diag_at(p->diags, DIAG_E0002_SYNTAX, parser_here(p),
                         "`%s` is a reserved word and cannot be a name", word);
    diag_help(p->diags, diag, "call it `%s_` or something else", word);
}

Name parser_name(Parser *p, const char *what) {
    TokenKind kind = parser_kind(p);
    Name name = {NULL, parser_here(p)};
    if (kind != T_NAME && !token_reserved(kind)) {
        if (!p->failed)
            parser_unexpected(p, what);
        return name;
    }
    if (kind != T_NAME)
        reserved_name(p);
    name.text = parser_token(p)->text;
    parser_advance(p);
    return name;
}

void parser_once(Parser *p, Name name, const void *before, int n, size_t stride) {
    for (int i = 0; i < n && name.text; i++) {
        const Name *first = (const void *)((const char *)before + (size_t)i * stride);
        if (!first->text || strcmp(first->text, name.text))
            continue;
        Diag *diag = diag_at(p->diags, DIAG_E0102_TWICE, name.loc,
                             "`%s` stands here twice", name.text);
        diag_note(p->diags, diag, first->loc, "first here");
        return;
    }
}

/* names -> NAME { "," NAME } */
NameList parser_names(Parser *p, const char *what) {
    NameList names = {0};
    do {
        Name name = parser_name(p, what);
        parser_once(p, name, names.at, names.n, sizeof *names.at);
        if (name.text)
            list_push(p->arena, &names, name);
    } while (parser_accept(p, T_COMMA));
    return names;
}

/* ---- the file ---- */

void parser_end_line(Parser *p) {
    TokenKind kind = parser_kind(p);
    if (!p->failed && kind != T_NEWLINE && kind != T_END)
        parser_unexpected(p, "the end of the line");
}

/* A feature runs to the end of the file. */
static void parse_module(Parser *p, Module *module) {
    for (parser_skip_newlines(p); parser_kind(p) != T_END; parser_skip_newlines(p)) {
        int start = p->at;
        Decl *decl = parse_decl(p);
        if (decl)
            list_push(p->arena, &module->decls, decl);
        parser_end_line(p);
        if (p->failed)
            parser_recover(p, start, false);
        if (decl && decl->kind == DE_FEATURE)
            parse_statements(p, module, decl);
    }
}

Module *parse_file(Arena *arena, Diags *diags, const File *file) {
    Parser parser = {.arena = arena, .diags = diags, .file = file};
    parser.tokens = lex_file(arena, diags, file);
    Module *module = arena_new_of(arena, Module);
    module->file = file;
    parse_module(&parser, module);
    return module;
}
