#include "options.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "driver_version.h"
#include "passes/pass.h"
#include "../runtime/text.h"

/* ---- the table ---- */

typedef enum {
    TAKES_NOTHING,      /* sets a bool */
    TAKES_TEXT,         /* const char * */
    TAKES_NUMBER,       /* int64_t, 0 or more */
    TAKES_COUNT,        /* int64_t, 1 to MOST_COUNT */
    TAKES_BYTES,        /* int64_t, 1 to MOST_BYTES: 64MB, 1.5GiB */
    TAKES_SEED,         /* uint64_t */
    TAKES_CHOICE,       /* int: the number of the word in `choices` */
    TAKES_PASS,         /* const char *: tree, graph, loops or a pass */
    TAKES_PASSES,       /* const char *: names with commas */
    TAKES_DEFINE,       /* DefineList: name=value */
    PRINTS_HELP, PRINTS_VERSION
} Takes;

enum { ON_COMPILE = 1 << CMD_COMPILE, ON_CHECK = 1 << CMD_CHECK,
       ON_INSPECT = 1 << CMD_INSPECT, ON_EVAL = 1 << CMD_EVAL, ON_RUN = 1 << CMD_RUN,
       ON_EXPLAIN = 1 << CMD_EXPLAIN,
       ON_PLAN = ON_COMPILE | ON_RUN | ON_EXPLAIN,
       ON_SOURCE = ON_PLAN | ON_CHECK | ON_EVAL, ON_ALL = ON_SOURCE | ON_INSPECT };

/* As far as a plan can be read that has them. */
enum { MOST_COUNT = 1000000000, MOST_CORES = 1024 };
static const int64_t MOST_BYTES = 1000000000000000;

typedef struct Option {
    const char *name;           /* "-o", "--emit"; one dash: the value may follow */
    int commands;               /* that know it */
    Takes takes;
    size_t at;                  /* in Options */
    const char *choices;        /* so|obj|… */
    const char *argument, *help;/* help NULL: not listed */
} Option;

