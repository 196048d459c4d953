/* Expressions. */
#include "parser.h"

/* ---- nodes ---- */

static int higher(int height, const Expr *part) {
    return part && part->height > height ? part->height : height;
}

static int parts_height(const Expr *e) {
    int height = higher(higher(higher(higher(0, e->a), e->b), e->c), e->init);
    for (int i = 0; i < e->items.n; i++)
        height = higher(height, e->items.at[i]);
    for (int i = 0; i < e->args.n; i++)
        height = higher(height, e->args.at[i].value);
    for (int i = 0; i < e->subs.n; i++)
        height = higher(higher(height, e->subs.at[i].at), e->subs.at[i].to);
    for (int i = 0; i < e->indices.n; i++)
        height = higher(higher(height, e->indices.at[i].from), e->indices.at[i].to);
    for (int i = 0; i < e->bindings.n; i++)
        height = higher(height, e->bindings.at[i].value);
    return height;
}

Expr *parser_node(Parser *p, ExprKind kind, int from) {
    Expr *e = arena_new_of(p->arena, Expr);
    e->kind = kind;
    e->loc = parser_since(p, from);
    e->height = 1;
    return e;
}

Expr *parser_finish(Parser *p, Expr *e) {
    e->loc = parser_since(p, e->loc.from);
    e->height = 1 + parts_height(e);
    if (e->height > HIGHEST && !p->failed) {
        Diag *diag = parser_fail(p, e->loc, "an expression of too many parts");
        diag_help(p->diags, diag, "give a part of it a name of its own");
    }
    return e;
}

Expr *parser_error(Parser *p, int from) { return parser_node(p, EX_ERROR, from); }

static int here(const Parser *p) { return parser_token(p)->from; }

/* ---- lists ---- */

/* expr { "," expr } */
ExprList parse_expr_list(Parser *p) {
    ExprList list = {0};
    do {
        Expr *e = parse_expr(p);
        list_push(p->arena, &list, e);
    } while (parser_accept(p, T_COMMA));
    return list;
}

bool parser_at_names(const Parser *p, TokenKind then) {
    int n = 0;
    while (parser_peek(p, n)->kind == T_NAME && parser_peek(p, n + 1)->kind == T_COMMA)
        n += 2;
    return !p->failed && parser_peek(p, n)->kind == T_NAME &&
           parser_peek(p, n + 1)->kind == then;
}

/* ---- lambdas and arguments ---- */

static bool at_lambda(const Parser *p) {
    if (p->failed)
        return false;
    if (parser_token(p)->kind == T_NAME)
        return parser_peek(p, 1)->kind == T_FATARROW;
    if (parser_token(p)->kind != T_LPAREN)
        return false;
    int n = 1;
    while (parser_peek(p, n)->kind == T_NAME && parser_peek(p, n + 1)->kind == T_COMMA)
        n += 2;
    return parser_peek(p, n)->kind == T_NAME && parser_peek(p, n + 1)->kind == T_RPAREN &&
           parser_peek(p, n + 2)->kind == T_FATARROW;
}

static Expr *parse_tail(Parser *p, ExprKind whole);

/* lambda -> ( NAME | "(" names ")" ) "=>" expr */
static Expr *parse_lambda(Parser *p) {
    Expr *e = parser_node(p, EX_LAMBDA, here(p));
    if (parser_kind(p) == T_LPAREN) {
        Bracket bracket = parser_open(p);
        e->names = parser_names(p, "a name");
        parser_close(p, bracket);
    } else {
        list_push(p->arena, &e->names, parser_name(p, "a name"));
    }
    parser_expect(p, T_FATARROW, NULL);
    e->a = parse_tail(p, EX_LAMBDA);
    return parser_finish(p, e);
}

