/* One function of the loop IR as an LLVM function: control, memory, calls. */
#include <llvm-c/IRReader.h>
#include <stddef.h>
#include <string.h>
#include "../dsl/diag.h"
#include "../runtime/plan.h"
#include "emit_llvm.h"

static void block(LlvmCode *, const LoopBlock *);

static LLVMBasicBlockRef new_block(LlvmCode *c) {
    return LLVMAppendBasicBlockInContext(c->llvm->context, c->made, "");
}

static void at_block(LlvmCode *c, LLVMBasicBlockRef block) {
    LLVMPositionBuilderAtEnd(c->llvm->builder, block);
}

static LLVMValueRef arg(LlvmCode *c, const LoopInstr *i, int k) {
    return c->value[i->arg[k]];
}

static unsigned kind_of(Llvm *l, const char *name) {
    return LLVMGetMDKindIDInContext(l->context, name, (unsigned)strlen(name));
}

static void set_metadata(Llvm *l, LLVMValueRef instr, const char *kind,
                         LLVMMetadataRef node) {
    LLVMSetMetadata(instr, kind_of(l, kind), LLVMMetadataAsValue(l->context, node));
}

/* ---- alias scopes: one a buffer, under a domain of the function ---- */

static int count_buffers(const LoopBlock *block) {
    int n = 0;
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        if (instr->buffer > n) n = instr->buffer;
        for (int k = 0; k < instr->nbodies; k++) {
            int inner = count_buffers(&instr->body[k]);
            if (inner > n) n = inner;
        }
    }
    return n;
}

static void make_scopes(LlvmCode *c) {
    Llvm *l = c->llvm;
    const char *name = LLVMGetValueName2(c->made, &(size_t){0});
    LLVMMetadataRef domain = llvm_string(l, arena_format(l->arena, "pipec.%s", name));
    domain = llvm_node(l, 1, &domain);
    c->nbuffers = count_buffers(&c->function->body);
    c->scope = arena_array(l->arena, LLVMMetadataRef, c->nbuffers + 1);
    for (int i = 1; i <= c->nbuffers; i++) {
        const char *text = arena_format(l->arena, "pipec.%s.%d", name, i);
        LLVMMetadataRef parts[] = {llvm_string(l, text), domain};
        c->scope[i] = llvm_node(l, 2, parts);
    }
}

static void mark_access(LlvmCode *c, LLVMValueRef access, int buffer) {
    Llvm *l = c->llvm;
    if (c->access) set_metadata(l, access, "llvm.access.group", c->access);
    if (!buffer || l->options->level == 0) return;
    LLVMMetadataRef others[64];
    int n = 0;
    for (int i = 1; i <= c->nbuffers && n < 64; i++)
        if (i != buffer) others[n++] = c->scope[i];
    set_metadata(l, access, "alias.scope", llvm_node(l, 1, &c->scope[buffer]));
    if (n) set_metadata(l, access, "noalias", llvm_node(l, n, others));
}

/* ---- memory ---- */

static unsigned align_of(const LoopInstr *i) {
    return i->align ? (unsigned)i->align : (unsigned)loop_scalar_bytes(i->type.scalar);
}

static LLVMValueRef load(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    bool is_bool = i->type.scalar == LT_I1;
    LLVMTypeRef type = llvm_type(l, is_bool ? loop_type(LT_I8) : i->type);
    LLVMValueRef r = LLVMBuildLoad2(l->builder, type, arg(c, i, 0), "");
    LLVMSetAlignment(r, align_of(i));
    mark_access(c, r, i->buffer);
    if (!is_bool) return r;
    return LLVMBuildTrunc(l->builder, r, LLVMInt1TypeInContext(l->context), "");
}

