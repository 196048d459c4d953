/* Between which numbers the elements of a term lie, and whether one may be NaN. Bounds
 * hold for every record, in every order of evaluation; nothing is known of a state of a
 * fold, of a parameter, of what a kernel gives but by its dtype. */
#include <float.h>
#include <math.h>
#include <string.h>
#include "lower_room.h"

static double least_of(double a, double b) { return a < b ? a : b; }
static double most_of(double a, double b) { return a > b ? a : b; }

/* ---- what a dtype has ---- */

static Interval of_dtype(pl_dtype d) {
    int bits = 8 * dtype_size(d);
    if (dtype_is_float(d)) return (Interval){-INFINITY, INFINITY, true};
    if (d == PL_BOOL) return (Interval){0, 1, false};
    if (!dtype_is_signed(d)) return (Interval){0, ldexp(1, bits) - 1, false};
    return (Interval){-ldexp(1, bits - 1), ldexp(1, bits - 1) - 1, false};
}

/* What rounding to d adds at most: a part of the number, and a step near 0. */
static void error_of(pl_dtype d, double *part, double *step, double *most) {
    *part = d == PL_F64 ? 0x1p-50 : d == PL_F32 ? 0x1p-22 : 0x1p-6;
    *step = d == PL_F64 ? DBL_TRUE_MIN : d == PL_F32 ? FLT_TRUE_MIN : 0x1p-24;
    *most = d == PL_F64 ? DBL_MAX : d == PL_F16 ? 65504 : FLT_MAX;
}

static double outward(pl_dtype d, double x, int sign) {
    double part, step, most;
    error_of(d, &part, &step, &most);
    if (x == 0 || isinf(x)) return x;
    x += sign * (fabs(x) * part + step);
    return fabs(x) > most * (1 - 2 * part) ? copysign(INFINITY, x) : x;
}

/* An exact range, rounded to d. Rounding keeps order, so 0 stays where it is. */
static Interval rounded(pl_dtype d, Interval r) {
    Interval all = of_dtype(d);
    if (dtype_is_float(d))
        return (Interval){outward(d, r.low, -1), outward(d, r.high, 1), r.nan};
    return r.low >= all.low && r.high <= all.high && most_of(-r.low, r.high) < 0x1p53
               ? r : all;                       /* else it may wrap */
}

static Interval hull(Interval a, Interval b) {
    return (Interval){least_of(a.low, b.low), most_of(a.high, b.high), a.nan || b.nan};
}

static bool has(Interval r, double x) { return r.low <= x && x <= r.high; }
static bool infinite(Interval r) { return isinf(r.low) || isinf(r.high); }

/* ---- operations ---- */

static Interval sum(Interval a, Interval b) {
    bool nan = (a.high == INFINITY && b.low == -INFINITY) ||
               (a.low == -INFINITY && b.high == INFINITY);
    if (nan) return (Interval){-INFINITY, INFINITY, true};
    return (Interval){a.low + b.low, a.high + b.high, a.nan || b.nan};
}

static Interval product(Interval a, Interval b) {
    double p[4] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
    Interval r = {p[0], p[0], a.nan || b.nan};
    if ((infinite(a) && has(b, 0)) || (infinite(b) && has(a, 0)))
        return (Interval){-INFINITY, INFINITY, true};
    for (int i = 1; i < 4; i++) {
        r.low = least_of(r.low, p[i]);
        r.high = most_of(r.high, p[i]);
    }
    return r;
}

static Interval quotient(Interval a, Interval b) {
    bool nan = a.nan || b.nan || (infinite(a) && infinite(b)) || (has(a, 0) && has(b, 0));
    if (has(b, 0) || infinite(b)) return (Interval){-INFINITY, INFINITY, nan};
    return product(a, (Interval){1 / b.high, 1 / b.low, b.nan});
}

static Interval negative(Interval a) { return (Interval){-a.high, -a.low, a.nan}; }

/* One operand where the other is NaN. */
static Interval least(Interval a, Interval b) {
    Interval r = {least_of(a.low, b.low), least_of(a.high, b.high), a.nan && b.nan};
    if (a.nan) r.high = most_of(r.high, b.high);
    if (b.nan) r.high = most_of(r.high, a.high);
    return r;
}

static Interval magnitude(Interval a) {
    double most = most_of(-a.low, a.high);
    return (Interval){has(a, 0) ? 0 : least_of(fabs(a.low), fabs(a.high)), most, a.nan};
}

static Interval root(Interval a) {
    return (Interval){sqrt(most_of(a.low, 0)), sqrt(most_of(a.high, 0)), a.nan || a.low < 0};
}

static Interval stepped(Op op, Interval a) {
    double (*f)(double) = op == OP_FLOOR ? floor : op == OP_CEIL ? ceil
                          : op == OP_TRUNC ? trunc : rint;
    return (Interval){f(a.low), f(a.high), a.nan};
}

static double saturated(double x, Interval all) {
    return least_of(most_of(x, all.low), all.high);
}

/* What becomes an integer saturates, NaN becomes 0. */
static Interval converted(pl_dtype to, Interval a) {
    Interval all = of_dtype(to);
    if (dtype_is_float(to)) return a;
    if (a.nan) a = hull(a, (Interval){0, 0, false});
    return (Interval){saturated(rint(a.low), all), saturated(rint(a.high), all), false};
}

/* Of integers that are not negative, by a constant. */
static Interval shifted_right(const Term *term, Interval a) {
    const Term *by = term->arg[1];
    bool known = by->kind == TERM_CONST && by->bits < 64 && a.low >= 0;
    if (!known) return of_dtype(term->type->dtype);
    return (Interval){floor(ldexp(a.low, -(int)by->bits)),
                   floor(ldexp(a.high, -(int)by->bits)), false};
}

