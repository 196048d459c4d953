/* The store's folder: other processes, processes that are killed, files that were
 * changed, disks that fail. Prints what failed, and was skipped, then `N passed, N
 * failed`. */
#define _GNU_SOURCE
#include "store_format.h"
#include "store_list.h"
#include "store_test.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *base;

static store *open_new(int64_t limit, int64_t segment) {
    return open_in(new_folder(base), limit, segment, 1);
}

static int count_of(store *s, uint64_t from, uint64_t to, int due) {
    int n = 0;
    for (uint64_t i = from; i < to; i++) n += has(s, i) == due;
    return n;
}

static int put_all(store *s, uint64_t from, uint64_t to) {
    int n = 0;
    for (uint64_t i = from; i < to; i++) n += put(s, i);
    return n;
}

static int lines_told(void) {
    int n = 0;
    for (const char *c = told; *c; c++) n += *c == '\n';
    return n;
}

/* ---- files ---- */
typedef struct files {
    int n;
    int64_t bytes;
    char path[600][512];
} files;

/* Of names that end so. */
static files files_of(const char *in, const char *end) {
    static files f;
    DIR *d = opendir(in);
    struct dirent *e;
    f.n = 0;
    f.bytes = 0;
    while (d && (e = readdir(d))) {
        size_t n = strlen(e->d_name), k = strlen(end);
        struct stat s;
        if (e->d_name[0] == '.' || n < k || strcmp(e->d_name + n - k, end)) continue;
        snprintf(f.path[f.n], sizeof f.path[0], "%.200s/%.200s", in, e->d_name);
        if (!stat(f.path[f.n], &s)) f.bytes += s.st_size, f.n++;
    }
    if (d) closedir(d);
    return f;
}

static char *read_whole(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    char *to = malloc(1 << 20);
    *n = f ? fread(to, 1, 1 << 20, f) : 0;
    if (f) fclose(f);
    return to;
}

static void write_whole(const char *path, const void *from, size_t n) {
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || pwrite(fd, from, n, 0) != (ssize_t)n || ftruncate(fd, (off_t)n))
        CHECK(!"the test cannot write its files");
    close(fd);
}

static void write_in(const char *in, const char *name, const char *text) {
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", in, name);
    write_whole(path, text, strlen(text));
}

static bool exists_in(const char *in, const char *name) {
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", in, name);
    return access(path, F_OK) == 0;
}

/* ---- from one process to the next ---- */
static void test_values_stay_when_it_is_closed(void) {
    store *s = open_new(16 * MB, 64 * KB);
    struct stat info;
    CHECK(put_all(s, 0, 500) == 500);
    store_close(s);
    s = open_in(folder, 16 * MB, 64 * KB, 1);
    CHECK(count_of(s, 0, 500, 1) == 500 && counts(s).entries == 500);
    CHECK(!put(s, 3) && counts(s).bytes == files_of(folder, "s").bytes +
                                               files_of(folder, "x").bytes);
    store_close(s);
    s = open_in(folder, 16 * MB, 64 * KB, 2);           /* somebody else's */
    CHECK(count_of(s, 0, 500, 1) == 500);
    store_close(s);
    CHECK(!stat(folder, &info) && (info.st_mode & 0777) == 0700);
    CHECK(!stat(files_of(folder, "values").path[0], &info) &&
          (info.st_mode & 0777) == 0600);
    CHECK(!*told);
}

static void test_what_others_write_is_found(void) {
    store *a = open_new(16 * MB, 64 * KB), *b = open_in(folder, 16 * MB, 64 * KB, 1);
    CHECK(put_all(a, 0, 300) == 300);
#ifndef PIPERT_HOSTILE                   /* there it looks every 10 ms */
    CHECK(count_of(b, 0, 300, 0) == 300);
#endif
    store_epoch(b);
    CHECK(count_of(b, 0, 300, 1) == 300);
    CHECK(put_all(b, 300, 400) == 100 && put_all(a, 400, 500) == 100);
    store_epoch(a);
    store_epoch(b);
    CHECK(count_of(a, 0, 500, 1) == 500 && count_of(b, 0, 500, 1) == 500);
    store_close(a);
    CHECK(count_of(b, 0, 500, 1) == 500);
    store_close(b);
    CHECK(!*told);
}

/* ---- what goes ---- */
static int putting(store *s, uint64_t from, int n) {
    int good = 0;
    for (int i = 0; i < n; i++) good += put_of(s, from + (uint64_t)i, VALUE, 0);
    return good;
}

static int having(store *s, uint64_t from, int n) {
    int good = 0;
    for (int i = 0; i < n; i++) good += has_of(s, from + (uint64_t)i, VALUE, 0) == 1;
    return good;
}

