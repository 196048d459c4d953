#define _GNU_SOURCE
#include "plat.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(plat_mutex), "mutex");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(plat_cond), "cond");
_Static_assert(sizeof(pthread_t) <= sizeof(plat_thread), "thread");

#define MUTEX(m) ((pthread_mutex_t *)(m)->storage)
#define COND(c) ((pthread_cond_t *)(c)->storage)

/* ---- threads ---- */
/* Locks are held for a microsecond or less: a short spin beats a sleep. */
int plat_mutex_init(plat_mutex *m) {
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);
    if (error) return error;
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    error = pthread_mutex_init(MUTEX(m), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return error;
}

void plat_mutex_fini(plat_mutex *m) { pthread_mutex_destroy(MUTEX(m)); }

void plat_lock(plat_mutex *m) {
#ifdef PIPERT_HOSTILE
    plat_yield();
#endif
    pthread_mutex_lock(MUTEX(m));
}

void plat_unlock(plat_mutex *m) {
    pthread_mutex_unlock(MUTEX(m));
#ifdef PIPERT_HOSTILE
    plat_yield();
#endif
}

int plat_cond_init(plat_cond *c) {
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error) return error;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    error = pthread_cond_init(COND(c), &attributes);
    pthread_condattr_destroy(&attributes);
    return error;
}

void plat_cond_fini(plat_cond *c) { pthread_cond_destroy(COND(c)); }
void plat_wait(plat_cond *c, plat_mutex *m) { pthread_cond_wait(COND(c), MUTEX(m)); }
void plat_wake_one(plat_cond *c) { pthread_cond_signal(COND(c)); }
void plat_wake_all(plat_cond *c) { pthread_cond_broadcast(COND(c)); }

bool plat_wait_until(plat_cond *c, plat_mutex *m, int64_t when) {
    struct timespec t = {when / 1000000000, when % 1000000000};
    return pthread_cond_timedwait(COND(c), MUTEX(m), &t) != ETIMEDOUT;
}

typedef struct start { void (*run)(void *); void *argument; } start;

static void *thread_main(void *p) {
    start s = *(start *)p;
    free(p);
    s.run(s.argument);
    return NULL;
}

int plat_thread_start(plat_thread *t, void (*run)(void *), void *argument) {
    start *s = malloc(sizeof *s);
    pthread_t thread;
    int error;
    if (!s) return ENOMEM;
    *s = (start){run, argument};
    error = pthread_create(&thread, NULL, thread_main, s);
    if (error) free(s);
    else memcpy(t->storage, &thread, sizeof thread);
    return error;
}

void plat_thread_join(plat_thread *t) {
    pthread_t thread;
    memcpy(&thread, t->storage, sizeof thread);
    pthread_join(thread, NULL);
}

#ifdef PIPERT_HOSTILE
void plat_yield(void) {
    static _Thread_local uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    if (state >> 30 == 0) sched_yield();
}
#else
void plat_yield(void) { sched_yield(); }
#endif

