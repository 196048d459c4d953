/* The library (the .dsl files of dsl/std) inside of pipec: generated when pipec is built. */
#ifndef PIPEC_STD_FILES_H
#define PIPEC_STD_FILES_H
#include <stddef.h>

typedef struct StdFile {
    const char *path;           /* "std/image" */
    const char *text;
    size_t size;
} StdFile;
extern const StdFile std_files[];
extern const int nstd_files;
#endif
