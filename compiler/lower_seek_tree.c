/* What defines a value of a function of the loop IR, and where it can be used. */
#include "lower_seek.h"

static void add_use(SeekTree *tree, Value v, int node, int operand) {
    SeekUse use = {node, operand, tree->use[v]};
    tree->use[v] = tree->uses.n;
    list_push(tree->arena, &tree->uses, use);
}

static void add_block(SeekTree *tree, LoopBlock *block, int parent) {
    for (int i = 0; i < block->instrs.n; i++) {
        LoopInstr *instr = block->instrs.at[i];
        int number = tree->nodes.n;
        SeekNode node = {instr, block, parent};
        list_push(tree->arena, &tree->nodes, node);
        if (instr->result != NO_VALUE) tree->def[instr->result] = number;
        for (int k = 0; k < instr->nargs; k++) add_use(tree, instr->arg[k], number, k);
        for (int k = 0; k < instr->nbodies; k++) add_block(tree, &instr->body[k], number);
    }
}

SeekTree *seek_tree(Arena *arena, LoopFunction *function) {
    SeekTree *tree = arena_new_of(arena, SeekTree);
    tree->arena = arena;
    tree->function = function;
    tree->def = arena_array(arena, int, function->nvalues);
    tree->use = arena_array(arena, int, function->nvalues);
    for (int i = 0; i < function->nvalues; i++) tree->def[i] = tree->use[i] = -1;
    add_block(tree, &function->body, -1);
    return tree;
}

const LoopInstr *seek_def(const SeekTree *tree, Value v) {
    return tree->def[v] < 0 ? NULL : tree->nodes.at[tree->def[v]].instr;
}

bool seek_constant(const SeekTree *tree, Value v, int64_t *n) {
    const LoopInstr *def = seek_def(tree, v);
    if (!def || def->op != LOOP_CONST || def->type.scalar != LT_I64) return false;
    *n = def->imm;
    return true;
}

bool seek_visible(const SeekTree *tree, Value v, int before) {
    const SeekNode *node = tree->nodes.at;
    int def = tree->def[v];
    if (def < 0) return true;
    for (int at = before; at >= 0; at = node[at].parent) {
        if (node[at].block == node[def].block)
            return def < at && node[def].instr->op != LOOP_FOR;
        if (node[at].parent == def) return node[def].instr->op == LOOP_FOR;
    }
    return false;
}
