#include "json.h"
#include <string.h>

static void skip_blanks(json_reader *j) {
    while (j->at < j->end && strchr(" \t\r\n", *j->at)) j->at++;
}

static bool take(json_reader *j, char c) {
    skip_blanks(j);
    if (j->at == j->end || *j->at != c) return false;
    j->at++;
    return true;
}

/* ---- strings ---- */
static int hex4(const char *p) {
    int x = 0;
    for (int i = 0; i < 4; i++) {
        int c = p[i] | 32;
        if (c >= '0' && c <= '9') x = x * 16 + c - '0';
        else if (c >= 'a' && c <= 'f') x = x * 16 + c - 'a' + 10;
        else return -1;
    }
    return x;
}

static char *put_utf8(char *to, int c) {
    if (c < 0x80) return *to++ = (char)c, to;
    if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xE0 | c >> 12);
        } else {
            *to++ = (char)(0xF0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 63));
        }
        *to++ = (char)(0x80 | (c >> 6 & 63));
    }
    *to++ = (char)(0x80 | (c & 63));
    return to;
}

/* Behind "\u": one unit, or a pair of surrogates. */
static char *unescape_unicode(json_reader *j, char *to) {
    int c, low;
    if (j->end - j->at < 4 || (c = hex4(j->at)) < 0) return NULL;
    j->at += 4;
    if (c < 0xD800 || c >= 0xE000) return put_utf8(to, c);
    if (c >= 0xDC00 || j->end - j->at < 6 || memcmp(j->at, "\\u", 2)) return NULL;
    low = hex4(j->at + 2);
    if (low < 0xDC00 || low >= 0xE000) return NULL;
    j->at += 6;
    return put_utf8(to, 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00));
}

static char *unescape(json_reader *j, char *to) {
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    const char *k;
    char c;
    if (j->at == j->end) return NULL;
    c = *j->at++;
    if (c == 'u') return unescape_unicode(j, to);
    k = c ? strchr(from, c) : NULL;
    if (!k) return NULL;
    *to++ = into[k - from];
    return to;
}

/* string = '"' { character | escape } '"', the first quote taken */
static bool read_string(json_reader *j, pl_value *v) {
    const char *from = j->at;
    char *to;
    while (j->at < j->end && *j->at != '"' && *j->at != '\\') j->at++;
    if (j->at == j->end) return false;
    *v = (pl_value){.data = from, .n = j->at - from};
    if (*j->at == '"') return j->at++, true;
    j->at = from;
    v->data = to = source_take(j->memory, (size_t)(j->end - from));
    while (to && j->at < j->end && *j->at != '"') {
        if (*j->at == '\\') j->at++, to = unescape(j, to);
        else *to++ = *j->at++;
    }
    if (!to || j->at == j->end) return false;
    v->n = to - (const char *)v->data;
    j->at++;
    return true;
}

/* ---- values ---- */
static bool skip_nested(json_reader *j) {
    int depth = 0;
    pl_value ignored;
    do {
        char c = *j->at++;
        if (c == '"' && !read_string(j, &ignored)) return false;
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    } while (depth && j->at < j->end);
    return !depth;
}

static json_kind read_value(json_reader *j, pl_value *v) {
    const char *from;
    skip_blanks(j);
    if (j->at == j->end) return JSON_WRONG;
    if (*j->at == '"') return j->at++, read_string(j, v) ? JSON_STRING : JSON_WRONG;
    if (*j->at == '{' || *j->at == '[') return skip_nested(j) ? JSON_OTHER : JSON_WRONG;
    from = j->at;
    while (j->at < j->end && !strchr(",} \t\r\n", *j->at)) j->at++;
    *v = (pl_value){.data = from, .n = j->at - from};
    if (!v->n) return JSON_WRONG;
    return v->n == 4 && !memcmp(from, "null", 4) ? JSON_OTHER : JSON_PLAIN;
}

/* object = "{" [ member { "," member } ] "}"      member = string ":" value */
json_kind json_next(json_reader *j, pl_value *key, pl_value *value) {
    if (!j->begun) {
        j->begun = true;
        if (!take(j, '{')) return JSON_WRONG;
        if (take(j, '}')) return JSON_END;
    } else {
        if (take(j, '}')) return JSON_END;
        if (!take(j, ',')) return JSON_WRONG;
    }
    if (!take(j, '"') || !read_string(j, key) || !take(j, ':')) return JSON_WRONG;
    return read_value(j, value);
}
