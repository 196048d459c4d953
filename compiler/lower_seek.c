/* Seeking: of a file that a source gives, only what is used is read (pl_call.need). It
 * follows from the addresses in the loops: a read in a nest whose subscript is made of
 * what is known before the nest needs the hull of all its rounds, asked for once before
 * it; any other is asked for where it stands, if that is not often. Where the field
 * leaves (to a kernel, as an output) or is read all over, it comes whole. Exact: bytes
 * are there before they are read, and what cannot be read is judged by the plain plan. */
#include <string.h>
#include "lower_seek.h"
#include "passes/pass.h"

enum { SEEK_ROUNDS = 4096,      /* reads are asked for one by one: no more of them */
       SEEK_NEST = 64,          /* rounds of a nest that is asked for in a longer loop */
       SEEK_NEAR = 4096 };      /* reads so near each other are asked for as one */

/* A load of bytes from..to, counted from base * scale; base NO_VALUE: from 0. */
typedef struct Access { int node; Value base; int64_t scale, from, to; } Access;

/* Loads that are asked for in one go: before `node`, the outermost loop that can be, or
 * the first of them. */
typedef struct Group { int node; bool nest; Access all; } Group;

typedef struct Seeking {
    Lowering *all;
    SeekPointer *pointer;
    const SeekTree *tree;
    LIST(Access) accesses;
    LIST(Group) groups;
} Seeking;

/* ---- pointers to a source's bytes ---- */

static bool may_seek(const Gen *g, const Var *var) {
    const Type *type = var->type;
    return !g->plain && !g->all->kept && type->kind == TY_TENSOR && type->rank == 1 &&
           type->dtype == PL_U8 && var->parts && !pass_is_off(g->all->options->off, "seek");
}

void seek_bind(Gen *g, const Var *var, int input, const Tensor *t) {
    SeekPointer p = {.function = g->b.function, .input = input, .data = t->data,
                     .size = t->dim[0].v};
    if (may_seek(g, var)) list_push(g->all->arena, &g->all->seeks, p);
}

SeekPointer *seek_pointer(Gen *g, Value data) {
    for (int i = 0; i < g->all->seeks.n; i++) {
        SeekPointer *p = &g->all->seeks.at[i];
        if (p->function == g->b.function && p->data == data) return p;
    }
    return NULL;
}

void seek_kept(Gen *g, SeekPointer *p) {
    list_push(g->all->arena, &p->kept, built(&g->b));
}

/* ---- their uses ---- */

static bool is_kept(const SeekPointer *p, const LoopInstr *instr) {
    for (int i = 0; i < p->kept.n; i++)
        if (p->kept.at[i] == instr) return true;
    return false;
}

/* The subscript `base` without a constant: which operand is left, or -1. Where a test
 * has clamped it to a place in the head, that place is always there. */
static int left_of(const SeekTree *tree, const Access *a, const LoopInstr *i,
                   int64_t *n) {
    int arm = -1;
    switch (i->op) {
    case LOOP_ADD:
        if (seek_constant(tree, i->arg[0], n)) return 1;
        return seek_constant(tree, i->arg[1], n) ? 0 : -1;
    case LOOP_SUB:
        if (!seek_constant(tree, i->arg[1], n)) return -1;
        *n = -*n;
        return 0;
    case LOOP_SELECT:
        if (seek_constant(tree, i->arg[2], n)) arm = 1;
        else if (seek_constant(tree, i->arg[1], n)) arm = 2;
        if (*n < 0 || *n > PL_PART_HEAD || a->from + *n * a->scale < 0 ||
            a->to + *n * a->scale > PL_PART_HEAD)
            return -1;
        *n = 0;
        return arm;
    default: return -1;
    }
}

/* false: the constants in the subscript are absurd. */
static bool strip(const SeekTree *tree, Access *a) {
    const int64_t absurd = INT64_C(1) << 48;
    while (a->base != NO_VALUE) {
        const LoopInstr *i = seek_def(tree, a->base);
        int64_t n = 0;
        bool constant = seek_constant(tree, a->base, &n);
        int left = i && !constant ? left_of(tree, a, i, &n) : -1;
        if (!constant && left < 0) return true;
        if (n > absurd || n < -absurd || a->from > absurd || a->from < -absurd)
            return false;
        a->base = left < 0 ? NO_VALUE : i->arg[left];
        a->from += n * a->scale;
        a->to += n * a->scale;
    }
    return true;
}

static bool add_access(Seeking *s, Access a, int node) {
    a.node = node;
    a.to = a.from + loop_type_bytes(s->tree->nodes.at[node].instr->type);
    if (!strip(s->tree, &a)) return false;
    list_push(s->all->arena, &s->accesses, a);
    return true;
}

