#include "internal.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

typedef struct closer {
    struct closer *next;
    void (*destroy)(void *);
    void *what;
} closer;

/* ---- what compiled code and kernels call ---- */
static void *call_more(pk_call *call, size_t bytes) {
    (void)call, (void)bytes;
    return NULL;                        /* at..end is all there is */
}

static void *call_scratch(pk_call *call, size_t bytes) {
    scratch *s = ((worker *)(void *)call)->memory;
    size_t size = (bytes + 63) & ~(size_t)63;
    if (size < bytes || (size_t)(call->end - call->at) < size) return NULL;
    if (call->end > s->highest) s->highest = call->end;
    call->end -= size;
    if (call->end < s->lowest) s->lowest = call->end;
    return call->end;
}

static int call_at_close(pk_call *call, void (*destroy)(void *), void *what) {
    worker *w = (worker *)(void *)call;
    closer *c = pk_alloc(call, sizeof *c);
    if (!c) {
        destroy(what);
        return pk_fail(call, "no memory");
    }
    *c = (closer){w->memory->closers, destroy, what};
    w->memory->closers = c;
    return 0;
}

static int call_vfail(pk_call *call, int64_t first_row, const char *format,
                      va_list list) {
    worker *w = (worker *)(void *)call;
    char text[sizeof ((bad *)0)->reason], *kept;
    vsnprintf(text, sizeof text, format, list);
    kept = pk_alloc(call, strlen(text) + 1);
    w->message = kept ? strcpy(kept, text) : "no memory";
    w->call.first_failed_row = first_row;
    return PL_FAILED;
}

/* In the place of a site: the record could not be read, or the process lacked something. */
enum { SITE_UNREAD = -1, SITE_LACK = -2 };

static pl_failure *failure_at(const scratch *s, int32_t handle) {
    if (handle <= 0 || handle > s->nfailures) return NULL;
    return (pl_failure *)(void *)s->failures.base + handle - 1;
}

static void keep_failures(scratch *s, int32_t n) {
    s->nfailures = n;
    arena_reset(&s->failures, sizeof(pl_failure) * (size_t)n);
    if (s->failures.top < s->failures.used) s->failures.top = s->failures.used;
}

static int32_t add_failure(worker *w, pl_failure f) {
    scratch *s = w->memory;
    pl_failure *last = failure_at(s, s->nfailures);
    if (last && last->site == f.site && last->a == f.a && last->b == f.b &&
        last->text == f.text)
        return s->nfailures;            /* the next element of one tensor */
    if (s->failures.size - s->failures.used < sizeof f || s->nfailures == INT32_MAX)
        return s->nfailures;            /* a full one is never empty */
    keep_failures(s, s->nfailures + 1);
    *failure_at(s, s->nfailures) = f;
    return s->nfailures;
}

static int32_t call_fail(pl_call *call, int32_t site, int64_t a, int64_t b) {
    return add_failure((worker *)(void *)call, (pl_failure){site, a, b, NULL});
}

static int32_t call_fail_kernel(pl_call *call, int32_t site) {
    worker *w = (worker *)(void *)call;
    return add_failure(w, (pl_failure){site, call->first_failed_row, 0, w->message});
}

/* Of the input that the source has an index for, as a whole. */
static const void *call_index(pk_call *call, const char *format, const void *data,
                              int64_t n, size_t *bytes) {
    const worker *w = (const worker *)(void *)call;
    int k = w->p->source.indexed;
    const source_index *x = (const source_index *)data - 1;
    if (k < 0 || !w->in || !n || w->in[k].data != data || w->in[k].n != n || !x->index ||
        strncmp(x->format, format, sizeof x->format))
        return NULL;
    *bytes = x->bytes;
    return x->index;
}

static void call_need(pl_call *call, int32_t input, const void *data, int64_t from,
                      int64_t to) {
    worker *w = (worker *)(void *)call;
    source_part *part = input == w->p->source.indexed ? source_part_of(data) : NULL;
    if (part && source_need(part, from, to)) w->lacks = true;
}

static void *call_alloc_out(pl_call *call, size_t bytes) {
    worker *w = (worker *)(void *)call;
    return w->keeps ? cache_alloc_out(w, bytes) : slot_take(w, bytes);
}

