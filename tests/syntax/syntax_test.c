/* The reader of the language, tested by itself:
 *   syntax_test errors FILE      prints the diagnostics; status 1 if there are
 *   syntax_test fixed FILE...    parse, print, parse: equal trees, equal text
 *   syntax_test fuzz SEED FILE.. cut at every byte, tokens dropped, doubled and
 *                                swapped: any answer but a crash is fine */
#include <stdlib.h>
#include <string.h>
#include "dsl/ast.h"
#include "dsl/lexer.h"
#include "tree_equal.h"

static char *read_whole(const char *path, size_t *size) {
    FILE *in = fopen(path, "rb");
    if (!in) {
        perror(path);
        exit(2);
    }
    fseek(in, 0, SEEK_END);
    *size = (size_t)ftell(in);
    rewind(in);
    char *text = malloc(*size + 1);
    if (!text || fread(text, 1, *size, in) != *size) {
        perror(path);
        exit(2);
    }
    fclose(in);
    text[*size] = 0;    /* for complain(): the parser does not need it */
    return text;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- errors ---- */

static int show_errors(const char *path) {
    size_t size;
    char *text = read_whole(path, &size);
    File file = {.path = base_name(path), .text = text, .size = size};
    Arena *arena = arena_new();
    Diags *diags = diags_new(arena);
    parse_file(arena, diags, &file);
    diags_print(diags, stdout, 0);
    int errors = diags_errors(diags);
    arena_free(arena);
    free(text);
    return errors > 0;
}

/* ---- fixed point ---- */

static char *printed(const Module *module, size_t *size) {
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    print_module(out, module);
    fclose(out);
    return text;
}

static int complain(const char *path, const char *what, const char *a, const char *b) {
    fprintf(stderr, "%s: %s\n---- first\n%s\n---- second\n%s\n", path, what, a, b);
    return 1;
}

static int check_fixed(const char *path) {
    size_t size, first_size, second_size;
    char *text = read_whole(path, &size);
    Arena *arena = arena_new();
    Diags *diags = diags_new(arena);
    File file = {.path = path, .text = text, .size = size};
    Module *module = parse_file(arena, diags, &file);
    char *first = printed(module, &first_size);
    File again = {.path = "printed", .text = first, .size = first_size};
    Module *reread = parse_file(arena, diags, &again);
    char *second = printed(reread, &second_size);
    int status = 0;
    diags_print(diags, stderr, 0);
    if (diags_errors(diags))
        status = complain(path, "does not parse", text, first);
    else if (!modules_equal(module, reread))
        status = complain(path, "the printed tree is another one", text, first);
    else if (strcmp(first, second))
        status = complain(path, "printing is no fixed point", first, second);
    free(first);
    free(second);
    free(text);
    arena_free(arena);
    return status;
}

/* ---- fuzz ---- */

static uint64_t random_state;

static uint32_t draw(uint32_t n) {
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

/* The text is copied to its exact size, so that a sanitizer sees overruns. */
static void try_text(const char *text, size_t size) {
    char *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    File file = {.path = "fuzz", .text = copy, .size = size};
    Arena *arena = arena_new();
    Diags *diags = diags_new(arena);
    Module *module = parse_file(arena, diags, &file);
    char *sink = NULL;
    size_t length;
    FILE *out = open_memstream(&sink, &length);
    diags_print(diags, out, 1);
    if (diags_errors(diags) == 0)
        print_module(out, module);
    fclose(out);
    free(sink);
    arena_free(arena);
    free(copy);
}

static TokenList lexed(Arena *arena, const char *text, size_t size) {
    File *file = arena_new_of(arena, File);
    *file = (File){.path = "fuzz", .text = text, .size = size};
    return lex_file(arena, diags_new(arena), file);
}

/* Writes the tokens lo..hi with the blanks before each. */
static char *put_token(char *out, const char *text, const TokenList *tokens, int i) {
    int from = i ? tokens->at[i - 1].to : 0;
    size_t n = (size_t)(tokens->at[i].to - from);
    memcpy(out, text + from, n);
    return out + n;
}

static size_t edit_tokens(char *out, const char *text, const TokenList *tokens) {
    uint32_t n = (uint32_t)tokens->n;
    int at = (int)draw(n), other = (int)draw(n), kind = (int)draw(4);
    char *end = out;
    for (int i = 0; i < tokens->n; i++) {
        if (i != at) {
            end = put_token(end, text, tokens, kind == 1 && i == other ? at : i);
            continue;
        }
        if (kind != 0)      /* 0: dropped, 1: swapped, 2: doubled, 3: overwritten */
            end = put_token(end, text, tokens, kind == 2 ? i : other);
        if (kind == 2)
            end = put_token(end, text, tokens, i);
    }
    return (size_t)(end - out);
}

static void fuzz_tokens(const char *text, size_t size, int rounds) {
    for (int round = 0; round < rounds; round++) {
        char *current = malloc(size + 1);
        memcpy(current, text, size);
        size_t length = size;
        for (uint32_t edits = 1 + draw(4); edits > 0; edits--) {
            Arena *arena = arena_new();
            TokenList tokens = lexed(arena, current, length);
            char *next = malloc(3 * length + 16);
            length = edit_tokens(next, current, &tokens);
            free(current);
            current = next;
            arena_free(arena);
        }
        try_text(current, length);
        free(current);
    }
}

static void fuzz_bytes(const char *text, size_t size, int rounds) {
    char *copy = malloc(size + 1);
    for (int round = 0; round < rounds && size; round++) {
        memcpy(copy, text, size);
        for (uint32_t edits = 1 + draw(3); edits > 0; edits--)
            copy[draw((uint32_t)size)] = (char)draw(256);
        try_text(copy, size);
    }
    free(copy);
}

static void fuzz_file(const char *path) {
    size_t size;
    char *text = read_whole(path, &size);
    size_t step = size > 8000 ? size / 1000 : 1;
    for (size_t cut = 0; cut <= size; cut += step)
        try_text(text, cut);
    fuzz_tokens(text, size, 300);
    fuzz_bytes(text, size, 100);
    free(text);
}

int main(int argc, char **argv) {
    int status = 0;
    if (argc == 3 && !strcmp(argv[1], "errors"))
        return show_errors(argv[2]);
    if (argc > 2 && !strcmp(argv[1], "fixed")) {
        for (int i = 2; i < argc; i++)
            status |= check_fixed(argv[i]);
        return status;
    }
    if (argc > 3 && !strcmp(argv[1], "fuzz")) {
        random_state = strtoull(argv[2], NULL, 10);
        for (int i = 3; i < argc; i++)
            fuzz_file(argv[i]);
        return 0;
    }
    fputs("syntax_test errors FILE | fixed FILE... | fuzz SEED FILE...\n", stderr);
    return 2;
}