static int64_t folder_bytes(void) { return files_of(folder, "").bytes; }

static void test_a_stranger_makes_room_at_once(void) {
    store *s = open_new(2 * MB, 128 * KB);
    CHECK(putting(s, 0, 250) > 230);
    store_close(s);
    s = open_in(folder, 2 * MB, 128 * KB, 2);
    store_epoch(s);
    CHECK(putting(s, 1000, 100) == 100 && counts(s).evicted > 0);
    CHECK(folder_bytes() <= 2 * MB && having(s, 1000, 100) == 100);
    store_close(s);
}

/* … and its own has an epoch to show that it is used. */
static void test_a_run_that_begins_again_keeps_what_it_finds(void) {
    store *s = open_new(2 * MB, 128 * KB);
    int kept = putting(s, 0, 300), found = 0;
    CHECK(kept > 230 && kept < 256);
    store_close(s);
    s = open_in(folder, 2 * MB, 128 * KB, 1);
    store_epoch(s);
    putting(s, 1000, 100);
    CHECK(counts(s).evicted == 0 && (found = having(s, 0, 300)) == kept);
    store_epoch(s);
    putting(s, 2000, 100);
    CHECK(counts(s).evicted == 0 && having(s, 0, 300) == found);
    for (int i = 0; i < 2; i++) store_epoch(s);
    CHECK(putting(s, 3000, 100) == 100 && counts(s).evicted > 0);
    store_close(s);
}

static void test_what_somebody_alive_uses_stays(void) {
    store *user = open_new(2 * MB, 128 * KB), *other;
    int kept = putting(user, 0, 300);
    store_epoch(user);
    CHECK(having(user, 0, 300) == kept);
    other = open_in(folder, 2 * MB, 128 * KB, 2);
    for (int i = 0; i < 4; i++) {
        store_epoch(other);
        CHECK(putting(other, 1000 + 100 * (uint64_t)i, 100) < 16);
    }
    CHECK(having(user, 0, 300) == kept && counts(other).evicted == 0);
    store_close(user);
    store_epoch(other);
    CHECK(putting(other, 5000, 100) == 100 && counts(other).evicted > 0);
    CHECK(folder_bytes() <= 2 * MB);
    store_close(other);
}

/* One of two that read the same takes files away that the other has not used for long. */
static void test_files_that_others_removed_are_let_go(void) {
    store *a = open_new(2 * MB, 128 * KB), *b = open_in(folder, 2 * MB, 128 * KB, 2);
    putting(a, 0, 250);
    store_epoch(b);
    CHECK(having(b, 0, 250) > 230);
    for (int i = 0; i < 3; i++) store_epoch(a), store_epoch(b);
    CHECK(!has(b, 5000));                               /* it looks around */
    CHECK(putting(a, 1000, 240) > 200 && counts(a).evicted > 10);
    store_epoch(b);
    CHECK(having(b, 1000, 240) > 200);
    CHECK(counts(b).bytes <= 2 * MB && folder_bytes() <= 2 * MB);
    store_close(a);
    store_close(b);
}

static void test_the_oldest_use_goes_first_between_runs(void) {
    store *s = open_new(2 * MB, 128 * KB);
    CHECK(putting(s, 0, 100) == 100);
    store_close(s);
    usleep(20000);
    s = open_in(folder, 2 * MB, 128 * KB, 2);
    CHECK(putting(s, 1000, 100) == 100);
    store_close(s);
    usleep(20000);
    s = open_in(folder, 2 * MB, 128 * KB, 3);
    store_epoch(s);
    CHECK(having(s, 0, 100) == 100);                    /* used again: 1000 … is older */
    store_close(s);
    s = open_in(folder, 2 * MB, 128 * KB, 4);
    CHECK(putting(s, 2000, 100) == 100);
    CHECK(having(s, 0, 100) == 100 && having(s, 1000, 100) < 60);
    store_close(s);
}

static void test_a_limit_that_became_less(void) {
    store *s = open_new(8 * MB, 256 * KB);
    CHECK(putting(s, 0, 900) == 900);
    store_close(s);
    s = open_in(folder, 2 * MB, 128 * KB, 2);
    CHECK(putting(s, 1000, 100) == 100 && folder_bytes() <= 2 * MB);
    store_close(s);
}

