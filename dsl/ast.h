/* The syntax tree: what the text says, before any name is looked up.
 * Nodes live in the arena of the compilation and are never changed after the
 * parser made them. Productions are those of docs/language.md, section 1. */
#ifndef PIPEC_AST_H
#define PIPEC_AST_H
#include <stdbool.h>
#include <stdint.h>
#include "arena.h"
#include "diag.h"

typedef struct Expr Expr;
typedef struct TypeExpr TypeExpr;
typedef LIST(Expr *) ExprList;
typedef LIST(TypeExpr *) TypeList;

typedef struct Name { const char *text; Loc loc; } Name;
typedef LIST(Name) NameList;

typedef struct Arg { Name name; /* text NULL: positional */ Expr *value; } Arg;
typedef LIST(Arg) ArgList;

/* @name(args) */
typedef struct Attribute { Name name; ArgList args; Loc loc; } Attribute;
typedef LIST(Attribute) AttributeList;

/* ---- types ---- */
typedef enum { DIM_EXPR, DIM_SEQUENCE /* ...s */, DIM_UNKNOWN /* ? or ?m */ } DimKind;
typedef struct DimExpr { DimKind kind; Expr *expr; Name name; Loc loc; } DimExpr;

typedef enum { TE_NAME /* u8[h, w] */, TE_TUPLE, TE_FN } TypeExprKind;
struct TypeExpr {
    TypeExprKind kind;
    Loc loc;
    Name name;                          /* TE_NAME */
    bool has_dims;
    LIST(DimExpr) dims;
    TypeList items;                     /* TE_TUPLE; TE_FN: parameters */
    NameList item_names;                /* TE_TUPLE: one each, text NULL: none */
    TypeExpr *result;                   /* TE_FN */
};

/* ---- expressions ---- */
typedef enum {
    EX_NAME, EX_INT, EX_FLOAT, EX_STRING, EX_BOOL,
    EX_TUPLE,       /* (a, b)     items */
    EX_LIST,        /* [a, b]     items */
    EX_UNARY,       /* op a */
    EX_BINARY,      /* a op b */
    EX_IS,          /* a is name: a dtype or class test */
    EX_CALL,        /* a(args) [@attributes]; `piped`: args[0] came by |> */
    EX_INDEX,       /* a[subs else b] */
    EX_MEMBER,      /* a.name */
    EX_LAMBDA,      /* names => a */
    EX_IF,          /* if a then b else c */
    EX_FOR,         /* for indices where b: a */
    EX_FOLD,        /* fold names = init for indices where b until c: a */
    EX_SCAN,        /* the same, every state */
    EX_BLOCK,       /* { bindings a } */
    EX_ERROR        /* what the parser could not read; it has been reported */
} ExprKind;

typedef enum {
    OPR_OR, OPR_AND, OPR_NOT,
    OPR_EQ, OPR_NE, OPR_LT, OPR_LE, OPR_GT, OPR_GE,
    OPR_ADD, OPR_SUB, OPR_MUL, OPR_DIV, OPR_FLOORDIV, OPR_MOD, OPR_NEG
} Operator;
const char *operator_text(Operator);

/* name [in from..to] */
typedef struct Index { Name name; Expr *from, *to; /* NULL: not written */ } Index;
typedef LIST(Index) IndexList;

typedef enum { SUB_ALL /* : */, SUB_AT, SUB_RANGE } SubKind;
typedef struct Sub { SubKind kind; Expr *at, *to; Loc loc; } Sub;

/* names = value, inside a block */
typedef struct Binding { NameList names; Expr *value; Loc loc; } Binding;

