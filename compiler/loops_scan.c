/* Tokens of loop IR as text. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "loops_parse.h"

void loop_fail(LoopParser *p, const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (!p->error) {
        const char *text = arena_vformat(p->arena, format, list);
        p->error = arena_format(p->arena, "line %d: %s", p->line, text);
    }
    va_end(list);
    p->at = p->end;
    p->token = (Token){T_END, "the end"};
}

static bool is_text(int c) {
    return isalnum(c) || c == '_' || c == '.' || c == '-' || c == '+';
}

static const char *take_text(LoopParser *p) {
    const char *from = p->at;
    while (p->at < p->end && is_text((unsigned char)*p->at)) p->at++;
    return arena_strndup(p->arena, from, (size_t)(p->at - from));
}

static const char *take_string(LoopParser *p) {
    char *text = arena_alloc(p->arena, (size_t)(p->end - p->at) + 1), *to = text;
    for (;; p->at++) {
        if (p->at >= p->end || *p->at == '\n') {
            loop_fail(p, "a string has no end");
            return "";
        }
        if (*p->at == '"') break;
        if (*p->at == '\\' && p->end - p->at > 3 && p->at[1] == 'x') {
            char hex[3] = {p->at[2], p->at[3], 0};
            *to++ = (char)strtol(hex, NULL, 16);
            p->at += 3;
        } else {
            if (*p->at == '\\' && p->at + 1 < p->end) p->at++;
            *to++ = *p->at;
        }
    }
    p->at++;
    return arena_strndup(p->arena, text, (size_t)(to - text));
}

static void skip_space(LoopParser *p) {
    for (; p->at < p->end; p->at++) {
        if (*p->at == '\n') p->ahead++;
        else if (*p->at == '#')
            while (p->at + 1 < p->end && p->at[1] != '\n') p->at++;
        else if (!isspace((unsigned char)*p->at)) return;
    }
}

void loop_advance(LoopParser *p) {
    p->line = p->token_line;
    skip_space(p);
    p->token_line = p->ahead;
    if (p->at >= p->end) {
        p->token = (Token){T_END, "the end"};
        return;
    }
    char c = *p->at;
    if (c == '-' && p->at + 1 < p->end && p->at[1] == '>') {
        p->at += 2;
        p->token = (Token){T_PUNCT, "->"};
    } else if (is_text((unsigned char)c)) {
        p->token = (Token){T_TEXT, take_text(p)};
    } else {
        p->at++;
        switch (c) {
        case '%': p->token = (Token){T_VALUE, take_text(p)}; break;
        case '@': p->token = (Token){T_GLOBAL, take_text(p)}; break;
        case '!': p->token = (Token){T_LINE, take_text(p)}; break;
        case '"': p->token = (Token){T_STRING, take_string(p)}; break;
        default: p->token = (Token){T_PUNCT, arena_strndup(p->arena, &c, 1)};
        }
    }
    if (p->error) p->token = (Token){T_END, "the end"};
}

bool loop_is(const LoopParser *p, const char *text) {
    return (p->token.kind == T_TEXT || p->token.kind == T_PUNCT) &&
           strcmp(p->token.text, text) == 0;
}

bool loop_accept(LoopParser *p, const char *text) {
    if (!loop_is(p, text)) return false;
    loop_advance(p);
    return true;
}

void loop_expect(LoopParser *p, const char *text) {
    if (!loop_accept(p, text))
        loop_fail(p, "'%s' expected before '%s'", text, p->token.text);
}

const char *loop_take(LoopParser *p, TokenKind kind, const char *what) {
    const char *text = p->token.text;
    if (p->token.kind != kind) {
        loop_fail(p, "%s expected before '%s'", what, text);
        return "";
    }
    loop_advance(p);
    return text;
}

int64_t loop_integer(LoopParser *p, const char *text) {
    char *end;
    int64_t n = text[0] == '-' ? strtoll(text, &end, 0)
                               : (int64_t)strtoull(text, &end, 0);
    if (end == text || *end) loop_fail(p, "'%s' is no integer", text);
    return n;
}

int64_t loop_take_integer(LoopParser *p) {
    return loop_integer(p, loop_take(p, T_TEXT, "an integer"));
}

/* type = scalar [ "x" lanes ] */
LoopType loop_take_type(LoopParser *p) {
    const char *text = loop_take(p, T_TEXT, "a type");
    for (LoopScalar scalar = LT_VOID; scalar <= LT_PTR; scalar++) {
        char buffer[16];
        const char *name = loop_type_name(loop_type(scalar), buffer);
        size_t length = strlen(name);
        if (strncmp(text, name, length) != 0) continue;
        if (!text[length]) return loop_type(scalar);
        if (text[length] == 'x' && isdigit((unsigned char)text[length + 1]))
            return loop_vector(scalar, atoi(text + length + 1));
    }
    loop_fail(p, "'%s' is no type", text);
    return loop_type(LT_VOID);
}