/* However many come at once, and whatever is left for them: all get some of the room. */
static void test_all_get_room(void) {
    enum { N = 12 };
    store *s[N];
    s[0] = open_new(8 * MB, 0);
    for (int i = 1; i < N; i++) s[i] = open_in(folder, 8 * MB, 0, (uint64_t)i / 3);
    for (int i = 0; i < N; i++) CHECK(putting(s[i], 1000 * (uint64_t)i, 10) == 10);
    for (int i = 0; i < N; i++) putting(s[i], 1000 * (uint64_t)i + 10, 400);
    CHECK(folder_bytes() > 7 * MB && folder_bytes() <= 8 * MB);
    for (int i = 0; i < N; i++) store_close(s[i]);
    CHECK(!*told);
}

/* ---- processes that are killed ---- */
enum { A_RUN = 100000 };

/* Says the number of each value that is kept, until it is killed. A round is a group:
 * however fast the disk is, the values of those before make room. */
static void write_until_killed(const char *in, uint64_t round, int to) {
    store *s = open_in(in, 256 * MB, 256 * KB, round);
    uint64_t from = round * A_RUN;
    for (uint64_t i = from; s && i < from + A_RUN; i++)
        if (put(s, i) && write(to, &i, sizeof i) != sizeof i) break;
    _exit(1);
}

static int check_written(int from_child, store *s, uint64_t first) {
    uint64_t i, last = first;
    int lost = 0, n = 0;
    while (read(from_child, &i, sizeof i) == sizeof i) {
        lost += has(s, i) != 1;
        last = i + 1;
        n++;
    }
    CHECK(lost == 0);
    for (i = last; i < last + 20; i++) CHECK(has(s, i) >= 0);
    return n;
}

static void test_killed_at_50_points(void) {
    uint64_t state = 11;
    int written = 0;
    new_folder(base);
    for (uint64_t round = 0; round < 50; round++) {
        int ends[2], status;
        pid_t child;
        store *s;
        CHECK(!pipe(ends));
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        child = fork();
        if (!child) write_until_killed(folder, round, ends[1]);
        close(ends[1]);
        usleep((useconds_t)((state = mix(state)) % 30000));
        kill(child, SIGKILL);
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        s = open_in(folder, 256 * MB, 256 * KB, round);
        written += check_written(ends[0], s, round * A_RUN);
        CHECK(put(s, round * A_RUN + A_RUN - 1));       /* it goes on */
        store_close(s);
        close(ends[0]);
    }
    CHECK(written > 500 && !*told);
}

/* Makes segments and takes them away all the time; says when it is at it. */
static void evict_until_killed(const char *in, uint64_t from, int to) {
    store *s = open_in(in, MB, 16 * KB, from);
    for (uint64_t i = from; s; i++) {
        if (i % 20 == 0) store_epoch(s);
        put(s, i % A_RUN);
        if (i == from + 100 && write(to, "", 1) != 1) break;
    }
    _exit(1);
}

static void test_killed_while_it_evicts(void) {
    uint64_t state = 12;
    int wrong = 0, found = 0;
    new_folder(base);
    for (uint64_t round = 0; round < 30; round++) {
        int status, ends[2];
        char byte;
        pid_t child;
        store *s;
        CHECK(!pipe(ends));
        child = fork();
        if (!child) evict_until_killed(folder, round * 1000, ends[1]);
        CHECK(read(ends[0], &byte, 1) == 1);
        close(ends[0]);
        close(ends[1]);
        usleep((useconds_t)((state = mix(state)) % 40000));
        kill(child, SIGKILL);
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        s = open_in(folder, MB, 16 * KB, round + 1000000);
        CHECK(putting(s, (round + 1) << 32, 20) == 20);     /* what was half is gone */
        CHECK(files_of(folder, "new").n == 0 && folder_bytes() <= MB);
        CHECK(files_of(folder, "index").n == files_of(folder, "values").n);
        for (uint64_t i = round * 1000; i < round * 1000 + 3000; i++) {
            int is = has(s, i);
            wrong += is < 0;
            found += is == 1;
        }
        store_close(s);
    }
    CHECK(wrong == 0 && found > 0);
    CHECK(!*told);
}

/* What a process leaves that is killed while it makes a segment, or takes one away. */
static void test_leftovers_go_and_strangers_stay(void) {
    store *s = open_new(4 * MB, 128 * KB);
    CHECK(putting(s, 0, 20) == 20);
    write_in(folder, "pipec-0123456789abcdef.values", "left");
    write_in(folder, "pipec-0123456789abcdee.index", "left");
    write_in(folder, "pipec-0123456789abcded.new", "left");
    write_in(folder, "pipec-0123456789ABCDEF.values", "not ours");
    write_in(folder, "notes.txt", "not ours");
    CHECK(putting(s, 100, 40) == 40);
    CHECK(!exists_in(folder, "pipec-0123456789abcdef.values"));
    CHECK(!exists_in(folder, "pipec-0123456789abcdee.index"));
    CHECK(!exists_in(folder, "pipec-0123456789abcded.new"));
    CHECK(exists_in(folder, "pipec-0123456789ABCDEF.values"));
    CHECK(exists_in(folder, "notes.txt") && having(s, 0, 20) == 20);
    store_close(s);
    CHECK(!*told);
}

