/* DLPack: tensors for torch, jax, NumPy and others, without a copy. The structs are
 * those of the standard (version 1.0; the form before it is the older capsule). */
#include "pipec_python.h"
#include <stdlib.h>
#include <string.h>

typedef struct DLDevice { int32_t type, id; } DLDevice;
typedef struct DLDataType { uint8_t code, bits; uint16_t lanes; } DLDataType;
typedef struct DLTensor {
    void *data;
    DLDevice device;
    int32_t ndim;
    DLDataType dtype;
    int64_t *shape, *strides;       /* strides in elements */
    uint64_t byte_offset;
} DLTensor;
typedef struct DLManagedTensor {
    DLTensor tensor;
    void *context;
    void (*deleter)(struct DLManagedTensor *);
} DLManagedTensor;
typedef struct DLManagedTensorVersioned {
    uint32_t major, minor;
    void *context;
    void (*deleter)(struct DLManagedTensorVersioned *);
    uint64_t flags;
    DLTensor tensor;
} DLManagedTensorVersioned;

enum { ON_CPU = 1, READ_ONLY = 1, IS_COPIED = 2 };
enum { SIGNED, UNSIGNED, FLOAT, BFLOAT = 4, BOOL = 6 };

static const uint8_t codes[] = {BOOL, UNSIGNED, SIGNED, UNSIGNED, SIGNED, UNSIGNED, SIGNED,
                                UNSIGNED, SIGNED, FLOAT, BFLOAT, FLOAT, FLOAT};

/* Either form, with what it points to. */
typedef struct exported {
    DLManagedTensor old;
    DLManagedTensorVersioned versioned;
    lease *lease;                   /* or NULL, with a copy */
    void *copy;
    int64_t shape[MAX_RANK], strides[MAX_RANK];
} exported;

/* Any thread, with or without an interpreter. */
static void drop(exported *e) {
    lease_drop(e->lease);
    free(e->copy);
    free(e);
}
static void drop_old(DLManagedTensor *m) { drop(m->context); }
static void drop_versioned(DLManagedTensorVersioned *m) { drop(m->context); }

/* A capsule that nobody took over still has its first name. */
static void end_old(PyObject *capsule) {
    DLManagedTensor *m;
    if (!PyCapsule_IsValid(capsule, "dltensor")) return;
    m = PyCapsule_GetPointer(capsule, "dltensor");
    m->deleter(m);
}
static void end_versioned(PyObject *capsule) {
    DLManagedTensorVersioned *m;
    if (!PyCapsule_IsValid(capsule, "dltensor_versioned")) return;
    m = PyCapsule_GetPointer(capsule, "dltensor_versioned");
    m->deleter(m);
}

static DLTensor describe(exported *e, const tensor *t) {
    int size = pipert_dtype_size(t->dtype);
    for (int d = 0; d < t->rank; d++) {
        e->shape[d] = t->dim[d];
        e->strides[d] = t->stride[d] / size;
    }
    return (DLTensor){.data = e->copy ? e->copy : (void *)(uintptr_t)t->data,
                      .device = {ON_CPU, 0}, .ndim = t->rank,
                      .dtype = {codes[t->dtype], (uint8_t)(8 * size), 1},
                      .shape = e->shape, .strides = e->strides};
}

/* bool has 8 bits there too. */
static exported *export(const tensor *t, bool copy) {
    exported *e = calloc(1, sizeof *e);
    size_t bytes = (size_t)(tensor_count(t) * pipert_dtype_size(t->dtype));
    DLTensor tensor;
    if (!e) return NULL;
    if (copy) {
        e->copy = aligned_alloc(64, (bytes + 64) / 64 * 64);
        if (!e->copy) return free(e), NULL;
        memcpy(e->copy, t->data, bytes);
    } else e->lease = lease_hold(t->lease);
    tensor = describe(e, t);
    e->old = (DLManagedTensor){tensor, e, drop_old};
    e->versioned = (DLManagedTensorVersioned){1, 0, e, drop_versioned,
                                              copy ? IS_COPIED : READ_ONLY, tensor};
    return e;
}

/* ---- the method ---- */
static bool is_cpu(PyObject *device) {
    int type, id;
    if (device == Py_None) return true;
    if (!PyArg_ParseTuple(device, "ii", &type, &id)) return false;
    if (type == ON_CPU) return true;
    PyErr_SetString(PyExc_BufferError, "batches lie in the memory of the CPU");
    return false;
}

/* -1: an exception. */
static long major_of(PyObject *version) {
    PyObject *major;
    long n;
    if (version == Py_None) return 0;
    major = PySequence_GetItem(version, 0);
    n = major ? PyLong_AsLong(major) : -1;
    Py_XDECREF(major);
    return PyErr_Occurred() ? -1 : n;
}

PyObject *tensor_dlpack(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"stream", "max_version", "dl_device", "copy", NULL};
    PyObject *stream = Py_None, *version = Py_None, *device = Py_None, *copy = Py_None;
    PyObject *capsule;
    exported *e;
    long major;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO", keywords, &stream, &version,
                                     &device, &copy) || !is_cpu(device))
        return NULL;
    if (stream != Py_None)
        return PyErr_Format(PyExc_BufferError, "the CPU has no stream %R", stream);
    major = major_of(version);
    if (major < 0) return NULL;
    e = export((tensor *)self, copy == Py_True);
    if (!e) return PyErr_NoMemory();
    capsule = major > 0
                  ? PyCapsule_New(&e->versioned, "dltensor_versioned", end_versioned)
                  : PyCapsule_New(&e->old, "dltensor", end_old);
    if (!capsule) drop(e);
    return capsule;
}

PyObject *tensor_dlpack_device(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    return Py_BuildValue("(ii)", ON_CPU, 0);
}
