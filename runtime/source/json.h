/* The members of one flat JSON object, one after the other. */
#ifndef PIPERT_JSON_H
#define PIPERT_JSON_H
#include "../source.h"

typedef enum {
    JSON_WRONG, JSON_END,
    JSON_STRING,                /* value: unescaped, UTF-8 */
    JSON_PLAIN,                 /* a number, true, false: its text */
    JSON_OTHER                  /* null, an array, an object: skipped */
} json_kind;

/* Starts at the object's text; unescaped strings go to the reader's memory. */
typedef struct json_reader {
    const char *at, *end;
    source_reader *memory;
    bool begun;
} json_reader;

json_kind json_next(json_reader *, pl_value *key, pl_value *value);
#endif
