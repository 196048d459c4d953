/* Declarations. */
#include "parser.h"
#include <string.h>

bool parser_at_decl(const Parser *p) {
    switch (parser_kind(p)) {
    case T_IMPORT: case T_CONST: case T_TYPE: case T_KERNEL: case T_FEATURE:
    case T_FN:
        return parser_peek(p, 1)->kind != T_ASSIGN;
    default: return false;
    }
}

/* "import" STRING [ "as" NAME ] */
static void parse_import(Parser *p, Decl *decl) {
    decl->path_loc = parser_here(p);
    Expr *path = parser_string(p, "the file's path in quotes");
    decl->path = path->kind == EX_STRING ? path->text : NULL;
    if (decl->path && strlen(decl->path) != path->length)
        diag_at(p->diags, DIAG_E0003_IMPORT, path->loc, "a path with a zero byte");
    if (parser_word(p, "as")) {
        parser_advance(p);
        decl->name = parser_name(p, "a name for the import");
    }
}

/* "const" NAME [ ":" type ] "=" expr */
static void parse_const(Parser *p, Decl *decl) {
    decl->name = parser_name(p, "the name of the constant");
    if (parser_accept(p, T_COLON))
        decl->type = parse_type(p);
    decl->loc = parser_since(p, decl->loc.from);
    parser_expect(p, T_ASSIGN, "`=` and the value");
    decl->body = parse_expr(p);
}

/* "type" NAME "=" type */
static void parse_type_decl(Parser *p, Decl *decl) {
    decl->name = parser_name(p, "the name of the type");
    decl->loc = parser_since(p, decl->loc.from);
    parser_expect(p, T_ASSIGN, "`=` and the type");
    decl->type = parse_type(p);
}

/* NAME "(" params ")" "->" type */
static void parse_signature(Parser *p, Decl *decl) {
    decl->name = parser_name(p, "a name");
    decl->params = parse_params(p);
    parser_expect(p, T_ARROW, "`->` and the result's type");
    decl->type = parse_type(p);
    decl->loc = parser_since(p, decl->loc.from);
}

/* "where" NAME "is" NAME { "," NAME "is" NAME } */
static void parse_wheres(Parser *p, Decl *decl) {
    do {
        Where where = {.variable = parser_name(p, "a dtype variable")};
        parser_expect(p, T_IS, NULL);
        where.class_name = parser_name(p, "a class of dtypes");
        if (where.class_name.text)
            list_push(p->arena, &decl->wheres, where);
    } while (parser_accept(p, T_COMMA));
}

/* A `where` or `{` of a function may stand on a line of its own: nothing else
 * can begin with them there. */
static void join_line(Parser *p, TokenKind kind) {
    if (parser_kind(p) == T_NEWLINE && parser_token(p)->kind == kind)
        parser_advance(p);
}

/* "fn" signature [ "where" … ] ( "=" expr | block ) */
static void parse_fn(Parser *p, Decl *decl) {
    parse_signature(p, decl);
    join_line(p, T_WHERE);
    if (parser_accept(p, T_WHERE))
        parse_wheres(p, decl);
    join_line(p, T_LBRACE);
    if (parser_kind(p) != T_LBRACE)
        parser_expect(p, T_ASSIGN, "`=` and an expression or a block `{ … }`");
    decl->body = parse_expr(p);
}

/* ---- kernels ---- */

static const char *const clause_words[] = {
    "from", "cost", "peek", "rows", "region", "at", "one", "needs", "layout",
};
static const ClauseKind clause_kinds[] = {
    CL_FROM, CL_COST, CL_PEEK, CL_ROWS, CL_REGION, CL_AT_OPEN, CL_ONE_AT_A_TIME,
    CL_NEEDS, CL_LAYOUT,
};
enum { NCLAUSES = sizeof clause_words / sizeof *clause_words };

/* The number of the clause that begins at the next word, or -1. */
static int clause_at(const Parser *p) {
    for (int i = 0; i < NCLAUSES; i++)
        if (parser_word(p, clause_words[i]))
            return i;
    return -1;
}

/* Further words of a clause, as "at a time". */
static void expect_words(Parser *p, const char *const *words) {
    for (; *words; words++) {
        if (parser_word(p, *words))
            parser_advance(p);
        else if (!p->failed)
            parser_unexpected(p, arena_format(p->arena, "`%s`", *words));
    }
}

/* clause -> "from" STRING | "cost" expr | "peek" names | "rows" | "region" names
 *         | "at" "open" | "one" "at" "a" "time" | "needs" STRING | "layout" names */