static const Option options[] = {
    {"-o", ON_COMPILE | ON_EVAL, TAKES_TEXT, offsetof(Options, output), NULL,
     "FILE", "where the result goes (eval: a folder for .npy and .png)"},
    {"-D", ON_SOURCE, TAKES_DEFINE, offsetof(Options, defines), NULL,
     "NAME=VALUE", "sets a parameter at compile time"},
    {"--emit", ON_COMPILE, TAKES_CHOICE, offsetof(Options, kind),
     "so|obj|asm|llvm-ir|bc|c|header|kernel-header|loops|graph|plan|json",
     "KIND", "so (default), obj, asm, llvm-ir, bc, c, header,\n"
             "kernel-header, loops, graph, plan or json"},
    {"--backend", ON_PLAN, TAKES_CHOICE, offsetof(Options, backend), "llvm|c",
     "NAME", "llvm (default) or c"},
    {"--cpu", ON_PLAN, TAKES_CHOICE, offsetof(Options, cpu),
     "native|x86-64-v2|x86-64-v3|x86-64-v4|multi",
     "NAME", "native, x86-64-v2, -v3, -v4 or multi (default): clones\n"
             "for all levels, chosen when the library is loaded"},
    {"-O", ON_PLAN, TAKES_CHOICE, offsetof(Options, level), "0|1|2|3",
     "N", "0 to 3: how much is optimised (default 2)"},
    {"--fuse", ON_PLAN, TAKES_CHOICE, offsetof(Options, fuse), "off|on",
     "on|off", "off: the plain plan alone"},
    {"--reorder", ON_PLAN | ON_EVAL | ON_CHECK, TAKES_CHOICE, offsetof(Options, reorder),
     "off|exact|relaxed", "HOW", "off, exact (default) or relaxed: steps of chains move"},
    {"--use-profile", ON_PLAN | ON_EVAL | ON_CHECK, TAKES_TEXT,
     offsetof(Options, profile), NULL, "P.yaml", "what `pipert profile` measured: costs to plan with"},
    {"--plan", ON_PLAN | ON_EVAL | ON_CHECK, TAKES_TEXT, offsetof(Options, plan), NULL,
     "F.yaml", "pins what --emit=plan wrote, and was edited"},
    {"--target-rate", ON_PLAN, TAKES_COUNT, offsetof(Options, wish.target_rate), NULL,
     "R", "records/s of the trainer: plans the fewest cores"},
    {"--cores", ON_PLAN, TAKES_COUNT, offsetof(Options, wish.cores), NULL,
     "N", "plans for so many"},
    {"--memory", ON_COMPILE | ON_EXPLAIN, TAKES_BYTES, offsetof(Options, wish.memory), NULL,
     "BYTES", "plans batches ahead for so much: 64MB, 1.5GiB"},
    {"--no-prefetch", ON_PLAN, TAKES_NOTHING, offsetof(Options, wish.no_prefetch), NULL,
     NULL, "plans one read at once and one batch ahead"},
    {"--no-fusion", ON_PLAN, TAKES_NOTHING, offsetof(Options, wish.no_fusion), NULL,
     NULL, "every tensor is made whole"},
    {"--no-parallel", ON_PLAN, TAKES_NOTHING, offsetof(Options, wish.no_parallel), NULL,
     NULL, "plans one worker"},
    {"--no-cache", ON_PLAN, TAKES_NOTHING, offsetof(Options, wish.no_cache), NULL,
     NULL, "nothing is kept from one epoch to the next"},
    {"--epochs", ON_PLAN & ~ON_RUN, TAKES_COUNT, offsetof(Options, wish.epochs), NULL,
     "N", "plans a cache for so many (default 10)"},
    {"--format", ON_EXPLAIN, TAKES_CHOICE, offsetof(Options, format), "text|json|dot|html",
     "KIND", "explain: text (default), json, dot, or html: a page"},
    {"--orders", ON_EXPLAIN, TAKES_NOTHING, offsetof(Options, orders), NULL,
     NULL, "explain: the orders that --reorder=relaxed may choose"},
    {"--dump", ON_SOURCE & ~ON_RUN, TAKES_PASS, offsetof(Options, dump), NULL,
     "PASS", "prints what stands after tree, graph, loops or a pass"},
    {"--no-pass", ON_COMPILE, TAKES_PASSES, offsetof(Options, off), NULL,
     NULL, NULL},
    {"-MD", ON_COMPILE, TAKES_NOTHING, offsetof(Options, dependencies), NULL,
     NULL, "writes imports and kernel sources as a make rule"},
    {"-MF", ON_COMPILE, TAKES_TEXT, offsetof(Options, dependency_file), NULL,
     "FILE", "where -MD writes (default: the output with .d)"},
    {"-g", ON_PLAN, TAKES_NOTHING, offsetof(Options, debug), NULL,
     NULL, "lines of the .dsl for gdb"},
    {"--json", ON_INSPECT | ON_EXPLAIN | ON_EVAL, TAKES_NOTHING, offsetof(Options, json),
     NULL, NULL, "inspect, explain, eval: for programs"},
    {"--path", ON_RUN, TAKES_NOTHING, offsetof(Options, path), NULL,
     NULL, "run: tells where the library lies, runs nothing"},
    {"--set", ON_EVAL, TAKES_DEFINE, offsetof(Options, sets), NULL,
     "NAME=VALUE", "eval, run: sets a parameter at open time"},
    {"--sample", ON_EVAL, TAKES_NUMBER, offsetof(Options, sample), NULL,
     "N", "eval: the record with source index N"},
    {"--place", ON_EVAL, TAKES_NUMBER, offsetof(Options, place), NULL,
     "P", "eval: the record at place P of the epoch"},
    {"--seed", ON_EVAL, TAKES_SEED, offsetof(Options, seed), NULL,
     "N", "eval: the seed (default 0)"},
    {"--epoch", ON_EVAL, TAKES_NUMBER, offsetof(Options, epoch), NULL,
     "N", "eval: the epoch (default 0)"},
    {"--hash", ON_EVAL, TAKES_NOTHING, offsetof(Options, hash), NULL,
     NULL, "eval: runs the whole stream and prints its hash"},
    {"--on-error", ON_EVAL, TAKES_CHOICE, offsetof(Options, on_error), "fail|skip",
     "fail|skip", "eval: what a failed record does to the stream"},
    {"--report", ON_EVAL, TAKES_TEXT, offsetof(Options, report), NULL,
     "FILE", "eval: lists the failed records, one JSON object a line"},
    {"--help", ON_ALL, PRINTS_HELP, 0, NULL, NULL, "this text"},
    {"-h", ON_ALL, PRINTS_HELP, 0, NULL, NULL, NULL},
    {"--version", ON_ALL, PRINTS_VERSION, 0, NULL,
     NULL, "of pipec and LLVM, and the CPU levels of this machine"},
};
enum { NOPTIONS = sizeof options / sizeof *options };

