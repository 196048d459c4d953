#include "cache.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY       /* a state that needs no malloc */
#include <xxhash.h>

enum { NOTES = 8 };             /* the store has fewer things to say, each once */

struct cache {
    store *store;
    const pl_cut *cut;
    const pl_code *above, *below;
    XXH128_hash_t program;      /* what the values of all records hang on */
    bool disk;
    atomic_llong served;        /* records that came from it */
    plat_mutex lock;            /* of notes: workers write them, the caller tells them */
    struct { int level; char text[600]; } note[NOTES];
    int nnotes, ntold;
    size_t head;                /* bytes before the first tensor of a stored record */
};

/* What a record's stored bytes begin with, for each field: a scalar's value; a tensor's
 * bytes. Tensors follow in their order, each with its dims before it. */
typedef struct field_head { pl_value value; } field_head;

static size_t aligned(size_t n) { return (n + 63) & ~(size_t)63; }

/* ---- opening ---- */
static const pl_code *part_of(const pipert *p, const pl_code *const *codes) {
    for (int i = 0; i < p->feature->ncodes; i++)
        if (p->feature->codes[i] == p->code && !p->code->plain) return codes[i];
    return NULL;
}

/* A user's library may be another one by now. */
static void add_import(XXH3_state_t *h, const pl_import *import) {
    char path[4400];
    plat_stat st = {0};
    size_t n;
    if (!plat_folder_of(*import->where, path, sizeof path - 256)) return;
    n = strlen(path);
    snprintf(path + n, sizeof path - n, "%s", import->library);
    if (plat_stat_path(path, &st)) return;
    XXH3_128bits_update(h, import->symbol, strlen(import->symbol));
    XXH3_128bits_update(h, &st.size, sizeof st.size);
    XXH3_128bits_update(h, &st.modified, sizeof st.modified);
}

static void add_to_hash(void *h, const void *bytes, size_t n) {
    XXH3_128bits_update(h, bytes, n);
}

/* A kernel may have read the file at open that a text names. */
static void add_param(const pipert *p, const pl_cut *cut, int i, XXH3_state_t *h) {
    int kind = p->feature->params[i].kind;
    bool text = kind == PL_PARAM_PATH || kind == PL_PARAM_STRING;
    uint64_t value = param_hash(p, i);
    if (cut->reads[i] == '0') return;
    XXH3_128bits_update(h, &value, sizeof value);
    if (text && cut->reads[i] == '2')
        source_identify_file(param_value(p, i), add_to_hash, h);
}

static XXH128_hash_t hash_program(const pipert *p, const pl_cut *cut) {
    const pl_feature *f = p->feature;
    int64_t limits[] = {p->options.max_bytes, p->options.max_pixels};
    XXH3_state_t h;
    XXH3_INITSTATE(&h);
    XXH3_128bits_reset(&h);
    XXH3_128bits_update(&h, f->version, strlen(f->version));
    XXH3_128bits_update(&h, &cut->hash, sizeof cut->hash);
    XXH3_128bits_update(&h, limits, sizeof limits);
    for (int i = 0; i < f->nparams; i++) add_param(p, cut, i, &h);
    for (int i = 0; i < cut->nfiles; i++)
        source_identify_file(cut->files[i], add_to_hash, &h);
    for (int i = 0; i < f->nimports; i++) add_import(&h, &f->imports[i]);
    return XXH3_128bits_digest(&h);
}

const char *cache_user_folder(char *to, size_t n) {
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (base && *base == '/') snprintf(to, n, "%s/pipec/values", base);
    else if (home && *home) snprintf(to, n, "%s/.cache/pipec/values", home);
    else return NULL;
    return to;
}

static void note(void *context, int level, const char *text) {
    cache *c = context;
    plat_lock(&c->lock);
    if (c->nnotes < NOTES) {
        c->note[c->nnotes].level = level;
        snprintf(c->note[c->nnotes++].text, sizeof c->note->text, "%s", text);
    }
    plat_unlock(&c->lock);
}