static Interval operation(Lowering *all, const Term *term) {
    pl_dtype d = term->type->dtype;
    Interval r[3] = {{0}};
    for (int i = 0; i < term->nargs; i++) r[i] = term_range(all, term->arg[i]);
    switch (term->op) {
    case OP_ADD: return rounded(d, sum(r[0], r[1]));
    case OP_SUB: return rounded(d, sum(r[0], negative(r[1])));
    case OP_MUL: return rounded(d, product(r[0], r[1]));
    case OP_NEG: return rounded(d, negative(r[0]));
    case OP_DIV: return rounded(d, quotient(r[0], r[1]));
    case OP_FMA: return rounded(d, sum(product(r[0], r[1]), r[2]));
    case OP_ABS: return rounded(d, magnitude(r[0]));
    case OP_SQRT: return rounded(d, root(r[0]));
    case OP_MIN: return least(r[0], r[1]);
    case OP_MAX: return negative(least(negative(r[0]), negative(r[1])));
    case OP_FLOOR: case OP_CEIL: case OP_TRUNC: case OP_ROUND:
        return stepped(term->op, r[0]);
    case OP_CONVERT: return rounded(d, converted(d, r[0]));
    case OP_SHR: return shifted_right(term, r[0]);
    default: return of_dtype(d);
    }
}

/* ---- constants ---- */

static double number_at(pl_dtype d, const char *at) {
    int64_t n = 0;
    float f;
    double x;
    if (d == PL_F64) return memcpy(&x, at, 8), x;
    if (d == PL_F32) return memcpy(&f, at, 4), (double)f;
    memcpy(&n, at, (size_t)dtype_size(d));
    if (dtype_is_signed(d)) {
        int unused = 64 - 8 * dtype_size(d);
        n = (int64_t)((uint64_t)n << unused) >> unused;
    }
    return (double)n;
}

static Interval of_number(double x) { return (Interval){x, x, isnan(x)}; }

static Interval of_data(const Term *term) {
    pl_dtype d = term->type->dtype;
    int64_t count = 1, n;
    Interval r = of_dtype(d);
    if (d == PL_F16 || d == PL_BF16 || d == PL_U64) return r;
    for (int k = 0; k < term->type->rank; k++) {
        if (!dim_constant(term->type->dims[k], &n)) return r;
        count *= n;
    }
    for (int64_t i = 0; i < count; i++) {
        Interval one = of_number(number_at(d, (const char *)term->data + i * dtype_size(d)));
        if (one.nan) return of_dtype(d);
        r = i ? hull(r, one) : one;
    }
    return r;
}

static Interval of_constant(const Term *term) {
    pl_dtype d = term->type->dtype;
    if (dtype_is_float(d))
        return isnan(term->real) ? of_dtype(d) : of_number(term->real);
    if (d == PL_U64) return of_number((double)term->bits);
    return of_number((double)(int64_t)term->bits);
}

/* ---- terms ---- */

/* Of nothing it fails. Sums of what is below 1e15 stay below the largest float. */
static Interval of_reduction(Lowering *all, const Term *term) {
    Interval r = term_range(all, term->arg[0]), unknown = of_dtype(term->type->dtype);
    bool small = !r.nan && most_of(-r.low, r.high) < 1e15;
    if (term->arg[0]->type->dtype != term->type->dtype) return unknown;
    switch (term->reduction) {
    case RED_MIN: case RED_MAX: return r;
    case RED_MEAN:
        if (!small || term->type->dtype == PL_F16) return unknown;
        return (Interval){r.low - fabs(r.low), r.high + fabs(r.high), false};
    default: return unknown;
    }
}

static Interval of_term(Lowering *all, const Term *term) {
    const Term *def;
    Interval r;
    switch (term->kind) {
    case TERM_CONST: return of_constant(term);
    case TERM_DATA: return of_data(term);
    case TERM_OP: return operation(all, term);
    case TERM_LET: return term_range(all, term->arg[1]);
    case TERM_IF: return hull(term_range(all, term->arg[1]), term_range(all, term->arg[2]));
    case TERM_FOR: case TERM_CHECK: return term_range(all, term->arg[0]);
    case TERM_REDUCE: return of_reduction(all, term);
    case TERM_INDEX:
        r = term_range(all, term->arg[0]);
        return term->otherwise ? hull(r, term_range(all, term->otherwise)) : r;
    case TERM_ARRAY:
        r = term->nargs ? term_range(all, term->arg[0]) : of_dtype(term->type->dtype);
        for (int i = 1; i < term->nargs; i++) r = hull(r, term_range(all, term->arg[i]));
        return r;
    case TERM_REF:
        def = term->var->id < all->def.n ? all->def.at[term->var->id] : NULL;
        return def ? term_range(all, def) : of_dtype(term->type->dtype);
    default: return of_dtype(term->type->dtype);
    }
}

Interval term_range(Lowering *all, const Term *term) {
    bool fresh;
    uint64_t *number = map_at(all->ranged, term, 0, &fresh);
    Interval r;
    if (term->type->kind == TY_TUPLE || term->type->kind == TY_OPAQUE)
        return of_dtype(PL_F64);
    if (!fresh) return all->ranges.at[*number];
    *number = (uint64_t)all->ranges.n;
    list_push(all->arena, &all->ranges, of_dtype(term->type->dtype));
    r = of_term(all, term);
    number = map_at(all->ranged, term, 0, &fresh);      /* the map may have moved */
    all->ranges.at[*number] = r;
    return r;
}

bool term_is_number(Lowering *all, const Term *term) { return !term_range(all, term).nan; }