static void call_lock(pl_call *call) {
    plat_lock(&((worker *)(void *)call)->p->kernel_lock);
}
static void call_unlock(pl_call *call) {
    plat_unlock(&((worker *)(void *)call)->p->kernel_lock);
}

void record_worker_init(worker *w, pipert *p, uint64_t key) {
    w->p = p;
    w->message = "";
    w->call = (pl_call){
        .kernel = {.more = call_more, .scratch = call_scratch,
                   .at_close = call_at_close, .vfail = call_vfail,
                   .max_bytes = p->options.max_bytes,
                   .max_pixels = p->options.max_pixels, .cpu = p->kernel_cpu,
                   .index = call_index},
        .key = key, .fail = call_fail, .fail_kernel = call_fail_kernel,
        .alloc_out = call_alloc_out, .user = p->feature->user,
        .lock = call_lock, .unlock = call_unlock, .need = p->parts ? call_need : NULL};
}

/* ---- memory ---- */
scratch *record_scratch_new(size_t size) {
    scratch *s = calloc(1, sizeof *s);
    if (s && arena_init(&s->arena, size) && arena_init(&s->failures, size / 8)) {
        s->lowest = s->arena.base + s->arena.size;
        s->highest = s->arena.base;
        return s;
    }
    if (s) arena_fini(&s->arena);
    free(s);
    return NULL;
}

static void run_closers(scratch *s, closer *until) {
    while (s->closers != until) {
        closer *c = s->closers;
        s->closers = c->next;
        c->destroy(c->what);
    }
}

void record_scratch_free(scratch *s) {
    if (!s) return;
    run_closers(s, NULL);
    arena_fini(&s->arena);
    arena_fini(&s->failures);
    free(s);
}

void record_limit(worker *w) {
    char *end = w->memory->arena.base + w->memory->arena.size;
    size_t limit = (size_t)w->p->options.max_bytes;
    if ((size_t)(end - w->call.kernel.at) > limit) end = w->call.kernel.at + limit;
    w->call.kernel.end = end;
}

void record_attach(worker *w, scratch *s) {
    if (w->memory) w->memory->arena.used = record_used(w);
    w->memory = s;
    if (!s) return;
    w->call.kernel.at = s->arena.base + s->arena.used;
    record_limit(w);
}

size_t record_used(const worker *w) {
    return (size_t)(w->call.kernel.at - w->memory->arena.base);
}

mark record_mark(worker *w) {
    return (mark){w->call.kernel.at, w->memory->nfailures, w->memory->closers};
}

/* What large records left behind goes back to the system. */
static void trim(scratch *s, size_t keep) {
    arena_trim(&s->arena, keep);
    arena_trim(&s->failures, keep);
    if (s->highest - s->lowest <= (int64_t)keep) return;
    plat_discard(s->lowest, (size_t)(s->highest - s->lowest), false);
    s->lowest = s->arena.base + s->arena.size;
    s->highest = s->arena.base;
}

void record_reset(worker *w, mark m) {
    scratch *s = w->memory;
    if (s->closers != m.closers) run_closers(s, m.closers);
    if (s->nfailures != m.nfailures) keep_failures(s, m.nfailures);
    s->arena.used = record_used(w);
    if (s->arena.used > s->arena.top) s->arena.top = s->arena.used;
    arena_reset(&s->arena, (size_t)(m.at - s->arena.base));
    if (m.at == s->arena.base) trim(s, w->p->keep_bytes);
    w->call.kernel.at = m.at;
    record_limit(w);
}

/* ---- entering and emitting ---- */
static void *lib_of(worker *w, const pl_code *code) {
    bool plain = code == w->p->plain && code != w->p->code;
    return plain ? load_plain_lib(w->p) : w->p->lib;
}

node *record_node(worker *w, const pl_code *code, node *parent, int64_t row,
                  const pl_value *in, uint64_t id) {
    int level = parent ? parent->level + 1 : 0;
    size_t head = (sizeof(node) + 63) & ~(size_t)63;
    node *n = pk_alloc(&w->call.kernel, head + (size_t)code->frame_size[level]);
    if (!n) return NULL;
    *n = (node){.parent = parent, .code = code, .frame = (char *)n + head, .in = in,
                .whole = in, .id = id, .row = row, .level = level};
    return n;
}

