#include "tree_equal.h"
#include <string.h>

static bool exprs(const Expr *a, const Expr *b);
static bool types(const TypeExpr *a, const TypeExpr *b);

static bool texts(const char *a, const char *b) {
    return a && b ? !strcmp(a, b) : a == b;
}
static bool names(Name a, Name b) { return texts(a.text, b.text); }
static bool args(Arg a, Arg b) { return names(a.name, b.name) && exprs(a.value, b.value); }

/* Compares two lists item by item; `same` is an expression over x and y. */
#define LISTS(a, b, same) ({ \
    bool equal_ = (a).n == (b).n; \
    for (int i_ = 0; equal_ && i_ < (a).n; i_++) { \
        __auto_type x = (a).at[i_]; \
        __auto_type y = (b).at[i_]; \
        equal_ = (same); \
    } \
    equal_; })

static bool attributes(const AttributeList *a, const AttributeList *b) {
    return LISTS(*a, *b, names(x.name, y.name) && LISTS(x.args, y.args, args(x, y)));
}

static bool dims(DimExpr a, DimExpr b) {
    return a.kind == b.kind && names(a.name, b.name) && exprs(a.expr, b.expr);
}

static bool types(const TypeExpr *a, const TypeExpr *b) {
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && names(a->name, b->name) && a->has_dims == b->has_dims &&
           LISTS(a->dims, b->dims, dims(x, y)) && LISTS(a->items, b->items, types(x, y)) &&
           LISTS(a->item_names, b->item_names, names(x, y)) && types(a->result, b->result);
}

static bool subs(Sub a, Sub b) {
    return a.kind == b.kind && exprs(a.at, b.at) && exprs(a.to, b.to);
}

static bool indices(Index a, Index b) {
    return names(a.name, b.name) && exprs(a.from, b.from) && exprs(a.to, b.to);
}

static bool bindings(Binding a, Binding b) {
    return LISTS(a.names, b.names, names(x, y)) && exprs(a.value, b.value);
}

static bool leaves(const Expr *a, const Expr *b) {
    if (a->kind == EX_STRING)
        return a->length == b->length && !memcmp(a->text, b->text, a->length);
    bool operators = a->kind == EX_UNARY || a->kind == EX_BINARY;
    return names(a->name, b->name) && a->integer == b->integer &&
           !memcmp(&a->real, &b->real, sizeof a->real) && (!operators || a->op == b->op);
}

static bool exprs(const Expr *a, const Expr *b) {
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && leaves(a, b) && a->piped == b->piped &&
           exprs(a->a, b->a) && exprs(a->b, b->b) && exprs(a->c, b->c) &&
           exprs(a->init, b->init) && LISTS(a->items, b->items, exprs(x, y)) &&
           LISTS(a->args, b->args, args(x, y)) && LISTS(a->subs, b->subs, subs(x, y)) &&
           LISTS(a->indices, b->indices, indices(x, y)) &&
           LISTS(a->names, b->names, names(x, y)) &&
           LISTS(a->bindings, b->bindings, bindings(x, y)) &&
           attributes(&a->attributes, &b->attributes);
}

static bool params(const Param *a, const Param *b) {
    return names(a->name, b->name) && types(a->type, b->type) &&
           exprs(a->value, b->value) && attributes(&a->attributes, &b->attributes);
}

static bool clauses(const Clause *a, const Clause *b) {
    return a->kind == b->kind && exprs(a->expr, b->expr) &&
           LISTS(a->names, b->names, names(x, y));
}

static bool stmts(const Stmt *a, const Stmt *b) {
    return a->kind == b->kind && attributes(&a->attributes, &b->attributes) &&
           LISTS(a->names, b->names, names(x, y)) && exprs(a->expr, b->expr) &&
           LISTS(a->args, b->args, args(x, y)) &&
           LISTS(a->items, b->items, names(x.name, y.name) && exprs(x.value, y.value));
}

static bool decls(const Decl *a, const Decl *b) {
    return a->kind == b->kind && names(a->name, b->name) && texts(a->doc, b->doc) &&
           attributes(&a->attributes, &b->attributes) && texts(a->path, b->path) &&
           LISTS(a->params, b->params, params(&x, &y)) && types(a->type, b->type) &&
           LISTS(a->wheres, b->wheres, names(x.variable, y.variable) &&
                                       names(x.class_name, y.class_name)) &&
           exprs(a->body, b->body) && LISTS(a->clauses, b->clauses, clauses(&x, &y)) &&
           LISTS(a->stmts, b->stmts, stmts(x, y));
}

bool modules_equal(const Module *a, const Module *b) {
    return LISTS(a->decls, b->decls, decls(x, y));
}