void cache_tell(pipert *p) {
    cache *c = p->cache;
    if (!c) return;
    plat_lock(&c->lock);
    for (; c->ntold < c->nnotes; c->ntold++)
        log_text(p, c->note[c->ntold].level, "%s", c->note[c->ntold].text);
    plat_unlock(&c->lock);
}

static bool open_store(pipert *p, cache *c) {
    char folder[4096], why[512];
    const char *where = p->cache_path ? p->cache_path
                                         : cache_user_folder(folder, sizeof folder);
    store_options o = {.kind = c->disk ? STORE_DISK : STORE_RAM, .limit = c->cut->limit,
                       .group = c->program.low64, .folder = where, .log = note, .log_to = c};
    if (!o.limit) o.limit = c->disk ? (int64_t)8 << 30 : plat_memory() / 4;
    if (c->disk && !where)
        snprintf(why, sizeof why, "there is no folder for it: name one, or set HOME");
    else c->store = store_open(&o, why, sizeof why);
    if (c->store) return true;
    log_text(p, PIPERT_LOG_WARNING, "nothing is kept from one epoch to the next: %s", why);
    return false;
}

static cache *cache_new(pipert *p) {
    const pl_cut *cut = p->feature->cut;
    cache *c = calloc(1, sizeof *c);
    if (!c || plat_mutex_init(&c->lock)) return free(c), NULL;
    c->cut = cut;
    c->above = part_of(p, cut->above);
    c->below = part_of(p, cut->below);
    c->disk = cut->disk || p->cache_path;
    c->head = aligned((size_t)cut->nfields * sizeof(field_head));
    c->program = hash_program(p, cut);
    return c;
}

void cache_open(pipert *p) {
    bool off = p->cache_path && !*p->cache_path;
    cache *c;
    if (!p->feature->cut && p->cache_path && !off)
        log_text(p, PIPERT_LOG_WARNING, "nothing is kept from one epoch to the next: %s "
                 "was compiled without a cache, which a line `cache(disk)` asks for",
                 p->feature->name);
    if (!p->feature->cut || p->code->plain || off || !p->source.ops->identify) return;
    c = cache_new(p);
    if (!c) return;
    p->cache = c;
    if (!c->above || !c->below || !open_store(p, c)) {
        cache_close(p);
        return;
    }
    if (c->disk) p->source.reads = true;
}

static void log_counts(pipert *p, const store_counts *n) {
    log_text(p, PIPERT_LOG_INFO,
             "cache: %lld records in %.1f MB; %lld came from it, %lld were kept, %lld found "
             "no room", (long long)n->entries, (double)n->bytes / 1e6,
             (long long)cache_hits(p), (long long)n->kept, (long long)n->refused);
}

void cache_close(pipert *p) {
    store_counts n;
    if (!p->cache) return;
    if (p->cache->store) {
        store_count(p->cache->store, &n);
        store_close(p->cache->store);
        cache_tell(p);
        log_counts(p, &n);
    }
    plat_mutex_fini(&p->cache->lock);
    free(p->cache);
    p->cache = NULL;
}

void cache_epoch(pipert *p) {
    if (p->cache) store_epoch(p->cache->store);
}

int64_t cache_hits(const pipert *p) {
    return p->cache ? atomic_load_explicit(&p->cache->served, memory_order_relaxed) : 0;
}

/* ---- keys ---- */
/* false: nobody knows what the record hangs on. */
static bool key_of(pipert *p, const run *r, int64_t index, uint64_t id, store_key *key) {
    const cache *c = p->cache;
    XXH3_state_t h;
    XXH128_hash_t hash;
    uint64_t chance[] = {id, r->order->reused_key};
    XXH3_INITSTATE(&h);
    XXH3_128bits_reset(&h);
    XXH3_128bits_update(&h, &c->program, sizeof c->program);
    if (c->cut->draws) XXH3_128bits_update(&h, chance, sizeof chance);
    if (p->source.ops->identify(&p->source, index, add_to_hash, &h)) return false;
    hash = XXH3_128bits_digest(&h);
    *key = (store_key){{hash.low64, hash.high64}};
    return true;
}

/* ---- looking ---- */
bool cache_run(pipert *p, run *r) {
    if (!p->cache) return true;
    r->kept = malloc(RUN_MOST * sizeof *r->kept);
    r->keys = malloc(RUN_MOST * sizeof *r->keys);
    return r->kept && r->keys;
}