/* ---- several processes at once ---- */
static void hammer(void *p) {
    static atomic_int next;
    store *s = p;
    uint64_t state = mix((uint64_t)getpid() * 8 + (uint64_t)atomic_fetch_add(&next, 1));
    for (int k = 0; k < 3000; k++) {
        uint64_t i = (state = mix(state + 1)) % 1200;
        int found = has(s, i);
        if (found < 0) _exit(1);
        if (!found) put(s, i);
        if (k % 1000 == 999) store_epoch(s);
    }
}

static void be_one_of_several(uint64_t group) {
    store *s = open_in(folder, MB, 32 * KB, group);
    plat_thread thread[2];
    if (!s) _exit(2);
    for (int i = 0; i < 2; i++)
        if (plat_thread_start(&thread[i], hammer, s)) _exit(3);
    for (int i = 0; i < 2; i++) plat_thread_join(&thread[i]);
    if (counts(s).hits < 100 || counts(s).damaged) _exit(4);
    store_close(s);
    _exit(*told ? 5 : 0);
}

static void test_four_processes_at_once(void) {
    pid_t child[4];
    int status, left = 4;
    int64_t most = 0;
    store *s;
    new_folder(base);
    for (int i = 0; i < 4; i++)
        if (!(child[i] = fork())) be_one_of_several((uint64_t)i / 2);
    while (left) {
        int64_t now = folder_bytes();
        most = now > most ? now : most;
        if (waitpid(-1, &status, WNOHANG) <= 0) usleep(500);
        else CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0), left--;
    }
    CHECK(most > MB / 2 && most <= MB);
    s = open_in(folder, MB, 32 * KB, 0);
    CHECK(count_of(s, 0, 1200, -1) == 0 && count_of(s, 0, 1200, 1) > 100);
    store_close(s);
}

/* ---- files that were changed ---- */
enum { FEW = 6 };

static size_t few_first(uint64_t i) { return 30 + i * 17; }
static bool put_few(store *s, uint64_t i) { return put_of(s, i, few_first(i), 9); }
static int has_few(store *s, uint64_t i) { return has_of(s, i, few_first(i), 9); }

/* How many values are there; those that are wrong fail. */
static int served(store *s) {
    int n = 0;
    for (uint64_t i = 0; i < FEW; i++) {
        int found = has_few(s, i);
        if (found < 0) CHECK(!"a wrong value was served");
        n += found == 1;
    }
    return n;
}

static int64_t believed;        /* entries of the store that was opened last */

static int served_anew(void) {
    store *s = open_in(folder, MB, 0, 1);
    int n;
    believed = counts(s).entries;
    n = served(s);
    store_close(s);
    told[0] = 0;
    return n;
}

static void make_few(void) {
    store *s = open_new(MB, 0);
    for (uint64_t i = 0; i < FEW; i++) CHECK(put_few(s, i));
    store_close(s);
    CHECK(served_anew() == FEW);
}

/* A record or a value loses one value, the head of a file all. */
static void test_each_byte_changed(void) {
    static const unsigned char by[] = {0x01, 0x80, 0xFF};
    static const char *const ends[] = {"values", "index"};
    int wrong = 0;
    make_few();
    for (int end = 0; end < 2; end++) {
        size_t n;
        char path[512], *bytes;
        snprintf(path, sizeof path, "%s", files_of(folder, ends[end]).path[0]);
        bytes = read_whole(path, &n);
        CHECK(n >= 64 + FEW * 64);
        for (size_t at = 0; at < n; at++)
            for (size_t k = 0; k < sizeof by; k++) {
                int due = at < 64 ? 0 : FEW - 1, found;
                bytes[at] = (char)(bytes[at] ^ by[k]);
                write_whole(path, bytes, n);
                found = served_anew();
                wrong += found < due || (at < 64 && found);
                bytes[at] = (char)(bytes[at] ^ by[k]);
            }
        write_whole(path, bytes, n);
        free(bytes);
    }
    CHECK(wrong == 0 && served_anew() == FEW);
}

