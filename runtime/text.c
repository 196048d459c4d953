#include "text.h"
#include "plat.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name; int size; } dtypes[PL_DTYPES] = {
    {"bool", 1}, {"u8", 1},  {"i8", 1},   {"u16", 2}, {"i16", 2}, {"u32", 4}, {"i32", 4},
    {"u64", 8},  {"i64", 8}, {"f16", 2},  {"bf16", 2}, {"f32", 4}, {"f64", 8},
};

int text_dtype_size(int d) { return d >= 0 && d < PL_DTYPES ? dtypes[d].size : 0; }
const char *text_dtype_name(int d) {
    return d >= 0 && d < PL_DTYPES ? dtypes[d].name : "";
}
bool text_dtype_is_float(int d) { return d >= PL_F16 && d <= PL_F64; }

/* ---- scalars ---- */
static bool scalar_bool(const char *word, int64_t *to) {
    if (!strcmp(word, "true") || !strcmp(word, "1")) return *to = 1, true;
    if (!strcmp(word, "false") || !strcmp(word, "0")) return *to = 0, true;
    return false;
}

static bool fits(pl_dtype dtype, int64_t x) {
    int bits = 8 * text_dtype_size(dtype);
    bool is_signed = dtype == PL_I8 || dtype == PL_I16 || dtype == PL_I32;
    if (bits == 64) return true;
    if (is_signed)
        return x >= -(INT64_C(1) << (bits - 1)) && x < INT64_C(1) << (bits - 1);
    return x >= 0 && x < INT64_C(1) << bits;
}

/* 12, -7, 0x1F, 1_000 */
static bool scalar_integer(const char *word, pl_dtype dtype, int64_t *to) {
    char digits[80], *end;
    size_t k = 0;
    int base = 10;
    const char *p = word + (*word == '-' || *word == '+');
    if (!isdigit((unsigned char)*p)) return false;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) base = 16;
    for (p = word; *p && k + 1 < sizeof digits; p++)
        if (*p != '_') digits[k++] = *p;
    digits[k] = 0;
    errno = 0;
    if (dtype == PL_U64) {
        if (*word == '-') return false;
        *to = (int64_t)strtoull(digits, &end, base);
    } else {
        *to = strtoll(digits, &end, base);
    }
    return !*end && !errno && fits(dtype, *to);
}

static bool scalar_float(const char *word, pl_dtype dtype, double *to) {
    char *end;
    *to = plat_strtod(word, &end);
    if (end == word || *end) return false;
    if (dtype != PL_F64) {
        /* once from the text, not twice by way of f64 */
        if (isfinite(*to)) *to = plat_strtof(word);
        if (isinf(*to)) return strpbrk(word, "iI") != NULL;
    }
    return true;
}

bool text_scalar(const char *text, size_t n, pl_dtype dtype, pl_value *value) {
    char word[80];
    while (n && isspace((unsigned char)*text)) text++, n--;
    while (n && isspace((unsigned char)text[n - 1])) n--;
    if (!n || n >= sizeof word) return false;
    memcpy(word, text, n);
    word[n] = 0;
    if (strlen(word) != n) return false;
    value->n = 0;
    if (dtype == PL_BOOL) return scalar_bool(word, &value->i);
    if (text_dtype_is_float(dtype)) return scalar_float(word, dtype, &value->f);
    return scalar_integer(word, dtype, &value->i);
}

/* ---- elements ---- */
/* Round to nearest, ties to even, to a float of `exponent` and `mantissa` bits. */
static uint32_t narrow_float(double x, int exponent, int mantissa) {
    int bias = (1 << (exponent - 1)) - 1, e;
    uint32_t sign = signbit(x) ? 1u << (exponent + mantissa) : 0;
    uint32_t infinity = ((1u << exponent) - 1) << mantissa;
    double m;
    if (isnan(x)) return infinity | 1u << (mantissa - 1);
    x = fabs(x);
    if (isinf(x)) return sign | infinity;
    if (x == 0) return sign;
    frexp(x, &e);                               /* x = m * 2^e, m in [.5, 1) */
    if (e - 1 < 1 - bias) e = 2 - bias;         /* denormal: a fixed step */
    m = nearbyint(ldexp(x, mantissa + 1 - e));
    /* adding lets a carry of the mantissa run into the exponent */
    uint32_t bits = (uint32_t)m + ((uint32_t)(e - 1 + bias - 1) << mantissa);
    return sign | (bits >= infinity ? infinity : bits);
}

