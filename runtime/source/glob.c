#include "glob.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one name ---- */
static const char *next_character(const char *s) {
    do s++;
    while ((*s & 0xC0) == 0x80);
    return s;
}

/* [abc], [a-z], [!abc]; a ] right at the start stands for itself. Returns the end
 * of the set, NULL if it has none. */
static const char *match_set(const char *p, char c, bool *in) {
    bool not = p[1] == '!' || p[1] == '^';
    const char *first = p += 1 + not;
    unsigned char x = (unsigned char)c;
    *in = false;
    while (*p && (*p != ']' || p == first)) {
        unsigned char low = (unsigned char)*p, high = low;
        if (p[1] == '-' && p[2] && p[2] != ']') high = (unsigned char)p[2], p += 2;
        *in |= x >= low && x <= high;
        p++;
    }
    *in ^= not;
    return *p ? p + 1 : NULL;
}

static bool match_name(const char *p, const char *s) {
    const char *star = NULL, *again = NULL, *after;
    bool in;
    if (*s == '.' && *p != '.') return false;
    while (*s) {
        if (*p == '*') {
            star = ++p, again = s;
        } else if (*p == '?') {
            p++, s = next_character(s);
        } else if (*p == '[' && (after = match_set(p, *s, &in)) && in) {
            p = after, s++;
        } else if (*p == *s && (*p != '[' || !match_set(p, *s, &in))) {
            p++, s++;
        } else if (star) {
            p = star, s = again = next_character(again);
        } else {
            return false;
        }
    }
    while (*p == '*') p++;
    return !*p;
}

bool glob_has_wildcard(const char *pattern) { return strpbrk(pattern, "*?[") != NULL; }

/* ---- walking ---- */
enum { PARTS = 62, DEEP = 64 };

typedef struct walk {
    glob_list *list;
    char pattern[4096], *part[PARTS];
    int nparts;
    char path[8192];            /* of the folder, with a slash, then a name */
    size_t root;                /* where what is below root begins */
    plat_stat above[DEEP];      /* the folders on the way, against circles */
    int depth;
    const stopper *stop;
    char *why; size_t why_size;
} walk;

typedef struct folder { walk *w; uint64_t at; size_t length; } folder;

static int walk_folder(walk *w, size_t length, uint64_t at);

static int fails(walk *w, const char *what, const char *how) {
    snprintf(w->why, w->why_size, "%s: %s", what, how);
    return 1;
}