static void test_each_length(void) {
    static const char *const ends[] = {"values", "index"};
    make_few();
    for (int end = 0; end < 2; end++) {
        size_t n;
        int last = 0;
        char path[512], *bytes;
        snprintf(path, sizeof path, "%s", files_of(folder, ends[end]).path[0]);
        bytes = read_whole(path, &n);
        for (size_t to = 0; to <= n; to++) {
            int found;
            write_whole(path, bytes, to);
            found = served_anew();
            CHECK(found >= last);
            last = found;
        }
        CHECK(last == FEW);
        CHECK(!truncate(path, (off_t)n + 100000) && served_anew() == FEW);
        CHECK(!truncate(path, INT64_C(1) << 40) && served_anew() == FEW);
        write_whole(path, bytes, n);
        free(bytes);
    }
}

/* The checksums are right, what they are of is not. */
static void test_records_that_lie(void) {
    static const int64_t offsets[] = {INT64_MAX - 63, INT64_MIN, -64, 0, 64, 128,
                                      INT64_C(1) << 40};
    static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX / 2, UINT64_MAX - 63, 0, 1,
                                     UINT64_C(1) << 40, UINT64_C(1) << 63};
    size_t n;
    uint64_t id = 0;
    char path[512], *bytes;
    make_few();
    snprintf(path, sizeof path, "%s", files_of(folder, "index").path[0]);
    CHECK(name_is(strrchr(path, '/') + 1, "index", &id));
    bytes = read_whole(path, &n);
    for (size_t i = 0; i < sizeof offsets / 8; i++)
        for (size_t k = 0; k < sizeof sizes / 8; k++) {
            char *copy = memcpy(malloc(n), bytes, n);
            record *r = (record *)(copy + 64);
            r->offset = offsets[i];
            r->bytes = sizes[k];
            r->check = record_check(r, id);
            write_whole(path, copy, n);
            CHECK(served_anew() == FEW - 1);
            CHECK(believed == FEW - 1 || sizes[k] < 2);     /* before it is read */
            free(copy);
        }
    for (int shift = 0; shift < 63; shift++) {
        file_head *h = (file_head *)bytes;
        h->size = INT64_C(1) << shift;
        h->check = head_check(h);
        write_whole(path, bytes, n);
        served_anew();
    }
    free(bytes);
}

/* Seeded: any bytes anywhere, of both files. */
static void test_mutations(void) {
    char path[2][512], *bytes[2];
    size_t n[2];
    uint64_t state = 5;
    int all = 0;
    make_few();
    for (int end = 0; end < 2; end++) {
        snprintf(path[end], sizeof path[0], "%s",
                 files_of(folder, end ? "index" : "values").path[0]);
        bytes[end] = read_whole(path[end], &n[end]);
    }
    for (int round = 0; round < 2000; round++) {
        int end = (int)((state = mix(state + 1)) % 2);
        char *copy = memcpy(malloc(n[end]), bytes[end], n[end]);
        for (uint64_t k = (state = mix(state + 1)) % 6; k + 1; k--) {
            size_t at = (state = mix(state + 1)) % n[end], from = state >> 32;
            size_t length = (state = mix(state + 1)) % 80;
            for (size_t j = 0; j < length && at + j < n[end]; j++)
                copy[at + j] = state >> 60 < 8 ? (char)mix(state + j)
                                               : bytes[end][(from + j) % n[end]];
        }
        write_whole(path[end], copy, n[end]);
        all += served_anew();
        write_whole(path[end], bytes[end], n[end]);
        free(copy);
    }
    CHECK(all > 2000 && served_anew() == FEW);
    free(bytes[0]);
    free(bytes[1]);
}

/* Under a store that has them open. */
static void test_changed_while_they_are_read(void) {
    store *s = open_new(4 * MB, 0);
    char path[512];
    store_item t;
    int64_t before;
    CHECK(putting(s, 0, 50) == 50 && having(s, 0, 50) == 50);
    snprintf(path, sizeof path, "%s", files_of(folder, "values").path[0]);
    CHECK(store_get(s, key_of(40), &t));
    CHECK(!truncate(path, 100000) && having(s, 0, 50) == 12);
    CHECK(is_of(&t, 40, VALUE, 0));
    store_release(s, &t);
    CHECK(lines_told() == 1 && strstr(told, folder) && strstr(told, "checksums"));
    before = counts(s).damaged;
    CHECK(before == 38 && having(s, 0, 50) == 12 && counts(s).damaged == before);
    CHECK(putting(s, 12, 38) == 38 && having(s, 0, 50) == 50);  /* put again */
    CHECK(!truncate(path, 0) && having(s, 0, 50) == 0);
    store_close(s);
    CHECK(lines_told() == 1);
}

