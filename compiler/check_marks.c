/* Attributes that would do nothing where they stand: @pin, @after, @relaxed and @cache are
 * for the steps of a field's own chain, @pin for a `where`, @cache for both. */
#include <string.h>
#include "check.h"

typedef struct Marks { Checker *ck; const Expr *chain; } Marks;

static void look(const Expr *e, void *data);

static void each_part(const Expr *e, void (*visit)(const Expr *, void *), void *data) {
    visit(e->a, data);
    if (e->kind != EX_IS) visit(e->b, data);
    visit(e->c, data);
    visit(e->init, data);
    for (int i = 0; i < e->items.n; i++) visit(e->items.at[i], data);
    for (int i = 0; i < e->args.n; i++) visit(e->args.at[i].value, data);
    for (int i = 0; i < e->bindings.n; i++) visit(e->bindings.at[i].value, data);
    for (int i = 0; i < e->subs.n; i++) {
        visit(e->subs.at[i].at, data);
        visit(e->subs.at[i].to, data);
    }
    for (int i = 0; i < e->indices.n; i++) {
        visit(e->indices.at[i].from, data);
        visit(e->indices.at[i].to, data);
    }
}

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (!strcmp(name, *names)) return true;
    return false;
}

static void tell(Checker *ck, const AttributeList *list, const char *const *idle,
                 const char *where) {
    for (int i = 0; i < list->n; i++)
        if (is_one_of(list->at[i].name.text, idle))
            diag_at(ck->diags, DIAG_N0006_MARK, list->at[i].loc,
                    "`@%s` does nothing here: it is for %s", list->at[i].name.text, where);
}

static bool in_chain(const Expr *chain, const Expr *e) {
    for (; chain && chain->kind == EX_CALL; chain = chain->args.at[0].value) {
        if (chain == e) return true;
        if (!chain->piped || !chain->args.n) return false;
    }
    return false;
}

static void look(const Expr *e, void *data) {
    static const char *const idle[] = {"pin", "after", "relaxed", "cache", NULL};
    Marks *m = data;
    if (!e) return;
    if (!in_chain(m->chain, e))
        tell(m->ck, &e->attributes, idle, "steps of a field's own chain `x |> f |> g`");
    each_part(e, look, m);
}

static void look_at_statement(Checker *ck, const Stmt *stmt) {
    static const char *const of_field[] = {"pin", "after", "relaxed", NULL},
                             *const of_where[] = {"after", "relaxed", NULL},
                             *const of_others[] = {"pin", "after", "relaxed", "cache", NULL};
    Marks m = {ck, stmt->kind == ST_FIELD ? stmt->expr : NULL};
    const char *const *idle = stmt->kind == ST_FIELD   ? of_field
                              : stmt->kind == ST_WHERE ? of_where : of_others;
    tell(ck, &stmt->attributes, idle,
         stmt->kind == ST_WHERE ? "steps of chains" : "steps of chains and `where`");
    look(stmt->expr, &m);
    for (int i = 0; i < stmt->args.n; i++) look(stmt->args.at[i].value, &m);
    for (int i = 0; i < stmt->items.n; i++) look(stmt->items.at[i].value, &m);
}

void check_marks(Checker *ck) {
    const Module *module = ck->main->module;
    Marks m = {ck, NULL};
    for (int i = 0; i < module->decls.n; i++)
        if (module->decls.at[i]->kind == DE_FN) look(module->decls.at[i]->body, &m);
    for (int i = 0; i < ck->feature->stmts.n; i++)
        look_at_statement(ck, ck->feature->stmts.at[i]);
}