static int split(walk *w, const char *pattern) {
    char *save = NULL;
    if (strlen(pattern) >= sizeof w->pattern)
        return fails(w, pattern, "pattern too long");
    strcpy(w->pattern, pattern);
    for (char *p = strtok_r(w->pattern, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
        if (!strcmp(p, ".")) continue;
        if (w->nparts == PARTS || !strcmp(p, ".."))
            return fails(w, pattern, "a pattern cannot have `..`, or 63 folders");
        w->part[w->nparts++] = p;
    }
    return w->nparts ? 0 : fails(w, pattern, "an empty pattern");
}

static bool is_deep(const char *part) { return !strcmp(part, "**"); }

/* `**` also stands for no folder. Bit nparts: all of the pattern is used up. A
 * final `**` takes files. */
static uint64_t skip_deep(const walk *w, uint64_t at) {
    for (int i = 0; i < w->nparts; i++)
        if (at >> i & 1 && is_deep(w->part[i]) && i + 1 < w->nparts)
            at |= UINT64_C(2) << i;
    return at;
}

/* The places in the pattern behind this name. */
static uint64_t advance(const walk *w, uint64_t at, const char *name) {
    uint64_t next = 0;
    for (int i = 0; i < w->nparts; i++) {
        if (!(at >> i & 1)) continue;
        if (!is_deep(w->part[i])) {
            if (match_name(w->part[i], name)) next |= UINT64_C(2) << i;
        } else if (*name != '.') {
            next |= UINT64_C(1) << i;
            if (i + 1 == w->nparts) next |= UINT64_C(2) << i;
        }
    }
    return skip_deep(w, next);
}

static int add_path(glob_list *l, const char *path) {
    size_t n = strlen(path) + 1;
    if (l->used + n > l->room) {
        size_t room = 2 * l->room + n + 4096;
        char *more = realloc(l->text, room);
        if (!more) return 1;
        l->text = more;
        l->room = room;
    }
    memcpy(l->text + l->used, path, n);
    l->used += n;
    l->n++;
    return 0;
}

static int visit(void *context, const char *name, plat_kind kind) {
    folder *f = context;
    walk *w = f->w;
    uint64_t next = advance(w, f->at, name), whole = UINT64_C(1) << w->nparts;
    size_t n = strlen(name);
    plat_stat st;
    if (stop_asked(w->stop)) return fails(w, w->path, "the listing was stopped");
    if (!next || kind == PLAT_OTHER) return 0;
    if (f->length + n + 2 > sizeof w->path) return fails(w, w->path, "path too long");
    memcpy(w->path + f->length, name, n + 1);
    if (kind == PLAT_LINK) kind = plat_stat_path(w->path, &st) ? PLAT_NONE : st.kind;
    if (kind == PLAT_FOLDER && next & (whole - 1)) {
        w->path[f->length + n] = '/';
        w->path[f->length + n + 1] = 0;
        return walk_folder(w, f->length + n + 1, next & (whole - 1));
    }
    if ((kind == PLAT_FILE || kind == PLAT_NONE) && next & whole &&
        add_path(w->list, w->path + w->root))
        return fails(w, w->path, "no memory for so many files");
    return 0;
}

static int walk_folder(walk *w, size_t length, uint64_t at) {
    folder f = {w, at, length};
    plat_stat st;
    char why[128];
    int error = plat_stat_path(w->path, &st);
    if (!error && st.kind != PLAT_FOLDER) return fails(w, w->path, "is no folder");
    for (int i = 0; !error && i < w->depth; i++)
        if (w->above[i].device == st.device && w->above[i].inode == st.inode) return 0;
    if (w->depth == DEEP) return fails(w, w->path, "folders too deep");
    w->above[w->depth++] = st;
    if (!error) error = plat_list(w->path, visit, &f);
    w->depth--;
    w->path[length] = 0;
    if (error && !*w->why) fails(w, w->path, plat_error(error, why, sizeof why));
    return error;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int sort(glob_list *l) {
    char *at = l->text;
    l->path = malloc(((size_t)l->n + 1) * sizeof *l->path);
    if (!l->path) return 1;
    for (int64_t i = 0; i < l->n; i++, at += strlen(at) + 1) l->path[i] = at;
    qsort(l->path, (size_t)l->n, sizeof *l->path, by_bytes);
    return 0;
}

int glob_find(glob_list *l, const char *root, const char *pattern, const stopper *stop,
              char *why, size_t n) {
    walk *w = calloc(1, sizeof *w);
    int error;
    memset(l, 0, sizeof *l);
    if (!w) return snprintf(why, n, "no memory"), 1;
    w->list = l;
    w->stop = stop;
    w->why = why;
    w->why_size = n;
    *why = 0;
    w->root = strlen(root);
    error = w->root + 2 > sizeof w->path ? fails(w, root, "path too long")
                                         : split(w, pattern);
    if (!error) {
        memcpy(w->path, root, w->root + 1);
        if (w->root && root[w->root - 1] != '/') strcpy(w->path + w->root++, "/");
        error = walk_folder(w, w->root, skip_deep(w, 1));
    }
    free(w);
    if (!error && sort(l)) error = 1, snprintf(why, n, "no memory");
    if (error) glob_free(l);
    return error;
}

void glob_free(glob_list *l) {
    free(l->text);
    free(l->path);
    memset(l, 0, sizeof *l);
}
