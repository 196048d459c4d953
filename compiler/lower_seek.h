/* What the files of seeking share: which bytes of a source's field the loops of a
 * function read. Asked of the loop IR, where every read is an address. */
#ifndef PIPEC_LOWER_SEEK_H
#define PIPEC_LOWER_SEEK_H
#include "lower_room.h"

/* An instruction, and where it stands: numbered in the order of the text. */
typedef struct SeekNode {
    LoopInstr *instr;
    LoopBlock *block;
    int parent;                 /* number of the FOR, WHILE or IF around it; -1: none */
} SeekNode;

/* Of a value: operand `operand` of instruction `node`; its next use, or -1. */
typedef struct SeekUse { int node, operand, next; } SeekUse;

typedef struct SeekTree {
    Arena *arena;
    LoopFunction *function;
    LIST(SeekNode) nodes;
    int *def;                   /* [value]: number of what defines it; -1: a parameter */
    LIST(SeekUse) uses;
    int *use;                   /* [value]: the first of its uses; -1: none */
} SeekTree;

/* ---- lower_seek_tree.c ---- */
SeekTree *seek_tree(Arena *, LoopFunction *);
const LoopInstr *seek_def(const SeekTree *, Value);     /* NULL: a parameter */
bool seek_constant(const SeekTree *, Value, int64_t *);
/* Whether the value can be used right before that instruction. */
bool seek_visible(const SeekTree *, Value, int before);

/* ---- lower_seek_hull.c ---- */
/* Between which numbers an i64 lies, whenever it is computed below the loop `before`:
 * found from what is known right before that loop. */
typedef struct SeekHull { Value low, high; } SeekHull;
bool seek_has_hull(const SeekTree *, Value, int before);
/* The same as code, at the builder's place: two f64, whole numbers if *exact (i1). */
SeekHull seek_hull(const SeekTree *, LoopBuilder *, Value, int before, Value *exact);
/* Whether that is all from near the beginning to near an end that is `size`. */
bool seek_is_all(const SeekTree *, Value, Value size, int before);
#endif