/* arg -> [ NAME "=" ] expr */
static Arg parse_arg(Parser *p, bool named_before) {
    Arg arg = {0};
    TokenKind kind = parser_kind(p);
    if ((kind == T_NAME || token_reserved(kind)) && parser_peek(p, 1)->kind == T_ASSIGN) {
        arg.name = parser_name(p, "a name");
        parser_advance(p);
    } else if (named_before && kind != T_END) {
        Diag *diag = diag_at(p->diags, DIAG_E0002_SYNTAX, parser_here(p),
                             "an argument without a name after one with a name");
        diag_help(p->diags, diag, "put it first, or write `name = value`");
    }
    arg.value = at_lambda(p) ? parse_lambda(p) : parse_expr(p);
    return arg;
}

/* "(" [ arg { "," arg } ] ")" */
ArgList parse_args(Parser *p) {
    ArgList args = {0};
    Bracket bracket = parser_open(p);
    bool named = false;
    if (parser_kind(p) != T_RPAREN)
        do {
            Arg arg = parse_arg(p, named);
            named |= arg.name.text != NULL;
            list_push(p->arena, &args, arg);
        } while (parser_accept(p, T_COMMA));
    parser_close(p, bracket);
    return args;
}

/* ---- if, for, fold ---- */

static Expr *parse_pipes(Parser *p, Expr *left);

typedef struct OpenEnd {
    const char *word, *example;
} OpenEnd;

static const OpenEnd open_ends[] = {
    [EX_IF] = {"`if`", "(if … then … else …) |> …"},
    [EX_FOR] = {"`for`", "(for …: …) |> …"},
    [EX_FOLD] = {"`fold`", "(fold … for …: …) |> …"},
    [EX_SCAN] = {"`scan`", "(scan … for …: …) |> …"},
    [EX_LAMBDA] = {"lambda", "x => (… |> …)"},
};

/* What ends with an expression of its own: `|>` behind it could belong to that
 * expression or to the whole. */
static Expr *refuse_pipe(Parser *p, Expr *e, ExprKind whole) {
    if (parser_kind(p) != T_PIPE)
        return e;
    Diag *diag = diag_at(p->diags, DIAG_E0002_SYNTAX, parser_here(p),
                         "does `|>` take the whole %s or its last part?",
                         open_ends[whole].word);
    diag_help(p->diags, diag, "put brackets around one of them: `%s`",
              open_ends[whole].example);
    return parse_pipes(p, e);
}

/* if -> "if" expr "then" expr "else" expr */
static Expr *parse_if(Parser *p) {
    Expr *e = parser_node(p, EX_IF, here(p));
    parser_advance(p);
    e->a = parse_expr(p);
    parser_expect(p, T_THEN, NULL);
    e->b = parse_expr(p);
    if (!p->failed && parser_kind(p) != T_ELSE) {
        const char *found = parser_found(p);
        Loc at = parser_here(p);
        Diag *diag = parser_fail(p, parser_since(p, e->loc.from),
                                 "an `if` without `else`: it is a value, so it "
                                 "needs one for the other case too");
        diag_note(p->diags, diag, at, "`else` expected, found %s", found);
    }
    parser_accept(p, T_ELSE);
    e->c = parse_tail(p, EX_IF);
    return parser_finish(p, e);
}

/* index -> NAME [ "in" expr ".." expr ] */
static Index parse_index(Parser *p) {
    Index index = {.name = parser_name(p, "the name of an index")};
    if (!parser_accept(p, T_IN))
        return index;
    index.from = parse_expr(p);
    if (!p->failed && parser_kind(p) != T_DOTDOT) {
        Diag *diag = parser_unexpected(p, "`..` and the end of the range");
        if (diag)
            diag_help(p->diags, diag, "loops run over indices, as in `for i in "
                                      "0..len(x): x[i]`");
    }
    parser_accept(p, T_DOTDOT);
    index.to = parse_expr(p);
    return index;
}

/* indices -> index { "," index } */
static IndexList parse_indices(Parser *p) {
    IndexList indices = {0};
    do {
        Index index = parse_index(p);
        parser_once(p, index.name, indices.at, indices.n, sizeof *indices.at);
        list_push(p->arena, &indices, index);
    } while (parser_accept(p, T_COMMA));
    return indices;
}

