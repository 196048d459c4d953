/* Ragged fields as Arrow arrays through the C data interface, whose two structs are
 * copied here; no library. Rows of one dimension are a large_list; of more, a struct of
 * the large_list `data` and the fixed_size_list `shape` of i32. */
#include "pipec_python.h"
#include <stdlib.h>
#include <string.h>

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

/* By pipert_dtype. A bool is a byte here, a bit in Arrow; bf16 is not in Arrow. */
static const char *const formats[] = {"C", "C", "c", "S", "s", "I", "i", "L", "l",
                                      "e", NULL, "f", "g"};

/* ---- schemas ---- */
typedef struct schema_node {
    char format[24], name[256];
    struct ArrowSchema *children[2], child[2];
} schema_node;

static void release_schema(struct ArrowSchema *s) {
    for (int64_t i = 0; i < s->n_children; i++)
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
    free(s->private_data);
    s->release = NULL;
}

/* false: no memory; *s can be released in any case. */
static bool schema(struct ArrowSchema *s, const char *format, const char *name, int n) {
    schema_node *node = calloc(1, sizeof *node);
    *s = (struct ArrowSchema){0};
    if (!node) return false;
    snprintf(node->format, sizeof node->format, "%s", format);
    snprintf(node->name, sizeof node->name, "%s", name);
    for (int i = 0; i < n; i++) node->children[i] = &node->child[i];
    *s = (struct ArrowSchema){.format = node->format, .name = node->name, .n_children = n,
                              .children = n ? node->children : NULL,
                              .release = release_schema, .private_data = node};
    for (int i = 0; i < n; i++) node->child[i].release = NULL;
    return true;
}

static bool list_schema(struct ArrowSchema *s, const char *name, const char *item) {
    return schema(s, "+L", name, 1) && schema(s->children[0], item, "item", 0);
}

static bool ragged_schema(struct ArrowSchema *s, const char *name, const char *item,
                          int rank) {
    char shape[24];
    if (!rank) return list_schema(s, name, item);
    snprintf(shape, sizeof shape, "+w:%d", rank);
    return schema(s, "+s", name, 2) && list_schema(s->children[0], "data", item) &&
           schema(s->children[1], shape, "shape", 1) &&
           schema(s->children[1]->children[0], "i", "item", 0);
}

/* ---- arrays ---- */
typedef struct array_node {
    const void *buffers[2];
    struct ArrowArray *children[2], child[2];
    lease *lease;
} array_node;

static void release_array(struct ArrowArray *a) {
    array_node *node = a->private_data;
    for (int64_t i = 0; i < a->n_children; i++)
        if (a->children[i]->release) a->children[i]->release(a->children[i]);
    lease_drop(node->lease);
    free(node);
    a->release = NULL;
}

/* Every node holds the lease, as children may be moved out and live on. */
static bool array(struct ArrowArray *a, lease *l, int64_t length, const void *data, int n) {
    array_node *node = calloc(1, sizeof *node);
    *a = (struct ArrowArray){0};
    if (!node) return false;
    node->lease = lease_hold(l);
    node->buffers[1] = data;
    for (int i = 0; i < n; i++) node->children[i] = &node->child[i];
    *a = (struct ArrowArray){.length = length, .n_buffers = data ? 2 : 1,
                             .n_children = n, .buffers = node->buffers,
                             .children = n ? node->children : NULL,
                             .release = release_array, .private_data = node};
    return true;
}

static bool list_array(struct ArrowArray *a, const tensor *values, const tensor *offsets) {
    return array(a, values->lease, offsets->dim[0] - 1, offsets->data, 1) &&
           array(a->children[0], values->lease, values->dim[0], values->data, 0);
}

static bool ragged_array(struct ArrowArray *a, const tensor *values,
                         const tensor *offsets, const tensor *shapes) {
    lease *l = values->lease;
    int64_t rows = offsets->dim[0] - 1;
    if (!shapes) return list_array(a, values, offsets);
    return array(a, l, rows, NULL, 2) && list_array(a->children[0], values, offsets) &&
           array(a->children[1], l, rows, NULL, 1) &&
           array(a->children[1]->children[0], l, tensor_count(shapes), shapes->data, 0);
}

/* ---- capsules ---- */
static void end_schema(PyObject *capsule) {
    struct ArrowSchema *s = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (s->release) s->release(s);
    free(s);
}

static void end_array(PyObject *capsule) {
    struct ArrowArray *a = PyCapsule_GetPointer(capsule, "arrow_array");
    if (a->release) a->release(a);
    free(a);
}

static PyObject *schema_capsule(const char *name, const char *item, int rank) {
    struct ArrowSchema *s = calloc(1, sizeof *s);
    PyObject *capsule = s ? PyCapsule_New(s, "arrow_schema", end_schema) : NULL;
    if (!capsule) return free(s), PyErr_NoMemory();
    if (ragged_schema(s, name, item, rank)) return capsule;
    Py_DECREF(capsule);
    return PyErr_NoMemory();
}

static PyObject *array_capsule(const tensor *values, const tensor *offsets,
                               const tensor *shapes) {
    struct ArrowArray *a = calloc(1, sizeof *a);
    PyObject *capsule = a ? PyCapsule_New(a, "arrow_array", end_array) : NULL;
    if (!capsule) return free(a), PyErr_NoMemory();
    if (ragged_array(a, values, offsets, shapes)) return capsule;
    Py_DECREF(capsule);
    return PyErr_NoMemory();
}

PyObject *arrow_of_ragged(PyObject *module, PyObject *args) {
    module_state *state = PyModule_GetState(module);
    PyObject *values, *offsets, *shapes, *first, *second, *name, *bytes;
    const tensor *v, *s;
    if (!PyArg_ParseTuple(args, "O!O!O", state->tensor, &values, state->tensor, &offsets,
                          &shapes))
        return NULL;
    v = (tensor *)values;
    s = shapes == Py_None ? NULL : (tensor *)shapes;
    name = v->name;
    if (!formats[v->dtype])
        return PyErr_Format(PyExc_TypeError, "`%U` is bf16, which Arrow does not have",
                            name);
    bytes = PyUnicode_AsUTF8String(name);
    if (!bytes) return NULL;
    first = schema_capsule(PyBytes_AsString(bytes), formats[v->dtype],
                           s ? (int)s->dim[1] : 0);
    Py_DECREF(bytes);
    second = first ? array_capsule(v, (tensor *)offsets, s) : NULL;
    if (!second) return Py_XDECREF(first), NULL;
    return Py_BuildValue("(NN)", first, second);
}
