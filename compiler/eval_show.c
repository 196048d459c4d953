/* One record for people: every field above `batch`, the verdicts of `where`, the
 * first rows of `each`, what failed and why; as text or as JSON, and as files. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../dsl/utf8.h"
#include "../runtime/order.h"
#include "eval_room.h"

enum { MOST_ROWS = 5, MOST_ELEMENTS = 12, MOST_JSON = 4096 };

typedef struct Show {
    Eval *ev;
    bool json, first;           /* the next JSON item needs no comma */
    int64_t row;                /* of the outermost `each` */
} Show;

static FILE *out(const Show *show) { return show->ev->out; }

/* ---- text ---- */

static void indent(const Show *show, int level) {
    fprintf(out(show), "%*s", 2 + 4 * level, "");
}

static void put_char(FILE *to, unsigned char c, bool json) {
    if (c == '"' || c == '\\') fprintf(to, "\\%c", c);
    else if (c == '\n') fputs("\\n", to);
    else if (c < 32 || (!json && c == 127)) fprintf(to, json ? "\\u%04x" : "\\u{%x}", c);
    else putc(c, to);
}

/* Bytes that are no UTF-8 (names of files may have them) come as \udcXX, as
 * Python writes them. */
static void put_string(FILE *to, const char *text, size_t n, bool json) {
    putc('"', to);
    for (size_t i = 0; i < n;) {
        int length = utf8_length(text + i, n - i);
        if (length == 1) put_char(to, (unsigned char)text[i], json);
        else if (length) fwrite(text + i, 1, (size_t)length, to);
        else fprintf(to, json ? "\\udc%02x" : "\\x%02x", (unsigned char)text[i]);
        i += length ? (size_t)length : 1;
    }
    putc('"', to);
}

static void put_json_string(FILE *to, const char *text) {
    put_string(to, text, strlen(text), true);
}

static bool reads_back(const char *text, pl_dtype d, Number n) {
    return d == PL_F64 ? strtod(text, NULL) == n.d : strtof(text, NULL) == n.f;
}

/* The fewest digits that read back as the same number. */
static void put_finite(FILE *to, pl_dtype d, Number n) {
    double x = d == PL_F64 ? n.d : n.f;
    bool plain = x == 0 || (fabs(x) >= 1e-4 && fabs(x) < 1e16);
    char text[64];
    for (int digits = plain ? 0 : 1; digits <= 20; digits++) {
        snprintf(text, sizeof text, plain ? "%.*f" : "%.*e",
                 plain ? digits : digits - 1, x);
        if (reads_back(text, d, n)) break;
    }
    fputs(text, to);
}

static void put_real(FILE *to, pl_dtype d, Number n, bool json) {
    double x = d == PL_F64 ? n.d : n.f;
    const char *quote = json ? "\"" : "";
    if (x - x == 0) {
        put_finite(to, d, n);
        if (json && x == 0) fputs(".0", to);    /* "-0" would be read as an integer */
    } else {
        fprintf(to, "%s%s%s", quote, x != x ? "nan" : x > 0 ? "inf" : "-inf", quote);
    }
}

static void put_number(FILE *to, pl_dtype d, Number n, bool json) {
    if (d == PL_BOOL) fputs(n.i ? "true" : "false", to);
    else if (dtype_is_float(d)) put_real(to, d, n, json);
    else if (d == PL_U64) fprintf(to, "%llu", (unsigned long long)n.i);
    else fprintf(to, "%lld", (long long)n.i);
}

/* Elements from *p on of the dimensions from axis on, at most `room` of them. */
static void put_elements(const Show *show, Tensor *t, int axis, int64_t *p,
                         int64_t *room) {
    FILE *to = out(show);
    int64_t n;
    if (axis == t->type->rank) {
        put_number(to, t->type->dtype, tensor_element(t, (*p)++).v, show->json);
        (*room)--;
        return;
    }
    n = tensor_dim(t, axis).v.i;
    putc('[', to);
    for (int64_t i = 0; i < n; i++) {
        if (*room <= 0) {
            fputs("…", to);
            break;
        }
        if (i) fputs(", ", to);
        put_elements(show, t, axis + 1, p, room);
    }
    putc(']', to);
}