/* Scalars are never streamed: single words past the cache are slow. */
static void store(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    LLVMValueRef a = arg(c, i, 0);
    if (i->type.scalar == LT_I1)
        a = LLVMBuildZExt(l->builder, a, LLVMInt8TypeInContext(l->context), "");
    LLVMValueRef s = LLVMBuildStore(l->builder, a, arg(c, i, 1));
    LLVMSetAlignment(s, align_of(i));
    mark_access(c, s, i->buffer);
    if (!i->stream || i->type.lanes == 1) return;
    LLVMValueRef one = LLVMConstInt(LLVMInt32TypeInContext(l->context), 1, false);
    LLVMMetadataRef node = LLVMValueAsMetadata(one);
    set_metadata(l, s, "nontemporal", llvm_node(l, 1, &node));
    c->streams = true;
}

/* Bytes of the frame, made once in the entry block. */
static LLVMValueRef frame(LlvmCode *c, LLVMTypeRef type, unsigned align) {
    Llvm *l = c->llvm;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(l->builder);
    LLVMBasicBlockRef entry = LLVMGetEntryBasicBlock(c->made);
    LLVMValueRef first = LLVMGetFirstInstruction(entry);
    if (first) LLVMPositionBuilderBefore(l->builder, first);
    else at_block(c, entry);
    LLVMValueRef r = LLVMBuildAlloca(l->builder, type, "");
    if (align) LLVMSetAlignment(r, align);
    at_block(c, here);
    return r;
}

static LLVMValueRef stack(LlvmCode *c, const LoopInstr *i) {
    LLVMTypeRef byte = LLVMInt8TypeInContext(c->llvm->context);
    return frame(c, LLVMArrayType2(byte, (uint64_t)i->imm), 64);
}

static LLVMValueRef var(LlvmCode *c, const LoopInstr *i) {
    LLVMValueRef place = frame(c, llvm_type(c->llvm, i->type), 0);
    LLVMBuildStore(c->llvm->builder, arg(c, i, 0), place);
    return place;
}

/* nusw only: windows may have bases outside their memory, but no address wraps. */
static LLVMValueRef offset(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    LLVMTypeRef i64 = LLVMInt64TypeInContext(l->context);
    LLVMTypeRef byte = LLVMInt8TypeInContext(l->context);
    LLVMValueRef by = arg(c, i, 1);
    if (i->imm != 1)
        by = LLVMBuildNSWMul(l->builder, by,
                             LLVMConstInt(i64, (uint64_t)i->imm, true), "");
    return LLVMBuildGEPWithNoWrapFlags(l->builder, byte, arg(c, i, 0), &by, 1, "",
                                       LLVMGEPFlagNUSW);
}

/* ---- leaving ---- */

static void leave(LlvmCode *c, LLVMValueRef result) {
    Llvm *l = c->llvm;
    /* Streaming stores are ordered by a fence alone; who reads the memory does
     * not know of them. */
    if (c->streams) llvm_intrinsic(l, "llvm.x86.sse.sfence", NULL, 0, NULL);
    if (result) LLVMBuildRet(l->builder, result);
    else LLVMBuildRetVoid(l->builder);
}

static bool has_streams(const LoopBlock *block) {
    for (int i = 0; i < block->instrs.n; i++) {
        const LoopInstr *instr = block->instrs.at[i];
        if (instr->stream && instr->type.lanes > 1) return true;
        for (int k = 0; k < instr->nbodies; k++)
            if (has_streams(&instr->body[k])) return true;
    }
    return false;
}

static void check_memory(LlvmCode *c, LLVMValueRef p) {
    Llvm *l = c->llvm;
    LLVMBasicBlockRef none = new_block(c), some = new_block(c);
    LLVMValueRef null = LLVMBuildIsNull(l->builder, p, "");
    LLVMBuildCondBr(l->builder, null, none, some);
    at_block(c, none);
    leave(c, LLVMConstInt(LLVMInt32TypeInContext(l->context), PL_NO_MEMORY, false));
    at_block(c, some);
}

static LLVMValueRef alloc(LlvmCode *c, const LoopInstr *i) {
    LLVMValueRef args[] = {c->value[0], arg(c, i, 0)};
    LLVMValueRef p = llvm_call_support(c, "pipec_alloc", 2, args);
    check_memory(c, p);
    return p;
}

