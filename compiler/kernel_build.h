/* Kernels from C: the prototypes that their declarations ask for, and their
 * sources compiled against these, as bitcode, objects or shared libraries.
 * Errors of the C compiler are shown under the declaration. */
#ifndef PIPEC_KERNEL_BUILD_H
#define PIPEC_KERNEL_BUILD_H
#include <stdio.h>
#include "driver.h"

typedef enum { KERNELS_BITCODE, KERNELS_OBJECTS, KERNELS_SHARED } KernelForm;

typedef struct KernelFiles {
    TextList files;             /* one for each source in use */
    TextList archives;          /* for the linker, as they are */
    TextList libraries;         /* for the linker: -lNAME, -LFOLDER */
} KernelFiles;

/* The kernels that the feature uses, in one form. KERNELS_SHARED: without those
 * that come with pipec. */
bool build_kernels(Driver *, KernelForm, KernelFiles *);

/* The shared library that holds a kernel, for the interpreter: a kernel pack, the
 * user's own, or his C compiled now; NULL: it cannot be made (reported). */
const char *kernel_library(Driver *, const Kernel *);

/* Adds the files that the C of a kernel includes, itself among them, without those
 * of the system and of pipec; false: it cannot be told (reported). */
bool kernel_includes(Driver *, const Kernel *, TextList *files);

/* ---- kernel_header.c ---- */
void print_kernel_header(FILE *, const Graph *);
/* The prototypes of one kernel, without includes. */
void print_kernel_prototypes(FILE *, const Kernel *);
/* A function of C: its result and its parameters, a letter each. `p` a pointer, `v`
 * nothing, `b` bool, `1 2 4 8` an integer of so many bytes, `f` float, `d` double, `?`
 * anything else; NULL where a file does not tell. */
typedef struct CFunction { const char *name, *letters; } CFunction;
typedef LIST(CFunction) CFunctionList;
/* The functions that its C has to define. */
CFunctionList kernel_functions(Arena *, const Kernel *);

/* ---- emit_llvm_host.c ---- */
bool bitcode_functions(Arena *, const char *path, CFunctionList *defined);
/* Instruction sets of this machine that a load can test, with commas between; for LLVM,
 * all features that it knows, with + and -. */
const char *host_features(Arena *);
const char *host_target_features(Arena *);
#endif
