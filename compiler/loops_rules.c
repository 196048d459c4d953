/* Operand rules of the loop IR. */
#include "loops_rules.h"

const LoopRule loop_rule[LOOP_OPS] = {
    [LOOP_CONST] = {"", "ibfp"},
    [LOOP_DATA] = {"", "p"},
    [LOOP_FUNCTION] = {"", "p"},
    [LOOP_ADD] = {"TT", "i"}, [LOOP_SUB] = {"TT", "i"}, [LOOP_MUL] = {"TT", "i"},
    [LOOP_SDIV] = {"TT", "i"}, [LOOP_UDIV] = {"TT", "i"},
    [LOOP_SREM] = {"TT", "i"}, [LOOP_UREM] = {"TT", "i"},
    [LOOP_AND] = {"TT", "ib"}, [LOOP_OR] = {"TT", "ib"}, [LOOP_XOR] = {"TT", "ib"},
    [LOOP_SHL] = {"TT", "i"}, [LOOP_LSHR] = {"TT", "i"}, [LOOP_ASHR] = {"TT", "i"},
    [LOOP_SMIN] = {"TT", "i"}, [LOOP_SMAX] = {"TT", "i"},
    [LOOP_UMIN] = {"TT", "i"}, [LOOP_UMAX] = {"TT", "i"},
    [LOOP_MULHI] = {"TT", "i"},
    [LOOP_FADD] = {"TT", "f"}, [LOOP_FSUB] = {"TT", "f"}, [LOOP_FMUL] = {"TT", "f"},
    [LOOP_FDIV] = {"TT", "f"}, [LOOP_FNEG] = {"T", "f"}, [LOOP_FMA] = {"TTT", "f"},
    [LOOP_SQRT] = {"T", "f"}, [LOOP_FLOOR] = {"T", "f"}, [LOOP_CEIL] = {"T", "f"},
    [LOOP_TRUNCF] = {"T", "f"}, [LOOP_RINT] = {"T", "f"}, [LOOP_FABS] = {"T", "f"},
    [LOOP_EQ] = {"==", "b"}, [LOOP_NE] = {"==", "b"},
    [LOOP_SLT] = {"==", "b"}, [LOOP_SLE] = {"==", "b"},
    [LOOP_ULT] = {"==", "b"}, [LOOP_ULE] = {"==", "b"},
    [LOOP_FEQ] = {"==", "b"}, [LOOP_FNE] = {"==", "b"},
    [LOOP_FLT] = {"==", "b"}, [LOOP_FLE] = {"==", "b"},
    [LOOP_SELECT] = {"MTT", "ibfp"},
    [LOOP_SEXT] = {"?", "i"}, [LOOP_ZEXT] = {"?", "i"}, [LOOP_TRUNC] = {"?", "ib"},
    [LOOP_SITOFP] = {"?", "f"}, [LOOP_UITOFP] = {"?", "f"},
    [LOOP_FPTOSI] = {"?", "i"}, [LOOP_FPTOUI] = {"?", "i"},
    [LOOP_FPEXT] = {"?", "f"}, [LOOP_FPTRUNC] = {"?", "f"},
    [LOOP_HTOF] = {"?", "f"}, [LOOP_FTOH] = {"?", "i"},
    [LOOP_BTOF] = {"?", "f"}, [LOOP_FTOB] = {"?", "i"},
    [LOOP_BITCAST] = {"?", "ifp"},
    [LOOP_SPLAT] = {"S", "ibf"},
    [LOOP_SHUFFLE] = {"??", "ibf"},
    [LOOP_EXTRACT] = {"?", "ibf"},
    [LOOP_OFFSET] = {"pl", "p"},
    [LOOP_LOAD] = {"p", "ibfp"}, [LOOP_STORE] = {"Tp", "ibfp"},
    [LOOP_STACK] = {"", "p"}, [LOOP_ALLOC] = {"l", "p"}, [LOOP_ALLOC_OUT] = {"l", "p"},
    [LOOP_FILL] = {"pl", "-"}, [LOOP_COPY] = {"ppl", "-"},
    [LOOP_VAR] = {"T", "ibfp"}, [LOOP_GET] = {"v", "ibfp"}, [LOOP_SET] = {"v=", "-"},
    [LOOP_CALL] = {"?", "ibfp-"}, [LOOP_CALL_AT] = {"?", "ibfp-"},
    [LOOP_PHILOX] = {"llwl", "i"}, [LOOP_PRAGMA] = {"", "-"},
    [LOOP_FOR] = {"TT", "i"}, [LOOP_WHILE] = {"", "-"}, [LOOP_YIELD] = {"b", "-"},
    [LOOP_IF] = {"b", "-"}, [LOOP_BREAK] = {"", "-"}, [LOOP_RETURN] = {"?", "-"},
};