static void put_value(const Show *show, const Type *type, Value value) {
    int64_t p = 0, room = show->json ? MOST_JSON : MOST_ELEMENTS;
    FILE *to = out(show);
    bool large = show->json && type->rank && value.t->count > MOST_JSON;
    if (type->kind == TY_OPAQUE || large) fputs(show->json ? "null" : "opaque", to);
    else if (type->rank == 0) put_number(to, type->dtype, value.s.v, show->json);
    else if (type->text)
        put_string(to, value.t->data, (size_t)value.t->count, show->json);
    else put_elements(show, value.t, 0, &p, &room);
}

/* ---- shapes and failures ---- */

static void put_shape(const Show *show, const Type *type, Value value) {
    FILE *to = out(show);
    if (show->json) {
        fprintf(to, ", \"dtype\": \"%s\", \"shape\": [", dtype_name(type->dtype));
    } else {
        fprintf(to, "%s%s", dtype_name(type->dtype), type->rank ? "[" : "");
    }
    for (int k = 0; k < type->rank; k++)
        fprintf(to, "%s%lld", k ? ", " : "", (long long)tensor_dim(value.t, k).v.i);
    if (show->json || type->rank) putc(']', to);
}

static const char *reason_text(const Show *show, const Failure *fail) {
    Arena *arena = show->ev->arena;
    if (!fail->code) return "it needs more memory than a record may have";
    if (!fail->code->reason) return fail->text;
    /* The format comes from failure_reason: at most two %lld. */
    return arena_format(arena, fail->code->reason, (long long)fail->a,
                        (long long)fail->b);
}

static void put_failure(const Show *show, const Failure *fail) {
    FILE *to = out(show);
    const char *op = NULL;
    int line = fail->code ? place_line(fail->code->at, show->ev->graph->file, &op) : 0;
    const char *reason = reason_text(show, fail);
    if (!show->json) {
        fprintf(to, "failed: %s (line %d%s%s)\n", reason, line, op ? ", " : "",
                op ? op : "");
        return;
    }
    fputs(", \"failed\": ", to);
    put_json_string(to, reason);
    fprintf(to, ", \"line\": %d, \"operator\": ", line);
    put_json_string(to, op ? op : "");
    putc('}', to);
}

/* ---- items ---- */

static void begin_item(Show *show, int level, const char *what, const char *name) {
    FILE *to = out(show);
    if (!show->json) {
        indent(show, level);
        if (*what == 'w') fprintf(to, "%s", name);
        else fprintf(to, "%-12s ", name);
        return;
    }
    fprintf(to, "%s\n  {\"%s\": ", show->first ? "" : ",", what);
    show->first = false;
    put_json_string(to, name);
    if (level) fprintf(to, ", \"level\": %d, \"row\": %lld", level, (long long)show->row);
}

static void write_files(Show *show, const char *name, int level, const Type *type,
                        Value value) {
    const char *folder = show->ev->options->folder;
    if (!folder || type->kind != TY_TENSOR) return;
    if (level && show->row)
        name = arena_format(show->ev->arena, "%s.%lld", name, (long long)show->row);
    if (write_value_files(folder, name, type, value)) return;
    fprintf(stderr, "pipec eval: %s/%s: %s\n", folder, name, strerror(errno));
    show->ev->status = 1;
}

static void show_value(Show *show, const char *name, int level, const Type *type,
                       Value value);

static void show_tuple(Show *show, const char *name, int level, const Type *type,
                       Tuple *tuple) {
    Arena *arena = show->ev->arena;
    for (int i = 0; i < type->n; i++) {
        const char *item = type->names && type->names[i]
                               ? arena_format(arena, "%s.%s", name, type->names[i])
                               : arena_format(arena, "%s.%d", name, i);
        show_value(show, item, level, type->items[i], tuple_item(tuple, i));
    }
}

