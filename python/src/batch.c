/* Batch: what one step of a loader gives. Fields are attributes and items. */
#include "pipec_python.h"
#include <structmember.h>

typedef struct batch {
    PyObject_HEAD
    lease *lease;
    PyObject *names;                /* a tuple of interned str, in the order of emit */
    PyObject *attributes;           /* the same, None for what every batch has */
    PyObject *weak;                 /* the references to it */
} batch;

/* Names that every batch has come before fields, which then are items only. */
PyObject *batch_attributes(module_state *state, PyObject *names) {
    Py_ssize_t n = PyTuple_Size(names);
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple && i < n; i++) {
        PyObject *name = PyTuple_GetItem(names, i);
        bool taken = PyObject_HasAttr((PyObject *)state->batch, name);
        if (PyTuple_SetItem(tuple, i, Py_NewRef(taken ? Py_None : name))) Py_CLEAR(tuple);
    }
    return tuple;
}

PyObject *batch_new(module_state *state, lease *l, PyObject *names, PyObject *attributes) {
    allocfunc alloc = (allocfunc)PyType_GetSlot(state->batch, Py_tp_alloc);
    batch *to = (batch *)alloc(state->batch, 0);
    if (!to) return lease_drop(l), NULL;
    to->lease = l;
    to->names = Py_NewRef(names);
    to->attributes = Py_NewRef(attributes);
    return (PyObject *)to;
}

static void batch_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc free_it = (freefunc)PyType_GetSlot(type, Py_tp_free);
    lease *l = ((batch *)self)->lease;
    if (((batch *)self)->weak) PyObject_ClearWeakRefs(self);
    Py_XDECREF(((batch *)self)->names);
    Py_XDECREF(((batch *)self)->attributes);
    free_it(self);
    Py_DECREF(type);
    lease_drop(l);
}

static const pipert_batch *public(PyObject *self) { return ((batch *)self)->lease->batch; }

/* ---- fields ---- */
static PyObject *ragged(batch *b, module_state *state, PyObject *name,
                        const pipert_output *o) {
    int64_t offsets = o->dim[0] + 1, shapes[2] = {o->dim[0], o->rank - 1};
    PyObject *parts[3] = {NULL, NULL, NULL}, *result = NULL;
    parts[0] = (PyObject *)tensor_new(state, b->lease, name, o->dtype, 1, &o->count,
                                      o->data);
    parts[1] = (PyObject *)tensor_new(state, b->lease, name, PIPERT_I64, 1, &offsets,
                                      o->offsets);
    parts[2] = o->shapes ? (PyObject *)tensor_new(state, b->lease, name, PIPERT_I32, 2,
                                                  shapes, o->shapes)
                         : Py_NewRef(Py_None);
    if (parts[0] && parts[1] && parts[2])
        result = PyObject_CallFunctionObjArgs(state->make_ragged, parts[0], parts[1],
                                              parts[2], NULL);
    for (int i = 0; i < 3; i++) Py_XDECREF(parts[i]);
    return result;
}

static PyObject *field_at(PyObject *self, Py_ssize_t i) {
    batch *b = (batch *)self;
    const pipert_output *o = &public(self)->output[i];
    PyObject *name = PyTuple_GetItem(b->names, i);
    module_state *state = state_of(Py_TYPE(self));
    size_t bytes = (size_t)o->count * (size_t)pipert_dtype_size(o->dtype);
    lease *copy;
    if (o->ragged) return ragged(b, state, name, o);
    if (bytes > SMALL)
        return (PyObject *)tensor_new(state, b->lease, name, o->dtype, o->rank, o->dim,
                                      o->data);
    copy = lease_copy(b->lease, (int)i, bytes);
    if (!copy) return PyErr_NoMemory();
    return (PyObject *)tensor_new(state, copy, name, o->dtype, o->rank, o->dim,
                                  lease_copied(copy));
}

/* Where a name is; -1: nowhere. Names are mostly the same objects. */
static Py_ssize_t find_same(PyObject *names, PyObject *name) {
    Py_ssize_t n = PyTuple_Size(names);
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyTuple_GetItem(names, i) == name) return i;
    return -1;
}

static Py_ssize_t find(const batch *b, PyObject *name) {
    Py_ssize_t n = PyTuple_Size(b->names), i = find_same(b->names, name);
    if (i >= 0) return i;
    for (i = 0; i < n; i++)
        if (!PyUnicode_Compare(PyTuple_GetItem(b->names, i), name)) return i;
    return -1;
}