struct Expr {
    ExprKind kind;
    Loc loc;                            /* the whole expression */
    int height;                         /* 1 + the highest part; at most 1000 */
    Operator op;                        /* EX_UNARY, EX_BINARY */
    Loc op_loc;
    Expr *a, *b, *c;
    Expr *init;                         /* EX_FOLD, EX_SCAN */
    Name name;                          /* EX_NAME, EX_IS, EX_MEMBER */
    uint64_t integer;                   /* EX_INT; EX_BOOL: 0 or 1 */
    double real;                        /* EX_FLOAT, correctly rounded */
    const char *text;                   /* EX_STRING: the bytes; numbers: as written */
    size_t length;                      /* EX_STRING */
    ExprList items;
    ArgList args;                       /* EX_CALL */
    bool piped;                         /* EX_CALL */
    LIST(Sub) subs;                     /* EX_INDEX; else-value in b */
    IndexList indices;
    NameList names;                     /* EX_LAMBDA, EX_FOLD, EX_SCAN */
    LIST(Binding) bindings;             /* EX_BLOCK; value in a */
    AttributeList attributes;           /* EX_CALL */
    const Expr *written;                /* EX_CALL: whose draws it has, if it was moved */
};

/* ---- declarations and statements ---- */
typedef struct Param {
    Name name; TypeExpr *type; Expr *value; /* NULL: no default */
    AttributeList attributes;
} Param;
typedef LIST(Param) ParamList;

/* T is float */
typedef struct Where { Name variable, class_name; } Where;

typedef enum { CL_FROM, CL_COST, CL_PEEK, CL_ROWS, CL_REGION, CL_AT_OPEN,
               CL_ONE_AT_A_TIME, CL_NEEDS, CL_LAYOUT } ClauseKind;
typedef struct Clause {
    ClauseKind kind; Loc loc;
    Expr *expr;                         /* CL_FROM, CL_NEEDS (EX_STRING), CL_COST */
    NameList names;                     /* CL_PEEK, CL_REGION, CL_LAYOUT */
} Clause;

typedef enum { ST_FROM, ST_SHUFFLE, ST_SAMPLE, ST_TAKE, ST_SKIP, ST_WHERE, ST_EACH,
               ST_FIELD, ST_CACHE, ST_BATCH, ST_EMIT } StmtKind;
typedef struct EmitItem { Name name; Expr *value; /* NULL: the field itself */ } EmitItem;
typedef struct Stmt {
    StmtKind kind; Loc loc;
    AttributeList attributes;
    NameList names;                     /* ST_FIELD, ST_EACH */
    Expr *expr;                         /* all that have one */
    ArgList args;                       /* ST_CACHE, ST_BATCH */
    LIST(EmitItem) items;               /* ST_EMIT */
} Stmt;

typedef enum { DE_IMPORT, DE_CONST, DE_TYPE, DE_FN, DE_KERNEL, DE_FEATURE } DeclKind;
typedef struct Decl {
    DeclKind kind; Loc loc;             /* loc: keyword to end of the head */
    Name name;                          /* DE_IMPORT: the alias, text NULL: none */
    const char *doc;                    /* ## lines, or NULL */
    AttributeList attributes;
    const char *path; Loc path_loc;     /* DE_IMPORT */
    ParamList params;                   /* DE_FN, DE_KERNEL, DE_FEATURE */
    TypeExpr *type;                     /* DE_CONST (may be NULL), DE_TYPE, results */
    LIST(Where) wheres;                 /* DE_FN */
    Expr *body;                         /* DE_FN, DE_CONST */
    LIST(Clause) clauses;               /* DE_KERNEL */
    LIST(Stmt *) stmts;                 /* DE_FEATURE */
} Decl;

typedef struct Module {
    const File *file;
    LIST(Decl *) decls;
} Module;

/* Reads one file's text. Errors go to diags; the tree then holds EX_ERROR
 * nodes and what could be read, so that later errors are found too. */
Module *parse_file(Arena *, Diags *, const File *);
/* Writes the tree as DSL text that parses to an equal tree. */
void print_module(FILE *, const Module *);
void print_expr(FILE *, const Expr *);
#endif
