/* Types, parameters, attributes. */
#include "parser.h"
#include <string.h>

/* ---- types ---- */

static TypeExpr *type_node(Parser *p, TypeExprKind kind, int from) {
    TypeExpr *type = arena_new_of(p->arena, TypeExpr);
    type->kind = kind;
    type->loc = parser_since(p, from);
    return type;
}

/* dim -> "..." NAME | "?" [ NAME ] | expr */
static DimExpr parse_dim(Parser *p) {
    DimExpr dim = {.kind = DIM_EXPR};
    int from = parser_token(p)->from;
    if (parser_accept(p, T_ELLIPSIS)) {
        dim.kind = DIM_SEQUENCE;
        dim.name = parser_name(p, "the name of the dimensions");
    } else if (parser_accept(p, T_QUESTION)) {
        dim.kind = DIM_UNKNOWN;
        if (parser_kind(p) == T_NAME)
            dim.name = parser_name(p, "a name");
    } else {
        dim.expr = parse_expr(p);
    }
    dim.loc = parser_since(p, from);
    return dim;
}

/* NAME [ "[" dim { "," dim } "]" ] */
static TypeExpr *parse_named_type(Parser *p) {
    TypeExpr *type = type_node(p, TE_NAME, parser_token(p)->from);
    type->name = parser_name(p, "a type");
    if (!type->name.text)
        type->name.text = "";
    if (parser_kind(p) == T_LBRACKET) {
        Bracket bracket = parser_open(p);
        type->has_dims = true;
        do {
            DimExpr dim = parse_dim(p);
            list_push(p->arena, &type->dims, dim);
        } while (parser_accept(p, T_COMMA));
        parser_close(p, bracket);
    }
    return type;
}

/* "(" [ NAME ":" ] type { "," [ NAME ":" ] type } ")"; brackets around one
 * nameless type are just brackets */
static TypeExpr *parse_tuple_type(Parser *p) {
    TypeExpr *type = type_node(p, TE_TUPLE, parser_token(p)->from);
    bool named = false;
    Bracket bracket = parser_open(p);
    do {
        Name name = {0};
        if (parser_peek(p, 1)->kind == T_COLON) {
            name = parser_name(p, "a name");
            parser_accept(p, T_COLON);
            named = true;
        }
        parser_once(p, name, type->item_names.at, type->item_names.n, sizeof name);
        list_push(p->arena, &type->item_names, name);
        TypeExpr *item = parse_type(p);
        list_push(p->arena, &type->items, item);
    } while (parser_accept(p, T_COMMA));
    parser_close(p, bracket);
    return type->items.n == 1 && !named ? type->items.at[0] : type;
}

/* "fn" "(" [ type { "," type } ] ")" "->" type */
static TypeExpr *parse_function_type(Parser *p) {
    TypeExpr *type = type_node(p, TE_FN, parser_token(p)->from);
    parser_advance(p);
    if (parser_kind(p) == T_LPAREN) {
        Bracket bracket = parser_open(p);
        if (parser_kind(p) != T_RPAREN)
            do {
                TypeExpr *item = parse_type(p);
                list_push(p->arena, &type->items, item);
            } while (parser_accept(p, T_COMMA));
        parser_close(p, bracket);
    } else {
        parser_expect(p, T_LPAREN, NULL);
    }
    parser_expect(p, T_ARROW, "`->` and the result's type");
    type->result = parse_type(p);
    return type;
}

static TypeExpr *parse_some_type(Parser *p) {
    switch (parser_kind(p)) {
    case T_LPAREN: return parse_tuple_type(p);
    case T_FN: return parse_function_type(p);
    default: return parse_named_type(p);
    }
}

TypeExpr *parse_type(Parser *p) {
    parser_enter(p, NEST);
    TypeExpr *type = parse_some_type(p);
    parser_leave(p, NEST);
    type->loc = parser_since(p, type->loc.from);
    return type;
}

/* ---- parameters ---- */

/* param -> NAME ":" type [ "=" expr ] */
static Param parse_param(Parser *p) {
    Param param = {0};
    parse_attributes(p, &param.attributes);
    param.name = parser_name(p, "a parameter");
    parser_expect(p, T_COLON, "`:` and the type of the parameter");
    param.type = parse_type(p);
    if (parser_accept(p, T_ASSIGN))
        param.value = parse_expr(p);
    return param;
}

/* "(" [ param { "," param } ] ")" */
ParamList parse_params(Parser *p) {
    ParamList params = {0};
    if (parser_kind(p) != T_LPAREN) {
        parser_expect(p, T_LPAREN, "`(` and the parameters");
        return params;
    }
    Bracket bracket = parser_open(p);
    if (parser_kind(p) != T_RPAREN)
        do {
            Param param = parse_param(p);
            parser_once(p, param.name, params.at, params.n, sizeof *params.at);
            if (param.name.text)
                list_push(p->arena, &params, param);
        } while (parser_accept(p, T_COMMA));
    parser_close(p, bracket);
    return params;
}

/* ---- attributes ---- */

static const char *const attribute_names[] = {
    "pin", "after", "relaxed", "local", "remote", "cache", "workers",
    "workers_per_node", "cpus", "gpus", "attempts", "on_error", "const",
};
enum { NATTRIBUTES = sizeof attribute_names / sizeof *attribute_names };

static void check_attribute(Parser *p, Name name) {
    for (int i = 0; i < NATTRIBUTES; i++)
        if (!strcmp(name.text, attribute_names[i]))
            return;
    Diag *diag = diag_at(p->diags, DIAG_E0005_ATTRIBUTE, name.loc,
                         "there is no attribute `@%s`", name.text);
    const char *near = nearest_name(name.text, attribute_names, NATTRIBUTES);
    if (near)
        diag_help(p->diags, diag, "did you mean `@%s`?", near);
}

/* { "@" NAME [ "(" args ")" ] }; `const` is a name here */
void parse_attributes(Parser *p, AttributeList *attributes) {
    while (parser_kind(p) == T_AT) {
        Attribute attribute = {0};
        int from = parser_token(p)->from;
        parser_advance(p);
        if (parser_kind(p) == T_CONST) {
            attribute.name = (Name){"const", parser_here(p)};
            parser_advance(p);
        } else {
            attribute.name = parser_name(p, "the name of an attribute");
        }
        if (parser_kind(p) == T_LPAREN)
            attribute.args = parse_args(p);
        attribute.loc = parser_since(p, from);
        if (!attribute.name.text)
            return;
        check_attribute(p, attribute.name);
        list_push(p->arena, attributes, attribute);
    }
}