static LLVMValueRef alloc_out(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    LLVMTypeRef i64 = LLVMInt64TypeInContext(l->context);
    LLVMTypeRef ptr = LLVMPointerTypeInContext(l->context, 0);
    LLVMTypeRef types[] = {ptr, i64};
    LLVMValueRef at = LLVMConstInt(i64, offsetof(pl_call, alloc_out), false);
    LLVMValueRef place = LLVMBuildGEP2(l->builder, LLVMInt8TypeInContext(l->context),
                                       c->value[0], &at, 1, "");
    LLVMValueRef f = LLVMBuildLoad2(l->builder, ptr, place, "");
    LLVMValueRef args[] = {c->value[0], arg(c, i, 0)};
    LLVMValueRef p = LLVMBuildCall2(l->builder, LLVMFunctionType(ptr, types, 2, false), f,
                                    args, 2, "");
    check_memory(c, p);
    return p;
}

/* ---- calls ---- */

/* i1, i8 and i16 go to C widened: the callee may rely on it. */
static void widen_arguments(Llvm *l, const LoopExtern *e, LLVMValueRef call) {
    for (int k = 0; k < e->nparams; k++) {
        LoopScalar s = e->param_types[k].scalar;
        if (s != LT_I1 && s != LT_I8 && s != LT_I16) continue;
        const char *how = e->param_signed && e->param_signed[k] ? "signext" : "zeroext";
        unsigned kind = LLVMGetEnumAttributeKindForName(how, strlen(how));
        LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)(k + 1),
                                 LLVMCreateEnumAttribute(l->context, kind, 0));
    }
}

static LLVMValueRef call_extern(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    const LoopExtern *e = c->module->externs.at[i->imm];
    int first = i->op == LOOP_CALL_AT;
    LLVMValueRef args[32], f;
    if (i->nargs > 32) bug("emit_llvm: %s has %d arguments", e->name, i->nargs);
    for (int k = first; k < i->nargs; k++) args[k - first] = arg(c, i, k);
    if (first) f = arg(c, i, 0);
    else if (e->import_library)
        f = LLVMBuildLoad2(l->builder, LLVMPointerTypeInContext(l->context, 0),
                           l->data[e->slot], "");
    else f = llvm_extern(l, c->level, e);
    LLVMTypeRef type = llvm_function_type(l, e->result, e->nparams, e->param_types);
    LLVMValueRef call = LLVMBuildCall2(l->builder, type, f, args,
                                       (unsigned)(i->nargs - first), "");
    widen_arguments(l, e, call);
    return call;
}

static LLVMValueRef function_value(LlvmCode *c, int64_t number) {
    Llvm *l = c->llvm;
    if (c->module == l->support) return c->level->support[number];
    LLVMValueRef own = c->level->function[number];
    if (own) return own;
    for (int k = 0; k < l->nlevels; k++)        /* a clone that uses a plain one */
        if (l->level[k].function[number]) return l->level[k].function[number];
    bug("emit_llvm: function %s has no code",
        c->module->functions.at[number]->name);
}

static LLVMValueRef call(LlvmCode *c, const LoopInstr *i) {
    if (i->imm >= 0) return call_extern(c, i);
    const LoopFunction *f = c->module->functions.at[-1 - i->imm];
    LLVMValueRef args[32];
    if (i->nargs > 32) bug("emit_llvm: %s has %d arguments", f->name, i->nargs);
    for (int k = 0; k < i->nargs; k++) args[k] = arg(c, i, k);
    return LLVMBuildCall2(c->llvm->builder,
                          llvm_function_type(c->llvm, f->result, f->nparams,
                                             f->param_types),
                          function_value(c, -1 - i->imm), args, (unsigned)i->nargs, "");
}

/* ---- control ---- */

/* Ends the block if nothing has ended it. */
static void go(LlvmCode *c, LLVMBasicBlockRef to) {
    LLVMBuilderRef b = c->llvm->builder;
    if (!LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(b))) LLVMBuildBr(b, to);
}

