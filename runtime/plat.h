/* The seam to the operating system: threads, clock, memory, files, libraries.
 * Nobody else in the runtime includes <pthread.h>, <dlfcn.h> or a socket header.
 * Functions return 0 or an errno value unless they say otherwise. */
#ifndef PIPERT_PLAT_H
#define PIPERT_PLAT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAT_PAGE 4096

/* ---- threads ---- */
typedef struct plat_mutex { long long storage[8]; } plat_mutex;
typedef struct plat_cond { long long storage[8]; } plat_cond;
typedef struct plat_thread { long long storage[1]; } plat_thread;

int plat_mutex_init(plat_mutex *);
void plat_mutex_fini(plat_mutex *);
void plat_lock(plat_mutex *);
void plat_unlock(plat_mutex *);
int plat_cond_init(plat_cond *);
void plat_cond_fini(plat_cond *);
void plat_wait(plat_cond *, plat_mutex *);
/* false: the time (plat_now) passed. */
bool plat_wait_until(plat_cond *, plat_mutex *, int64_t when);
void plat_wake_one(plat_cond *);
void plat_wake_all(plat_cond *);
int plat_thread_start(plat_thread *, void (*run)(void *), void *argument);
void plat_thread_join(plat_thread *);
void plat_yield(void);
int plat_cpus(void);                    /* this process may run on, at least 1 */

/* ---- clock: nanoseconds, monotonic ---- */
int64_t plat_now(void);
/* ns that this thread has had a core. */
int64_t plat_thread_now(void);

/* ---- memory ---- */
/* Address space whose pages cost memory only once they are written; zeroed.
 * NULL if there is none. */
void *plat_reserve(size_t bytes);
/* The same for what will be written as a whole: in large pages where there are. */
void *plat_reserve_large(size_t bytes);
/* The same for what is written here and there: in small pages. NULL where address space is
 * counted (ulimit -v, vm.overcommit_memory = 2). */
void *plat_reserve_sparse(size_t bytes);
void plat_unreserve(void *, size_t bytes);
/* Address space that this process may still take: INT64_MAX is no limit. */
int64_t plat_space(void);
/* What the machine, and the limit of its control group, let this process have. */
int64_t plat_memory(void);
/* Gives the whole pages inside [at, at + bytes) back; they read as zero. of_file: they
 * are of plat_map. */
void plat_discard(void *at, size_t bytes, bool of_file);

/* ---- processes (plat_process.c) ---- */
/* A file in memory without a name: it is gone with the last who has it open. */
int plat_memory_file(int *fd);
int plat_resize(int fd, size_t bytes);
/* Maps its first bytes, for reading and writing; plat_unreserve takes them back. */
int plat_map(int fd, size_t bytes, void **at);
/* The same of a file that is there, and has as many. */
int plat_map_file(const char *path, size_t bytes, void **at);
/* Two ends of a stream. A program that is started later has neither. */
int plat_socket_pair(int fd[2]);
/* Starts argv[0], looked for in PATH, with `given` as its descriptor 3, 4, … and none
 * above. An interrupt waits until it is ignored there. */
int plat_spawn(const char *const *argv, const int *given, int ngiven, int64_t *process);
/* Waits for its end; says how it ended ("exited with status 1"). */
void plat_process_end(int64_t process, char *how, size_t n);
void plat_process_kill(int64_t process);
/* A descriptor that is readable once the process is gone; -1: cannot be had. */
int plat_process_watch(int64_t process);
int64_t plat_process_id(void);
int64_t plat_parent_id(void);
/* From now on Ctrl-C is for others; ends this process at once, whatever runs. */
void plat_ignore_interrupts(void);
_Noreturn void plat_exit(void);
/* All n bytes. EPIPE: the other end is gone. */
int plat_send(int fd, const void *, size_t n);
int plat_receive(int fd, void *, size_t n);
/* Which of two descriptors (-1: none) is readable or at its end: 1, 2 or 3; 0: the time
 * (plat_now; -1: never) passed. */
int plat_poll(int first, int second, int64_t until);

/* ---- files ---- */
typedef enum { PLAT_NONE, PLAT_FILE, PLAT_FOLDER, PLAT_LINK, PLAT_OTHER } plat_kind;
typedef struct plat_stat {
    plat_kind kind;
    int64_t size, modified;     /* modified: ns since 1970 */
    uint64_t device, inode;
} plat_stat;

int plat_open(const char *path, int *fd);
void plat_close(int fd);
int plat_stat_fd(int fd, plat_stat *);
/* Follows links. */
int plat_stat_path(const char *path, plat_stat *);
/* Where relative paths begin. */
int plat_current_folder(char *to, size_t n);
/* Reads up to n bytes; *got < n only at the end of the file. */
int plat_read_at(int fd, void *to, size_t n, int64_t offset, size_t *got);

/* Calls each(context, name, kind) for every entry but . and .., in any order;
 * stops when it returns nonzero, and returns that. kind is not followed. */
int plat_list(const char *folder, int (*each)(void *, const char *, plat_kind),
              void *context);

/* ---- files of a folder that is held open (plat_file.c): no link is followed, and what
 * is made is this user's alone ---- */
/* Makes it, and the ones above it, where they are missing. EPERM: it is not this user's,
 * or anybody may write into it. */
int plat_folder_open(const char *path, int *folder);
int plat_folder_list(int folder, int (*each)(void *, const char *), void *context);
/* A file that is this user's; or a new one, to read and write: EEXIST. */
int plat_file_open(int folder, const char *name, int *fd);
int plat_file_make(int folder, const char *name, int *fd);
int plat_file_rename(int folder, const char *from, const char *to);
int plat_file_remove(int folder, const char *name);
/* Locks are of an open file, and go with the last who has it open. Does not wait:
 * EWOULDBLOCK. */
typedef enum { PLAT_UNLOCKED, PLAT_SHARED, PLAT_EXCLUSIVE } plat_file_lock;
int plat_file_hold(int fd, plat_file_lock);
bool plat_file_has_name(int fd);
/* Its time of modification is now. */
int plat_file_touch(int fd);
typedef struct plat_piece { const void *data; size_t bytes; } plat_piece;
enum { PLAT_PIECES = 32 };
/* Up to PLAT_PIECES, one after the other, as a whole. */
int plat_write_at(int fd, const plat_piece *, int n, int64_t offset);

/* ---- libraries (plat_library.c) ---- */
/* Loads a library, privately: the file as it is now, though another that had its path
 * is loaded. NULL: `why` (of n bytes) says why. */
void *plat_load(const char *path, char *why, size_t n);
void *plat_symbol(void *library, const char *name);
void plat_unload(void *library);
/* Whether the symbol of a library that is loaded lies there. */
bool plat_is_symbol(const void *at, const char *name);
/* The folder of the file that holds this code, with a final slash. */
bool plat_folder_of(const void *code, char *folder, size_t n);

/* ---- processor ---- */
/* 1 to 4: x86-64-v1 ... v4; 0: another machine. */
int plat_cpu_level(void);
/* Whether it has all the features of a comma-separated list ("+avx2,bmi"). */
bool plat_cpu_has(const char *features);

/* A number in the C locale's notation, whatever the process's locale is. */
double plat_strtod(const char *text, char **end);
float plat_strtof(const char *text);
/* Whether the error is of what this process may have or the machine has, not of the file
 * that was asked for; the text says so, and what to do. */
bool plat_lacks(int error, char *text, size_t n);
const char *plat_error(int error, char *text, size_t n);
#endif
