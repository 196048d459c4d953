/* The statements of a feature. */
#include "parser.h"
#include <string.h>

/* ---- one function for each word ---- */

static void parse_from(Parser *p, Stmt *stmt) { stmt->expr = parse_postfix(p); }

static void parse_one(Parser *p, Stmt *stmt) { stmt->expr = parse_expr(p); }

static void parse_shuffle(Parser *p, Stmt *stmt) {
    if (parser_kind(p) != T_LPAREN)
        return;
    diag_at(p->diags, DIAG_E0004_NOT_YET, parser_since(p, stmt->loc.from),
            "`shuffle` with arguments is not there yet; `shuffle` alone permutes the "
            "whole epoch");
    parse_args(p);
}

/* "each" names "in" expr */
static void parse_each(Parser *p, Stmt *stmt) {
    stmt->names = parser_names(p, "the name of a field");
    parser_expect(p, T_IN, NULL);
    stmt->expr = parse_expr(p);
}

static void parse_batch(Parser *p, Stmt *stmt) {
    if (parser_kind(p) == T_LPAREN)
        stmt->args = parse_args(p);
    else
        parser_expect(p, T_LPAREN, "`(` and the number of records");
}

static void parse_cache(Parser *p, Stmt *stmt) {
    if (parser_kind(p) == T_LPAREN)
        stmt->args = parse_args(p);
    else
        parser_expect(p, T_LPAREN, "`(` and a place, `ram` or `disk`,");
}

/* item -> NAME [ "=" expr ] */
static void parse_emit(Parser *p, Stmt *stmt) {
    do {
        EmitItem item = {.name = parser_name(p, "the name of an output")};
        if (parser_accept(p, T_ASSIGN))
            item.value = parse_expr(p);
        if (item.name.text)
            list_push(p->arena, &stmt->items, item);
    } while (parser_accept(p, T_COMMA));
}

typedef struct StatementRow {
    const char *word;
    StmtKind kind;
    void (*parse)(Parser *, Stmt *);
} StatementRow;

static const StatementRow statements[] = {
    {"from",    ST_FROM,    parse_from},
    {"shuffle", ST_SHUFFLE, parse_shuffle},
    {"sample",  ST_SAMPLE,  parse_one},
    {"take",    ST_TAKE,    parse_one},
    {"skip",    ST_SKIP,    parse_one},
    {"where",   ST_WHERE,   parse_one},
    {"each",    ST_EACH,    parse_each},
    {"cache",   ST_CACHE,   parse_cache},
    {"batch",   ST_BATCH,   parse_batch},
    {"emit",    ST_EMIT,    parse_emit},
};
enum { NSTATEMENTS = sizeof statements / sizeof *statements };

/* Words of language.md section 13. */
static const char *const later_words[] = {"mix", "zip", "concat", "python", "bucket",
                                          "pack"};
enum { NLATER = sizeof later_words / sizeof *later_words };

/* ---- a statement ---- */

static const StatementRow *statement_at(const Parser *p) {
    const char *word = parser_token(p)->text;
    if (parser_kind(p) != T_NAME && parser_kind(p) != T_WHERE)
        return NULL;
    for (int i = 0; i < NSTATEMENTS; i++)
        if (!strcmp(word, statements[i].word))
            return &statements[i];
    return NULL;
}

static bool at_later_word(const Parser *p) {
    for (int i = 0; i < NLATER; i++)
        if (parser_word(p, later_words[i]))
            return true;
    return false;
}

static void no_statement(Parser *p) {
    if (p->failed)
        return;
    if (at_later_word(p)) {
        p->failed = true;
        diag_at(p->diags, DIAG_E0004_NOT_YET, parser_here(p),
                "`%s` is not there yet", parser_token(p)->text);
    } else {
        const char *words[NSTATEMENTS];
        for (int i = 0; i < NSTATEMENTS; i++)
            words[i] = statements[i].word;
        const char *near = parser_kind(p) == T_NAME
            ? nearest_name(parser_token(p)->text, words, NSTATEMENTS) : NULL;
        Diag *diag = parser_unexpected(p, "a statement");
        if (diag && near)
            diag_help(p->diags, diag, "did you mean `%s`?", near);
        else if (diag)
            diag_help(p->diags, diag,
                      "a statement is `name = expression` or begins with from, shuffle, "
                      "sample, skip, take, where, each, cache, batch or emit");
    }
}

/* names "=" expr */
static void parse_field(Parser *p, Stmt *stmt) {
    stmt->kind = ST_FIELD;
    stmt->names = parser_names(p, "the name of a field");
    parser_expect(p, T_ASSIGN, "`=` and the value of the field");
    stmt->expr = parse_expr(p);
}

/* Whether there is a statement at all. */
static bool parse_words(Parser *p, Stmt *stmt) {
    TokenKind kind = parser_kind(p), next = parser_peek(p, 1)->kind;
    const StatementRow *row = statement_at(p);
    bool name = kind == T_NAME || token_reserved(kind);
    if (name && (next == T_ASSIGN || (next == T_COMMA && kind == T_NAME))) {
        parse_field(p, stmt);
    } else if (row) {
        parser_advance(p);
        stmt->kind = row->kind;
        row->parse(p, stmt);
    } else {
        no_statement(p);
        return false;
    }
    return true;
}

/* NULL: none. What has failed keeps its names; its value is an error. */
static Stmt *parse_statement(Parser *p, AttributeList attributes) {
    Stmt *stmt = arena_new_of(p->arena, Stmt);
    int from = parser_token(p)->from;
    stmt->attributes = attributes;
    stmt->loc = parser_here(p);
    if (!parse_words(p, stmt))
        return NULL;
    parser_end_line(p);
    stmt->loc = parser_since(p, from);
    if (p->failed && stmt->expr)
        stmt->expr = parser_error(p, from);
    return stmt;
}

static void misplaced_decl(Parser *p, const Decl *feature) {
    bool second = parser_kind(p) == T_FEATURE;
    const char *word = token_text(parser_kind(p));
    Diag *diag = diag_at(p->diags, DIAG_E0002_SYNTAX, parser_here(p),
                         second ? "a file holds at most one feature"
                                : "%s below a feature", word);
    diag_note(p->diags, diag, feature->loc,
              "this feature runs to the end of the file");
    if (!second)
        diag_help(p->diags, diag, "put the declaration above the feature");
}

void parse_statements(Parser *p, Module *module, Decl *feature) {
    for (parser_skip_newlines(p); parser_kind(p) != T_END; parser_skip_newlines(p)) {
        int start = p->at;
        AttributeList attributes = {0};
        for (; parser_kind(p) == T_AT; parser_skip_newlines(p))
            parse_attributes(p, &attributes);
        if (parser_at_decl(p)) {
            misplaced_decl(p, feature);
            Decl *decl = parse_decl_body(p, attributes, NULL);
            if (decl && decl->kind != DE_FEATURE)
                list_push(p->arena, &module->decls, decl);
            parser_end_line(p);
        } else {
            Stmt *stmt = parse_statement(p, attributes);
            if (stmt)
                list_push(p->arena, &feature->stmts, stmt);
        }
        if (p->failed)
            parser_recover(p, start, false);
    }
}