void cache_run_fini(pipert *p, run *r) {
    if (r->nkept) cache_forget(p, r);
    free(r->kept);
    free(r->keys);
}

static bool found(pipert *p, run *r, int64_t i, store_item *item) {
    store_key *key = &r->keys[i];
    if (key_of(p, r, r->index[i], schedule_id(p, r, r->at + i), key))
        return store_get(p->cache->store, *key, item);
    *key = (store_key){{0, 0}};
    return false;
}

int64_t cache_look(pipert *p, run *r, int64_t n) {
    store_item item;
    int64_t i;
    cache_forget(p, r);
    for (i = 0; i < n; i++) {
        bool hit = found(p, r, i, &item);
        if (!hit && r->nkept) break;
        if (!hit) continue;
        if (i > r->nkept) {                 /* those before it are not kept */
            store_release(p->cache->store, &item);
            break;
        }
        r->kept[r->nkept++] = item;
        r->kept_bytes += (int64_t)item.bytes;
        if ((size_t)r->kept_bytes > r->reader.soft) return i + 1;
    }
    return i;
}

void cache_forget(pipert *p, run *r) {
    for (int64_t i = 0; i < r->nkept; i++) store_release(p->cache->store, &r->kept[i]);
    r->nkept = r->kept_bytes = 0;
}

/* ---- from stored bytes to values ---- */
static const pl_value *values_of(worker *w, const store_item *item) {
    const cache *c = w->p->cache;
    const field_head *head = item->data;
    size_t at = c->head;
    pl_value *v = pk_alloc(&w->call.kernel, (size_t)c->cut->nfields * sizeof *v + 1);
    if (!v || item->bytes < at) return NULL;
    for (int k = 0; k < c->cut->nfields; k++) {
        v[k] = head[k].value;
        if (!c->cut->fields[k].rank) continue;
        v[k].data = (const char *)item->data + at + PL_KEPT_HEAD;
        if (v[k].n < 0 || (size_t)v[k].n > item->bytes) return NULL;
        at += aligned(PL_KEPT_HEAD + (size_t)v[k].n);
        if (at > aligned(item->bytes)) return NULL;
    }
    return v;
}

/* ---- making: what stands above the cut ---- */
void *cache_alloc_out(worker *w, size_t bytes) {
    char *at = NULL;
    if (bytes < SIZE_MAX - PL_KEPT_HEAD - SOURCE_SLACK)
        at = pk_alloc(&w->call.kernel, PL_KEPT_HEAD + bytes + SOURCE_SLACK);
    return at ? at + PL_KEPT_HEAD : NULL;
}

static bool aim(worker *w, pl_out *out) {
    const pl_cut *cut = w->p->cache->cut;
    for (int k = 0; k < cut->nfields; k++) {
        const pl_field *f = &cut->fields[k];
        memset(&out[k], 0, sizeof out[k]);
        memcpy(out[k].dim, f->dim, sizeof f->dim);
        if (!f->ragged && !(out[k].data = cache_alloc_out(w, (size_t)f->bytes)))
            return false;
    }
    return true;
}

static int run_above(worker *w, const pl_value *in, uint64_t id, pl_out *out) {
    const pl_code *code = w->p->cache->above;
    void *frame = pk_alloc(&w->call.kernel, (size_t)code->frame_size[0]);
    int verdict;
    if (!frame || !aim(w, out)) return PL_NO_MEMORY;
    w->in = in;
    w->keeps = true;
    call_begins(w);
    verdict = code->enter[0](&w->call, w->p->lib, in, id, NULL, 0, frame);
    if (verdict == PL_OK) verdict = code->emit(&w->call, w->p->lib, &frame, out);
    verdict = record_said(w, verdict);
    call_ends(w, verdict);
    w->keeps = false;
    return verdict;
}

static size_t bytes_of(const pl_field *f, const pl_out *out) {
    size_t n = (size_t)pipert_dtype_size((int)f->dtype);
    for (int k = 0; k < f->rank; k++) n *= (size_t)out->dim[k];
    return n;
}