static LLVMMetadataRef loop_hint(Llvm *l, const char *name, int bits, int64_t value) {
    LLVMTypeRef type = LLVMIntTypeInContext(l->context, (unsigned)bits);
    LLVMValueRef n = LLVMConstInt(type, (uint64_t)value, false);
    LLVMMetadataRef parts[] = {llvm_string(l, name), LLVMValueAsMetadata(n)};
    return llvm_node(l, 2, parts);
}

/* A node that holds itself, as loops must to be told apart. */
static LLVMMetadataRef distinct_node(Llvm *l, int n, LLVMMetadataRef *rest) {
    LLVMMetadataRef all[8], self = LLVMTemporaryMDNode(l->context, NULL, 0);
    all[0] = self;
    for (int i = 0; i < n; i++) all[i + 1] = rest[i];
    LLVMMetadataRef node = llvm_node(l, n + 1, all);
    LLVMMetadataReplaceAllUsesWith(self, node);
    return node;
}

/* An access group is a distinct node without operands, which LLVM-C cannot make
 * but its parser can. */
static LLVMMetadataRef access_group(Llvm *l) {
    static const char text[] = "!g = !{!0}\n!0 = distinct !{}\n";
    LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(
        text, sizeof text - 1, "");
    LLVMModuleRef m;
    LLVMValueRef group;
    char *message;
    if (LLVMParseIRInContext(l->context, buffer, &m, &message))
        bug("emit_llvm: access group: %s", message);
    LLVMGetNamedMetadataOperands(m, "g", &group);
    LLVMMetadataRef node = LLVMValueAsMetadata(group);
    LLVMDisposeModule(m);
    return node;
}

static void hint_loop(LlvmCode *c, const LoopInstr *i, LLVMValueRef branch,
                      LLVMMetadataRef access) {
    Llvm *l = c->llvm;
    LLVMMetadataRef hint[6];
    int n = 0;
    if (i->vectorize) hint[n++] = loop_hint(l, "llvm.loop.vectorize.enable", 1, 1);
    if (i->novector) {
        hint[n++] = loop_hint(l, "llvm.loop.vectorize.width", 32, 1);
        hint[n++] = loop_hint(l, "llvm.loop.interleave.count", 32, 1);
    }
    if (i->unroll == 1) {
        LLVMMetadataRef off = llvm_string(l, "llvm.loop.unroll.disable");
        hint[n++] = llvm_node(l, 1, &off);
    } else if (i->unroll) {
        hint[n++] = loop_hint(l, "llvm.loop.unroll.count", 32, i->unroll);
    }
    if (access) {
        LLVMMetadataRef parts[] = {llvm_string(l, "llvm.loop.parallel_accesses"), access};
        hint[n++] = llvm_node(l, 2, parts);
    }
    if (n) set_metadata(l, branch, "llvm.loop", distinct_node(l, n, hint));
}

/* nsw: the bound plus the step is in the index's range, as loops.def demands. */
static void for_loop(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(l->builder), test = new_block(c),
                      body = new_block(c), next = new_block(c), after = new_block(c);
    LLVMBasicBlockRef outer_break = c->break_to;
    LLVMMetadataRef outer_access = c->access, access = NULL;
    LLVMTypeRef type = llvm_type(l, i->type);
    LLVMBuildBr(l->builder, test);
    at_block(c, test);
    LLVMValueRef index = LLVMBuildPhi(l->builder, type, "");
    LLVMValueRef more = LLVMBuildICmp(l->builder, LLVMIntSLT, index, arg(c, i, 1), "");
    LLVMBuildCondBr(l->builder, more, body, after);
    at_block(c, body);
    c->value[i->result] = index;
    c->break_to = after;
    if (i->vectorize) access = access_group(l);
    if (access) c->access = access;
    block(c, &i->body[0]);
    go(c, next);
    at_block(c, next);
    LLVMValueRef step = LLVMConstInt(type, (uint64_t)i->imm, false);
    LLVMValueRef sum = LLVMBuildNSWAdd(l->builder, index, step, "");
    hint_loop(c, i, LLVMBuildBr(l->builder, test), access);
    LLVMAddIncoming(index, (LLVMValueRef[]){arg(c, i, 0), sum},
                    (LLVMBasicBlockRef[]){before, next}, 2);
    c->break_to = outer_break;
    c->access = outer_access;
    at_block(c, after);
}

