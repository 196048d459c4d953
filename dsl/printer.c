/* The tree as DSL text that parses to an equal tree. */
#include <string.h>
#include "ast.h"

typedef struct Printer {
    FILE *out;
    int indent;
} Printer;

static void put(Printer *p, const char *text) { fputs(text, p->out); }

static void new_line(Printer *p) { fprintf(p->out, "\n%*s", p->indent, ""); }

/* ---- how tightly an expression binds ---- */

enum { OPEN_ENDED, PIPE, OR, AND, NOT, COMPARE, ADD, MUL, SIGN, POSTFIX };

static int operator_level(Operator op) {
    switch (op) {
    case OPR_OR: return OR;
    case OPR_AND: return AND;
    case OPR_NOT: return NOT;
    case OPR_EQ: case OPR_NE: case OPR_LT: case OPR_LE: case OPR_GT: case OPR_GE:
        return COMPARE;
    case OPR_ADD: case OPR_SUB: return ADD;
    case OPR_MUL: case OPR_DIV: case OPR_FLOORDIV: case OPR_MOD: return MUL;
    case OPR_NEG: return SIGN;
    }
    return POSTFIX;
}

const char *operator_text(Operator op) {
    static const char *const texts[] = {
        [OPR_OR] = "or", [OPR_AND] = "and", [OPR_NOT] = "not", [OPR_EQ] = "==",
        [OPR_NE] = "!=", [OPR_LT] = "<", [OPR_LE] = "<=", [OPR_GT] = ">",
        [OPR_GE] = ">=", [OPR_ADD] = "+", [OPR_SUB] = "-", [OPR_MUL] = "*",
        [OPR_DIV] = "/", [OPR_FLOORDIV] = "//", [OPR_MOD] = "%", [OPR_NEG] = "-",
    };
    return texts[op];
}

static int level_of(const Expr *e) {
    switch (e->kind) {
    case EX_IF: case EX_FOR: case EX_FOLD: case EX_SCAN: case EX_LAMBDA:
        return OPEN_ENDED;
    case EX_CALL: return e->piped || e->attributes.n ? PIPE : POSTFIX;
    case EX_UNARY: case EX_BINARY: return operator_level(e->op);
    case EX_IS: return COMPARE;
    default: return POSTFIX;
    }
}

static void put_bare(Printer *p, const Expr *e);

/* In brackets if it binds more loosely than `least`. */
static void put_expr(Printer *p, const Expr *e, int least) {
    bool brackets = level_of(e) < least;
    if (brackets)
        put(p, "(");
    put_bare(p, e);
    if (brackets)
        put(p, ")");
}

static void put_any(Printer *p, const Expr *e) { put_expr(p, e, OPEN_ENDED); }

/* The end of what is open-ended: a `|>` there would be ambiguous. */
static void put_tail(Printer *p, const Expr *e) {
    put_expr(p, e, level_of(e) == PIPE ? OR : OPEN_ENDED);
}

/* ---- lists ---- */

static void put_names(Printer *p, const NameList *names) {
    for (int i = 0; i < names->n; i++)
        fprintf(p->out, "%s%s", i ? ", " : "", names->at[i].text);
}

static void put_items(Printer *p, const ExprList *items) {
    for (int i = 0; i < items->n; i++) {
        if (i)
            put(p, ", ");
        put_any(p, items->at[i]);
    }
}

static void put_args(Printer *p, const ArgList *args, int first) {
    put(p, "(");
    for (int i = first; i < args->n; i++) {
        if (i > first)
            put(p, ", ");
        if (args->at[i].name.text)
            fprintf(p->out, "%s = ", args->at[i].name.text);
        put_any(p, args->at[i].value);
    }
    put(p, ")");
}

static void put_attribute(Printer *p, const Attribute *attribute) {
    fprintf(p->out, "@%s", attribute->name.text);
    if (attribute->args.n)
        put_args(p, &attribute->args, 0);
}

static void put_indices(Printer *p, const IndexList *indices) {
    for (int i = 0; i < indices->n; i++) {
        const Index *index = &indices->at[i];
        fprintf(p->out, "%s%s", i ? ", " : "", index->name.text);
        if (index->from) {
            put(p, " in ");
            put_any(p, index->from);
            put(p, "..");
            put_any(p, index->to);
        }
    }
}

