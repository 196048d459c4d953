/* Small YAML files: written with comments, read as trees that know their lines. Used by
 * the commands pipec and pipert, not by libpipert. */
#ifndef PIPERT_YAML_FILE_H
#define PIPERT_YAML_FILE_H
#include <stdbool.h>
#include <stdio.h>

/* ---- writing ---- */
typedef struct yml_writer yml_writer;
yml_writer *yml_write(FILE *);                /* NULL: no memory */
/* Ends the file's writing; false: not all of it could be written. The FILE stays open. */
bool yml_written(yml_writer *);
/* A comment, on lines of its own, before the next key of the outermost mapping. */
void yml_comment(yml_writer *, const char *text);
/* In a mapping every value has a key before it; key NULL: in a list. */
void yml_text(yml_writer *, const char *key, const char *value);
void yml_number(yml_writer *, const char *key, double value, int digits);
void yml_begin_map(yml_writer *, const char *key, bool one_line);
void yml_begin_list(yml_writer *, const char *key);
void yml_end(yml_writer *);                   /* of the map or the list */

/* ---- reading ---- */
typedef enum { YML_NOTHING, YML_TEXT, YML_LIST, YML_MAP } yml_kind;
typedef struct yml_node {
    yml_kind kind;
    int line;                   /* from 1 */
    const char *text;           /* YML_TEXT */
    int n;
    struct yml_node *item;     /* YML_LIST, YML_MAP */
    const char **key;           /* YML_MAP */
} yml_node;
/* The tree of a file; NULL: `why` (of n bytes) names it, the line and the reason. */
yml_node *yml_read(const char *path, char *why, size_t n);
void yml_free(yml_node *);
/* NULL: the map has no such key, or is none. */
const yml_node *yml_at(const yml_node *map, const char *key);
/* False: there is no such number. */
bool yml_number_at(const yml_node *map, const char *key, double *);
const char *yml_text_at(const yml_node *map, const char *key);        /* or NULL */
#endif