/* Of pipert: those whose value may be the next word. */
static const char pipert_options[] =
    "--set|--threads|--readers|--epochs|--epoch|--batches|--seed|--rank|--world|--mode|"
    "--memory|--cache|--control-interval|--on-error|--max-errors|--max-bytes|--max-pixels|"
    "--cpu|--dump|--show|--state|--report";

typedef struct CommandRow {
    const char *name, *arguments, *help;
} CommandRow;

static const CommandRow commands[] = {
    [CMD_COMPILE] = {"compile", "F.dsl [-o F.so]", "compiles (the default command)"},
    [CMD_CHECK]   = {"check",   "F.dsl",  "reports what is wrong, writes nothing"},
    [CMD_INSPECT] = {"inspect", "F.so",   "parameters, fields and clones of a library"},
    [CMD_EVAL]    = {"eval",    "F.dsl --sample N", "one record by the interpreter"},
    [CMD_RUN]     = {"run",     "F.dsl …", "compiles to a cache, then pipert run"},
    [CMD_EXPLAIN] = {"explain", "F.dsl",  "what is fused, how, why, and its bytes"},
};
enum { NCOMMANDS = sizeof commands / sizeof *commands };

/* ---- help and version ---- */

static void print_rows(FILE *out) {
    for (int i = 0; i < NOPTIONS; i++) {
        const Option *row = &options[i];
        if (!row->help)
            continue;
        bool equals = row->name[1] == '-' && row->argument && row->takes != TAKES_DEFINE;
        int wide = fprintf(out, "  %s%s%s", row->name,
                           row->argument ? equals ? "=" : " " : "",
                           row->argument ? row->argument : "");
        const char *line = row->help;
        for (;;) {
            int length = (int)strcspn(line, "\n");
            fprintf(out, "%*s%.*s\n", wide < 23 ? 23 - wide : 1, "", length, line);
            if (!line[length])
                break;
            line += length + 1;
            wide = 0;
        }
    }
}

static int print_help(void) {
    puts("pipec: compiles a feature (how raw data becomes tensors) to a library\n");
    for (int i = 0; i < NCOMMANDS; i++) {
        bool plain = i == CMD_COMPILE;
        printf("  pipec %s%s%-*s %s\n", plain ? "" : commands[i].name, plain ? "" : " ",
               27 - (plain ? 0 : (int)strlen(commands[i].name) + 1) +
               (strstr(commands[i].arguments, "…") ? 2 : 0),
               commands[i].arguments, commands[i].help);
    }
    puts("\noptions:");
    print_rows(stdout);
    puts("\nstatus: 0 done, 1 the program is wrong, 2 the command line is wrong");
    return 0;
}

static int print_version(void) {
    static const char *const levels[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    bool has[] = {__builtin_cpu_supports("x86-64-v2"),
                  __builtin_cpu_supports("x86-64-v3"),
                  __builtin_cpu_supports("x86-64-v4")};
    printf("pipec %s\nLLVM %s\nCPU levels", PIPEC_VERSION, PIPEC_LLVM_VERSION);
    for (int i = 0; i < 3; i++)
        printf("%s %s%s", i ? "," : "", levels[i], has[i] ? " (here)" : "");
    puts("");
    return 0;
}

/* ---- errors ---- */

static int usage(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("pipec: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs(" (pipec --help lists what there is)\n", stderr);
    va_end(arguments);
    return 2;
}

static int unknown_option(const char *text) {
    const char *names[NOPTIONS];
    int length = (int)strcspn(text, "=");
    char word[64];
    snprintf(word, sizeof word, "%.*s", length, text);
    for (int i = 0; i < NOPTIONS; i++)
        names[i] = options[i].name;
    const char *near = text[1] == '-' ? nearest_name(word, names, NOPTIONS) : NULL;
    if (near)
        return usage("there is no option %s; did you mean %s?", text, near);
    return usage("there is no option %s", text);
}

/* ---- values ---- */

static int choice(const char *choices, const char *value) {
    size_t length = strlen(value);
    for (int n = 0;; n++) {
        size_t word = strcspn(choices, "|");
        if (word == length && !memcmp(choices, value, length))
            return n;
        if (!choices[word])
            return -1;
        choices += word + 1;
    }
}

static int set_define(DefineList *list, Arena *arena, const Option *row,
                      const char *value) {
    const char *equals = strchr(value, '=');
    if (!equals || equals == value)
        return usage("%s wants NAME=VALUE, not %s", row->name, value);
    Define define = {.name = arena_strndup(arena, value, (size_t)(equals - value)),
                     .text = equals + 1};
    list_push(arena, list, define);
    return -1;
}

static int set_number(int64_t *to, const Option *row, const char *value) {
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno || end == value || *end || number < 0)
        return usage("%s wants a number, not %s", row->name, value);
    *to = number;
    return -1;
}

static int set_count(int64_t *to, const Option *row, const char *value) {
    int status = set_number(to, row, value);
    if (status < 0 && (*to < 1 || *to > MOST_COUNT))
        return usage("%s wants a number from 1 to %d, not %s", row->name, MOST_COUNT, value);
    return status;
}

static int set_bytes(int64_t *to, const Option *row, const char *value) {
    if (text_bytes(value, to) && *to > 0 && *to <= MOST_BYTES) return -1;
    return usage("%s wants bytes: 64MB, 1.5GiB; not %s", row->name, value);
}

/* Any 64 bits. strtoull alone would take a minus sign. */
static int set_seed(uint64_t *to, const Option *row, const char *value) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (errno || *end || *value < '0' || *value > '9')
        return usage("%s wants a number below 2**64, not %s", row->name, value);
    *to = number;
    return -1;
}