/* The source's, if the code has them. */
static const pl_value *inputs_of(const node *n) {
    while (n->parent) n = n->parent;
    return n->in == n->whole ? n->in : NULL;
}

static int enter_code(worker *w, node *n) {
    void *lib = lib_of(w, n->code);
    if (!lib) return PL_FAILED;
    w->in = inputs_of(n);
    call_begins(w);
    n->verdict = n->code->enter[n->level](&w->call, lib, n->in, n->id,
                                          n->parent ? n->parent->frame : NULL,
                                          n->row, n->frame);
    n->verdict = record_said(w, n->verdict);
    call_ends(w, n->verdict);
    if (w->recorder && w->p->feature->levels > 1)
        recorder_level(w, n->level, n->verdict);
    return n->verdict;
}

static bool in_doubt(worker *w, const pl_code *code, int verdict) {
    return verdict != PL_OK && verdict != PL_REJECTED && code != w->p->plain &&
           w->p->plain;
}

/* ---- what was not read, because a cache had what it needs ---- */
static pl_value *copied_inputs(worker *w, const pl_value *from) {
    int n = w->p->feature->ninputs;
    pl_value *to = pk_alloc(&w->call.kernel, (size_t)n * sizeof *to + 1);
    for (int k = 0; to && k < n; k++) {
        source_index *head;
        to[k] = from[k];
        if (!w->p->feature->inputs[k].bytes) continue;
        head = pk_alloc(&w->call.kernel, sizeof *head + (size_t)to[k].n + SOURCE_SLACK);
        if (!head) return NULL;
        memset(head, 0, sizeof *head);
        memcpy(head + 1, from[k].data, (size_t)to[k].n);
        to[k].data = head + 1;
    }
    return to;
}

/* NULL without memory, or *failed says why it cannot be read. */
static const pl_value *read_whole(worker *w, const node *n, source_failure *failed) {
    pipert *p = w->p;
    source_reader r;
    pl_value *values = pk_alloc(&w->call.kernel,
                                ((size_t)p->feature->ninputs + 1) * sizeof *values);
    const pl_value *to = NULL;
    if (!values || !source_reader_init(&r, p->options.max_bytes, 1 << 20)) return NULL;
    source_read(&p->source, &r, &n->index, 1, values);
    if (r.failed && r.failed[0].why) {
        char *text = pk_alloc(&w->call.kernel, strlen(r.failed[0].why) + 1);
        *failed = r.failed[0];
        failed->why = text ? strcpy(text, r.failed[0].why) : "no memory";
    } else {
        to = copied_inputs(w, values);
    }
    source_reader_fini(&r);
    return to;
}

/* Reads what is not there yet of the record, for code that does not ask. */
static void read_rest(const worker *w, const pl_value *in, source_failure *failed) {
    int k = w->p->source.indexed;
    source_part *part = w->p->parts ? source_part_of(in[k].data) : NULL;
    const source_failure *f = part ? source_need(part, 0, in[k].n) : NULL;
    if (f) *failed = *f;
}

static node *not_read(worker *w, node *n, const source_failure *failed) {
    pl_failure f = {failed->lack ? SITE_LACK : SITE_UNREAD, 0, 0, failed->why};
    n->verdict = PL_FAILED;
    w->call.verdict = add_failure(w, f);
    return n;
}

/* The node as the plain code enters it; NULL without memory. */
static node *plain_twin(worker *w, node *n) {
    node *parent = n->parent;
    const pl_value *whole;      /* lives as long as the twin, not as n */
    source_failure failed = {0};
    if (n->code == w->p->plain) return n;
    if (n->plain) return n->plain;
    if (parent) {
        parent = plain_twin(w, parent);
        if (!parent || parent->verdict != PL_OK) return parent;
    }
    record_limit(w);
    whole = parent || n->whole ? n->whole : read_whole(w, n, &failed);
    if (!parent && n->whole) read_rest(w, whole, &failed);
    n->plain = parent || whole || failed.why
                   ? record_node(w, w->p->plain, parent, n->row, whole, n->id) : NULL;
    if (!n->plain) return NULL;
    n->plain->place = n->place;
    n->plain->event = n->event;
    if (failed.why) return not_read(w, n->plain, &failed);
    enter_code(w, n->plain);
    return n->plain;
}