/* Every use of an address in the field; false: it leaves, or is more than a load. */
static bool find_uses(Seeking *s, Value ptr, Access at) {
    for (int k = s->tree->use[ptr]; k >= 0; k = s->tree->uses.at[k].next) {
        const SeekUse *use = &s->tree->uses.at[k];
        const LoopInstr *i = s->tree->nodes.at[use->node].instr;
        if (i->op == LOOP_LOAD) {
            if (!add_access(s, at, use->node)) return false;
        } else if (i->op == LOOP_OFFSET && !use->operand && at.base == NO_VALUE &&
                   i->imm > 0 && i->imm <= 64) {
            Access part = {.base = i->arg[1], .scale = i->imm};
            if (!find_uses(s, i->result, part)) return false;
        } else if (i->op != LOOP_STORE || use->operand || !is_kept(s->pointer, i)) {
            return false;
        }
    }
    return true;
}

/* ---- where they are asked for ---- */

static bool is_loop(const LoopInstr *i) {
    return i->op == LOOP_FOR || i->op == LOOP_WHILE;
}

/* Rounds of the loop; 0: too many, or nobody knows. */
static int64_t rounds(const SeekTree *tree, const LoopInstr *i) {
    int64_t from, to;
    if (i->op != LOOP_FOR || !seek_constant(tree, i->arg[0], &from) ||
        !seek_constant(tree, i->arg[1], &to))
        return 0;
    if (to <= from) return 1;
    return (uint64_t)to - (uint64_t)from > SEEK_ROUNDS ? 0 : to - from;
}

/* Of the loops around `node`, up to `last` (-1: all). */
static int64_t rounds_around(const SeekTree *tree, int node, int last) {
    int64_t n = 1;
    for (int at = tree->nodes.at[node].parent; at >= 0; at = tree->nodes.at[at].parent) {
        const LoopInstr *i = tree->nodes.at[at].instr;
        if (is_loop(i)) n *= rounds(tree, i);
        if (n == 0 || n > SEEK_ROUNDS) return 0;
        if (at == last) break;
    }
    return n;
}

/* The outermost loop before which the hull of the subscript is known; or the load. */
static int place(const SeekTree *tree, const Access *a) {
    int best = a->node;
    for (int at = tree->nodes.at[a->node].parent; at >= 0; at = tree->nodes.at[at].parent)
        if (is_loop(tree->nodes.at[at].instr) &&
            (a->base == NO_VALUE || seek_has_hull(tree, a->base, at)))
            best = at;
    return best;
}

/* What stands in a loop is asked for so often. */
static bool is_seldom(const SeekTree *tree, const Group *g, const Access *a) {
    int64_t inside;
    if (rounds_around(tree, g->node, -1)) return true;
    if (!g->nest) return false;
    inside = rounds_around(tree, a->node, g->node);
    return inside == 0 || inside >= SEEK_NEST;
}

/* Of one subscript, and near each other. Single ones: one stands before the others. */
static bool join(const SeekTree *tree, Group *g, const Group *new) {
    const SeekNode *node = tree->nodes.at;
    const Access *a = &new->all;
    if (g->nest != new->nest || g->all.base != a->base || g->all.scale != a->scale ||
        (g->nest ? g->node != new->node : node[g->node].block != node[new->node].block) ||
        a->from > g->all.to + SEEK_NEAR || g->all.from > a->to + SEEK_NEAR)
        return false;
    if (new->node < g->node) g->node = new->node;
    if (a->from < g->all.from) g->all.from = a->from;
    if (a->to > g->all.to) g->all.to = a->to;
    return true;
}

static bool add_group(Seeking *s, const Access *a) {
    Group new = {.node = place(s->tree, a), .all = *a};
    new.nest = new.node != a->node;
    if (a->base == NO_VALUE && a->from >= 0 && a->to <= PL_PART_HEAD) return true;
    if (!is_seldom(s->tree, &new, a)) return false;
    if (new.nest && a->base != NO_VALUE && a->scale == 1 &&
        seek_is_all(s->tree, a->base, s->pointer->size, new.node))
        return false;
    for (int i = 0; i < s->groups.n; i++)
        if (join(s->tree, &s->groups.at[i], &new)) return true;
    list_push(s->all->arena, &s->groups, new);
    return true;
}

/* false: the field is read whole. */
static bool find_groups(Seeking *s) {
    Access none = {.base = NO_VALUE, .scale = 1};
    if (!find_uses(s, s->pointer->data, none)) return false;
    for (int i = 0; i < s->accesses.n; i++)
        if (!add_group(s, &s->accesses.at[i])) return false;
    return true;
}