static int set_pass(const char **to, const Option *row, const char *value) {
    bool known = choice("tree|graph|loops", value) >= 0;
    *to = value;
    for (int i = 0; i < pass_count; i++)
        known |= !strcmp(value, pass_table[i].name);
    if (known)
        return -1;
    fprintf(stderr, "pipec: there is no pass %s (%s): tree, graph, loops", value,
            row->name);
    for (int i = 0; i < pass_count; i++)
        fprintf(stderr, ", %s", pass_table[i].name);
    fputs("\n", stderr);
    return 2;
}

static bool may_be_off(const char *name, size_t length) {
    for (int i = 0; pass_name(i); i++)
        if (strlen(pass_name(i)) == length && !memcmp(pass_name(i), name, length))
            return true;
    return false;
}

static int set_passes(const char **to, const Option *row, const char *value) {
    const char *name = value;
    size_t length = strcspn(name, ",");
    for (; may_be_off(name, length); length = strcspn(++name, ",")) {
        name += length;
        if (*name) continue;
        *to = value;
        return -1;
    }
    fprintf(stderr, "pipec: there is no pass %.*s (%s): ", (int)length, name, row->name);
    for (int i = 0; pass_name(i); i++) fprintf(stderr, "%s%s", i ? ", " : "", pass_name(i));
    fputs("\n", stderr);
    return 2;
}

static int set_value(Options *o, Arena *arena, const Option *row, const char *value) {
    void *to = (char *)o + row->at;
    int number;
    switch (row->takes) {
    case TAKES_NOTHING: *(bool *)to = true; return -1;
    case TAKES_TEXT: *(const char **)to = value; return -1;
    case TAKES_NUMBER: return set_number(to, row, value);
    case TAKES_COUNT: return set_count(to, row, value);
    case TAKES_BYTES: return set_bytes(to, row, value);
    case TAKES_SEED: return set_seed(to, row, value);
    case TAKES_DEFINE: return set_define(to, arena, row, value);
    case TAKES_PASS: return set_pass(to, row, value);
    case TAKES_PASSES: return set_passes(to, row, value);
    case TAKES_CHOICE:
        number = choice(row->choices, value);
        if (number < 0)
            return usage("%s is one of %s, not %s", row->name, row->choices, value);
        *(int *)to = number;
        return -1;
    case PRINTS_HELP: return print_help();
    case PRINTS_VERSION: return print_version();
    }
    return -1;
}

/* ---- the line ---- */

typedef struct Line {
    int argc, at;
    char **argv;
} Line;

static bool takes_value(const Option *row) {
    return row->takes != TAKES_NOTHING && row->takes != PRINTS_HELP &&
           row->takes != PRINTS_VERSION;
}

/* Whether the text is this option; *value: what follows in the same word. */
static bool matches(const Option *row, const char *text, const char **value) {
    size_t length = strlen(row->name);
    *value = NULL;
    if (strncmp(text, row->name, length))
        return false;
    if (!text[length])
        return true;
    if (!takes_value(row))
        return false;
    bool brief = row->name[1] != '-' && length == 2;
    *value = text + length + (text[length] == '=');
    return brief || text[length] == '=';
}

static const Option *find_option(const char *text, Command command, const char **value) {
    for (int i = 0; i < NOPTIONS; i++)
        if (options[i].commands & 1 << command && matches(&options[i], text, value))
            return &options[i];
    return NULL;
}

