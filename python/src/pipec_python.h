/* The extension behind the package `pipec`: what its files share.
 *
 * Ownership: a `run` is an open pipert handle, a `lease` the memory behind views: one
 * batch of a run, or a copy of a small field of one. All are counted in C, so that a view
 * (a buffer, a DLPack tensor, an Arrow array) may be dropped by any thread, with or
 * without an interpreter: the last view of a batch gives the slot back, and the last of
 * loader and batches closes the handle. */
#ifndef PIPEC_PYTHON_H
#define PIPEC_PYTHON_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include "pipert.h"

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *o) { return Py_INCREF(o), o; }
#endif

/* Dense fields up to SMALL bytes are copied out of the slot: labels that a program keeps
 * do not hold the images beside them. */
enum { MAX_RANK = 9, LOG_LINES = 8, ALIGNED = 64, SMALL = 16 << 10 };

/* ---- runs and leases: no Python in them (run.c) ---- */
typedef struct run {
    atomic_long holders;            /* of this memory: the handle's object, leases */
    atomic_long users;              /* of p: the handle until it is closed, leases */
    pid_t pid;                      /* that opened it */
    pthread_mutex_t lock;           /* around every call but pipert_release */
    bool closed;                    /* under lock: leases alone are left */
    bool begun, failed;             /* under lock: started; it has ended, by an error */
    long long ends, moves;          /* under lock: of epochs, told; these and restores */
    long long taken, epoch;         /* under lock: batches since then, and the last one's
                                       epoch, -1: none */
    PyThreadState *caller;          /* under lock: of whom is in a call, without the GIL */
    pipert *p;
    pthread_mutex_t log_lock;
    int nlog;                       /* lines that nobody has told yet */
    char log[LOG_LINES][512];
} run;

typedef struct lease {
    atomic_long holders;
    run *run;                       /* NULL: a copy, behind this */
    pipert_batch *batch;
    _Atomic(struct lease *) copies[];   /* of the batch's small fields, once asked for */
} lease;

run *run_new(void);
/* Of another process than the one that opened it: its threads are not here. */
bool run_is_foreign(const run *);
/* Keeps r->p open without the lock; false: it is closed. */
bool run_use(run *);
void run_unuse(run *);
void run_close(run *);              /* pipert closes with the last lease */
void run_drop(run *);
void run_log(void *run, int level, const char *message);
/* Lock held. NULL: no memory, and the batch is given back. */
lease *lease_new(run *, pipert_batch *);
/* A copy of the batch's field, made once, any thread; the batch's lease holds it.
 * NULL: no memory. */
lease *lease_copy(lease *, int field, size_t bytes);
const void *lease_copied(const lease *copy);    /* its data, ALIGNED */
lease *lease_hold(lease *);
void lease_drop(lease *);

/* ---- the module ---- */
typedef struct module_state {
    PyTypeObject *handle, *batch, *tensor;
    PyObject *make_error;           /* (status, message) -> exception */
    PyObject *make_ragged;          /* (values, offsets, shapes) -> object */
    PyObject *tell;                 /* (message) */
} module_state;

module_state *state_of(PyTypeObject *);
/* Sets the exception for a status; NULL. */
PyObject *raise_status(module_state *, int status, const char *message);

extern PyType_Spec handle_spec, batch_spec, tensor_spec;

/* ---- tensors ---- */
/* A dense view of a batch's memory; immutable. */
typedef struct tensor {
    PyObject_HEAD
    lease *lease;
    const void *data;               /* never NULL */
    PyObject *name, *weak;          /* weak: the references to it */
    int dtype, rank;
    int64_t dim[MAX_RANK];
    Py_ssize_t stride[MAX_RANK];    /* in bytes */
} tensor;

/* Holds the lease anew. */
tensor *tensor_new(module_state *, lease *, PyObject *name, int dtype, int rank,
                   const int64_t *dim, const void *data);
Py_ssize_t tensor_count(const tensor *);
/* Takes over the lease. names: a tuple of str; attributes: what batch_attributes made. */
PyObject *batch_new(module_state *, lease *, PyObject *names, PyObject *attributes);
PyObject *batch_attributes(module_state *, PyObject *names);
/* tp_new of what only a loader makes. */
PyObject *not_made_by_hand(PyTypeObject *, PyObject *args, PyObject *kwargs);

/* Methods of Tensor in files of their own. */
PyObject *tensor_dlpack(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *tensor_dlpack_device(PyObject *self, PyObject *);
/* (values, offsets, shapes or None) -> two capsules, for ragged fields. */
PyObject *arrow_of_ragged(PyObject *module, PyObject *args);
#endif