void text_store(void *to, pl_dtype dtype, const pl_value *value) {
    switch (dtype) {
    case PL_F64: memcpy(to, &value->f, 8); break;
    case PL_F32: { float x = (float)value->f; memcpy(to, &x, 4); break; }
    case PL_F16: { uint16_t x = (uint16_t)narrow_float(value->f, 5, 10);
                   memcpy(to, &x, 2); break; }
    case PL_BF16: { uint16_t x = (uint16_t)narrow_float(value->f, 8, 7);
                    memcpy(to, &x, 2); break; }
    default: memcpy(to, &value->i, (size_t)text_dtype_size(dtype)); break;
    }
}

/* ---- sizes ---- */
bool text_bytes(const char *text, int64_t *to) {
    static const struct { const char *unit; double factor; } units[] = {
        {"", 1}, {"B", 1}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
        {"KiB", 1024.}, {"MiB", 1048576.}, {"GiB", 1073741824.},
    };
    char *end;
    double x = plat_strtod(text, &end);
    if (end == text || !(x >= 0) || !isdigit((unsigned char)text[0])) return false;
    while (*end == ' ') end++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit)) continue;
        x *= units[i].factor;
        if (x >= 9e18) return false;
        *to = (int64_t)x;
        return true;
    }
    return false;
}

/* ---- tensors ---- */
typedef struct tensor_text {
    const char *at;
    pl_dtype dtype;
    int rank;
    int64_t *dim, count;
    char *to;
} tensor_text;

static void skip_blanks(tensor_text *t) {
    while (isspace((unsigned char)*t->at)) t->at++;
}

/* element = text up to , or ] */
static bool tensor_element(tensor_text *t) {
    size_t n = strcspn(t->at, ",]");
    pl_value value;
    if (!text_scalar(t->at, n, t->dtype, &value)) return false;
    if (t->to) text_store(t->to + t->count * text_dtype_size(t->dtype), t->dtype, &value);
    t->count++;
    t->at += n;
    return true;
}

/* rows = "[" [ item { "," item } ] "]"      item = rows | element */
static bool tensor_rows(tensor_text *t, int axis) {
    int64_t n = 0;
    skip_blanks(t);
    if (*t->at++ != '[') return false;
    skip_blanks(t);
    while (*t->at != ']') {
        if (n++ && *t->at++ != ',') return false;
        if (axis + 1 < t->rank ? !tensor_rows(t, axis + 1) : !tensor_element(t))
            return false;
        skip_blanks(t);
    }
    t->at++;
    if (t->dim[axis] >= 0 && t->dim[axis] != n) return false;
    t->dim[axis] = n;
    return true;
}

int64_t text_tensor(const char *text, pl_dtype dtype, int rank, int64_t *dim, void *to) {
    tensor_text t = {text, dtype, rank, dim, 0, to};
    for (int i = 0; i < rank; i++) dim[i] = -1;
    if (!tensor_rows(&t, 0)) return -1;
    skip_blanks(&t);
    for (int i = 0; i < rank; i++)
        if (dim[i] < 0) dim[i] = 0;
    return *t.at ? -1 : t.count;
}

/* ---- for messages ---- */
int text_distance(const char *a, const char *b) {
    enum { MOST = 64 };
    int row[MOST + 1], n = (int)strnlen(b, MOST);
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 0; a[i] && i < MOST; i++) {
        int corner = row[0];
        row[0] = i + 1;
        for (int j = 0; j < n; j++) {
            int change = corner + (a[i] != b[j]);
            corner = row[j + 1];
            if (row[j] + 1 < change) change = row[j] + 1;
            if (corner + 1 < change) change = corner + 1;
            row[j + 1] = change;
        }
    }
    return row[n];
}

void text_reason(char *to, size_t n, const char *format, int64_t a, int64_t b) {
    int64_t value[2] = {a, b};
    int used = 0;
    size_t k = 0;
    char digits[24];
    while (*format && k + 1 < n) {
        const char *piece = NULL;
        if (!strncmp(format, "%lld", 4) && used < 2) {
            snprintf(digits, sizeof digits, "%lld", (long long)value[used++]);
            piece = digits;
            format += 4;
        } else if (format[0] == '%' && format[1] == '%') {
            format++;
        }
        if (!piece) {
            to[k++] = *format++;
            continue;
        }
        while (*piece && k + 1 < n) to[k++] = *piece++;
    }
    to[k] = 0;
}
