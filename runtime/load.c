/* From a file to code that can be called: the library, its kernels, the choice of
 * a code, what is made at open. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

/* ---- the file ---- */
static int set_folder(pipert *p, const char *path) {
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash + 1 - path) : 0;
    p->path = malloc(strlen(path) + 3);
    if (!p->path) return fail_with(p, PIPERT_MEMORY, "no memory");
    sprintf(p->path, "%s%s", slash ? "" : "./", path);
    if (n >= sizeof p->folder)
        return fail_with(p, PIPERT_LOAD, "%s: path too long", path);
    memcpy(p->folder, n ? path : "./", n ? n : 2);
    p->folder[n ? n : 2] = 0;
    return PIPERT_OK;
}

int load_file(pipert *p, const char *path) {
    char why[512];
    plat_stat st;
    int error = plat_stat_path(path, &st);
    if (error)
        return fail_with(p, PIPERT_LOAD, "%s: %s", path,
                         plat_error(error, why, sizeof why));
    if (set_folder(p, path)) return p->status;
    p->library = plat_load(p->path, why, sizeof why);
    if (!p->library)
        return fail_with(p, PIPERT_LOAD,
                         "%s is not a compiled feature (pipec makes one): %s", path, why);
    p->feature = plat_symbol(p->library, PL_SYMBOL);
    if (!p->feature)
        return fail_with(p, PIPERT_LOAD, "%s is a library without a feature", path);
    return PIPERT_OK;
}

/* ---- kernels of shared libraries ---- */
static void *try_library(const char *folder, const char *below, const char *name,
                         char *why, size_t n) {
    char path[8500];
    snprintf(path, sizeof path, "%s%s%s", folder, below, name);
    return plat_load(path, why, n);
}

/* Beside the feature first, then beside libpipert, in its ../lib, and where the
 * system looks. */
static void *find_library(pipert *p, const char *name, char *why, size_t n) {
    char own[4096] = "", ignored[512];
    void *library = NULL;
    why[0] = 0;
    if (strchr(name, '/')) return plat_load(name, why, n);
    if (*p->folder) library = try_library(p->folder, "", name, why, n);
    if (!library &&
        plat_folder_of(__extension__ (const void *)load_file, own, sizeof own)) {
        library = try_library(own, "", name, ignored, sizeof ignored);
        if (!library)
            library = try_library(own, "../lib/", name, ignored, sizeof ignored);
    }
    if (!library) library = plat_load(name, ignored, sizeof ignored);
    if (!library && !*why) snprintf(why, n, "%s", ignored);
    return library;
}

static void *opened_library(pipert *p, int i, char *why, size_t n) {
    const pl_import *imports = p->feature->imports;
    for (int k = 0; k < i; k++)
        if (!strcmp(imports[k].library, imports[i].library)) return p->imported[k];
    return p->imported[i] = find_library(p, imports[i].library, why, n);
}

/* All handles of a feature call the same kernels: the first of them chose. */
static int bind_import(pipert *p, const pl_import *import, void *symbol) {
    void *bound = __atomic_load_n(import->where, __ATOMIC_ACQUIRE);
    if (bound && bound != symbol && plat_is_symbol(bound, import->symbol))
        return fail_with(p, PIPERT_LOAD,
                         "kernel library %s was replaced while %s is open: close what "
                         "runs the feature, or compile it again too", import->library,
                         p->path ? p->path : p->feature->name);
    __atomic_store_n(import->where, symbol, __ATOMIC_RELEASE);
    return PIPERT_OK;
}

static int resolve_import(pipert *p, int i) {
    const pl_import *import = &p->feature->imports[i];
    char why[512];
    void *library = opened_library(p, i, why, sizeof why), *symbol;
    if (!library)
        return fail_with(p, PIPERT_LOAD, "kernel library %s was not found beside %s: %s",
                         import->library, *p->folder ? p->folder : "libpipert", why);
    symbol = plat_symbol(library, import->symbol);
    if (symbol) return bind_import(p, import, symbol);
    return fail_with(p, PIPERT_LOAD, "kernel library %s has no function `%s`",
                     import->library, import->symbol);
}

static int resolve_imports(pipert *p) {
    const pl_feature *f = p->feature;
    p->imported = calloc((size_t)f->nimports + 1, sizeof *p->imported);
    if (!p->imported) return fail_with(p, PIPERT_MEMORY, "no memory");
    for (int i = 0; i < f->nimports; i++)
        if (resolve_import(p, i)) return p->status;
    return PIPERT_OK;
}

