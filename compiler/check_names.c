/* Units (modules and what they import) and names: every name of every body is
 * looked at once here, called or not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "std_files.h"

/* ---- dtypes and classes by name ---- */

bool dtype_by_name(const char *name, pl_dtype *out) {
    if (!strcmp(name, "int")) {
        *out = PL_I64;
        return true;
    }
    for (int d = 0; d < PL_DTYPES; d++)
        if (!strcmp(name, dtype_name((pl_dtype)d))) {
            *out = (pl_dtype)d;
            return true;
        }
    return false;
}

bool is_dtype_variable(const char *name) {
    if (*name < 'A' || *name > 'Z') return false;
    while (*++name >= '0' && *name <= '9') continue;
    return !*name;
}

bool class_has(const char *name, pl_dtype d, bool *known) {
    pl_dtype exact;
    *known = true;
    if (!strcmp(name, "integer")) return dtype_is_integer(d);
    if (!strcmp(name, "signed")) return dtype_is_integer(d) && dtype_is_signed(d);
    if (!strcmp(name, "unsigned")) return dtype_is_integer(d) && !dtype_is_signed(d);
    if (!strcmp(name, "float")) return dtype_is_float(d);
    if (!strcmp(name, "number")) return d != PL_BOOL;
    *known = dtype_by_name(name, &exact);
    return *known && exact == d;
}

/* ---- units ---- */

static File *file_new(Checker *ck, const char *path, const char *text, size_t size) {
    File *file = arena_new_of(ck->arena, File);
    file->path = path;
    file->text = text;
    file->size = size;
    return file;
}

static File *std_file(Checker *ck, const char *path) {
    for (int i = 0; i < nstd_files; i++)
        if (!strcmp(std_files[i].path, path)) {
            File *file = file_new(ck, std_files[i].path, std_files[i].text,
                                  std_files[i].size);
            file->is_std = 1;
            return file;
        }
    return NULL;
}

static File *disk_file(Checker *ck, const char *path) {
    FILE *in = fopen(path, "rb");
    char *text, *real;
    size_t size = 0, room = 1 << 16, got;
    File *file;
    if (!in) return NULL;
    text = malloc(room);
    while (text && (got = fread(text + size, 1, room - size, in)) > 0) {
        size += got;
        if (size == room) text = realloc(text, room *= 2);
    }
    if (ferror(in) || !text) {
        fclose(in);
        free(text);
        return NULL;
    }
    fclose(in);
    file = file_new(ck, path, arena_strndup(ck->arena, text, size), size);
    free(text);
    real = realpath(path, NULL);
    if (real) file->real = arena_strndup(ck->arena, real, strlen(real));
    free(real);
    return file;
}

static Unit *loaded(Checker *ck, const File *file) {
    for (int i = 0; i < ck->units.n; i++) {
        const File *other = ck->units.at[i]->file;
        if (file->is_std != other->is_std) continue;
        if (file->is_std ? !strcmp(file->path, other->path)
                         : file->real && other->real && !strcmp(file->real, other->real))
            return ck->units.at[i];
    }
    return NULL;
}

static void load_imports(Checker *ck, Unit *unit) {
    Module *module = unit->module;
    for (int i = 0; i < module->decls.n; i++) {
        const Decl *decl = module->decls.at[i];
        Import import;
        if (decl->kind != DE_IMPORT || !decl->path) continue;
        import = (Import){decl->name.text,
                          unit_load(ck, decl->path, unit, decl->path_loc)};
        if (import.unit) list_push(ck->arena, &unit->imports, import);
    }
}

Unit *unit_add(Checker *ck, Module *module) {
    Unit *unit = arena_new_of(ck->arena, Unit);
    unit->file = module->file;
    unit->module = module;
    unit->core = &ck->core;
    list_push(ck->arena, &ck->units, unit);
    load_imports(ck, unit);
    return unit;
}

static const char *relative(Checker *ck, const char *path, const Unit *from) {
    const char *slash = from ? strrchr(from->file->path, '/') : NULL;
    if (path[0] == '/' || !slash) return path;
    return arena_format(ck->arena, "%.*s/%s", (int)(slash - from->file->path),
                        from->file->path, path);
}