/* ---- the code ---- */

static void put_call(const Seeking *s, LoopBuilder *b, Value fn, Value from, Value to) {
    Value input = build_int(b, LT_I32, s->pointer->input);
    Value args[] = {fn, 0, input, s->pointer->data, from, to};
    build_array(b, LOOP_CALL_AT, loop_type(LT_VOID), 6, args);
    built(b)->imm = s->all->need_type;
}

/* bound * scale + more as an i64; `other` if it is not exact. */
static Value place_of(LoopBuilder *b, Value bound, int64_t scale, int64_t more,
                      Value exact, double other) {
    LoopType f64 = loop_type(LT_F64);
    Value at = build(b, LOOP_FMUL, f64, 2, bound, build_real(b, LT_F64, (double)scale));
    at = build(b, LOOP_FADD, f64, 2, at, build_real(b, LT_F64, (double)more));
    at = build(b, LOOP_SELECT, f64, 3, exact, at, build_real(b, LT_F64, other));
    return build(b, LOOP_FPTOSI, loop_type(LT_I64), 1, at);
}

static void put_nest(const Seeking *s, LoopBuilder *b, const Group *g, Value fn) {
    const Access *a = &g->all;
    Value exact, from, to;
    SeekHull hull = seek_hull(s->tree, b, a->base, g->node, &exact);
    from = place_of(b, hull.low, a->scale, a->from, exact, 0);
    to = place_of(b, hull.high, a->scale, a->to, exact, 0x1p62);
    put_call(s, b, fn, from, to);
}

static void put_single(const Seeking *s, LoopBuilder *b, const Group *g, Value fn) {
    LoopType i64 = loop_type(LT_I64);
    Value from = build_int(b, LT_I64, g->all.from), length;
    if (g->all.base != NO_VALUE) {
        Value scale = build_int(b, LT_I64, g->all.scale);
        from = build(b, LOOP_ADD, i64, 2, build(b, LOOP_MUL, i64, 2, g->all.base, scale),
                     from);
    }
    length = build_int(b, LT_I64, g->all.to - g->all.from);
    put_call(s, b, fn, from, build(b, LOOP_ADD, i64, 2, from, length));
}

/* Into the block, before the instruction. */
static void insert(Arena *arena, LoopBlock *into, const LoopInstr *before,
                   const LoopBlock *code) {
    int at = 0, n = code->instrs.n;
    while (into->instrs.at[at] != before) at++;
    for (int i = 0; i < n; i++) list_push(arena, &into->instrs, NULL);
    memmove(&into->instrs.at[at + n], &into->instrs.at[at],
            sizeof *into->instrs.at * (size_t)(into->instrs.n - n - at));
    memcpy(&into->instrs.at[at], code->instrs.at, sizeof *code->instrs.at * (size_t)n);
}

static void put_group(const Seeking *s, const Group *g) {
    const SeekNode *node = &s->tree->nodes.at[g->node];
    LoopBlock code = {0};
    LoopBuilder b = loop_builder(s->all->module, s->pointer->function);
    Value at, fn;
    b.into = &code;
    b.line = node->instr->line;
    at = build_offset(&b, 0, build_int(&b, LT_I64, CALL_NEED), 1);
    fn = build_load(&b, loop_type(LT_PTR), at, 0);
    build_if(&b, build(&b, LOOP_NE, loop_type(LT_I1), 2, fn, build_int(&b, LT_PTR, 0)));
    if (g->nest && g->all.base != NO_VALUE) put_nest(s, &b, g, fn);
    else put_single(s, &b, g, fn);
    build_end(&b);
    insert(s->all->arena, node->block, node->instr, &code);
}

/* ---- for a feature ---- */

bool seek_input(const Lowering *all, int input) {
    bool some = false;
    for (int i = 0; i < all->seeks.n; i++) {
        if (all->seeks.at[i].input != input) continue;
        if (all->seeks.at[i].whole) return false;
        some = true;
    }
    return some;
}

void seek_run(Lowering *all) {
    int n = all->seeks.n;
    Seeking *s = arena_array(all->arena, Seeking, n + 1);
    for (int i = 0; i < n; i++) {
        SeekPointer *p = &all->seeks.at[i];
        s[i] = (Seeking){.all = all, .pointer = p,
                         .tree = seek_tree(all->arena, p->function)};
        p->whole = !find_groups(&s[i]);
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < s[i].groups.n && seek_input(all, s[i].pointer->input); k++)
            put_group(&s[i], &s[i].groups.at[k]);
    for (int i = 0; all->notes && i < all->inputs.n; i++)
        if (seek_input(all, i))
            list_push(all->arena, &all->notes->seeks, all->inputs.at[i]->name);
}