static void parse_clause(Parser *p, Decl *decl, ClauseKind kind) {
    Clause clause = {.kind = kind};
    int from = parser_token(p)->from;
    parser_advance(p);
    switch (kind) {
    case CL_FROM: clause.expr = parser_string(p, "a file's name in quotes"); break;
    case CL_NEEDS: clause.expr = parser_string(p, "a package's name in quotes"); break;
    case CL_COST: clause.expr = parse_expr(p); break;
    case CL_PEEK: case CL_REGION: case CL_LAYOUT:
        clause.names = parser_names(p, "a name");
        break;
    case CL_AT_OPEN: expect_words(p, (const char *const[]){"open", NULL}); break;
    case CL_ONE_AT_A_TIME:
        expect_words(p, (const char *const[]){"at", "a", "time", NULL});
        break;
    case CL_ROWS: break;
    }
    clause.loc = parser_since(p, from);
    if (!p->failed)
        list_push(p->arena, &decl->clauses, clause);
}

static void unknown_clause(Parser *p) {
    const char *word = parser_token(p)->text;
    const char *near = nearest_name(word, clause_words, NCLAUSES);
    Diag *diag = parser_fail(p, parser_here(p), "`%s` is no clause of a kernel", word);
    if (near)
        diag_help(p->diags, diag, "did you mean `%s`?", near);
    else
        diag_help(p->diags, diag, "there are: from, cost, peek, rows, region, at open, "
                                  "one at a time, needs, layout");
}

/* "kernel" signature { clause }: the clauses end where a declaration begins. */
static void parse_kernel(Parser *p, Decl *decl) {
    parse_signature(p, decl);
    while (!p->failed) {
        bool newline = parser_kind(p) == T_NEWLINE;
        if (newline && parser_token(p)->kind != T_NAME)
            return;
        parser_skip_newlines(p);
        int start = p->at, clause = clause_at(p);
        if (clause >= 0)
            parse_clause(p, decl, clause_kinds[clause]);
        else if (parser_kind(p) == T_NAME)
            unknown_clause(p);
        else
            return;
        if (p->failed && newline)
            parser_recover(p, start, false);
    }
}

/* ---- a declaration ---- */

/* "feature" NAME "(" params ")": the statements follow */
static void parse_feature_head(Parser *p, Decl *decl) {
    decl->name = parser_name(p, "the name of the feature");
    decl->params = parse_params(p);
    decl->loc = parser_since(p, decl->loc.from);
}

static DeclKind decl_kind(TokenKind kind) {
    switch (kind) {
    case T_IMPORT: return DE_IMPORT;
    case T_CONST: return DE_CONST;
    case T_TYPE: return DE_TYPE;
    case T_KERNEL: return DE_KERNEL;
    case T_FEATURE: return DE_FEATURE;
    default: return DE_FN;
    }
}

static void parse_rest(Parser *p, Decl *decl) {
    switch (decl->kind) {
    case DE_IMPORT: parse_import(p, decl); break;
    case DE_CONST: parse_const(p, decl); break;
    case DE_TYPE: parse_type_decl(p, decl); break;
    case DE_FN: parse_fn(p, decl); break;
    case DE_KERNEL: parse_kernel(p, decl); break;
    case DE_FEATURE: parse_feature_head(p, decl); break;
    }
}

/* Whether what was read of a declaration can be kept. */
static bool usable(Parser *p, Decl *decl) {
    if (decl->kind == DE_IMPORT)
        return decl->path != NULL;
    if (!decl->name.text && decl->kind == DE_FEATURE)
        decl->name.text = "";
    bool typed = decl->kind == DE_TYPE || decl->kind == DE_FN || decl->kind == DE_KERNEL;
    if (p->failed && (decl->kind == DE_FN || decl->kind == DE_CONST))
        decl->body = parser_error(p, decl->loc.from);
    return decl->name.text && (decl->type || !typed);
}

Decl *parse_decl_body(Parser *p, AttributeList attributes, const char *doc) {
    const Token *first = parser_token(p);
    Decl *decl = arena_new_of(p->arena, Decl);
    decl->kind = decl_kind(first->kind);
    decl->attributes = attributes;
    decl->doc = doc ? doc : first->doc;
    decl->loc = parser_here(p);
    parser_advance(p);
    parse_rest(p, decl);
    if (decl->kind == DE_IMPORT)
        decl->loc = parser_since(p, decl->loc.from);
    return usable(p, decl) ? decl : NULL;
}

static void no_decl(Parser *p) {
    const Token *token = parser_token(p);
    bool name = token_reserved(token->kind) && parser_peek(p, 1)->kind == T_ASSIGN;
    if (p->failed)
        return;
    Diag *diag = parser_unexpected(p, name ? "a name that is no reserved word"
                                           : "a declaration");
    if (!diag || name)
        return;
    if (token->kind == T_NAME || token->kind == T_WHERE)
        diag_help(p->diags, diag,
                  "statements stand below `feature name(…)`; a declaration begins with "
                  "fn, kernel, import, const, type or feature");
}

/* { attribute } decl */
Decl *parse_decl(Parser *p) {
    const char *doc = parser_token(p)->doc;
    AttributeList attributes = {0};
    for (; parser_kind(p) == T_AT; parser_skip_newlines(p))
        parse_attributes(p, &attributes);
    if (parser_at_decl(p))
        return parse_decl_body(p, attributes, doc);
    no_decl(p);
    return NULL;
}