static void import_fails(Checker *ck, const char *path, Loc loc) {
    Diag *diag = check_error(ck, DIAG_E0003_IMPORT, loc, "cannot import \"%s\": %s", path,
                             !strncmp(path, "std/", 4) ? "the library has no such part"
                                                       : strerror(errno));
    const char *names[64], *near;
    for (int i = 0; i < nstd_files && i < 64; i++) names[i] = std_files[i].path;
    near = nearest_name(path, names, nstd_files < 64 ? nstd_files : 64);
    if (near) check_help(ck, diag, "did you mean \"%s\"?", near);
    else check_help(ck, diag, "the path is taken relative to this file");
}

Unit *unit_load(Checker *ck, const char *path, const Unit *from, Loc loc) {
    File *file = std_file(ck, path);
    Unit *unit;
    errno = ENOENT;
    if (!file && strncmp(path, "std/", 4)) file = disk_file(ck, relative(ck, path, from));
    if (!file) {
        import_fails(ck, path, loc);
        return NULL;
    }
    unit = loaded(ck, file);
    return unit ? unit : unit_add(ck, parse_file(ck->arena, ck->diags, file));
}

static bool in_kinds(const Decl *decl, DeclKind low, DeclKind high) {
    return decl->kind >= low && decl->kind <= high;
}

static const Decl *own(const Unit *unit, const char *name, DeclKind low, DeclKind high) {
    const Module *module = unit->module;
    for (int i = 0; module && i < module->decls.n; i++) {
        const Decl *decl = module->decls.at[i];
        if (in_kinds(decl, low, high) && decl->name.text &&
            !strcmp(decl->name.text, name))
            return decl;
    }
    return NULL;
}

const Decl *unit_find(Unit *unit, const char *name, DeclKind low, DeclKind high,
                      Unit **owner) {
    const Decl *decl = own(unit, name, low, high);
    *owner = unit;
    for (int i = 0; !decl && i < unit->imports.n; i++)
        if (!unit->imports.at[i].alias) {
            *owner = unit->imports.at[i].unit;
            decl = own(*owner, name, low, high);
        }
    if (decl || unit->is_core || !*unit->core || builtin_find(name)) return decl;
    return unit_find(*unit->core, name, low, high, owner);
}

static void load_core(Checker *ck) {
    static const char *const parts[] = {"std/math", "std/random", "std/tensor"};
    Unit *core = arena_new_of(ck->arena, Unit);
    core->is_core = true;
    core->file = ck->main->file;
    for (int i = 0; i < 3; i++) {
        Import import = {NULL, unit_load(ck, parts[i], NULL, (Loc){0})};
        if (import.unit) list_push(ck->arena, &core->imports, import);
    }
    ck->core = core;
    ck->sources = unit_load(ck, "std/source", NULL, (Loc){0});
}

/* ---- near names ---- */

typedef LIST(const char *) Names;

static void add_unit_names(Checker *ck, Names *names, const Unit *unit, bool imports) {
    for (int i = 0; unit->module && i < unit->module->decls.n; i++) {
        const Decl *decl = unit->module->decls.at[i];
        if (in_kinds(decl, DE_CONST, DE_KERNEL) && decl->name.text)
            list_push(ck->arena, names, decl->name.text);
    }
    for (int i = 0; imports && i < unit->imports.n; i++)
        add_unit_names(ck, names, unit->imports.at[i].unit, false);
}

const char *near_name(Checker *ck, Scope *scope, const char *word) {
    Names names = {0};
    Unit *unit = scope ? scope->unit : ck->main;
    for (Scope *s = scope; s; s = s->outer)
        for (int i = 0; i < s->entries.n; i++)
            list_push(ck->arena, &names, s->entries.at[i].name);
    add_unit_names(ck, &names, unit, true);
    if (ck->core) add_unit_names(ck, &names, ck->core, true);
    for (const char *const *name = builtin_names(); *name; name++)
        list_push(ck->arena, &names, *name);
    return nearest_name(word, names.at, names.n);
}

