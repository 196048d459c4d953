/* A vocabulary of one word a line; its number is its line from 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pipec_kernel.h"

typedef struct { char *text; long size; } book;

static void gone(void *made) {
    book *b = made;
    free(b->text);
}

int vocabulary(pk_call *call, const pk_tensor *file, const pk_region *region, void **out) {
    book *b = pk_alloc(call, sizeof *b);
    char name[4096];
    FILE *f;
    (void)region;
    if (!b) return pk_fail(call, "no memory");
    snprintf(name, sizeof name, "%.*s", (int)file->dim[0], (const char *)file->data);
    f = fopen(name, "rb");
    if (!f) return pk_fail(call, "there is no vocabulary at %s", name);
    fseek(f, 0, SEEK_END);
    b->size = ftell(f);
    rewind(f);
    b->text = malloc((size_t)b->size + 1);
    b->size = (long)fread(b->text, 1, (size_t)b->size, f);
    fclose(f);
    *out = b;
    return pk_at_close(call, gone, b);
}

int word_id(pk_call *call, const void *made, const pk_tensor *word, const pk_region *region, pk_tensor *out) {
    const book *b = made;
    const char *at = b->text, *end = b->text + b->size;
    int32_t found = -1;
    (void)call, (void)region;
    for (int32_t line = 0; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (stop - at == word->dim[0] && !memcmp(at, word->data, (size_t)word->dim[0])) found = line;
        at = stop + 1;
    }
    *(int32_t *)out->data = found;
    return 0;
}
