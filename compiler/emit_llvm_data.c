/* Data of a module as LLVM globals; addresses in them as struct members. */
#include <stdlib.h>
#include "emit_llvm.h"

/* Positions of addresses split the bytes into members of a packed struct. */
static int by_place(const void *a, const void *b) {
    int64_t x = ((const LoopReloc *)a)->at, y = ((const LoopReloc *)b)->at;
    return (x > y) - (x < y);
}

static LLVMValueRef bytes(Llvm *l, const LoopDatum *d, int64_t from, int64_t to) {
    return LLVMConstStringInContext2(l->context, (const char *)d->bytes + from,
                                     (size_t)(to - from), true);
}

static LLVMValueRef target(Llvm *l, const LoopReloc *r) {
    if (r->kind == 0) return l->data[r->target];
    const LoopFunction *f = l->loops->functions.at[r->target];
    int level = f->plain ? l->nlevels - 1 : r->cpu;
    if (level < l->nlevels && l->level[level].function[r->target])
        return l->level[level].function[r->target];
    llvm_fail(l, "a table names clone %d of %s, which is not made", r->cpu, f->name);
    return LLVMConstNull(LLVMPointerTypeInContext(l->context, 0));
}

static LLVMValueRef value(Llvm *l, const LoopDatum *d) {
    int n = d->relocs.n, members = 0;
    if (!n) return bytes(l, d, 0, d->size);
    LoopReloc *sorted = arena_array(l->arena, LoopReloc, n);
    for (int i = 0; i < n; i++) sorted[i] = d->relocs.at[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_place);
    LLVMValueRef *list = arena_array(l->arena, LLVMValueRef, 2 * n + 1);
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        if (sorted[i].at > at) list[members++] = bytes(l, d, at, sorted[i].at);
        list[members++] = target(l, &sorted[i]);
        at = sorted[i].at + 8;
    }
    if (at < d->size) list[members++] = bytes(l, d, at, d->size);
    return LLVMConstStructInContext(l->context, list, (unsigned)members, true);
}

static LLVMTypeRef type_of(Llvm *l, const LoopDatum *d) {
    LLVMTypeRef byte = LLVMInt8TypeInContext(l->context);
    LLVMTypeRef ptr = LLVMPointerTypeInContext(l->context, 0);
    int n = d->relocs.n, members = 0;
    if (!n) return LLVMArrayType2(byte, (uint64_t)d->size);
    LoopReloc *sorted = arena_array(l->arena, LoopReloc, n);
    for (int i = 0; i < n; i++) sorted[i] = d->relocs.at[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_place);
    LLVMTypeRef *list = arena_array(l->arena, LLVMTypeRef, 2 * n + 1);
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        if (sorted[i].at > at)
            list[members++] = LLVMArrayType2(byte, (uint64_t)(sorted[i].at - at));
        list[members++] = ptr;
        at = sorted[i].at + 8;
    }
    if (at < d->size) list[members++] = LLVMArrayType2(byte, (uint64_t)(d->size - at));
    return LLVMStructTypeInContext(l->context, list, (unsigned)members, true);
}

/* Names of data that are not exported are for people: other modules may have
 * the same ones. */
void llvm_declare_data(Llvm *l) {
    int n = l->loops->data.n;
    l->data = arena_array(l->arena, LLVMValueRef, n);
    for (int i = 0; i < n; i++) {
        const LoopDatum *d = l->loops->data.at[i];
        const char *name = d->name ? d->name : arena_format(l->arena, "datum.%d", i);
        LLVMValueRef g = LLVMAddGlobal(l->module, type_of(l, d), name);
        LLVMSetAlignment(g, (unsigned)d->align);
        LLVMSetGlobalConstant(g, !d->writable);
        if (!d->exported) {
            LLVMSetLinkage(g, d->name ? LLVMInternalLinkage : LLVMPrivateLinkage);
            LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
        }
        l->data[i] = g;
    }
}

void llvm_define_data(Llvm *l) {
    for (int i = 0; i < l->loops->data.n; i++) {
        const LoopDatum *d = l->loops->data.at[i];
        LLVMSetInitializer(l->data[i], value(l, d));
        if (d->weak)
            LLVMSetLinkage(
                LLVMAddAlias2(l->module, type_of(l, d), 0, l->data[i], d->weak),
                LLVMWeakAnyLinkage);
    }
}