/* ---- what is not ours ---- */
static void test_links_are_not_followed(void) {
    char from[4200], elsewhere[4200];
    make_few();
    for (int end = 0; end < 2; end++) {
        files f = files_of(folder, end ? "index" : "values");
        snprintf(from, sizeof from, "%s", f.path[0]);
        snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", base);
        CHECK(!rename(from, elsewhere) && !symlink(elsewhere, from));
        CHECK(served_anew() == 0);
        CHECK(!unlink(from) && !rename(elsewhere, from) && served_anew() == FEW);
    }
}

static void refuses(const char *in, const char *why) {
    store_options o = {.kind = STORE_DISK, .limit = MB, .folder = in};
    char error[1024] = "";
    CHECK(!store_open(&o, error, sizeof error) && strstr(error, why));
    CHECK(strstr(error, in) && strstr(error, "give "));
}

static void test_a_folder_that_is_not_ours(void) {
    char file[4200];
    new_folder(base);
    CHECK(!mkdir(folder, 0700) && !chmod(folder, 0777));
    refuses(folder, "anybody may write");
    CHECK(!chmod(folder, 0700));
    write_in(folder, "file", "");
    snprintf(file, sizeof file, "%s/file", folder);
    refuses(file, "Not a directory");
    if (geteuid()) {
        printf("skipped: a folder of another user: needs root\n");
        return;
    }
    CHECK(!chown(folder, 65534, 65534));
    refuses(folder, "not yours");
}

/* ---- disks that fail ---- */
static int fail_at = -1, fail_with, fail_after;         /* writes; errno; bytes */
static bool reads_fail;

int __real_plat_write_at(int, const plat_piece *, int, int64_t);
int __real_plat_read_at(int, void *, size_t, int64_t, size_t *);
int __wrap_plat_write_at(int, const plat_piece *, int, int64_t);
int __wrap_plat_read_at(int, void *, size_t, int64_t, size_t *);

/* Some bytes of the write that fails are written. */
int __wrap_plat_write_at(int fd, const plat_piece *piece, int n, int64_t at) {
    if (fail_at < 0 || fail_at--) return __real_plat_write_at(fd, piece, n, at);
    fail_at = 0;
    for (int i = 0, left = fail_after; i < n && left > 0; i++) {
        size_t part = piece[i].bytes < (size_t)left ? piece[i].bytes : (size_t)left;
        __real_plat_write_at(fd, &(plat_piece){piece[i].data, part}, 1, at);
        at += (int64_t)part;
        left -= (int)part;
    }
    return fail_with;
}

int __wrap_plat_read_at(int fd, void *to, size_t n, int64_t at, size_t *got) {
    return reads_fail ? EIO : __real_plat_read_at(fd, to, n, at, got);
}

/* The k-th write fails, and all that follow in the epoch: what was kept is there, what
 * was not is not, and the next epoch goes on. */
static void test_the_disk_is_full_at_each_write(void) {
    static const int errors[] = {ENOSPC, EDQUOT, EIO, EROFS, EFBIG};
    for (int k = 0; k < 25; k++)
        for (int part = 0; part < 3; part++) {
            store *s = open_new(MB, 0);
            bool kept[10];
            fail_at = k;
            fail_after = part * 45;
            fail_with = errors[k % 5];
            for (uint64_t i = 0; i < 10; i++) kept[i] = put(s, i);
            fail_at = -1;
            for (uint64_t i = 0; i < 10; i++) CHECK(has(s, i) == kept[i]);
            CHECK(!put(s, 100) == (k < 22));
            CHECK(lines_told() == (k < 22));
            CHECK(k >= 22 || strstr(told, "another folder"));
            store_epoch(s);
            CHECK(put(s, 101) && has(s, 101) == 1 && lines_told() == (k < 22));
            store_close(s);
            s = open_in(folder, MB, 0, 1);
            for (uint64_t i = 0; i < 10; i++) CHECK(has(s, i) >= kept[i]);
            CHECK(has(s, 101) == 1);
            store_close(s);
        }
}

static void test_a_full_disk_fills_with_no_files(void) {
    store *s = open_new(MB, 0);
    CHECK(put(s, 0));
    fail_after = 10;
    fail_with = ENOSPC;
    for (int epoch = 0; epoch < 20; epoch++) {
        store_epoch(s);
        fail_at = epoch % 3 + 1;            /* the second head, the value, its record */
        CHECK(!put_of(s, 1, 300000, 0) && has(s, 0) == 1);
    }
    fail_at = -1;
    CHECK(files_of(folder, "").n <= 5 && lines_told() == 1);
    store_epoch(s);
    CHECK(put(s, 1) && counts(s).bytes <= MB);
    store_close(s);
    CHECK(files_of(folder, "").n == 5);         /* two segments, and the lock */
}