/* ---- the choice of a code ---- */
static bool runs_here(const pipert *p, const pl_code *c) {
    int level = plat_cpu_level(), most = p->options.cpu;
    if (c->cpu == 1) return most == 0 && (!c->needs || plat_cpu_has(c->needs));
    if (most > 0 && most < level) level = most;
    return c->cpu <= level;
}

/* native before v4 before v3 …; the plain code last. */
static int rank_of(const pl_code *c) { return c->plain ? -1 : c->cpu == 1 ? 9 : c->cpu; }

/* What kernels may use that choose for themselves. */
static int choose_kernel_cpu(const pipert *p) {
    int level = plat_cpu_level(), most = p->options.cpu;
    if (most < 0) return 0;
    return most > 0 && most < level ? most : level;
}

static void choose_code(pipert *p) {
    const pl_feature *f = p->feature;
    bool plain_only = p->options.mode == PIPERT_DEBUG || p->options.cpu < 0;
    for (int i = 0; i < f->ncodes; i++) {
        const pl_code *c = f->codes[i];
        if (c->plain) p->plain = c;
        if (plain_only && !c->plain) continue;
        if (!c->plain && !runs_here(p, c)) continue;
        if (!p->code || rank_of(c) > rank_of(p->code)) p->code = c;
    }
    if (!p->code) p->code = p->plain;
    if (!p->code) return;
    if (p->code->plain) strcpy(p->cpu, "plain");
    else if (p->code->cpu == 1) strcpy(p->cpu, "native");
    else if (p->code->cpu) snprintf(p->cpu, sizeof p->cpu, "x86-64-v%d", p->code->cpu);
    else strcpy(p->cpu, "any");
}

static uint64_t hash_bytes(const void *from, size_t n, uint64_t seed) {
    return XXH3_64bits_withSeed(from, n, seed);
}

static uint64_t hash_text(const char *text, uint64_t seed) {
    return text ? hash_bytes(text, strlen(text), seed) : seed;
}

/* What another process has to have loaded too, to run what is known here. */
uint64_t load_fingerprint(const pl_feature *f) {
    const pl_output *o = f->outputs;
    const int64_t numbers[] = {(int64_t)f->hash, f->batch, f->lanes, f->last, f->levels,
                               f->shuffle, f->nparams, f->noutputs};
    uint64_t h = hash_bytes(numbers, sizeof numbers, PL_ABI);
    h = hash_text(f->describe, hash_text(f->name, hash_text(f->version, h)));
    for (int i = 0; i < f->nparams; i++) {
        const pl_param *q = &f->params[i];
        h = hash_text(q->text, hash_text(q->type, hash_text(q->name, h)));
    }
    for (int i = 0; i < f->noutputs; i++, o++) {
        const int32_t kind[] = {(int32_t)o->dtype, o->rank, o->ragged};
        h = hash_bytes(kind, sizeof kind, hash_text(o->name, h));
        h = hash_bytes(o->dim, sizeof *o->dim * (size_t)o->rank, h);
    }
    return h;
}

static bool sound(const pl_feature *f) {
    return f->levels >= 1 && f->levels <= PL_MAX_LEVELS && f->batch > 0 &&
           f->ncodes > 0 && f->nfields >= 0 && f->noutputs >= 0 && f->source;
}

static int check_abi(pipert *p) {
    const pl_feature *f = p->feature;
    bool told = f->abi >= 4 && f->version;
    if (f->abi == PL_ABI) return PIPERT_OK;
    return fail_with(p, PIPERT_LOAD,
                     "%s was compiled by %s%s (ABI %d), this is libpipert %s (ABI %d): "
                     "compile it again with pipec %s",
                     p->path ? p->path : "the feature",
                     told ? "pipec " : "an older pipec", told ? f->version : "", f->abi,
                     PIPERT_VERSION, PL_ABI, PIPERT_VERSION);
}

int load_feature(pipert *p) {
    const pl_feature *f = p->feature;
    if (check_abi(p)) return p->status;
    if (!sound(f)) return fail_with(p, PIPERT_BUG, "the feature's tables are broken");
    if (f->nsites && f->sites[0].file)
        snprintf(p->file, sizeof p->file, "%s", f->sites[0].file);
    else snprintf(p->file, sizeof p->file, "feature %s", f->name);
    p->value = calloc((size_t)f->nparams + 1, sizeof *p->value);
    if (!p->value) return fail_with(p, PIPERT_MEMORY, "no memory");
    choose_code(p);
    p->kernel_cpu = choose_kernel_cpu(p);
    if (!p->code)
        return fail_with(p, PIPERT_LOAD, "the feature has no code for this processor");
    return resolve_imports(p);
}

/* ---- what is known ---- */
int pipert_outputs(const pipert *p) { return p->feature ? p->feature->noutputs : 0; }