/* The names that imports of the library would bring; *from: the part of each. */
static Names importable(Checker *ck, Names *from) {
    Names names = {0};
    for (int i = 0; i < nstd_files; i++) {
        const Unit *unit = unit_load(ck, std_files[i].path, NULL, (Loc){0});
        if (!unit || unit == ck->sources) continue;
        add_unit_names(ck, &names, unit, false);
        while (from->n < names.n) list_push(ck->arena, from, std_files[i].path);
    }
    return names;
}

void suggest_name(Checker *ck, Scope *scope, Diag *diag, const char *word) {
    const char *near = near_name(ck, scope, word), *far;
    Names from = {0}, names = importable(ck, &from);
    int i = 0;
    far = nearest_name(word, names.at, names.n);
    while (far && strcmp(names.at[i], far)) i++;
    if (far && !strcmp(far, word))
        check_help(ck, diag, "it comes with `import \"%s\"`", from.at[i]);
    else if (near)
        check_help(ck, diag, "did you mean `%s`?", near);
    else if (far)
        check_help(ck, diag, "did you mean `%s`? It comes with `import \"%s\"`", far,
                   from.at[i]);
}

/* ---- attributes ---- */

static const char *const attributes[] = {
    "pin", "after", "relaxed", "local", "remote", "cache", "workers", "workers_per_node",
    "cpus", "gpus", "attempts", "on_error", "const",
};
enum { NATTRIBUTES = sizeof attributes / sizeof *attributes };

void check_attributes(Checker *ck, const AttributeList *list) {
    for (int i = 0; i < list->n; i++) {
        const char *name = list->at[i].name.text, *near;
        Diag *diag;
        bool known = false;
        for (int k = 0; k < NATTRIBUTES; k++) known |= !strcmp(name, attributes[k]);
        if (known) continue;
        diag = check_error(ck, DIAG_E0005_ATTRIBUTE, list->at[i].name.loc,
                           "there is no attribute `@%s`", name);
        near = nearest_name(name, attributes, NATTRIBUTES);
        if (near) check_help(ck, diag, "did you mean `@%s`?", near);
    }
}

/* ---- ordinals of calls in a body ---- */

const char *callee_text(Checker *ck, const Expr *call) {
    if (call->a->kind == EX_NAME) return call->a->name.text;
    if (call->a->kind == EX_MEMBER && call->a->a->kind == EX_NAME)
        return arena_format(ck->arena, "%s.%s", call->a->a->name.text,
                            call->a->name.text);
    return "?";
}

typedef struct Count {
    Checker *ck;
    const Expr *call;
    const char *name;
    int n, found;
} Count;

static void count_calls(Count *count, const Expr *e);

static void count_call(Count *count, const Expr *e) {
    int first = e->piped && e->args.n;
    if (first) count_calls(count, e->args.at[0].value);
    if (e == count->call) count->found = count->n;
    if (!strcmp(callee_text(count->ck, e), count->name)) count->n++;
    for (int i = first; i < e->args.n; i++) count_calls(count, e->args.at[i].value);
}

/* In the order of the text; the calls inside of lambdas are not of this body. */
static void count_calls(Count *count, const Expr *e) {
    if (!e || e->kind == EX_LAMBDA) return;
    if (e->kind == EX_CALL) {
        count_call(count, e);
        return;
    }
    count_calls(count, e->kind == EX_FOR || e->kind == EX_BLOCK ||
                               e->kind == EX_FOLD || e->kind == EX_SCAN ? NULL : e->a);
    if (e->kind == EX_INDEX) {
        for (int i = 0; i < e->subs.n; i++) {
            count_calls(count, e->subs.at[i].at);
            count_calls(count, e->subs.at[i].to);
        }
        count_calls(count, e->b);
        return;
    }
    count_calls(count, e->init);
    for (int i = 0; i < e->indices.n; i++) {
        count_calls(count, e->indices.at[i].from);
        count_calls(count, e->indices.at[i].to);
    }
    count_calls(count, e->b);
    count_calls(count, e->c);
    for (int i = 0; i < e->items.n; i++) count_calls(count, e->items.at[i]);
    for (int i = 0; i < e->bindings.n; i++) count_calls(count, e->bindings.at[i].value);
    if (e->kind == EX_FOR || e->kind == EX_BLOCK || e->kind == EX_FOLD ||
        e->kind == EX_SCAN)
        count_calls(count, e->a);
}