/* ---- expressions ---- */

static void put_string(Printer *p, const char *text, size_t length) {
    fputc('"', p->out);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        switch (c) {
        case '\n': put(p, "\\n"); break;
        case '\t': put(p, "\\t"); break;
        case '"': put(p, "\\\""); break;
        case '\\': put(p, "\\\\"); break;
        default:
            if (c < ' ' || c == 127)
                fprintf(p->out, "\\u{%x}", c);
            else
                fputc(c, p->out);
        }
    }
    fputc('"', p->out);
}

static void put_call(Printer *p, const Expr *e) {
    if (e->piped) {
        put_expr(p, e->args.at[0].value, PIPE);
        put(p, " |> ");
    }
    bool simple = e->a->kind == EX_NAME || e->a->kind == EX_MEMBER;
    put_expr(p, e->a, POSTFIX);
    if (!e->piped || e->args.n > 1 || !simple)
        put_args(p, &e->args, e->piped);
    for (int i = 0; i < e->attributes.n; i++) {
        put(p, " ");
        put_attribute(p, &e->attributes.at[i]);
    }
}

static void put_binary(Printer *p, const Expr *e) {
    int level = operator_level(e->op);
    put_expr(p, e->a, level == COMPARE ? level + 1 : level);
    fprintf(p->out, " %s ", operator_text(e->op));
    put_expr(p, e->b, level + 1);
}

static void put_unary(Printer *p, const Expr *e) {
    put(p, e->op == OPR_NOT ? "not " : "-");
    put_expr(p, e->a, operator_level(e->op));
}

static void put_index(Printer *p, const Expr *e) {
    put_expr(p, e->a, POSTFIX);
    put(p, "[");
    for (int i = 0; i < e->subs.n; i++) {
        const Sub *sub = &e->subs.at[i];
        put(p, i ? ", " : "");
        if (sub->kind == SUB_ALL) {
            put(p, ":");
            continue;
        }
        put_any(p, sub->at);
        if (sub->kind == SUB_RANGE) {
            put(p, "..");
            put_any(p, sub->to);
        }
    }
    if (e->b) {
        put(p, " else ");
        put_any(p, e->b);
    }
    put(p, "]");
}

static void put_lambda(Printer *p, const Expr *e) {
    bool one = e->names.n == 1;
    put(p, one ? "" : "(");
    put_names(p, &e->names);
    put(p, one ? " => " : ") => ");
    put_tail(p, e->a);
}

static void put_if(Printer *p, const Expr *e) {
    put(p, "if ");
    put_any(p, e->a);
    put(p, " then ");
    put_any(p, e->b);
    put(p, " else ");
    put_tail(p, e->c);
}

static void put_clause(Printer *p, const char *word, const Expr *e) {
    if (!e)
        return;
    fprintf(p->out, " %s ", word);
    put_any(p, e);
}

static void put_loop(Printer *p, const Expr *e) {
    if (e->kind != EX_FOR) {
        put(p, e->kind == EX_FOLD ? "fold " : "scan ");
        put_names(p, &e->names);
        put(p, " = ");
        put_any(p, e->init);
        put(p, " ");
    }
    put(p, "for ");
    put_indices(p, &e->indices);
    put_clause(p, "where", e->b);
    put_clause(p, "until", e->c);
    put(p, ": ");
    put_tail(p, e->a);
}

static void put_block(Printer *p, const Expr *e) {
    put(p, "{");
    p->indent += 4;
    for (int i = 0; i < e->bindings.n; i++) {
        new_line(p);
        put_names(p, &e->bindings.at[i].names);
        put(p, " = ");
        put_any(p, e->bindings.at[i].value);
    }
    new_line(p);
    put_any(p, e->a);
    p->indent -= 4;
    new_line(p);
    put(p, "}");
}