int pipert_output_at(const pipert *p, int i, pipert_output *to) {
    const pl_output *o;
    if (i < 0 || i >= pipert_outputs(p)) return PIPERT_ARGUMENT;
    o = &p->feature->outputs[i];
    *to = (pipert_output){.name = o->name, .dtype = (pipert_dtype)o->dtype,
                          .ragged = o->ragged, .rank = o->rank, .count = -1};
    for (int d = 0; d < o->rank; d++) to->dim[d] = o->dim[d];
    return PIPERT_OK;
}

/* ---- what is made at open ---- */
/* What is not used goes back. */
static void close_lib(worker *w) {
    w->memory->arena.used = record_used(w);
    arena_close(&w->memory->arena);
    arena_close(&w->memory->failures);
}

/* Makes the code's lib in a memory of its own; NULL: *why says why. */
static void *make_lib(pipert *p, const pl_code *code, scratch **memory,
                      pl_argument *args, bad **why) {
    worker w = {0};
    void *lib;
    int verdict = PL_NO_MEMORY;
    *memory = record_scratch_new((size_t)16 << 30);
    if (!*memory) return NULL;
    record_worker_init(&w, p, 0);
    w.memory = *memory;
    w.call.kernel.at = w.memory->arena.base;
    w.call.kernel.end = w.memory->arena.base + w.memory->arena.size;
    lib = pk_alloc(&w.call.kernel, (size_t)code->lib_size);
    if (lib) {
        memset(lib, 0, (size_t)code->lib_size);
        verdict = code->open(&w.call, p->argument, lib, args);
    }
    if (verdict == PL_OK) return close_lib(&w), lib;
    if (code == p->plain) *why = record_bad(&w, verdict, 0, 0);
    record_scratch_free(*memory);
    *memory = NULL;
    return NULL;
}

static void *make_plain(pipert *p, pl_argument *args, bad **why) {
    plat_lock(&p->plain_lock);
    if (!p->plain_tried) p->plain_lib = make_lib(p, p->plain, &p->made_plain, args, why);
    p->plain_tried = true;
    plat_unlock(&p->plain_lock);
    return p->plain_lib;
}

void *load_plain_lib(pipert *p) {
    pl_argument *args;
    bad *why = NULL;
    void *lib = __atomic_load_n(&p->plain_seen, __ATOMIC_ACQUIRE);
    if (lib || !p->plain) return lib;
    args = calloc((size_t)p->feature->nsource_args + 3, sizeof *args);
    lib = args ? make_plain(p, args, &why) : NULL;
    free(args);
    if (why) bad_free(p, why);
    __atomic_store_n(&p->plain_seen, lib, __ATOMIC_RELEASE);
    return lib;
}

static int made_failed(pipert *p, bad *why) {
    int status = fail_with(p, PIPERT_MADE, "what is made at open failed: %s:%d: %s: %s",
                           p->file, why ? why->line : 0, why ? why->operator_name : "",
                           why ? why->reason : "no memory");
    if (why) bad_free(p, why);
    return status;
}

static void tell_of_plain(pipert *p) {
    bool others = false;
    for (int i = 0; i < p->feature->ncodes; i++) others |= !p->feature->codes[i]->plain;
    if (p->code != p->plain || !others || p->options.mode == PIPERT_DEBUG || p->options.cpu)
        return;
    log_text(p, PIPERT_LOG_WARNING,
             "the fused code is for another processor, the plain one runs, which is slow: "
             "compile it again, or for all (--cpu=multi)");
}

int load_open(pipert *p) {
    bad *why = NULL;
    tell_of_plain(p);
    p->source_args = calloc((size_t)p->feature->nsource_args + 3, sizeof *p->source_args);
    if (!p->source_args) return fail_with(p, PIPERT_MEMORY, "no memory");
    p->lib = make_lib(p, p->code, &p->made, p->source_args, &why);
    if (p->lib) return PIPERT_OK;
    if (p->code == p->plain || !p->plain) return made_failed(p, why);
    p->lib = make_plain(p, p->source_args, &why);
    if (!p->lib) return made_failed(p, why);
    p->code = p->plain;
    strcpy(p->cpu, "plain");
    log_text(p, PIPERT_LOG_WARNING,
             "the fused code cannot be opened, the plain one runs");
    return PIPERT_OK;
}

void load_close(pipert *p) {
    record_scratch_free(p->made);
    record_scratch_free(p->made_plain);
    for (int i = 0; p->imported && i < p->feature->nimports; i++)
        plat_unload(p->imported[i]);
    free(p->imported);
    free(p->source_args);
    plat_unload(p->library);
}
