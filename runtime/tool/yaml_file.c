/* The only file that includes libyaml. */
#include "yaml_file.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* ---- writing ---- */
enum { DEPTH = 32, MOST_NODES = 1 << 18, MOST_BYTES = 8000000 };

/* libyaml writes no comments, so the keys between two comments are a document each, and
 * what stands in the file is one mapping all the same. */
struct yml_writer {
    FILE *out;
    yaml_emitter_t emitter;
    bool open, failed;
    char kind[DEPTH];           /* m, l: maps and lists that are open */
    int depth;
};

static void emit(yml_writer *w, yaml_event_t *event) {
    if (!yaml_emitter_emit(&w->emitter, event)) w->failed = true;
}

static void open_document(yml_writer *w) {
    yaml_event_t e;
    if (w->open) return;
    w->open = true;
    yaml_emitter_initialize(&w->emitter);
    yaml_emitter_set_output_file(&w->emitter, w->out);
    yaml_emitter_set_unicode(&w->emitter, 1);
    yaml_emitter_set_width(&w->emitter, -1);
    yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING);
    emit(w, &e);
    yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1);
    emit(w, &e);
    yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
    emit(w, &e);
}

static void close_document(yml_writer *w) {
    yaml_event_t e;
    if (!w->open) return;
    yaml_mapping_end_event_initialize(&e);
    emit(w, &e);
    yaml_document_end_event_initialize(&e, 1);
    emit(w, &e);
    yaml_stream_end_event_initialize(&e);
    emit(w, &e);
    yaml_emitter_delete(&w->emitter);
    w->open = false;
}

yml_writer *yml_write(FILE *out) {
    yml_writer *w = calloc(1, sizeof *w);
    if (w) w->out = out;
    return w;
}

bool yml_written(yml_writer *w) {
    bool good;
    close_document(w);
    good = !w->failed && !fflush(w->out) && !ferror(w->out);
    free(w);
    return good;
}

void yml_comment(yml_writer *w, const char *text) {
    close_document(w);
    while (*text) {
        int length = (int)strcspn(text, "\n");
        fprintf(w->out, "# %.*s\n", length, text);
        text += length + (text[length] == '\n');
    }
}

static void scalar(yml_writer *w, const char *text) {
    yaml_event_t e;
    yaml_scalar_event_initialize(&e, NULL, NULL, (yaml_char_t *)(uintptr_t)text,
                                 (int)strlen(text), 1, 1, YAML_ANY_SCALAR_STYLE);
    emit(w, &e);
}

static void put_key(yml_writer *w, const char *key) {
    open_document(w);
    if (key) scalar(w, key);
}

void yml_text(yml_writer *w, const char *key, const char *value) {
    put_key(w, key);
    scalar(w, value);
}

void yml_number(yml_writer *w, const char *key, double value, int digits) {
    char text[64];
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strchr(text, 'e') && value > -1e15 && value < 1e15 && (value > 1 || value < -1))
        snprintf(text, sizeof text, "%.0f", value);
    yml_text(w, key, text);
}

static void begin(yml_writer *w, const char *key, char kind, bool one_line) {
    yaml_event_t e;
    put_key(w, key);
    if (kind == 'm')
        yaml_mapping_start_event_initialize(
            &e, NULL, NULL, 1, one_line ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE);
    else yaml_sequence_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE);
    emit(w, &e);
    if (w->depth < DEPTH) w->kind[w->depth] = kind;
    w->depth++;
}

void yml_begin_map(yml_writer *w, const char *key, bool one_line) {
    begin(w, key, 'm', one_line);
}

void yml_begin_list(yml_writer *w, const char *key) { begin(w, key, 'l', false); }

void yml_end(yml_writer *w) {
    yaml_event_t e;
    w->depth--;
    if (w->kind[w->depth] == 'm') yaml_mapping_end_event_initialize(&e);
    else yaml_sequence_end_event_initialize(&e);
    emit(w, &e);
}

/* ---- reading ---- */
typedef struct reading {
    yaml_document_t document;
    bool no_memory;
    int nodes;                  /* taken; an alias counts as what it stands for */
} reading;

static char *copy(reading *r, const yaml_node_t *from) {
    char *text = strndup((const char *)from->data.scalar.value, from->data.scalar.length);
    if (!text) r->no_memory = true;
    return text;
}

static void take(reading *r, const yaml_node_t *from, yml_node *to, int depth);

static void take_items(reading *r, const yaml_node_t *from, yml_node *to, int depth) {
    const yaml_node_item_t *first = from->data.sequence.items.start;
    int n = (int)(from->data.sequence.items.top - first);
    to->kind = YML_LIST;
    to->item = calloc((size_t)n + 1, sizeof *to->item);
    if (!to->item) r->no_memory = true;
    for (int i = 0; i < n && to->item; i++, to->n++)
        take(r, yaml_document_get_node(&r->document, first[i]), &to->item[i], depth + 1);
}

static void take_pairs(reading *r, const yaml_node_t *from, yml_node *to, int depth) {
    const yaml_node_pair_t *first = from->data.mapping.pairs.start;
    int n = (int)(from->data.mapping.pairs.top - first);
    to->kind = YML_MAP;
    to->item = calloc((size_t)n + 1, sizeof *to->item);
    to->key = calloc((size_t)n + 1, sizeof *to->key);
    if (!to->item || !to->key) r->no_memory = true;
    for (int i = 0; i < n && to->item && to->key; i++) {
        const yaml_node_t *key = yaml_document_get_node(&r->document, first[i].key);
        if (key->type != YAML_SCALAR_NODE || !(to->key[to->n] = copy(r, key))) continue;
        take(r, yaml_document_get_node(&r->document, first[i].value), &to->item[to->n],
             depth + 1);
        to->n++;
    }
}