/* for -> "for" indices [ "where" expr ] ":" expr */
static Expr *parse_for(Parser *p) {
    Expr *e = parser_node(p, EX_FOR, here(p));
    parser_advance(p);
    e->indices = parse_indices(p);
    if (parser_accept(p, T_WHERE))
        e->b = parse_expr(p);
    parser_expect(p, T_COLON, NULL);
    e->a = parse_tail(p, EX_FOR);
    return parser_finish(p, e);
}

/* fold -> ( "fold" | "scan" ) names "=" expr "for" indices
 *         [ "where" expr ] [ "until" expr ] ":" expr */
static Expr *parse_fold(Parser *p) {
    bool scan = parser_kind(p) == T_SCAN;
    Expr *e = parser_node(p, scan ? EX_SCAN : EX_FOLD, here(p));
    parser_advance(p);
    e->names = parser_names(p, "the name of a state");
    parser_expect(p, T_ASSIGN, "`=` and what the state starts with");
    e->init = parse_expr(p);
    parser_expect(p, T_FOR, NULL);
    e->indices = parse_indices(p);
    if (parser_accept(p, T_WHERE))
        e->b = parse_expr(p);
    if (parser_accept(p, T_UNTIL))
        e->c = parse_expr(p);
    parser_expect(p, T_COLON, NULL);
    e->a = parse_tail(p, e->kind);
    return parser_finish(p, e);
}

/* if | for | fold, or NULL if none begins here */
static Expr *parse_open_ended(Parser *p) {
    switch (parser_kind(p)) {
    case T_IF: return parse_if(p);
    case T_FOR: return parse_for(p);
    case T_FOLD: case T_SCAN: return parse_fold(p);
    default: return NULL;
    }
}

/* ---- operators ---- */

enum { LEVEL_OR = 1, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MUL,
       LEVEL_SIGN };

typedef struct BinaryRow {
    Operator op;
    int level;
} BinaryRow;

static const BinaryRow binary_rows[T_COUNT] = {
    [T_OR] = {OPR_OR, LEVEL_OR},
    [T_AND] = {OPR_AND, LEVEL_AND},
    [T_EQ] = {OPR_EQ, LEVEL_COMPARE},
    [T_NE] = {OPR_NE, LEVEL_COMPARE},
    [T_LT] = {OPR_LT, LEVEL_COMPARE},
    [T_LE] = {OPR_LE, LEVEL_COMPARE},
    [T_GT] = {OPR_GT, LEVEL_COMPARE},
    [T_GE] = {OPR_GE, LEVEL_COMPARE},
    [T_IS] = {0, LEVEL_COMPARE},
    [T_PLUS] = {OPR_ADD, LEVEL_ADD},
    [T_MINUS] = {OPR_SUB, LEVEL_ADD},
    [T_STAR] = {OPR_MUL, LEVEL_MUL},
    [T_SLASH] = {OPR_DIV, LEVEL_MUL},
    [T_SLASHSLASH] = {OPR_FLOORDIV, LEVEL_MUL},
    [T_PERCENT] = {OPR_MOD, LEVEL_MUL},
};

static Expr *parse_binary(Parser *p, int level);

/* "not" … | "-" … */
static Expr *parse_prefix(Parser *p, Operator op, int level) {
    Expr *e = parser_node(p, EX_UNARY, here(p));
    e->op = op;
    e->op_loc = parser_here(p);
    parser_advance(p);
    if (parser_enter(p, 1))
        e->a = parse_binary(p, level);
    else
        e->a = parser_error(p, here(p));
    parser_leave(p, 1);
    return parser_finish(p, e);
}

static void refuse_chain(Parser *p, const Expr *first) {
    Diag *diag = diag_at(p->diags, DIAG_E0002_SYNTAX, parser_here(p),
                         "comparisons do not chain");
    diag_note(p->diags, diag, first->op_loc, "the first one");
    diag_help(p->diags, diag, "write `a < b and b < c`, or brackets");
}