static void test_reads_that_fail(void) {
    store *s = open_new(MB, 0);
    CHECK(put_all(s, 0, 20) == 20);
    reads_fail = true;
    CHECK(count_of(s, 0, 20, 0) == 20 && lines_told() == 1);
    CHECK(strstr(told, "Input/output error"));
    reads_fail = false;
    CHECK(put_all(s, 0, 20) == 20 && count_of(s, 0, 20, 1) == 20);
    store_close(s);
    reads_fail = true;
    s = open_in(folder, MB, 0, 1);
    CHECK(s && count_of(s, 0, 20, 0) == 20);
    reads_fail = false;
    store_close(s);
}

static void test_the_folder_vanishes(void) {
    store *s = open_new(4 * MB, 64 * KB);
    files f;
    CHECK(put_all(s, 0, 20) == 20);
    f = files_of(folder, "");
    for (int i = 0; i < f.n; i++) unlink(f.path[i]);
    CHECK(!rmdir(folder));
    CHECK(count_of(s, 0, 20, -1) == 0);
    put_all(s, 100, 500);
    store_epoch(s);
    CHECK(count_of(s, 0, 500, -1) == 0);
    put_all(s, 500, 600);
    store_close(s);
    CHECK(lines_told() == 1 || lines_told() == 2);
    CHECK(strstr(told, folder) && !exists_in(folder, "."));
}

/* ---- file systems of our own: in a child, as they are its alone ---- */
static void in_a_child(const char *what, int (*run)(const char *in)) {
    int status, code;
    pid_t child;
    mkdir(new_folder(base), 0700);
    fflush(stdout);
    child = fork();
    if (!child) {
        bool good = !unshare(CLONE_NEWNS) &&
                    !mount("", "/", "", MS_REC | MS_PRIVATE, "") &&
                    !mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=700");
        code = good ? run(folder) : 77;
        fflush(stdout);
        _exit(code);
    }
    code = waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                      : 1;
    if (code == 77) printf("skipped: %s: no file system may be mounted here\n", what);
    else CHECK(code == 0);
}

static int on_a_full_disk(const char *in) {
    store *s = open_in(in, 16 * MB, 128 * KB, 1);
    int kept = putting(s, 0, 300), before = failed;
    CHECK(kept > 90 && kept < 128 && having(s, 0, 300) == kept);
    CHECK(lines_told() == 1 && strstr(told, "No space left on device"));
    store_epoch(s);
    CHECK(putting(s, 1000, 300) < 16 && having(s, 0, 300) == kept && lines_told() == 1);
    store_close(s);
    s = open_in(in, 16 * MB, 128 * KB, 1);
    CHECK(having(s, 0, 300) == kept);
    store_close(s);
    return failed != before;
}

static int on_a_disk_that_is_read_only(const char *in) {
    store *s = open_in(in, MB, 64 * KB, 1);
    int before = failed;
    CHECK(putting(s, 0, 20) == 20);
    store_close(s);
    CHECK(!mount("", in, "", MS_REMOUNT | MS_RDONLY, ""));
    s = open_in(in, MB, 64 * KB, 2);
    CHECK(having(s, 0, 20) == 20 && putting(s, 100, 20) == 0 && lines_told() == 1);
    store_epoch(s);
    CHECK(putting(s, 200, 20) == 0 && having(s, 0, 20) == 20 && lines_told() == 1);
    CHECK(strstr(told, "Read-only file system"));
    store_close(s);
    return failed != before;
}

/* It may be that only root can go where it lies. */
static int without_permission(const char *at) {
    const char *in = ".";
    store *s;
    int before = failed;
    if (chdir(at) || chown(in, 65534, 65534) || setegid(65534) || seteuid(65534))
        return 77;
    s = open_in(in, MB, 64 * KB, 1);
    CHECK(putting(s, 0, 20) == 20);
    CHECK(!chmod(in, 0500));
    CHECK(putting(s, 100, 40) < 10 && having(s, 0, 20) == 20 && lines_told() == 1);
    store_close(s);
    s = open_in(in, MB, 64 * KB, 1);
    CHECK(having(s, 0, 20) == 20 && putting(s, 200, 20) == 0);
    store_close(s);
    CHECK(strstr(told, "Permission denied"));
    return failed != before;
}

