/* pipec run: the compiled feature is kept under the hash of all that it is made
 * of, in $XDG_CACHE_HOME/pipec or ~/.cache/pipec, and in $TMPDIR where these cannot
 * be written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include "driver.h"
#include "driver_version.h"

/* ---- the key ---- */

static void add_text(XXH3_state_t *state, const char *text) {
    XXH3_64bits_update(state, text, strlen(text) + 1);
}

static void add_file(Driver *d, XXH3_state_t *state, const char *path) {
    size_t size = 0;
    const char *text = file_read(d->arena, path, &size);
    XXH3_64bits_update(state, &size, sizeof size);
    if (text)
        XXH3_64bits_update(state, text, size);
}

static void add_options(XXH3_state_t *state, const Options *o) {
    const int choices[] = {o->backend, o->cpu, o->level, o->fuse, o->reorder, o->debug};
    const PlanWish *wish = &o->wish;
    const int64_t wishes[] = {wish->target_rate, wish->cores, wish->memory, wish->no_prefetch,
                              wish->no_fusion, wish->no_parallel, wish->no_cache,
                              wish->epochs};
    XXH3_64bits_update(state, choices, sizeof choices);
    XXH3_64bits_update(state, wishes, sizeof wishes);
    for (int i = 0; i < o->defines.n; i++) {
        add_text(state, o->defines.at[i].name);
        add_text(state, o->defines.at[i].text);
    }
}

/* The libraries of kernels are linked to, not copied: where they lie counts. */
static void add_places(Driver *d, XXH3_state_t *state) {
    for (int i = 0; i < d->graph->kernels.n; i++) {
        const char *path = d->graph->kernels.at[i]->library_path;
        char *real = path ? realpath(path, NULL) : NULL;
        add_text(state, real ? real : "");
        free(real);
    }
}

static uint64_t cache_key(Driver *d, const TextList *sources) {
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        bug("no memory for a hash");
    XXH3_64bits_reset(state);
    add_text(state, PIPEC_VERSION);
    add_file(d, state, "/proc/self/exe");
    add_options(state, d->options);
    for (int i = 0; i < sources->n; i++)
        add_file(d, state, sources->at[i]);
    add_places(d, state);
    uint64_t key = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return key;
}

/* ---- the cache ---- */

/* What others can write into would run as ours. */
static bool is_own(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && info.st_uid == getuid() && !(info.st_mode & S_IWOTH);
}

/* The folder of one key in the first cache that can be used, made; NULL: none can. */
static const char *cache_folder(Driver *d, uint64_t key) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *bases[3];
    int n = 0;
    if (cache && *cache == '/')
        bases[n++] = arena_format(d->arena, "%s/pipec", cache);
    if (home && *home == '/')
        bases[n++] = arena_format(d->arena, "%s/.cache/pipec", home);
    bases[n++] = arena_format(d->arena, "%s/pipec-%ld", places_temporary(),
                              (long)getuid());
    for (int i = 0; i < n; i++) {
        const char *folder = arena_format(d->arena, "%s/%016llx", bases[i],
                                          (unsigned long long)key);
        if (file_make_folders(d->arena, bases[i]) && is_own(bases[i]) &&
            file_make_folders(d->arena, folder))
            return folder;
    }
    driver_fail(d, DIAG_E0501_FILE,
                "there is no folder for the cache: %s cannot be made, or "
                "is not yours alone",
                bases[n - 1]);
    return NULL;
}

/* The libraries of kernels have to lie beside the feature. */
static bool link_libraries(Driver *d, const char *folder) {
    for (int i = 0; i < d->graph->kernels.n; i++) {
        const Kernel *kernel = d->graph->kernels.at[i];
        if (!kernel->used || !kernel->library || kernel->is_std)
            continue;
        const char *name = file_join(d->arena, folder, kernel->library);
        char *real = realpath(kernel->library_path, NULL);
        unlink(name);
        bool good = real && symlink(real, name) == 0;
        free(real);
        if (!good) {
            driver_fail_file(d, "link", name);
            return false;
        }
    }
    return true;
}

static const char *compiled(Driver *d) {
    TextList sources = {0};
    if (!driver_sources(d, &sources))
        return NULL;
    const char *folder = cache_folder(d, cache_key(d, &sources));
    if (!folder)
        return NULL;
    const char *path = arena_format(d->arena, "%s/%s.so", folder,
                                    file_stem(d->arena, d->options->input));
    if (file_exists(path))
        return path;
    d->options->kind = OUT_SO;
    d->options->output = path;
    return link_libraries(d, folder) && driver_write(d) ? path : NULL;
}

int driver_run(Driver *d) {
    const char *path = compiled(d);
    if (!path)
        return 1;
    if (d->options->path)
        return printf("%s\n", path) < 0;
    TextList argv = {0};
    const char *tool = arena_format(d->arena, "%s/pipert", d->places.bin);
    list_push(d->arena, &argv, tool);
    list_push(d->arena, &argv, "run");
    list_push(d->arena, &argv, path);
    for (int i = 0; i < d->options->rest.n; i++)
        list_push(d->arena, &argv, d->options->rest.at[i]);
    list_push(d->arena, &argv, NULL);
    places_drop(&d->places);
    stack_restore();
    execv(tool, (char *const *)argv.at);
    driver_fail_file(d, "run", tool);
    return 1;
}
