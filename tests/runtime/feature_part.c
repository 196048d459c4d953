/* Emits pieces of a file: its first line has them as `from to`, in order, after a word that
 * tells the fused code what to do before it asks for the first: `shorten`, `remove`,
 * `touch` or `replace` the file, give up (`suspect`) or nothing (`go`). -D EACH: a piece is
 * asked for in `enter`, or in `emit`. */
#define _GNU_SOURCE
#include "plan.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH, DATA, N, MOST = 64 };
static const pl_input inputs[] = {{"path", PL_U8, 1, 0}, {"data", PL_U8, 1, 1}};
typedef struct frame { pl_value in[N]; } frame;

static int open_it(pl_call *c, const pl_argument *params, void *lib, pl_argument *args) {
    (void)c, (void)lib;
    args[0] = params[0];
    args[1] = params[1];
    return PL_OK;
}

static void disturb(const char *path, const char *how) {
    struct stat st;
    char other[4200];
    int fd;
    if (!strcmp(how, "shorten")) (void)!truncate(path, 70000);
    if (!strcmp(how, "remove")) unlink(path);
    if (!strcmp(how, "touch")) utimensat(AT_FDCWD, path, NULL, 0);
    if (strcmp(how, "replace") || stat(path, &st)) return;
    snprintf(other, sizeof other, "%s~", path);
    fd = open(other, O_CREAT | O_WRONLY, 0600);
    (void)!ftruncate(fd, st.st_size);
    futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim});
    close(fd);
    rename(other, path);
}

/* The pieces of the first line; asks for them if the code is fused. */
static int pieces(pl_call *c, const pl_value *in, int fused, int64_t (*to)[2]) {
    char path[4096], line[4096], *at = line, how[32];
    const char *data = in[DATA].data;
    int n = 0, used;
    snprintf(path, sizeof path, "%.*s", (int)in[PATH].n, (const char *)in[PATH].data);
    snprintf(line, sizeof line, "%.*s", (int)(strchr(data, '\n') - data), data);
    sscanf(at, "%31s%n", how, &used);
    at += used;
    if (fused && c->need) disturb(path, how);
    for (long long a, b; n < MOST && sscanf(at, "%lld %lld%n", &a, &b, &used) == 2; at += used) {
        if (fused && c->need) c->need(c, DATA, data, a, b);
        to[n][0] = a < 0 ? 0 : a;
        to[n][1] = b > in[DATA].n ? in[DATA].n : b;
        n += to[n][0] < to[n][1];
    }
    return fused && !strcmp(how, "suspect") ? -1 : n;
}

static int enter_as(pl_call *c, const pl_value *in, void *f, int fused) {
    int64_t piece[MOST][2];
    memcpy(f, in, sizeof(frame));
    return in[DATA].n && pieces(c, in, fused && EACH, piece) < 0 ? PL_SUSPECT : PL_OK;
}

static int emit_as(pl_call *c, const frame *f, pl_out *out, int fused) {
    int64_t piece[MOST][2], bytes = 0;
    int n = f->in[DATA].n ? pieces(c, f->in, fused, piece) : 0;
    if (n < 0) return PL_SUSPECT;
    for (int i = 0; i < n; i++) bytes += piece[i][1] - piece[i][0];
    out->data = c->alloc_out(c, (size_t)bytes);
    if (!out->data) return PL_NO_MEMORY;
    out->dim[0] = 0;
    for (int i = 0; i < n; i++) {
        size_t k = (size_t)(piece[i][1] - piece[i][0]);
        memcpy((char *)out->data + out->dim[0], (const char *)f->in[DATA].data + piece[i][0], k);
        out->dim[0] += (int64_t)k;
    }
    return PL_OK;
}

static int enter(pl_call *c, void *lib, const pl_value *in, uint64_t id, void *parent,
                 int64_t row, void *f) {
    (void)lib, (void)id, (void)parent, (void)row;
    return enter_as(c, in, f, 1);
}
static int enter_plain(pl_call *c, void *lib, const pl_value *in, uint64_t id, void *parent,
                       int64_t row, void *f) {
    (void)lib, (void)id, (void)parent, (void)row;
    return enter_as(c, in, f, 0);
}
static int emit(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    (void)lib;
    return emit_as(c, frames[0], out, 1);
}
static int emit_plain(pl_call *c, void *lib, void *const *frames, pl_out *out) {
    (void)lib;
    return emit_as(c, frames[0], out, 0);
}

static const pl_code fused = {.lib_size = 8, .frame_size = {sizeof(frame)}, .open = open_it,
                              .enter = {enter}, .emit = emit};
static const pl_code plain = {.plain = 1, .lib_size = 8, .frame_size = {sizeof(frame)},
                              .open = open_it, .enter = {enter_plain}, .emit = emit_plain};
static const pl_code *const codes[] = {&fused, &plain};
static const pl_param params[] = {
    {"root", PL_PARAM_PATH, PL_U8, 1, 0, NULL, "path"},
    {"pattern", PL_PARAM_STRING, PL_U8, 1, 0, "**", "string"},
};
static const pl_field fields[] = {{"pieces", PL_U8, 1, 1, {-1}, 0, 0}};
static const pl_output outputs[] = {{"pieces", 0, 0, PL_U8, 2, 1, {BATCH, -1}}};
static const pl_site sites[] = {{"files", 2, "part.dsl", NULL}};

pl_feature pipec_feature = {
    .abi = PL_ABI, .name = "part", .hash = 0x78, .version = "test", .nparams = 2,
    .params = params, .source = "files", .nsource_args = 2, .ninputs = N, .inputs = inputs,
    .levels = 1, .has_where = WHERE, .batch = BATCH, .lanes = 1, .last = PL_LAST_PARTIAL,
    .nfields = 1, .fields = fields, .noutputs = 1, .outputs = outputs, .nsites = 1,
    .sites = sites, .ncodes = 2, .codes = codes, .describe = "{}", .source_line = 2};