/* Somebody stopped with the lock in his hand. */
static void test_a_lock_that_is_not_let_go(void) {
    store *s = open_new(MB, 0);
    char path[4200];
    int fd;
    CHECK(put(s, 0));
    store_close(s);
    s = open_in(folder, MB, 0, 1);
    snprintf(path, sizeof path, "%s/%s", folder, STORE_LOCK_NAME);
    fd = open(path, O_RDWR);
    CHECK(fd >= 0 && !plat_file_hold(fd, PLAT_EXCLUSIVE));
    CHECK(!put(s, 1) && !put(s, 2) && has(s, 0) == 1);
    CHECK(lines_told() == 1 && strstr(told, STORE_LOCK_NAME));
    close(fd);
    store_epoch(s);
    CHECK(put(s, 1) && has(s, 1) == 1);
    store_close(s);
}

/* ---- listing and clearing ---- */
static store_listing listing_of(int due, int (*list)(const char *, store_listing *)) {
    static store_listing l;
    store_list_free(&l);
    CHECK(list(folder, &l) == due);
    return l;
}

static void test_a_folder_is_listed_and_cleared(void) {
    store *a = open_new(4 * MB, 64 * KB), *b;
    store_listing l;
    CHECK(put_all(a, 0, 100) == 100);
    store_close(a);
    b = open_in(folder, 4 * MB, 64 * KB, 2);
    CHECK(put_all(b, 100, 140) == 40);
    write_in(folder, "notes.txt", "not ours");
    write_in(folder, "pipec-0123456789abcdef.index", "garbled");
    write_in(folder, "pipec-0123456789abcdef.values", "garbled");
    l = listing_of(0, store_list);
    CHECK(l.n == 3);
    for (int i = 0; i < l.n; i++) {
        const store_group *g = &l.group[i];
        CHECK(g->readable == (g->group != 0) && g->used > 0);
        CHECK(g->records == (g->group == 1 ? 100 : g->group == 2 ? 40 : 0));
        CHECK(g->segments > 0 && g->in_use == (g->group == 2 ? g->segments : 0));
        CHECK(g->group ? g->bytes > 40 * 1000 : g->bytes == 14);
    }
    l = listing_of(0, store_clear);                     /* what is in use stays */
    CHECK(l.n == 1 && l.group[0].group == 2 && l.group[0].records == 40);
    CHECK(count_of(b, 100, 140, 1) == 40 && put_all(b, 140, 200) == 60);
    store_close(b);
    l = listing_of(0, store_clear);
    CHECK(l.n == 0 && files_of(folder, "").n == 1 && exists_in(folder, "notes.txt"));
    l = listing_of(0, store_list);
    CHECK(l.n == 0);
    listing_of(0, store_clear);
    new_folder(base);
    listing_of(ENOENT, store_list);
    listing_of(ENOENT, store_clear);
    CHECK(!exists_in(folder, "."));                     /* and is not made */
    CHECK(!mkdir(folder, 0777) && !chmod(folder, 0777));
    listing_of(EPERM, store_clear);
}

/* … under a store that goes on. */
static void test_cleared_while_it_is_used(void) {
    store *s = open_new(MB, 32 * KB);
    for (uint64_t round = 0; round < 10; round++) {
        for (int epoch = 0; epoch < 3; epoch++) store_epoch(s);
        listing_of(0, store_clear);
        CHECK(put_all(s, round * 50, round * 50 + 50) == 50);
        store_epoch(s);
        CHECK(count_of(s, round * 50, round * 50 + 50, 1) == 50);
        CHECK(counts(s).bytes <= MB);
    }
    store_close(s);
    CHECK(!*told);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    base = argv[1];
    test_values_stay_when_it_is_closed();
    test_what_others_write_is_found();
    test_a_stranger_makes_room_at_once();
    test_a_run_that_begins_again_keeps_what_it_finds();
    test_what_somebody_alive_uses_stays();
    test_files_that_others_removed_are_let_go();
    test_the_oldest_use_goes_first_between_runs();
    test_a_limit_that_became_less();
    test_all_get_room();
    test_killed_at_50_points();
    test_killed_while_it_evicts();
    test_leftovers_go_and_strangers_stay();
    test_four_processes_at_once();
    test_each_byte_changed();
    test_each_length();
    test_records_that_lie();
    test_mutations();
    test_changed_while_they_are_read();
    test_links_are_not_followed();
    test_a_folder_that_is_not_ours();
    test_the_disk_is_full_at_each_write();
    test_a_full_disk_fills_with_no_files();
    test_reads_that_fail();
    test_the_folder_vanishes();
    in_a_child("a full disk", on_a_full_disk);
    in_a_child("a disk that is read-only", on_a_disk_that_is_read_only);
    in_a_child("a folder without permission", without_permission);
    test_a_lock_that_is_not_let_go();
    test_a_folder_is_listed_and_cleared();
    test_cleared_while_it_is_used();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