static const pl_value *values_made(worker *w, const pl_out *out) {
    const pl_cut *cut = w->p->cache->cut;
    pl_value *v = pk_alloc(&w->call.kernel, (size_t)cut->nfields * sizeof *v + 1);
    for (int k = 0; v && k < cut->nfields; k++) {
        const pl_field *f = &cut->fields[k];
        v[k] = (pl_value){.i = 0};
        if (!f->rank) {
            memcpy(&v[k], out[k].data, (size_t)pipert_dtype_size((int)f->dtype));
            continue;
        }
        v[k] = (pl_value){.data = out[k].data, .n = (int64_t)bytes_of(f, &out[k])};
        memcpy((char *)out[k].data - PL_KEPT_HEAD, out[k].dim, sizeof out[k].dim);
    }
    return v;
}

/* What changed while it was read, or since, has another key than before: which of them the
 * values are of nobody knows. */
static bool same_key(worker *w, const run *r, int64_t i, uint64_t id) {
    const store_key *before = &r->keys[i];
    store_key now;
    return key_of(w->p, r, r->index[i], id, &now) && now.word[0] == before->word[0] &&
           now.word[1] == before->word[1];
}

/* v: NULL if the record was rejected. */
static void keep(worker *w, const run *r, int64_t i, uint64_t id, int verdict,
                 const pl_value *v) {
    const cache *c = w->p->cache;
    int n = c->cut->nfields, parts = 1;
    field_head *head = pk_alloc(&w->call.kernel, c->head);
    store_part *part = pk_alloc(&w->call.kernel, ((size_t)n + 1) * sizeof *part);
    if (!head || !part || !same_key(w, r, i, id)) return;
    memset(head, 0, c->head);
    part[0] = (store_part){head, c->head};
    for (int k = 0; v && k < n; k++) {
        head[k].value = v[k];
        if (!c->cut->fields[k].rank) continue;
        head[k].value.data = NULL;
        part[parts++] = (store_part){(const char *)v[k].data - PL_KEPT_HEAD,
                                     PL_KEPT_HEAD + (size_t)v[k].n};
    }
    store_put(c->store, r->keys[i], verdict, part, parts);
}

/* ---- entering ---- */
static int enter_below(worker *w, const pl_value *kept, const pl_value *in,
                       int64_t index, uint64_t id, node **out) {
    record_entry e = {.code = w->p->cache->below, .in = kept, .whole = in,
                      .index = index, .id = id};
    return record_enter_as(w, &e, out);
}

static int enter_kept(worker *w, const run *r, int64_t i, uint64_t id, node **out) {
    const store_item *item = &r->kept[i];
    const pl_value *v;
    atomic_fetch_add_explicit(&w->p->cache->served, 1, memory_order_relaxed);
    record_limit(w);
    if (item->verdict == PL_REJECTED) return PL_REJECTED;
    v = values_of(w, item);
    return v ? enter_below(w, v, NULL, r->index[i], id, out) : PL_NO_MEMORY;
}

int cache_enter(worker *w, run *r, int64_t i, uint64_t id, node **out) {
    const pl_value *in = r->values + (i - r->at) * w->p->feature->ninputs, *v = NULL;
    pl_out *made;
    size_t nfields;
    mark before;
    int verdict;
    *out = NULL;
    if (!w->p->cache) return record_enter(w, NULL, 0, in, id, out);
    i -= r->at;
    if (r->nkept) return enter_kept(w, r, i, id, out);
    nfields = (size_t)w->p->cache->cut->nfields;
    before = record_mark(w);
    record_limit(w);
    made = pk_alloc(&w->call.kernel, sizeof *made * nfields + 1);
    verdict = made ? run_above(w, in, id, made) : PL_NO_MEMORY;
    if (verdict == PL_OK) v = values_made(w, made);
    if (v || verdict == PL_REJECTED) keep(w, r, i, id, verdict, v);
    if (verdict == PL_REJECTED) return verdict;
    if (v) return enter_below(w, v, in, r->index[i], id, out);
    record_reset(w, before);
    return record_enter(w, NULL, 0, in, id, out);
}