static void while_loop(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    LLVMBasicBlockRef test = new_block(c), body = new_block(c), after = new_block(c);
    LLVMBasicBlockRef outer_break = c->break_to;
    const LoopBlock *condition = &i->body[0];
    const LoopInstr *yield = condition->instrs.at[condition->instrs.n - 1];
    LLVMBuildBr(l->builder, test);
    at_block(c, test);
    c->break_to = after;
    block(c, condition);
    LLVMBuildCondBr(l->builder, arg(c, yield, 0), body, after);
    at_block(c, body);
    block(c, &i->body[1]);
    go(c, test);
    c->break_to = outer_break;
    at_block(c, after);
}

static void if_else(LlvmCode *c, const LoopInstr *i) {
    LLVMBasicBlockRef then = new_block(c), other = new_block(c), after = new_block(c);
    LLVMBuildCondBr(c->llvm->builder, arg(c, i, 0), then, other);
    at_block(c, then);
    block(c, &i->body[0]);
    go(c, after);
    at_block(c, other);
    block(c, &i->body[1]);
    go(c, after);
    at_block(c, after);
}

static void instruction(LlvmCode *c, const LoopInstr *i) {
    Llvm *l = c->llvm;
    LLVMBuilderRef b = l->builder;
    LLVMTypeRef byte = LLVMInt8TypeInContext(l->context);
    LLVMValueRef r = NULL;
    switch (i->op) {
    case LOOP_DATA: r = l->data[i->imm]; break;
    case LOOP_FUNCTION: r = function_value(c, i->imm); break;
    case LOOP_OFFSET: r = offset(c, i); break;
    case LOOP_LOAD: r = load(c, i); break;
    case LOOP_STORE: store(c, i); break;
    case LOOP_STACK: r = stack(c, i); break;
    case LOOP_ALLOC: r = alloc(c, i); break;
    case LOOP_ALLOC_OUT: r = alloc_out(c, i); break;
    case LOOP_FILL:
        LLVMBuildMemSet(b, arg(c, i, 0),
                        LLVMConstInt(byte, (uint64_t)i->imm & 255, false),
                        arg(c, i, 1), 1);
        break;
    case LOOP_COPY:
        LLVMBuildMemCpy(b, arg(c, i, 0), 1, arg(c, i, 1), 1, arg(c, i, 2));
        break;
    case LOOP_VAR: r = var(c, i); break;
    case LOOP_GET: r = LLVMBuildLoad2(b, llvm_type(l, i->type), arg(c, i, 0), ""); break;
    case LOOP_SET: LLVMBuildStore(b, arg(c, i, 1), arg(c, i, 0)); break;
    case LOOP_CALL: r = call(c, i); break;
    case LOOP_CALL_AT: r = call_extern(c, i); break;
    case LOOP_FOR: for_loop(c, i); return;
    case LOOP_WHILE: while_loop(c, i); return;
    case LOOP_IF: if_else(c, i); return;
    case LOOP_BREAK: LLVMBuildBr(b, c->break_to); break;
    case LOOP_RETURN: leave(c, i->nargs ? arg(c, i, 0) : NULL); break;
    case LOOP_PRAGMA: case LOOP_YIELD: break;
    default: r = llvm_arithmetic(c, i);
    }
    if (i->result != NO_VALUE) c->value[i->result] = r;
}

static void set_line(LlvmCode *c, int line) {
    Llvm *l = c->llvm;
    if (!c->subprogram) return;
    LLVMSetCurrentDebugLocation2(l->builder,
                                 LLVMDIBuilderCreateDebugLocation(l->context,
                                                                  (unsigned)line, 0,
                                                                  c->subprogram, NULL));
}

