/* The loop IR's back ends as a tool for tests and benchmarks:
 *   loopc WHAT FILE.loops [-o OUT] [-O N] [--cpu v2,v3] [--bitcode F.bc] [-g]
 * WHAT: print obj asm llvm-ir bc c */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compiler/loops.h"

static char *read_file(Arena *arena, const char *path, size_t *size) {
    FILE *in = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    if (!in) {
        perror(path);
        exit(1);
    }
    size_t room = 1 << 16, n = 0, got;
    char *text = arena_alloc(arena, room);
    while ((got = fread(text + n, 1, room - n, in)) > 0) {
        n += got;
        if (n < room) continue;
        char *more = arena_alloc(arena, 2 * room);
        memcpy(more, text, n);
        text = more;
        room *= 2;
    }
    if (in != stdin) fclose(in);
    *size = n;
    return text;
}

static Cpu cpu_of(const char *name) {
    if (!strcmp(name, "any")) return CPU_ANY;
    if (!strcmp(name, "native")) return CPU_NATIVE;
    if (!strcmp(name, "v2")) return CPU_V2;
    if (!strcmp(name, "v3")) return CPU_V3;
    if (!strcmp(name, "v4")) return CPU_V4;
    fprintf(stderr, "loopc: no CPU level %s\n", name);
    exit(2);
}

static void set_cpus(EmitOptions *options, char *list) {
    options->ncpus = 0;
    for (char *name = strtok(list, ","); name; name = strtok(NULL, ","))
        options->cpu[options->ncpus++] = cpu_of(name);
}

/* The text of a module must read back as the module: printed again, it is equal. */
static LoopModule *load(Arena *arena, const char *path, char **printed) {
    const char *error;
    size_t size, size2;
    char *text = read_file(arena, path, &size), *again;
    LoopModule *first = parse_loops(arena, text, size, &error), *second = NULL;
    if (first) {
        verify_loops(first, "parsing");
        FILE *out = open_memstream(printed, &size);
        print_loops(out, first);
        fclose(out);
        second = parse_loops(arena, *printed, size, &error);
    }
    if (!second) {
        fprintf(stderr, "%s: %s\n", path, error);
        exit(1);
    }
    verify_loops(second, "printing and parsing");
    FILE *out = open_memstream(&again, &size2);
    print_loops(out, second);
    fclose(out);
    if (strcmp(*printed, again) != 0) {
        fprintf(stderr, "%s: not printed as it was read\n", path);
        exit(1);
    }
    free(again);
    return second;
}

static bool emit_text(const LoopModule *m, const EmitOptions *options, const char *path) {
    FILE *out = fopen(path, "w");
    if (!out) return false;
    bool ok = emit_c(m, options, out);
    return fclose(out) == 0 && ok;
}

int main(int argc, char **argv) {
    static const char *const kinds[] = {"obj", "asm", "llvm-ir", "bc"};
    EmitOptions options = {.level = 2, .ncpus = 1, .cpu = {CPU_V2}};
    const char *output = "/dev/stdout", *error = "it cannot be written", *files[16];
    options.bitcode = files;
    if (argc < 3) {
        fprintf(stderr, "usage: loopc print|obj|asm|llvm-ir|bc|c FILE.loops [options]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (!strcmp(argv[i], "-o")) output = argv[++i];
        else if (!strcmp(argv[i], "-O")) options.level = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--cpu")) set_cpus(&options, argv[++i]);
        else if (!strcmp(argv[i], "--bitcode")) files[options.nbitcode++] = argv[++i];
        else if (!strcmp(argv[i], "-g")) options.debug = true;
        else return fprintf(stderr, "loopc: what is %s?\n", argv[i]), 2;
    }
    Arena *arena = arena_new();
    char *printed;
    LoopModule *m = load(arena, argv[2], &printed);
    bool ok = true;
    if (!strcmp(argv[1], "print")) fputs(printed, stdout);
    else if (!strcmp(argv[1], "c")) ok = emit_text(m, &options, output);
    for (int k = 0; k < 4; k++)
        if (!strcmp(argv[1], kinds[k]))
            ok = emit_llvm(m, &options, (EmitKind)k, output, arena, &error);
    if (!ok) fprintf(stderr, "loopc: %s: %s\n", output, error);
    free(printed);
    arena_free(arena);
    return !ok;
}