int ordinal_of(Checker *ck, const Expr *call, const Expr *root) {
    Count count = {ck, call, callee_text(ck, call), 0, -1};
    count_calls(&count, root);
    return count.found < 0 ? 0 : count.found;
}

/* ---- names everywhere ---- */

typedef struct Walk {
    Checker *ck;
    Unit *unit;
    LIST(const char *) locals;
    LIST(const Decl *) calls;       /* fns and constants that are named */
} Walk;

static bool is_local(const Walk *walk, const char *name) {
    for (int i = walk->locals.n - 1; i >= 0; i--)
        if (!strcmp(walk->locals.at[i], name)) return true;
    return false;
}

static bool is_alias(const Unit *unit, const char *name) {
    for (int i = 0; i < unit->imports.n; i++)
        if (unit->imports.at[i].alias && !strcmp(unit->imports.at[i].alias, name))
            return true;
    return false;
}

static void walk_name(Walk *walk, const Expr *e) {
    pl_dtype dtype;
    Unit *owner;
    const char *name = e->name.text;
    const Decl *decl;
    Scope scope = {.unit = walk->unit};
    Diag *diag;
    if (is_local(walk, name) || builtin_find(name) || dtype_by_name(name, &dtype) ||
        is_alias(walk->unit, name))
        return;
    decl = unit_find(walk->unit, name, DE_CONST, DE_KERNEL, &owner);
    if (decl) {
        list_push(walk->ck->arena, &walk->calls, decl);
        return;
    }
    diag = check_error(walk->ck, DIAG_E0101_NAME, e->name.loc, "`%s` is not defined here",
                       name);
    suggest_name(walk->ck, &scope, diag, name);
}

static void walk_expr(Walk *walk, const Expr *e);

static void walk_names(Walk *walk, const NameList *names) {
    for (int i = 0; i < names->n; i++)
        list_push(walk->ck->arena, &walk->locals, names->at[i].text);
}

static void walk_loop(Walk *walk, const Expr *e) {
    walk_expr(walk, e->init);
    for (int i = 0; i < e->indices.n; i++) {
        walk_expr(walk, e->indices.at[i].from);
        walk_expr(walk, e->indices.at[i].to);
        list_push(walk->ck->arena, &walk->locals, e->indices.at[i].name.text);
    }
    walk_names(walk, &e->names);
    walk_expr(walk, e->b);
    walk_expr(walk, e->c);
    walk_expr(walk, e->a);
}

static void walk_parts(Walk *walk, const Expr *e) {
    walk_expr(walk, e->a);
    if (e->kind != EX_IS) walk_expr(walk, e->b);
    walk_expr(walk, e->c);
    for (int i = 0; i < e->items.n; i++) walk_expr(walk, e->items.at[i]);
    for (int i = 0; i < e->args.n; i++) walk_expr(walk, e->args.at[i].value);
    for (int i = 0; i < e->subs.n; i++) {
        walk_expr(walk, e->subs.at[i].at);
        walk_expr(walk, e->subs.at[i].to);
    }
    check_attributes(walk->ck, &e->attributes);
}

static void walk_expr(Walk *walk, const Expr *e) {
    int locals = walk->locals.n;
    if (!e) return;
    switch (e->kind) {
    case EX_NAME: walk_name(walk, e); return;
    case EX_FOR: case EX_FOLD: case EX_SCAN: walk_loop(walk, e); break;
    case EX_LAMBDA: walk_names(walk, &e->names); walk_expr(walk, e->a); break;
    case EX_BLOCK:
        for (int i = 0; i < e->bindings.n; i++) {
            walk_expr(walk, e->bindings.at[i].value);
            walk_names(walk, &e->bindings.at[i].names);
        }
        walk_expr(walk, e->a);
        break;
    default: walk_parts(walk, e); break;
    }
    walk->locals.n = locals;
}