static void block(LlvmCode *c, const LoopBlock *block) {
    for (int i = 0; i < block->instrs.n; i++) {
        if (LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(c->llvm->builder)))
            at_block(c, new_block(c));          /* behind an IF that leaves: dead */
        set_line(c, block->instrs.at[i]->line);
        instruction(c, block->instrs.at[i]);
    }
}

/* ---- functions ---- */

LLVMValueRef llvm_declare(Llvm *l, LlvmLevel *level, const LoopFunction *f,
                          bool support) {
    const char *suffix = support ? level->kernel_suffix : level->suffix;
    const char *name = arena_format(l->arena, "%s%s", f->name, suffix);
    LLVMTypeRef type = llvm_function_type(l, f->result, f->nparams, f->param_types);
    LLVMValueRef made = LLVMAddFunction(l->module, name, type);
    if (!f->exported) LLVMSetLinkage(made, LLVMInternalLinkage);
    llvm_flag(l, made, "nounwind", 0);
    llvm_target(l, level, made);
    if (support && !f->noinline_) llvm_flag(l, made, "alwaysinline", 0);
    if (f->plain) llvm_flag(l, made, "optnone", 0);
    if (f->plain || f->noinline_) llvm_flag(l, made, "noinline", 0);
    if (f->result.scalar == LT_I1) {            /* C reads the whole byte */
        unsigned zeroext = LLVMGetEnumAttributeKindForName("zeroext", 7);
        LLVMAddAttributeAtIndex(made, LLVMAttributeReturnIndex,
                                LLVMCreateEnumAttribute(l->context, zeroext, 0));
    }
    unsigned noalias = LLVMGetEnumAttributeKindForName("noalias", 7);
    for (int k = 0; k < f->nparams; k++)
        if (f->param_noalias[k])
            LLVMAddAttributeAtIndex(made, (LLVMAttributeIndex)(k + 1),
                                    LLVMCreateEnumAttribute(l->context, noalias, 0));
    return made;
}

static int first_line(const LoopBlock *block) {
    for (int i = 0; i < block->instrs.n; i++)
        if (block->instrs.at[i]->line) return block->instrs.at[i]->line;
    return 0;
}

static LLVMMetadataRef describe(Llvm *l, const LoopFunction *f, LLVMValueRef made) {
    unsigned line = (unsigned)first_line(&f->body);
    LLVMMetadataRef type = LLVMDIBuilderCreateSubroutineType(l->debug, l->debug_file,
                                                             NULL, 0, LLVMDIFlagZero);
    size_t size;
    const char *name = LLVMGetValueName2(made, &size);
    LLVMMetadataRef r = LLVMDIBuilderCreateFunction(
        l->debug, l->debug_file, f->name, strlen(f->name), name, size, l->debug_file,
        line, type, !f->exported, true, line, LLVMDIFlagZero, l->options->level > 0);
    LLVMSetSubprogram(made, r);
    return r;
}

void llvm_function(Llvm *l, LlvmLevel *level, const LoopModule *module,
                   const LoopFunction *f, LLVMValueRef made) {
    LlvmCode c = {.llvm = l, .module = module, .function = f, .level = level,
                  .made = made};
    c.value = arena_array(l->arena, LLVMValueRef, f->nvalues + 1);
    for (int k = 0; k < f->nparams; k++) c.value[k] = LLVMGetParam(made, (unsigned)k);
    if (l->debug) c.subprogram = describe(l, f, made);
    make_scopes(&c);
    c.streams = has_streams(&f->body);
    /* The entry block holds the frame alone, so that no loop returns to it. */
    LLVMBasicBlockRef entry = new_block(&c), start = new_block(&c);
    at_block(&c, start);
    block(&c, &f->body);
    if (!LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(l->builder))) {
        if (f->result.scalar == LT_VOID) leave(&c, NULL);
        else LLVMBuildUnreachable(l->builder);
    }
    LLVMSetCurrentDebugLocation2(l->builder, NULL);
    at_block(&c, entry);
    LLVMBuildBr(l->builder, start);
}