/* An option of another command is named as such. */
static int misplaced_option(const char *text, Command command) {
    const char *value;
    for (int i = 0; i < NOPTIONS; i++)
        if (matches(&options[i], text, &value))
            return usage("%s does not go with `pipec %s`", options[i].name,
                         commands[command].name);
    return unknown_option(text);
}

/* An option of pipert, with its value. */
static int pass_on(Options *o, Arena *arena, Line *line) {
    const char *text = line->argv[line->at];
    list_push(arena, &o->rest, text);
    if (choice(pipert_options, text) < 0)
        return -1;
    if (line->at + 1 == line->argc)
        return usage("%s wants a value", text);
    list_push(arena, &o->rest, line->argv[++line->at]);
    return -1;
}

/* Whether pipert has the option too, and ours does not take this value. */
static bool is_of_pipert(const Option *row, const char *value) {
    return row->takes == TAKES_CHOICE && choice(pipert_options, row->name) >= 0 &&
           value && choice(row->choices, value) < 0;
}

static int read_option(Options *o, Arena *arena, Line *line) {
    const char *text = line->argv[line->at], *value, *next = line->argv[line->at + 1];
    const Option *row = find_option(text, o->command, &value);
    if (o->command == CMD_RUN && (!row || is_of_pipert(row, value ? value : next)))
        return pass_on(o, arena, line);
    if (!row)
        return misplaced_option(text, o->command);
    if (takes_value(row) && !value) {
        if (!next)
            return usage("%s wants a value", row->name);
        value = next;
        line->at++;
    }
    return set_value(o, arena, row, value);
}

/* The first word may be a command. */
static void read_command(Options *o, Line *line) {
    for (int i = 0; line->at < line->argc && i < NCOMMANDS; i++)
        if (!strcmp(line->argv[line->at], commands[i].name)) {
            o->command = (Command)i;
            line->at++;
            return;
        }
}

static int read_word(Options *o, Arena *arena, const char *word) {
    if (!o->input)
        o->input = word;
    else if (o->command == CMD_RUN)
        list_push(arena, &o->rest, word);
    else if (o->command == CMD_COMPILE && !strchr(o->input, '.'))
        return usage("there is no command %s", o->input);
    else
        return usage("one file at a time: %s and %s", o->input, word);
    return -1;
}

/* What a plan that is pinned says itself; --no-fusion and --no-cache take away from it. */
static bool plans(const PlanWish *w) {
    return w->target_rate || w->cores || w->memory || w->epochs || w->no_prefetch ||
           w->no_parallel;
}

static int check_line(const Options *o) {
    if (!o->input)
        return usage("%s what?", commands[o->command].name);
    if (o->command == CMD_EVAL && o->sample < 0 && o->place < 0 && !o->hash)
        return usage("eval wants --sample N, --place P or --hash");
    if (o->sample >= 0 && o->place >= 0)
        return usage("--sample and --place both name a record");
    bool text = o->kind != OUT_SO && o->kind != OUT_OBJ && o->kind != OUT_BC;
    if (o->dependencies && !o->dependency_file && !o->output && text)
        return usage("-MD wants -MF or -o");
    if (o->wish.target_rate && !o->profile)
        return usage("--target-rate is planned from what was measured: give it --use-profile "
                     "P.yaml");
    if (o->plan && plans(&o->wish))
        return usage("--plan has counts and options of its own: --target-rate, --cores, "
                     "--memory, --epochs, --no-prefetch and --no-parallel do not go with it");
    if (o->wish.cores > MOST_CORES)
        return usage("--cores is %d at most", MOST_CORES);
    if (o->dependency_file && !o->dependencies)
        return usage("-MF says where -MD writes, and there is no -MD");
    bool to_stdout = o->output && !strcmp(o->output, "-");
    if (o->command == CMD_COMPILE && !text && to_stdout && isatty(1))
        return usage("-o - would write what is no text to the terminal");
    return -1;
}

int options_parse(Options *o, Arena *arena, int argc, char **argv) {
    Line line = {argc, 1, argv};
    *o = (Options){.level = 2, .fuse = 1, .reorder = REORDER_EXACT, .cpu = CPU_LEVEL_ANY,
                   .sample = -1, .place = -1};
    read_command(o, &line);
    for (; line.at < argc; line.at++) {
        const char *word = argv[line.at];
        bool option = word[0] == '-' && word[1];
        int status = option ? read_option(o, arena, &line) : read_word(o, arena, word);
        if (status >= 0)
            return status;
    }
    return check_line(o);
}