static void show_value(Show *show, const char *name, int level, const Type *type,
                       Value value) {
    const Failure *fail;
    FILE *to = out(show);
    if (type->kind == TY_TUPLE) {
        show_tuple(show, name, level, type, value.tuple);
        return;
    }
    fail = value_all(value, type);
    begin_item(show, level, "name", name);
    if (fail) {
        put_failure(show, fail);
        return;
    }
    if (type->kind == TY_TENSOR) put_shape(show, type, value);
    fputs(show->json ? ", \"value\": " : " = ", to);
    put_value(show, type, value);
    fputs(show->json ? "}" : "\n", to);
    write_files(show, name, level, type, value);
}

static void show_where(Show *show, const EvalNode *node, int number, Root *root) {
    Scalar s = eval_scalar(node->code, root->frame);
    int line, column;
    FILE *to = out(show);
    loc_line(node->node->loc, &line, &column);
    begin_item(show, node->node->level, "where",
               arena_format(show->ev->arena, show->json ? "%d" : "where#%d", number));
    if (show->json) fprintf(to, ", \"at\": %d", line);
    else fprintf(to, " (line %d) ", line);
    if (s.fail) {
        put_failure(show, s.fail);
        return;
    }
    if (show->json) fprintf(to, ", \"keeps\": %s}", s.v.i ? "true" : "false");
    else fprintf(to, "%s\n", s.v.i ? "keeps the record" : "rejects the record");
}

static void show_level(Show *show, Root *root, int level);

static void show_rows(Show *show, const EvalNode *node, Root *root) {
    int64_t rows = 0;
    const Failure *fail = eval_each_rows(node, root->frame, &rows);
    int level = node->node->level;
    begin_item(show, level, "each", node->node->vars[0]->name);
    if (fail) {
        put_failure(show, fail);
        return;
    }
    fprintf(out(show), show->json ? ", \"rows\": %lld}" : "%lld rows\n", (long long)rows);
    for (int64_t row = 0; row < rows && row < MOST_ROWS; row++) {
        Root *child = root_new(show->ev, show->ev->record_scope[level + 1], root->frame);
        child->key = root->key;
        child->reused_key = root->reused_key;
        child->id = order_child(root->id, row);
        child->row = row;
        if (level == 0) show->row = row;
        if (!show->json) {
            indent(show, level);
            fprintf(out(show), "  row %lld\n", (long long)row);
        }
        for (int i = 0; i < node->node->nvars; i++) {
            const Var *var = node->node->vars[i];
            show_value(show, var->name, level + 1, var->type,
                       eval_var(show->ev, var, child->frame));
        }
        show_level(show, child, level + 1);
        root_free(child);
    }
}

/* Fields that take a tuple of several names apart follow it. */
static bool is_several(const Var *var) {
    return var->type->kind == TY_TUPLE && strchr(var->name, ',');
}

static void show_level(Show *show, Root *root, int level) {
    Eval *ev = show->ev;
    int wheres = 0;
    for (int i = 0; i < ev->nodes.n; i++) {
        const EvalNode *node = &ev->nodes.at[i];
        const Var *var = node->node->nvars ? node->node->vars[0] : NULL;
        int number = wheres;
        wheres += node->node->kind == NODE_WHERE;
        if (node->node->level != level) continue;
        switch (node->node->kind) {
        case NODE_FIELD:
            if (!is_several(var))
                show_value(show, var->name, level, var->type,
                           eval_var(ev, var, root->frame));
            break;
        case NODE_WHERE: show_where(show, node, number, root); break;
        case NODE_EACH: show_rows(show, node, root); return;
        }
    }
}

void eval_show(Eval *ev, Root *root) {
    Show show = {.ev = ev, .json = ev->options->json, .first = true};
    FILE *to = ev->out;
    bool place = ev->options->place >= 0;
    const char *name = place ? "place" : show.json ? "sample" : "record";
    fprintf(to, show.json ? "{\"%s\": %lld, \"items\": [" : "%s %lld\n", name,
            (long long)(place ? ev->options->place : ev->options->sample));
    for (int i = 0; i < ev->live.inputs.n; i++) {
        const Var *var = ev->live.inputs.at[i];
        show_value(&show, var->name, 0, var->type, eval_var(ev, var, root->frame));
    }
    show_level(&show, root, 0);
    if (show.json) fputs("\n]}\n", to);
}