static void put_bare(Printer *p, const Expr *e) {
    switch (e->kind) {
    case EX_NAME: put(p, e->name.text); break;
    case EX_INT: case EX_FLOAT: put(p, e->text); break;
    case EX_STRING: put_string(p, e->text, e->length); break;
    case EX_BOOL: put(p, e->integer ? "true" : "false"); break;
    case EX_TUPLE: put(p, "("); put_items(p, &e->items); put(p, ")"); break;
    case EX_LIST: put(p, "["); put_items(p, &e->items); put(p, "]"); break;
    case EX_UNARY: put_unary(p, e); break;
    case EX_BINARY: put_binary(p, e); break;
    case EX_IS:
        put_expr(p, e->a, COMPARE + 1);
        fprintf(p->out, " is %s", e->name.text);
        break;
    case EX_CALL: put_call(p, e); break;
    case EX_INDEX: put_index(p, e); break;
    case EX_MEMBER:
        put_expr(p, e->a, POSTFIX);
        fprintf(p->out, ".%s", e->name.text);
        break;
    case EX_LAMBDA: put_lambda(p, e); break;
    case EX_IF: put_if(p, e); break;
    case EX_FOR: case EX_FOLD: case EX_SCAN: put_loop(p, e); break;
    case EX_BLOCK: put_block(p, e); break;
    case EX_ERROR: put(p, "<error>"); break;
    }
}

void print_expr(FILE *out, const Expr *e) {
    Printer printer = {out, 0};
    put_any(&printer, e);
}

/* ---- types ---- */

static void put_type(Printer *p, const TypeExpr *type);

static void put_dim(Printer *p, const DimExpr *dim) {
    switch (dim->kind) {
    case DIM_EXPR: put_any(p, dim->expr); break;
    case DIM_SEQUENCE: fprintf(p->out, "...%s", dim->name.text); break;
    case DIM_UNKNOWN: fprintf(p->out, "?%s", dim->name.text ? dim->name.text : ""); break;
    }
}

static void put_type_items(Printer *p, const TypeExpr *type) {
    put(p, "(");
    for (int i = 0; i < type->items.n; i++) {
        put(p, i ? ", " : "");
        if (type->kind == TE_TUPLE && type->item_names.at[i].text)
            fprintf(p->out, "%s: ", type->item_names.at[i].text);
        put_type(p, type->items.at[i]);
    }
    put(p, ")");
}

static void put_type(Printer *p, const TypeExpr *type) {
    switch (type->kind) {
    case TE_TUPLE: put_type_items(p, type); return;
    case TE_FN:
        put(p, "fn");
        put_type_items(p, type);
        put(p, " -> ");
        put_type(p, type->result);
        return;
    case TE_NAME: break;
    }
    put(p, type->name.text);
    for (int i = 0; i < type->dims.n; i++) {
        put(p, i ? ", " : "[");
        put_dim(p, &type->dims.at[i]);
    }
    put(p, type->has_dims ? "]" : "");
}

/* ---- declarations ---- */

static void put_params(Printer *p, const ParamList *params) {
    put(p, "(");
    for (int i = 0; i < params->n; i++) {
        const Param *param = &params->at[i];
        put(p, i ? ", " : "");
        for (int k = 0; k < param->attributes.n; k++) {
            put_attribute(p, &param->attributes.at[k]);
            put(p, " ");
        }
        fprintf(p->out, "%s: ", param->name.text);
        put_type(p, param->type);
        if (param->value) {
            put(p, " = ");
            put_any(p, param->value);
        }
    }
    put(p, ")");
}

static void put_signature(Printer *p, const Decl *decl, const char *word) {
    fprintf(p->out, "%s %s", word, decl->name.text);
    put_params(p, &decl->params);
    put(p, " -> ");
    put_type(p, decl->type);
}

static void put_fn(Printer *p, const Decl *decl) {
    put_signature(p, decl, "fn");
    for (int i = 0; i < decl->wheres.n; i++)
        fprintf(p->out, "%s%s is %s", i ? ", " : " where ",
                decl->wheres.at[i].variable.text, decl->wheres.at[i].class_name.text);
    put(p, decl->body->kind == EX_BLOCK ? " " : " = ");
    put_any(p, decl->body);
}

static void put_kernel_clause(Printer *p, const Clause *clause) {
    static const char *const words[] = {
        [CL_FROM] = "from ", [CL_COST] = "cost ", [CL_PEEK] = "peek ",
        [CL_ROWS] = "rows", [CL_REGION] = "region ", [CL_AT_OPEN] = "at open",
        [CL_ONE_AT_A_TIME] = "one at a time", [CL_NEEDS] = "needs ",
        [CL_LAYOUT] = "layout ",
    };
    put(p, words[clause->kind]);
    if (clause->expr)
        put_any(p, clause->expr);
    put_names(p, &clause->names);
}