static void take(reading *r, const yaml_node_t *from, yml_node *to, int depth) {
    to->line = (int)from->start_mark.line + 1;
    if (r->nodes++ >= MOST_NODES || depth > DEPTH) return;  /* an alias may hold itself */
    if (from->type == YAML_SCALAR_NODE) {
        to->kind = YML_TEXT;
        to->text = copy(r, from);
    } else if (from->type == YAML_SEQUENCE_NODE) {
        take_items(r, from, to, depth);
    } else if (from->type == YAML_MAPPING_NODE) {
        take_pairs(r, from, to, depth);
    }
}

static yml_node *take_document(reading *r, const char *path, char *why, size_t n) {
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    yml_node *to = calloc(1, sizeof *to);
    if (to && root) take(r, root, to, 0);
    if (to && root && !r->no_memory && r->nodes <= MOST_NODES) return to;
    snprintf(why, n, "%s: %s", path,
             !root ? "the file is empty" : r->nodes > MOST_NODES
                 ? "it has too many parts" : "no memory");
    yml_free(to);
    return NULL;
}

/* Of the file's beginning; what is larger is no file of ours. */
static char *whole_file(const char *path, size_t *size, char *why, size_t n) {
    FILE *in = fopen(path, "r");
    char *text = in ? malloc(MOST_BYTES + 1) : NULL;
    errno = in && !text ? ENOMEM : errno;
    *size = text ? fread(text, 1, MOST_BYTES + 1, in) : 0;
    if (text && !ferror(in) && *size <= MOST_BYTES) return fclose(in), text;
    snprintf(why, n, "%s: %s", path, *size > MOST_BYTES ? "it is larger than 8 MB"
                                                        : strerror(errno));
    if (in) fclose(in);
    free(text);
    return NULL;
}

static yaml_parser_t *parser_of(yaml_parser_t *parser, const char *text, size_t size) {
    if (!yaml_parser_initialize(parser)) return NULL;
    yaml_parser_set_input_string(parser, (const unsigned char *)text, size);
    return parser;
}

/* Goes through it before it is loaded: libyaml takes time by the square of the depth. What
 * is broken otherwise is told when it is loaded. */
static bool is_flat(const char *text, size_t size, const char *path, char *why, size_t n) {
    yaml_parser_t parser, *p = parser_of(&parser, text, size);
    int depth = 0, documents = 0;
    bool more = p != NULL;
    while (more && depth <= DEPTH && documents < 2) {
        yaml_event_t e;
        if (!yaml_parser_parse(p, &e)) break;
        documents += e.type == YAML_DOCUMENT_START_EVENT;
        depth += e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT;
        depth -= e.type == YAML_SEQUENCE_END_EVENT || e.type == YAML_MAPPING_END_EVENT;
        more = e.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
    }
    if (depth > DEPTH || documents > 1)
        snprintf(why, n, "%s:%d: %s", path, (int)parser.mark.line + 1,
                 depth > DEPTH ? "lists and maps are too deep in each other"
                               : "here begins another document");
    if (p) yaml_parser_delete(p);
    return depth <= DEPTH && documents < 2;
}

static yml_node *load(const char *text, size_t size, const char *path, char *why, size_t n) {
    yaml_parser_t parser, *p = parser_of(&parser, text, size);
    yml_node *to = NULL;
    reading r = {.no_memory = false};
    if (!p) return NULL;
    if (yaml_parser_load(p, &r.document)) {
        to = take_document(&r, path, why, n);
        yaml_document_delete(&r.document);
    } else {
        snprintf(why, n, "%s:%d: %s", path, (int)parser.problem_mark.line + 1,
                 parser.problem ? parser.problem : "it cannot be read");
    }
    yaml_parser_delete(p);
    return to;
}

yml_node *yml_read(const char *path, char *why, size_t n) {
    size_t size;
    char *text = whole_file(path, &size, why, n);
    yml_node *to = NULL;
    if (text && is_flat(text, size, path, why, n)) to = load(text, size, path, why, n);
    free(text);
    return to;
}

static void free_inside(yml_node *node) {
    for (int i = 0; i < node->n; i++) {
        free_inside(&node->item[i]);
        if (node->key) free((void *)(uintptr_t)node->key[i]);
    }
    free((void *)(uintptr_t)node->text);
    free(node->item);
    free(node->key);
}

void yml_free(yml_node *node) {
    if (!node) return;
    free_inside(node);
    free(node);
}

const yml_node *yml_at(const yml_node *map, const char *key) {
    for (int i = 0; map && map->kind == YML_MAP && i < map->n; i++)
        if (!strcmp(map->key[i], key)) return &map->item[i];
    return NULL;
}

const char *yml_text_at(const yml_node *map, const char *key) {
    const yml_node *node = yml_at(map, key);
    return node && node->kind == YML_TEXT ? node->text : NULL;
}

bool yml_number_at(const yml_node *map, const char *key, double *to) {
    const char *text = yml_text_at(map, key);
    char *end;
    if (!text) return false;
    *to = strtod(text, &end);
    return end != text && !*end;
}