static char class_of(LoopScalar scalar) {
    switch (scalar) {
    case LT_VOID: return '-';
    case LT_I1: return 'b';
    case LT_PTR: return 'p';
    case LT_F32: case LT_F64: return 'f';
    default: return 'i';
    }
}

bool loop_class_fits(LoopType type, const char *classes) {
    for (; *classes; classes++)
        if (*classes == class_of(type.scalar)) return true;
    return false;
}

bool loop_callee(const LoopModule *m, const LoopInstr *instr, const char **name,
                 LoopType *result, int *nparams, const LoopType **types) {
    if (instr->imm >= 0) {
        if (instr->imm >= m->externs.n) return false;
        const LoopExtern *e = m->externs.at[instr->imm];
        *name = e->name;
        *result = e->result;
        *nparams = e->nparams;
        *types = e->param_types;
        return true;
    }
    int64_t number = -1 - instr->imm;
    if (number >= m->functions.n) return false;
    const LoopFunction *f = m->functions.at[number];
    *name = f->name;
    *result = f->result;
    *nparams = f->nparams;
    *types = f->param_types;
    return true;
}

static LoopType call_operand(const LoopModule *m, const LoopInstr *instr, int k) {
    const char *name;
    LoopType result;
    int nparams;
    const LoopType *types;
    if (instr->op == LOOP_CALL_AT && k-- == 0) return loop_type(LT_PTR);
    if (!loop_callee(m, instr, &name, &result, &nparams, &types) || k >= nparams)
        return loop_type(LT_VOID);
    return types[k];
}

static LoopType known_type(const LoopFunction *f, const LoopInstr *instr, int k) {
    if (k >= instr->nargs || instr->arg[k] == NO_VALUE) return loop_type(LT_VOID);
    return f->value_types.at[instr->arg[k]];
}

LoopType loop_operand_type(const LoopModule *m, const LoopFunction *f,
                           const LoopInstr *instr, int k) {
    switch (instr->op) {
    case LOOP_CALL: case LOOP_CALL_AT: return call_operand(m, instr, k);
    case LOOP_RETURN: return f->result;
    default: break;
    }
    const char *pattern = loop_rule[instr->op].operands;
    for (int i = 0; i < k && *pattern; i++) pattern++;
    switch (*pattern) {
    case 'T': return instr->type;
    case 'S': return loop_type(instr->type.scalar);
    case '=': return known_type(f, instr, 1 - k);
    case 'p': return loop_type(LT_PTR);
    case 'l': return loop_type(LT_I64);
    case 'w': return loop_type(LT_I32);
    case 'b': return loop_type(LT_I1);
    default: return loop_type(LT_VOID);
    }
}

const char *loop_type_name(LoopType type, char buffer[16]) {
    static const char *const names[] = {"void", "i1", "i8", "i16", "i32",
                                        "i64", "f32", "f64", "ptr"};
    if (type.lanes == 1) return names[type.scalar];
    snprintf(buffer, 16, "%sx%d", names[type.scalar], type.lanes);
    return buffer;
}