/* After record_node. */
static int enter_node(worker *w, node *n, node **out) {
    *out = n;
    if (!n) return PL_NO_MEMORY;
    if (!in_doubt(w, n->code, enter_code(w, n))) return n->verdict;
    *out = plain_twin(w, n);
    return *out ? (*out)->verdict : PL_NO_MEMORY;
}

int record_enter(worker *w, node *parent, int64_t row, const pl_value *in,
                 uint64_t id, node **out) {
    const pl_code *code = parent ? parent->code : w->p->code;
    record_limit(w);
    w->call.verdict = 0;
    return enter_node(w, record_node(w, code, parent, row, in, id), out);
}

int record_enter_as(worker *w, const record_entry *e, node **out) {
    node *n;
    record_limit(w);
    w->call.verdict = 0;
    n = record_node(w, e->code, NULL, 0, e->in, e->id);
    if (n) n->whole = e->whole, n->index = e->index;
    return enter_node(w, n, out);
}

static int emit_code(worker *w, node *n, pl_out *out) {
    void *frames[PL_MAX_LEVELS], *lib = lib_of(w, n->code);
    int verdict;
    if (!lib) return PL_FAILED;
    w->in = inputs_of(n);
    for (node *k = n; k; k = k->parent) frames[k->level] = k->frame;
    call_begins(w);
    verdict = record_said(w, n->code->emit(&w->call, lib, frames, out));
    call_ends(w, verdict);
    return verdict;
}

int record_emit(worker *w, node *n, pl_out *out) {
    int verdict;
    record_limit(w);
    w->call.verdict = 0;
    verdict = emit_code(w, n, out);
    if (!in_doubt(w, n->code, verdict)) return verdict;
    n = plain_twin(w, n);
    if (!n) return PL_NO_MEMORY;
    if (n->verdict != PL_OK) return n->verdict;
    record_limit(w);
    return emit_code(w, n, out);
}

int64_t record_rows(const node *n) {
    int64_t rows;
    memcpy(&rows, n->frame, sizeof rows);
    return rows;
}

/* ---- failures ---- */
static void set_operator(bad *b, const char *name) {
    snprintf(b->operator_name, sizeof b->operator_name, "%s", name ? name : "");
}

static void describe_unread(const worker *w, bad *b, const source_failure *f) {
    b->line = w->p->feature->source_line;
    set_operator(b, w->p->feature->source);
    snprintf(b->reason, sizeof b->reason, "%s", f->why);
    b->lack = f->lack;
}

static void describe_failure(worker *w, bad *b, const pl_failure *f) {
    const pl_feature *feature = w->p->feature;
    const pl_site *site;
    if (f->site >= feature->nsites) return;
    if (f->site < 0) {
        describe_unread(w, b, &(source_failure){f->text, f->site == SITE_LACK});
        return;
    }
    site = &feature->sites[f->site];
    b->line = site->line;
    set_operator(b, site->operator_name);
    if (site->reason) text_reason(b->reason, sizeof b->reason, site->reason, f->a, f->b);
    else snprintf(b->reason, sizeof b->reason, "%s", f->text ? f->text : "failed");
}

bad *record_bad(worker *w, int verdict, int64_t place, int64_t index) {
    const pl_failure *f = failure_at(w->memory, w->call.verdict);
    bad *b = bad_new(w->p);
    if (!b) return NULL;
    b->place = place;
    b->index = index;
    b->line = w->p->feature->source_line;
    set_operator(b, w->p->feature->name);
    if (verdict == PL_NO_MEMORY)
        snprintf(b->reason, sizeof b->reason, "needs more than %lld bytes of memory",
                 (long long)w->p->options.max_bytes);
    else if (verdict == PL_FAILED && f) describe_failure(w, b, f);
    else if (!load_plain_lib(w->p) && w->p->plain)
        snprintf(b->reason, sizeof b->reason, "the plain plan could not be opened");
    else snprintf(b->reason, sizeof b->reason, "code %d from the compiled feature",
                  verdict);
    return b;
}

bad *record_bad_read(worker *w, const source_failure *f, int64_t place, int64_t index) {
    bad *b = bad_new(w->p);
    if (!b) return NULL;
    b->place = place;
    b->index = index;
    describe_unread(w, b, f);
    return b;
}
