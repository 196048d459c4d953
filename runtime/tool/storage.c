/* How fast a folder takes values and gives them back, through the store that keeps them
 * (store.h), past the page cache on the way back. */
#include "tool.h"
#include "../store.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUE = 1 << 18, VALUES = 128 };

static store *open_at(const char *folder) {
    char why[512];
    store_options o = {.kind = STORE_DISK, .limit = (int64_t)4 * VALUE * VALUES,
                       .folder = folder};
    return store_open(&o, why, sizeof why);
}

static store_key key_of(int i) { return (store_key){{(uint64_t)i, 0x9E3779B97F4A7C15u}}; }

static double written(const char *folder, const char *value) {
    store *s = open_at(folder);
    store_part part = {value, VALUE};
    int64_t began = now_ns();
    int n = 0;
    if (!s) return 0;
    store_epoch(s);
    while (n < VALUES && store_put(s, key_of(n), 0, &part, 1)) n++;
    began = now_ns() - began;
    store_close(s);
    return n == VALUES ? (double)VALUE * VALUES / (double)began : 0;
}

static double read_back(const char *folder) {
    store *s = open_at(folder);
    store_item item;
    int64_t began;
    int n = 0;
    if (!s) return 0;
    store_epoch(s);
    began = now_ns();
    for (; n < VALUES && store_get(s, key_of(n), &item); n++) store_release(s, &item);
    began = now_ns() - began;
    store_close(s);
    return n == VALUES ? (double)VALUE * VALUES / (double)began : 0;
}

/* Every file of the folder, which is ours. */
static void each_file(const char *folder, void (*visit)(const char *)) {
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[8192];
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        visit(path);
    }
    if (dir) closedir(dir);
}

static void forget_pages(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

static void remove_file(const char *path) { unlink(path); }

bool storage_rates(const char *folder, double *write, double *read) {
    char own[4096], why[512], *value = malloc(VALUE);
    snprintf(own, sizeof own, "%s/measured-%ld", folder, (long)getpid());
    *write = *read = 0;
    if (value && file_make_folder(own, why, sizeof why)) {
        for (int i = 0; i < VALUE; i++) value[i] = (char)(i * 7 + i / 251);
        *write = written(own, value);
        each_file(own, forget_pages);
        if (*write > 0) *read = read_back(own);
        each_file(own, remove_file);
        rmdir(own);
    }
    free(value);
    return *write > 0 && *read > 0;
}
