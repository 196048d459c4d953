/* What `pipec explain` shows, in its forms. All of them show one Story: the feature as it
 * is written, the tensors that are made of it, and what was decided. */
#ifndef PIPEC_EXPLAIN_H
#define PIPEC_EXPLAIN_H
#include "plan_file.h"

typedef enum { EXPLAIN_TEXT, EXPLAIN_JSON, EXPLAIN_DOT, EXPLAIN_HTML } ExplainFormat;

/* What was decided, by a plan of it; 0, or 1: it could not be written. */
int explain(const Graph *, const LowerNotes *, const Plan *, FILE *, ExplainFormat);
/* Graph.orders, as text or JSON. */
int explain_orders(const Graph *, FILE *, ExplainFormat);
/* Notes the subscripts that are tested in every round of a loop. */
void explain_tests(const Graph *, Diags *);

/* ---- as it is written ---- */

/* Bytes of a record. n < 0: not known; mean: measured, of what was made of it; text: for
 * people, with a `?` for each dim that nobody knows. */
typedef struct Amount { double n; bool mean; const char *text; } Amount;

typedef enum {
    ROW_SOURCE,     /* a field of the source that is read */
    ROW_FIELD,      /* a field, or what its chain begins with */
    ROW_STEP,
    ROW_WHERE, ROW_EACH, ROW_CACHE, ROW_BATCH,
    ROW_RECORD      /* what a record costs beside all of these */
} RowKind;

typedef LIST(const char *) Words;

typedef struct Row {
    RowKind kind;
    const char *name, *of;      /* of: a step's field, a field's source; or NULL */
    const char *written;        /* for people: "image = data", "  |> chw" */
    const char *type;
    const Expr *call;           /* of a step */
    int line;
    Amount in, out;
    double ns;                  /* predicted, of a record; -1: not known */
    Words runs_in;              /* sections; none: it is put where it is read */
    Words with;                 /* operators whose work runs there too */
    LIST(int) reads;            /* rows */
    bool alias;                 /* a name that a chain begins with: no work */
    bool dead;
} Row;
typedef LIST(Row) Rows;

/* Steps that were moved, in the order in which they are made. */
typedef struct Moved { const ChainSteps *chain; Rows rows; } Moved;

/* ---- as it is made ---- */

typedef struct Made {
    const TensorNote *note;
    Amount bytes;
    double ns, part;            /* of a record; of all sections; -1: unknown */
    Words operators;            /* of the text, that are fused into it */
    LIST(int) reads;            /* of these */
} Made;

/* A part of the record's time: a section. */
typedef struct Share { const char *name; int line; double ns, part; } Share;

/* ---- a line for people: "decided:" "2 workers for …" ---- */
typedef struct Saying { const char *about, *text; } Saying;

typedef struct Story {
    Arena *arena;
    const Graph *graph;
    const LowerNotes *notes;
    const Plan *plan;
    Rows rows;
    LIST(Moved) moved;
    LIST(Made) made;            /* what is read stands before what reads it */
    LIST(Share) shares;         /* the dearest first */
    LIST(Saying) said;
} Story;

void say(Story *, const char *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void add_word(Arena *, Words *, const char *);      /* once */
const char *words_text(Arena *, const Words *);     /* "a, b" */

/* ---- explain_bytes.c ---- */
Amount amount_of(Arena *, const Type *);            /* of a value */
Amount amount_mean(Arena *, double);
Amount amount_none(void);
Amount amount_sum(Arena *, Amount, Amount);
/* "u8[?, ?, 3]": what dims hang on is not spelt out. */
const char *type_words(Arena *, const Type *);
/* "12 * ? a row": bytes of a tensor as it is made. */
Amount amount_made(Arena *, const TensorNote *);

/* ---- explain_rows.c: Story.rows and .moved ---- */
void explain_rows(Story *);
/* ---- explain_work.c: what they cost, and where they run ---- */
void explain_work(Story *);
/* ---- explain_made.c: Story.made and .shares ---- */
void explain_made(Story *);

/* ---- explain_said.c: Story.said ---- */
void explain_said(Story *);
/* ---- explain_cache.c ---- */
void explain_cache_said(Story *);
bool cache_is_chosen(const Graph *, const CachePlace *);
/* Why values are kept at a place, or why not. */
const char *cache_words(Arena *, const Graph *, const CachePlace *);
/* A member of an object, the comma before it. */
void explain_cache_json(const Graph *, FILE *);
/* ---- explain_plan.c: with a profile alone ---- */
void explain_plan_said(Story *);
/* , "predicted": {…} */
void explain_plan_json(const Story *, FILE *);

/* ---- explain_boxes.c: for drawings ---- */
typedef struct Box {
    const char *name, *what, *more;     /* shown; below it; when pointed at: lines */
    int line;
    double ns, part;            /* of a record; of its time; -1: unknown */
    bool kept, dead;            /* from epoch to epoch, behind it */
    LIST(int) reads;            /* boxes before this one */
} Box;
typedef LIST(Box) Boxes;
Boxes boxes_written(const Story *);
Boxes boxes_moved(const Story *, const Moved *);
Boxes boxes_made(const Story *);

/* ---- forms ---- */
void explain_text(const Story *, FILE *);
void explain_json(const Story *, FILE *);
void orders_json(const ChainOrders *, FILE *);
void explain_dot(const Story *, FILE *);
void explain_html(const Story *, FILE *);
#endif