/* left operator right, at the operator */
static Expr *parse_operation(Parser *p, Expr *left, int from) {
    TokenKind kind = parser_kind(p);
    Expr *e = parser_node(p, kind == T_IS ? EX_IS : EX_BINARY, from);
    e->op = binary_rows[kind].op;
    e->op_loc = parser_here(p);
    e->a = left;
    parser_advance(p);
    if (kind == T_IS)
        e->name = parser_name(p, "a dtype or a class of dtypes");
    else
        e->b = parse_binary(p, binary_rows[kind].level + 1);
    return parser_finish(p, e);
}

/* One level of operators, all of them left-associative. */
static Expr *parse_binary(Parser *p, int level) {
    TokenKind kind = parser_kind(p);
    if (level == LEVEL_NOT && kind == T_NOT)
        return parse_prefix(p, OPR_NOT, LEVEL_NOT);
    if (level == LEVEL_SIGN)
        return kind == T_MINUS ? parse_prefix(p, OPR_NEG, LEVEL_SIGN) : parse_postfix(p);
    int from = here(p);
    Expr *left = parse_binary(p, level + 1);
    for (bool again = false; binary_rows[parser_kind(p)].level == level; again = true) {
        if (again && level == LEVEL_COMPARE)
            refuse_chain(p, left);
        left = parse_operation(p, left, from);
    }
    return left;
}

/* The right side of |> becomes a call whose first argument is the left one. It
 * stands where the function does: a step of a chain has a line of its own. */
static Expr *pipe_into(Parser *p, Expr *left, Expr *right, Loc op) {
    Expr *e = right;
    if (right->kind == EX_NAME || right->kind == EX_MEMBER) {
        e = parser_node(p, EX_CALL, right->loc.from);
        e->a = right;
    } else if (right->kind != EX_CALL || right->piped) {
        if (!p->failed) {
            Diag *diag = parser_fail(p, right->loc,
                                     "the right side of `|>` is a function or a call");
            diag_note(p->diags, diag, op, "of this `|>`");
        }
        return left;
    }
    ArgList rest = e->args;
    e->args = (ArgList){0};
    list_push(p->arena, &e->args, ((Arg){.value = left}));
    for (int i = 0; i < rest.n; i++)
        list_push(p->arena, &e->args, rest.at[i]);
    e->piped = true;
    e->op_loc = op;
    return parser_finish(p, e);
}

/* { "|>" postfix { attribute } } */
static Expr *parse_pipes(Parser *p, Expr *left) {
    for (;;) {
        if (left->kind == EX_CALL && parser_kind(p) == T_AT)
            parse_attributes(p, &left->attributes);
        Loc op = parser_here(p);
        if (!parser_accept(p, T_PIPE))
            return left;
        Expr *right = parse_postfix(p);
        left = pipe_into(p, left, right, op);
    }
}

/* The end of an if, for, fold or lambda: an expression that does not take a
 * `|>` for itself. */
static Expr *parse_tail(Parser *p, ExprKind whole) {
    if (!parser_enter(p, 1)) {
        parser_leave(p, 1);
        return parser_error(p, here(p));
    }
    Expr *e = parse_open_ended(p);
    if (!e)
        e = parse_binary(p, LEVEL_OR);
    parser_leave(p, 1);
    return refuse_pipe(p, e, whole);
}

/* expr -> if | for | fold | binary { "|>" postfix } */
Expr *parse_expr(Parser *p) {
    Expr *e = NULL;
    if (!parser_enter(p, NEST)) {
        e = parser_error(p, here(p));
    } else if (at_lambda(p)) {
        Loc from = parser_here(p);
        e = parse_lambda(p);
        diag_at(p->diags, DIAG_E0002_SYNTAX, from,
                "a lambda stands only as an argument of a call");
    } else {
        e = parse_open_ended(p);
    }
    if (!e)
        e = parse_pipes(p, parse_binary(p, LEVEL_OR));
    parser_leave(p, NEST);
    return e;
}