int plat_cpus(void) {
    cpu_set_t set;
    int n = 0;
    if (!sched_getaffinity(0, sizeof set, &set)) n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

int64_t plat_thread_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t plat_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- memory ---- */
/* "max" and the like is no limit. */
static int64_t limit_in(const char *path, int64_t most) {
    long long n;
    FILE *f = fopen(path, "re");
    if (!f) return most;
    if (fscanf(f, "%lld", &n) == 1 && n > 0 && n < most) most = n;
    fclose(f);
    return most;
}

int64_t plat_memory(void) {
    int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    int64_t most = pages > 0 && page > 0 ? pages * page : INT64_MAX;
    most = limit_in("/sys/fs/cgroup/memory.max", most);
    return limit_in("/sys/fs/cgroup/memory/memory.limit_in_bytes", most);
}

int64_t plat_space(void) {
    struct rlimit most;
    long long pages = 0;
    FILE *f;
    if (getrlimit(RLIMIT_AS, &most) || most.rlim_cur >= INT64_MAX) return INT64_MAX;
    f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%lld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return (int64_t)most.rlim_cur - pages * sysconf(_SC_PAGESIZE);
}

void *plat_reserve(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void *plat_reserve_large(size_t bytes) {
    void *p = plat_reserve(bytes);
    if (p && bytes >= 4 << 20) madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

void *plat_reserve_sparse(size_t bytes) {
    int64_t how = limit_in("/proc/sys/vm/overcommit_memory", 3);
    void *p = how != 2 && plat_space() == INT64_MAX ? plat_reserve(bytes) : NULL;
    if (p) madvise(p, bytes, MADV_NOHUGEPAGE);
    return p;
}

void plat_unreserve(void *p, size_t bytes) {
    if (p) munmap(p, bytes);
}

void plat_discard(void *at, size_t bytes, bool of_file) {
    uintptr_t from = ((uintptr_t)at + PLAT_PAGE - 1) & ~(uintptr_t)(PLAT_PAGE - 1);
    uintptr_t to = ((uintptr_t)at + bytes) & ~(uintptr_t)(PLAT_PAGE - 1);
    if (from < to) madvise((void *)from, to - from, of_file ? MADV_REMOVE : MADV_DONTNEED);
}

/* ---- files ---- */
int plat_open(const char *path, int *fd) {
    do *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

void plat_close(int fd) { close(fd); }

static void fill_stat(plat_stat *to, const struct stat *s) {
    to->kind = S_ISREG(s->st_mode)   ? PLAT_FILE
               : S_ISDIR(s->st_mode) ? PLAT_FOLDER
                                     : PLAT_OTHER;
    to->size = s->st_size;
    to->modified = s->st_mtim.tv_sec * INT64_C(1000000000) + s->st_mtim.tv_nsec;
    to->device = s->st_dev;
    to->inode = s->st_ino;
}

int plat_stat_fd(int fd, plat_stat *to) {
    struct stat s;
    if (fstat(fd, &s)) return errno;
    fill_stat(to, &s);
    return 0;
}

int plat_stat_path(const char *path, plat_stat *to) {
    struct stat s;
    if (stat(path, &s)) return errno;
    fill_stat(to, &s);
    return 0;
}

int plat_current_folder(char *to, size_t n) { return getcwd(to, n) ? 0 : errno; }

int plat_read_at(int fd, void *to, size_t n, int64_t offset, size_t *got) {
    *got = 0;
    while (*got < n) {
        ssize_t k = pread(fd, (char *)to + *got, n - *got, offset + (int64_t)*got);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return errno;
        if (k == 0) break;
        *got += (size_t)k;
    }
    return 0;
}

static plat_kind entry_kind(const struct dirent *e) {
    switch (e->d_type) {
    case DT_REG: return PLAT_FILE;
    case DT_DIR: return PLAT_FOLDER;
    case DT_LNK:
    case DT_UNKNOWN: return PLAT_LINK;  /* the caller has to look */
    default: return PLAT_OTHER;
    }
}

int plat_list(const char *folder, int (*each)(void *, const char *, plat_kind),
              void *context) {
    DIR *d = opendir(folder);
    struct dirent *e;
    int stop = 0;
    if (!d) return errno;
    while (!stop && (errno = 0, e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        stop = each(context, e->d_name, entry_kind(e));
    }
    if (!stop && errno) stop = errno;
    closedir(d);
    return stop;
}

double plat_strtod(const char *text, char **end) {
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
    double x = c ? strtod_l(text, end, c) : strtod(text, end);
    if (c) freelocale(c);
    return x;
}

float plat_strtof(const char *text) {
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
    float x = c ? strtof_l(text, NULL, c) : strtof(text, NULL);
    if (c) freelocale(c);
    return x;
}

static bool lacks_files(char *text, size_t n) {
    struct rlimit most = {0};
    getrlimit(RLIMIT_NOFILE, &most);
    snprintf(text, n, "this process has as many files open as it may, %llu (ulimit -n): "
             "raise that limit, or close files", (unsigned long long)most.rlim_cur);
    return true;
}

bool plat_lacks(int error, char *text, size_t n) {
    switch (error) {
    case EMFILE: return lacks_files(text, n);
    case ENFILE:
        snprintf(text, n, "this machine has as many files open as it may (sysctl "
                 "fs.file-max): raise that limit, or close files");
        return true;
    case ENOMEM:
        snprintf(text, n, "the system has no memory left for it: end other programs, or "
                 "give the run less memory and fewer threads");
        return true;
    default: return false;
    }
}

const char *plat_error(int error, char *text, size_t n) {
    return strerror_r(error, text, n);
}