static PyObject *get_attribute(PyObject *self, PyObject *name) {
    batch *b = (batch *)self;
    Py_ssize_t i = find_same(b->attributes, name);
    PyObject *value = i < 0 ? PyObject_GenericGetAttr(self, name) : NULL;
    if (i >= 0) return field_at(self, i);
    if (value || !PyErr_ExceptionMatches(PyExc_AttributeError)) return value;
    PyErr_Clear();
    i = find(b, name);
    if (i >= 0) return field_at(self, i);
    return PyErr_Format(PyExc_AttributeError, "a batch has no field `%U`: it has %R", name,
                        b->names);
}

static PyObject *get_item(PyObject *self, PyObject *key) {
    batch *b = (batch *)self;
    Py_ssize_t n = PyTuple_Size(b->names), i;
    if (PyUnicode_Check(key)) {
        i = find(b, key);
        if (i >= 0) return field_at(self, i);
        PyErr_SetObject(PyExc_KeyError, key);
        return NULL;
    }
    i = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred()) return NULL;
    if (i < 0) i += n;
    if (i < 0 || i >= n)
        return PyErr_Format(PyExc_IndexError, "a batch has %zd fields", n);
    return field_at(self, i);
}

static Py_ssize_t batch_length(PyObject *self) {
    return PyTuple_Size(((batch *)self)->names);
}

static PyObject *all_fields(PyObject *self) {
    Py_ssize_t n = batch_length(self);
    PyObject *list = PyTuple_New(n);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        PyObject *field = field_at(self, i);
        if (!field || PyTuple_SetItem(list, i, field)) return Py_DECREF(list), NULL;
    }
    return list;
}

static PyObject *batch_iter(PyObject *self) {
    PyObject *fields = all_fields(self), *iter;
    if (!fields) return NULL;
    iter = PyObject_GetIter(fields);
    Py_DECREF(fields);
    return iter;
}

static int batch_contains(PyObject *self, PyObject *name) {
    return PyUnicode_Check(name) && find((batch *)self, name) >= 0;
}

/* ---- the rest ---- */
static PyObject *batch_keys(PyObject *self, PyObject *unused) {
    (void)unused;
    return PySequence_List(((batch *)self)->names);
}

static PyObject *batch_repr(PyObject *self) {
    const pipert_batch *b = public(self);
    PyObject *fields = all_fields(self), *text;
    if (!fields) return NULL;
    text = PyUnicode_FromFormat("pipec.Batch(epoch %lld, number %lld, %lld of %lld rows valid: %R)",
                                (long long)b->epoch, (long long)b->number,
                                (long long)b->valid, (long long)b->rows, fields);
    Py_DECREF(fields);
    return text;
}

static PyObject *get_valid(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(public(self)->valid);
}

static PyObject *get_rows(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(public(self)->rows);
}

static PyObject *get_epoch(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(public(self)->epoch);
}

static PyObject *get_number(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(public(self)->number);
}

static PyGetSetDef getters[] = {
    {"valid", get_valid, NULL, "rows that are records; those behind them are padding", NULL},
    {"rows", get_rows, NULL, "rows of every field", NULL},
    {"epoch", get_epoch, NULL, "the epoch it belongs to", NULL},
    {"number", get_number, NULL, "its number in the epoch, over all ranks", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"keys", batch_keys, METH_NOARGS, "The fields' names, in the order of `emit`."},
    {0},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(batch, weak), READONLY, NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "One batch. batch.image, batch['image'] and batch[0] give a field: a Tensor, or a\n"
     "Ragged; iterating gives all of them in the order of `emit`; dict(batch) works.\n\n"
     "The memory belongs to the loader. It is used again when the batch and all that was\n"
     "taken from it are gone, but for dense fields of up to 16 KB, which are copies."},
    {Py_tp_new, not_made_by_hand},
    {Py_tp_dealloc, batch_dealloc},
    {Py_tp_getattro, get_attribute},
    {Py_tp_repr, batch_repr},
    {Py_tp_iter, batch_iter},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, getters},
    {Py_mp_subscript, get_item},
    {Py_mp_length, batch_length},
    {Py_sq_contains, batch_contains},
    {0, NULL},
};

PyType_Spec batch_spec = {
    .name = "pipec.Batch",
    .basicsize = sizeof(batch),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
