/* UTF-8, as far as the lexer and the carets need it. */
#ifndef PIPEC_UTF8_H
#define PIPEC_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed sequence at the start of text, 0 if it is none
 * (overlong, surrogate, above U+10FFFF, cut off). */
static inline int utf8_length(const char *text, size_t room) {
    const unsigned char *s = (const unsigned char *)text;
    if (room == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    int n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || room < (size_t)n)
        return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))
        return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

/* Writes the code point (at most 0x10FFFF); returns the bytes written. */
static inline int utf8_encode(uint32_t point, char *out) {
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    int n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (n == 1) {
        out[0] = (char)point;
        return 1;
    }
    for (int i = n - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)(lead[n] | point);
    return n;
}
#endif