static void walk_type(Walk *walk, const TypeExpr *te) {
    if (!te) return;
    if (te->name.text && is_dtype_variable(te->name.text))
        list_push(walk->ck->arena, &walk->locals, te->name.text);
    for (int i = 0; i < te->dims.n; i++) {
        const DimExpr *dim = &te->dims.at[i];
        const char *name = dim->kind == DIM_EXPR && dim->expr &&
                                   dim->expr->kind == EX_NAME
                               ? dim->expr->name.text
                               : dim->name.text;
        if (name) list_push(walk->ck->arena, &walk->locals, name);
    }
    for (int i = 0; i < te->items.n; i++) walk_type(walk, te->items.at[i]);
    walk_type(walk, te->result);
}

static void walk_decl(Walk *walk, const Decl *decl) {
    for (int i = 0; i < decl->params.n; i++) {
        walk_type(walk, decl->params.at[i].type);
        list_push(walk->ck->arena, &walk->locals, decl->params.at[i].name.text);
        check_attributes(walk->ck, &decl->params.at[i].attributes);
    }
    check_attributes(walk->ck, &decl->attributes);
    if (decl->kind == DE_FN) {
        for (int i = 0; i < decl->params.n; i++)
            walk_expr(walk, decl->params.at[i].value);
        walk_expr(walk, decl->body);
    }
    if (decl->kind == DE_CONST) walk_expr(walk, decl->body);
}

/* ---- recursion: a cycle among functions and constants ---- */

typedef struct Calls {
    LIST(const Decl *) decls;
    LIST(Walk) walks;
    LIST(int) state;                /* 0 new, 1 on the path, 2 done */
} Calls;

static void find_cycle(Checker *ck, Calls *calls, int i) {
    const Walk *walk = &calls->walks.at[i];
    calls->state.at[i] = 1;
    for (int k = 0; k < walk->calls.n; k++) {
        int j = 0;
        while (j < calls->decls.n && calls->decls.at[j] != walk->calls.at[k]) j++;
        if (j == calls->decls.n) continue;
        if (calls->state.at[j] == 1) {
            Diag *diag = check_error(ck, DIAG_E0103_RECURSION,
                                     calls->decls.at[j]->name.loc, "`%s` needs itself",
                                     calls->decls.at[j]->name.text);
            ck->recursive = true;
            check_help(ck, diag, "there is no recursion: use `fold` or `scan`");
        } else if (calls->state.at[j] == 0) {
            find_cycle(ck, calls, j);
        }
    }
    calls->state.at[i] = 2;
}

static void check_twice(Checker *ck, const Module *module) {
    for (int i = 0; i < module->decls.n; i++)
        for (int k = 0; k < i; k++) {
            const Decl *a = module->decls.at[k], *b = module->decls.at[i];
            Diag *diag;
            if (a->kind == DE_IMPORT || b->kind == DE_IMPORT || !a->name.text ||
                !b->name.text || strcmp(a->name.text, b->name.text))
                continue;
            diag = check_error(ck, DIAG_E0102_TWICE, b->name.loc, "`%s` is defined twice",
                               b->name.text);
            check_note(ck, diag, a->name.loc, "first here");
            break;
        }
}

void check_all_names(Checker *ck) {
    Calls calls = {0};
    load_core(ck);
    for (int u = 0; u < ck->units.n; u++) {
        const Module *module = ck->units.at[u]->module;
        check_twice(ck, module);
        for (int i = 0; i < module->decls.n; i++) {
            const Decl *decl = module->decls.at[i];
            Walk walk = {.ck = ck, .unit = ck->units.at[u]};
            if (!in_kinds(decl, DE_CONST, DE_KERNEL)) continue;
            walk_decl(&walk, decl);
            list_push(ck->arena, &calls.decls, decl);
            list_push(ck->arena, &calls.walks, walk);
            list_push(ck->arena, &calls.state, 0);
        }
    }
    for (int i = 0; i < calls.decls.n; i++)
        if (calls.state.at[i] == 0) find_cycle(ck, &calls, i);
}