static void put_kernel(Printer *p, const Decl *decl) {
    put_signature(p, decl, "kernel");
    p->indent += 4;
    for (int i = 0; i < decl->clauses.n; i++) {
        new_line(p);
        put_kernel_clause(p, &decl->clauses.at[i]);
    }
    p->indent -= 4;
}

static void put_const(Printer *p, const Decl *decl) {
    fprintf(p->out, "const %s", decl->name.text);
    if (decl->type) {
        put(p, ": ");
        put_type(p, decl->type);
    }
    put(p, " = ");
    put_any(p, decl->body);
}

/* ---- statements ---- */

static void put_emit(Printer *p, const Stmt *stmt) {
    put(p, "emit ");
    for (int i = 0; i < stmt->items.n; i++) {
        fprintf(p->out, "%s%s", i ? ", " : "", stmt->items.at[i].name.text);
        if (stmt->items.at[i].value) {
            put(p, " = ");
            put_any(p, stmt->items.at[i].value);
        }
    }
}

static void put_stmt(Printer *p, const Stmt *stmt) {
    static const char *const words[] = {
        [ST_FROM] = "from ", [ST_SHUFFLE] = "shuffle", [ST_SAMPLE] = "sample ",
        [ST_TAKE] = "take ", [ST_SKIP] = "skip ", [ST_WHERE] = "where ",
        [ST_EACH] = "each ", [ST_FIELD] = "", [ST_CACHE] = "cache", [ST_BATCH] = "batch",
        [ST_EMIT] = "",
    };
    for (int i = 0; i < stmt->attributes.n; i++) {
        put_attribute(p, &stmt->attributes.at[i]);
        new_line(p);
    }
    put(p, words[stmt->kind]);
    put_names(p, &stmt->names);
    if (stmt->names.n)
        put(p, stmt->kind == ST_EACH ? " in " : " = ");
    if (stmt->expr)
        put_expr(p, stmt->expr, stmt->kind == ST_FROM ? POSTFIX : OPEN_ENDED);
    if (stmt->kind == ST_CACHE || stmt->kind == ST_BATCH)
        put_args(p, &stmt->args, 0);
    if (stmt->kind == ST_EMIT)
        put_emit(p, stmt);
    put(p, "\n");
}

static void put_feature(Printer *p, const Decl *decl) {
    fprintf(p->out, "feature %s", decl->name.text);
    put_params(p, &decl->params);
    put(p, "\n\n");
    for (int i = 0; i < decl->stmts.n; i++)
        put_stmt(p, decl->stmts.at[i]);
}

static void put_doc(Printer *p, const char *doc) {
    while (doc) {
        int length = (int)strcspn(doc, "\n");
        fprintf(p->out, "##%s%.*s\n", length ? " " : "", length, doc);
        doc = doc[length] ? doc + length + 1 : NULL;
    }
}

static void put_decl(Printer *p, const Decl *decl) {
    put_doc(p, decl->doc);
    for (int i = 0; i < decl->attributes.n; i++) {
        put_attribute(p, &decl->attributes.at[i]);
        put(p, "\n");
    }
    switch (decl->kind) {
    case DE_IMPORT:
        put(p, "import ");
        put_string(p, decl->path, strlen(decl->path));
        if (decl->name.text)
            fprintf(p->out, " as %s", decl->name.text);
        break;
    case DE_CONST: put_const(p, decl); break;
    case DE_TYPE:
        fprintf(p->out, "type %s = ", decl->name.text);
        put_type(p, decl->type);
        break;
    case DE_FN: put_fn(p, decl); break;
    case DE_KERNEL: put_kernel(p, decl); break;
    case DE_FEATURE: put_feature(p, decl); return;
    }
    put(p, "\n");
}

/* The feature comes last: it runs to the end of the file. */
void print_module(FILE *out, const Module *module) {
    Printer printer = {out, 0};
    const Decl *feature = NULL;
    for (int i = 0; i < module->decls.n; i++) {
        const Decl *decl = module->decls.at[i];
        if (decl->kind == DE_FEATURE) {
            feature = decl;
            continue;
        }
        put_decl(&printer, decl);
        fputs("\n", out);
    }
    if (feature)
        put_decl(&printer, feature);
}
