/* The part of plat.h about libraries. */
#define _GNU_SOURCE
#include "plat.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- the file ---- */
/* Whether a part of the library that is mapped, or its table of sections, lies behind
 * the end of the file: dlopen would read there, and that is a SIGBUS. */
static bool is_cut(int fd, uint64_t size) {
    ElfW(Ehdr) head;
    ElfW(Phdr) part;
    size_t got;
    bool cut;
    if (plat_read_at(fd, &head, sizeof head, 0, &got) || got < sizeof head) return true;
    if (memcmp(head.e_ident, ELFMAG, SELFMAG)) return false;        /* dlopen tells */
    cut = head.e_shoff + (uint64_t)head.e_shnum * head.e_shentsize > size;
    for (int i = 0; i < head.e_phnum && !cut; i++) {
        int64_t at = (int64_t)(head.e_phoff + (uint64_t)i * sizeof part);
        cut = plat_read_at(fd, &part, sizeof part, at, &got) || got < sizeof part ||
              part.p_offset + part.p_filesz > size;
    }
    return cut;
}

/* NULL, or why the file that is open can be no library. */
static const char *no_library(int fd, char *text, size_t n) {
    plat_stat st;
    int error = plat_stat_fd(fd, &st);
    if (error) return plat_error(error, text, n);
    if (st.kind == PLAT_FOLDER) return "it is a folder";
    if (st.kind != PLAT_FILE) return "it is no regular file";
    return is_cut(fd, (uint64_t)st.size) ? "the file is cut short" : NULL;
}

/* ---- which file a library is of ---- */
/* The file that is mapped at an address, as the system names it; "" is not known. */
static void file_at(const void *at, char *file, size_t n) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL, device[24];
    size_t room = 0;
    *file = 0;
    while (maps && !*file && getline(&line, &room, maps) > 0) {
        unsigned long from, to, inode;
        if (sscanf(line, "%lx-%lx %*s %*s %23s %lu", &from, &to, device, &inode) == 4 &&
            (uintptr_t)at >= from && (uintptr_t)at < to)
            snprintf(file, n, "%s %lu", device, inode);
    }
    free(line);
    if (maps) fclose(maps);
}

/* Whether the library is the file that is open. stat may name its device otherwise than
 * a mapping does, so both are looked at mapped. */
static bool is_of(void *library, int fd) {
    char its[64] = "", due[64] = "";
    struct link_map *link;
    void *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
    if (page == MAP_FAILED) return true;
    file_at(page, due, sizeof due);
    munmap(page, 1);
    if (!dlinfo(library, RTLD_DI_LINKMAP, &link)) file_at(link->l_ld, its, sizeof its);
    return !*its || !strcmp(its, due);
}

/* ---- loading ---- */
/* A file that dlopen calls by this name; *other: it was loaded from one that was there
 * before. */
static void *load_as(const char *path, const char *name, bool *other, char *why,
                     size_t n) {
    char text[128];
    const char *no;
    void *library = NULL;
    int fd, error = plat_open(path, &fd);
    *other = false;
    if (error) return snprintf(why, n, "%s", plat_error(error, text, sizeof text)), NULL;
    no = no_library(fd, text, sizeof text);
    if (!no) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(why, n, "%s", no ? no : dlerror());
    *other = library && !is_of(library, fd);
    plat_close(fd);
    if (*other) dlclose(library);
    return *other ? NULL : library;
}

/* What is loaded already is known to dlopen by its name, whatever lies there now: a file
 * that took its place needs a name of its own, with a "./" more. */
static void *load_file(const char *path, char *why, size_t n) {
    enum { MOST = 4096 };
    char name[MOST];
    const char *base = strrchr(path, '/') + 1;
    size_t folder = (size_t)(base - path), used = folder;
    bool other = true;
    void *library = NULL;
    if (strlen(path) >= MOST) return snprintf(why, n, "the path is too long"), NULL;
    for (; other && used + strlen(base) < MOST; used += 2) {
        memcpy(name, path, folder);
        for (size_t i = folder; i < used; i += 2) memcpy(name + i, "./", 2);
        strcpy(name + used, base);
        library = load_as(path, name, &other, why, n);
    }
    if (other) snprintf(why, n, "too many libraries that were there before are in use");
    return library;
}

/* A name without a folder is looked for where the system looks. */
void *plat_load(const char *path, char *why, size_t n) {
    void *library;
    if (strchr(path, '/')) return load_file(path, why, n);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(why, n, "%s", dlerror());
    return library;
}

void *plat_symbol(void *library, const char *name) { return dlsym(library, name); }
void plat_unload(void *library) { if (library) dlclose(library); }

bool plat_is_symbol(const void *at, const char *name) {
    Dl_info info;
    return dladdr(at, &info) && info.dli_saddr == at && !strcmp(info.dli_sname, name);
}

bool plat_folder_of(const void *code, char *folder, size_t n) {
    Dl_info info;
    const char *slash;
    if (!dladdr(code, &info) || !info.dli_fname) return false;
    slash = strrchr(info.dli_fname, '/');
    if (!slash) return snprintf(folder, n, "./"), true;
    return (size_t)snprintf(folder, n, "%.*s", (int)(slash + 1 - info.dli_fname),
                            info.dli_fname) < n;
}
