/* What the processor can do: for the choice among a feature's codes. */
#include "plat.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#if defined __x86_64__
int plat_cpu_level(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4")) return 4;
    if (__builtin_cpu_supports("x86-64-v3")) return 3;
    if (__builtin_cpu_supports("x86-64-v2")) return 2;
    return 1;
}
#else
int plat_cpu_level(void) { return 0; }
#endif

/* Names that the compiler uses and the kernel spells otherwise; NULL: part of
 * every machine that runs this, or without effect on code. */
static const struct { const char *name, *flag; } spelled[] = {
    {"64bit", NULL},        {"cx8", NULL},        {"cmov", NULL},
    {"fxsr", NULL},         {"x87", NULL},        {"crc32", "sse4_2"},
    {"bmi", "bmi1"},
    {"sse3", "pni"},        {"sse41", "sse4_1"},  {"sse42", "sse4_2"},
    {"lzcnt", "abm"},       {"sahf", "lahf_lm"},  {"pclmul", "pclmulqdq"},
    {"rdrnd", "rdrand"},    {"prfchw", "3dnowprefetch"},
    {"sha", "sha_ni"},      {"vzeroupper", NULL}, {"evex512", NULL},
    {"prefer256bit", NULL}, {"invpcid", NULL},    {"sgx", NULL},
    {"mwaitx", NULL},       {"rdpru", NULL},      {"wbnoinvd", NULL},
};

/* Lower-case letters and digits only: avx512-vbmi2 and avx512_vbmi2 are one. */
static void plain_name(char *to, size_t n, const char *from, size_t length) {
    size_t k = 0;
    for (size_t i = 0; i < length && k + 1 < n; i++)
        if (isalnum((unsigned char)from[i]))
            to[k++] = (char)tolower((unsigned char)from[i]);
    to[k] = 0;
}

static bool in_flags(const char *flags, const char *name) {
    char word[64];
    while (*flags) {
        size_t n = strcspn(flags, " \n");
        plain_name(word, sizeof word, flags, n);
        if (!strcmp(word, name)) return true;
        flags += n + (flags[n] != 0);
    }
    return false;
}

static bool read_flags(char *to, size_t n) {
    FILE *f = fopen("/proc/cpuinfo", "r");
    bool found = false;
    if (!f) return false;
    while (!found && fgets(to, (int)n, f)) found = !strncmp(to, "flags", 5);
    fclose(f);
    return found;
}

static bool has_one(const char *flags, const char *name, size_t length) {
    char word[64], flag[64];
    plain_name(word, sizeof word, name, length);
    for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++) {
        if (strcmp(spelled[i].name, word)) continue;
        if (!spelled[i].flag) return true;
        plain_name(flag, sizeof flag, spelled[i].flag, strlen(spelled[i].flag));
        return in_flags(flags, flag);
    }
    return in_flags(flags, word);
}

bool plat_cpu_has(const char *features) {
    char flags[8192];
    if (!*features) return true;
    if (!read_flags(flags, sizeof flags)) return false;
    while (*features) {
        size_t n = strcspn(features, ",");
        if (n && *features != '-' && !has_one(flags, features, n)) return false;
        features += n + (features[n] == ',');
    }
    return true;
}
