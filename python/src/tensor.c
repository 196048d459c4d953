/* Tensor: a dense view of a batch's memory, or of a small field's copy, for whoever speaks
 * the buffer protocol, __array_interface__ or DLPack. It is immutable, and holds that. */
#include "pipec_python.h"
#include <math.h>
#include <structmember.h>
#include <string.h>

/* By pipert_dtype: letters of `struct`, and of __array_interface__. Nobody has a letter
 * for bf16: its bits are shown. */
static const char *const formats[] = {"?", "B", "b", "H", "h", "I", "i", "Q", "q",
                                      "e", "H", "f", "d"};
static const char *const typestrs[] = {"|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4",
                                       "<u8", "<i8", "<f2", "<u2", "<f4", "<f8"};

static tensor *new_tensor(PyTypeObject *type) {
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return (tensor *)alloc(type, 0);
}

tensor *tensor_new(module_state *state, lease *l, PyObject *name, int dtype, int rank,
                   const int64_t *dim, const void *data) {
    static const int64_t nothing[8];
    tensor *t = new_tensor(state->tensor);
    Py_ssize_t stride = pipert_dtype_size(dtype);
    if (!t) return NULL;
    t->lease = lease_hold(l);
    t->data = data ? data : nothing;
    t->name = Py_NewRef(name);
    t->dtype = dtype;
    t->rank = rank;
    for (int d = rank - 1; d >= 0; d--) {
        t->dim[d] = dim[d];
        t->stride[d] = stride;
        stride *= dim[d] ? (Py_ssize_t)dim[d] : 1;
    }
    return t;
}

Py_ssize_t tensor_count(const tensor *t) {
    Py_ssize_t n = 1;
    for (int d = 0; d < t->rank; d++) n *= (Py_ssize_t)t->dim[d];
    return n;
}

static Py_ssize_t bytes_of(const tensor *t) {
    return tensor_count(t) * pipert_dtype_size(t->dtype);
}

static void tensor_dealloc(PyObject *self) {
    tensor *t = (tensor *)self;
    PyTypeObject *type = Py_TYPE(self);
    freefunc free_it = (freefunc)PyType_GetSlot(type, Py_tp_free);
    lease *l = t->lease;
    if (t->weak) PyObject_ClearWeakRefs(self);
    Py_XDECREF(t->name);
    free_it(self);
    Py_DECREF(type);
    lease_drop(l);
}

/* ---- the buffer protocol ---- */
static int get_buffer(PyObject *self, Py_buffer *view, int flags) {
    tensor *t = (tensor *)self;
    if ((flags & PyBUF_WRITABLE) == PyBUF_WRITABLE) {
        PyErr_SetString(PyExc_BufferError, "batches are read-only: copy what is changed");
        view->obj = NULL;
        return -1;
    }
    view->buf = (void *)(uintptr_t)t->data;
    view->obj = Py_NewRef(self);
    view->len = bytes_of(t);
    view->itemsize = pipert_dtype_size(t->dtype);
    view->readonly = 1;
    view->ndim = t->rank;
    view->format = flags & PyBUF_FORMAT ? (char *)(uintptr_t)formats[t->dtype] : NULL;
    view->shape = flags & PyBUF_ND ? (Py_ssize_t *)t->dim : NULL;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? t->stride : NULL;
    view->suboffsets = NULL;
    view->internal = NULL;
    if (!view->shape) view->ndim = 1;
    return 0;
}

/* ---- attributes ---- */
static PyObject *get_name(PyObject *self, void *unused) {
    (void)unused;
    return Py_NewRef(((tensor *)self)->name);
}

static PyObject *get_dtype(PyObject *self, void *unused) {
    (void)unused;
    return PyUnicode_FromString(pipert_dtype_name(((tensor *)self)->dtype));
}

static PyObject *numbers(const tensor *t, const int64_t *of, const Py_ssize_t *or) {
    PyObject *tuple = PyTuple_New(t->rank);
    for (int d = 0; tuple && d < t->rank; d++) {
        PyObject *n = PyLong_FromLongLong(of ? of[d] : or[d]);
        if (!n || PyTuple_SetItem(tuple, d, n)) return Py_DECREF(tuple), NULL;
    }
    return tuple;
}

static PyObject *get_shape(PyObject *self, void *unused) {
    (void)unused;
    return numbers((tensor *)self, ((tensor *)self)->dim, NULL);
}

static PyObject *get_strides(PyObject *self, void *unused) {
    (void)unused;
    return numbers((tensor *)self, NULL, ((tensor *)self)->stride);
}

static PyObject *get_ndim(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLong(((tensor *)self)->rank);
}

static PyObject *get_size(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromSsize_t(tensor_count((tensor *)self));
}

static PyObject *get_itemsize(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLong(pipert_dtype_size(((tensor *)self)->dtype));
}

static PyObject *get_nbytes(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromSsize_t(bytes_of((tensor *)self));
}

static PyObject *get_interface(PyObject *self, void *unused) {
    tensor *t = (tensor *)self;
    (void)unused;
    return Py_BuildValue("{s:i,s:s,s:N,s:(NO)}", "version", 3, "typestr",
                         typestrs[t->dtype], "shape", get_shape(self, NULL), "data",
                         PyLong_FromVoidPtr((void *)(uintptr_t)t->data), Py_True);
}

static PyGetSetDef getters[] = {
    {"name", get_name, NULL, "the field's name", NULL},
    {"dtype", get_dtype, NULL, "'f32', 'u8', 'bf16', ... as the feature says it", NULL},
    {"shape", get_shape, NULL, "dimensions; the batch's comes first", NULL},
    {"strides", get_strides, NULL, "in bytes; always those of dense rows", NULL},
    {"ndim", get_ndim, NULL, "number of dimensions", NULL},
    {"size", get_size, NULL, "number of elements", NULL},
    {"itemsize", get_itemsize, NULL, "bytes of one element", NULL},
    {"nbytes", get_nbytes, NULL, "bytes of all elements", NULL},
    {"__array_interface__", get_interface, NULL, "for NumPy; bf16 shows as u16", NULL},
    {0},
};

/* ---- rows ---- */
static Py_ssize_t tensor_length(PyObject *self) {
    tensor *t = (tensor *)self;
    if (t->rank) return (Py_ssize_t)t->dim[0];
    PyErr_SetString(PyExc_TypeError, "a scalar has no length");
    return -1;
}

/* sq_item: the index is not below 0 any more, as sq_length is there. */
static PyObject *tensor_row(PyObject *self, Py_ssize_t i) {
    tensor *t = (tensor *)self;
    const char *at = t->data;
    if (!t->rank || i < 0 || i >= t->dim[0])
        return PyErr_Format(PyExc_IndexError, "there is no row %zd of %zd", i,
                            t->rank ? (Py_ssize_t)t->dim[0] : 0);
    return (PyObject *)tensor_new(state_of(Py_TYPE(self)), t->lease, t->name, t->dtype,
                                  t->rank - 1, t->dim + 1, at + i * t->stride[0]);
}

static tensor *rows_of(tensor *t, Py_ssize_t start, Py_ssize_t n) {
    tensor *to = tensor_new(state_of(Py_TYPE((PyObject *)t)), t->lease, t->name, t->dtype,
                            t->rank, t->dim, (const char *)t->data + start * t->stride[0]);
    if (to) to->dim[0] = n;
    return to;
}

/* Rows one after the other are dense, too; a step would not be. */
static PyObject *tensor_slice(tensor *t, PyObject *slice) {
    Py_ssize_t start, stop, step, n;
    if (!t->rank) return PyErr_Format(PyExc_TypeError, "a scalar has no rows");
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0) return NULL;
    if (step != 1)
        return PyErr_Format(PyExc_ValueError,
                            "%R: a slice of rows has no step: np.asarray(t) has all of "
                            "NumPy's indexing, without a copy", slice);
    n = PySlice_AdjustIndices((Py_ssize_t)t->dim[0], &start, &stop, step);
    return (PyObject *)rows_of(t, start, n);
}

static PyObject *tensor_subscript(PyObject *self, PyObject *key) {
    tensor *t = (tensor *)self;
    Py_ssize_t i;
    if (PySlice_Check(key)) return tensor_slice(t, key);
    if (!PyIndex_Check(key))
        return PyErr_Format(PyExc_TypeError,
                            "a tensor has rows by number and by slice, not by %R: "
                            "np.asarray(t) has all of NumPy's indexing, without a copy", key);
    i = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred()) return NULL;
    return tensor_row(self, t->rank && i < 0 ? i + (Py_ssize_t)t->dim[0] : i);
}

/* Neither answer would be what people expect: the elements' equality is NumPy's to
 * compute, and that of the objects is `is`. */
static PyObject *tensor_compare(PyObject *self, PyObject *other, int how) {
    if (how == Py_EQ || how == Py_NE)
        return PyErr_Format(PyExc_TypeError,
                            "a tensor does not compare its elements: np.asarray(t) == x "
                            "does, t.tolist() == x, and t.item() == x where it has one");
    (void)self, (void)other;
    return Py_NewRef(Py_NotImplemented);
}

static Py_hash_t tensor_hash(PyObject *self) { return (Py_hash_t)((uintptr_t)self >> 4); }

/* What lies from element `start` on, as a tensor of that shape: rows of ragged fields. */
static PyObject *tensor_part(PyObject *self, PyObject *args) {
    tensor *t = (tensor *)self;
    Py_ssize_t start, n = 1, rank;
    int64_t dim[MAX_RANK];
    PyObject *shape;
    if (!PyArg_ParseTuple(args, "nO", &start, &shape)) return NULL;
    rank = PyTuple_Size(shape);
    if (rank < 0) return NULL;
    if (rank > MAX_RANK) return PyErr_Format(PyExc_ValueError, "rank %zd", rank);
    for (Py_ssize_t d = 0; d < rank; d++) {
        dim[d] = PyLong_AsLongLong(PyTuple_GetItem(shape, d));
        if (dim[d] < 0 || __builtin_mul_overflow(n, dim[d], &n))
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "a shape");
    }
    if (start < 0 || n > tensor_count(t) || start > tensor_count(t) - n)
        return PyErr_Format(PyExc_IndexError, "%zd elements from %zd on of %zd", n, start,
                            tensor_count(t));
    return (PyObject *)tensor_new(state_of(Py_TYPE(self)), t->lease, t->name, t->dtype,
                                  (int)rank, dim,
                                  (const char *)t->data + start * pipert_dtype_size(t->dtype));
}

/* ---- numbers ---- */
static double of_half(unsigned bits) {
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    double value = exponent == 31 ? (fraction ? NAN : INFINITY)
                   : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                  : ldexp(fraction, -24);
    return bits >> 15 ? -value : value;
}

static double of_bfloat(unsigned bits) {
    uint32_t wide = bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static PyObject *element(int dtype, const void *at) {
    switch (dtype) {
    case PIPERT_BOOL: return PyBool_FromLong(*(const uint8_t *)at);
    case PIPERT_U8: return PyLong_FromLong(*(const uint8_t *)at);
    case PIPERT_I8: return PyLong_FromLong(*(const int8_t *)at);
    case PIPERT_U16: return PyLong_FromLong(*(const uint16_t *)at);
    case PIPERT_I16: return PyLong_FromLong(*(const int16_t *)at);
    case PIPERT_U32: return PyLong_FromLongLong(*(const uint32_t *)at);
    case PIPERT_I32: return PyLong_FromLong(*(const int32_t *)at);
    case PIPERT_U64: return PyLong_FromUnsignedLongLong(*(const uint64_t *)at);
    case PIPERT_I64: return PyLong_FromLongLong(*(const int64_t *)at);
    case PIPERT_F16: return PyFloat_FromDouble(of_half(*(const uint16_t *)at));
    case PIPERT_BF16: return PyFloat_FromDouble(of_bfloat(*(const uint16_t *)at));
    case PIPERT_F32: return PyFloat_FromDouble(*(const float *)at);
    default: return PyFloat_FromDouble(*(const double *)at);
    }
}

static PyObject *list_from(const tensor *t, int d, const char *at) {
    PyObject *list;
    if (d == t->rank) return element(t->dtype, at);
    list = PyList_New((Py_ssize_t)t->dim[d]);
    for (int64_t i = 0; list && i < t->dim[d]; i++) {
        PyObject *item = list_from(t, d + 1, at + i * t->stride[d]);
        if (!item || PyList_SetItem(list, (Py_ssize_t)i, item)) Py_CLEAR(list);
    }
    return list;
}

static PyObject *tensor_list(PyObject *self, PyObject *unused) {
    (void)unused;
    return list_from((tensor *)self, 0, ((tensor *)self)->data);
}

static PyObject *item(PyObject *self, PyObject *unused) {
    tensor *t = (tensor *)self;
    (void)unused;
    if (tensor_count(t) == 1) return element(t->dtype, t->data);
    return PyErr_Format(PyExc_ValueError, "%zd elements are no single number",
                        tensor_count(t));
}

/* Without these, int() and float() would read the buffer's bytes as text. */
static PyObject *as_number(PyObject *self, PyObject *(*convert)(PyObject *)) {
    PyObject *number = item(self, NULL), *result = number ? convert(number) : NULL;
    Py_XDECREF(number);
    return result;
}

static PyObject *tensor_int(PyObject *self) { return as_number(self, PyNumber_Long); }
static PyObject *tensor_float(PyObject *self) { return as_number(self, PyNumber_Float); }

static int tensor_bool(PyObject *self) {
    PyObject *number = item(self, NULL);
    int truth = number ? PyObject_IsTrue(number) : -1;
    Py_XDECREF(number);
    return truth;
}

static PyObject *tensor_repr(PyObject *self) {
    PyObject *shape = get_shape(self, NULL), *text;
    if (!shape) return NULL;
    text = PyUnicode_FromFormat("pipec.Tensor(%U: %s%S)", ((tensor *)self)->name,
                                pipert_dtype_name(((tensor *)self)->dtype), shape);
    Py_DECREF(shape);
    return text;
}

static PyMethodDef methods[] = {
    {"__dlpack__", (PyCFunction)(void (*)(void))tensor_dlpack,
     METH_VARARGS | METH_KEYWORDS,
     "__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)\n\n"
     "A capsule for torch.from_dlpack and its like, without a copy. With max_version of\n"
     "1 or more it says that the memory is read-only; the older form cannot say so."},
    {"__dlpack_device__", tensor_dlpack_device, METH_NOARGS, "(1, 0): the CPU"},
    {"tolist", tensor_list, METH_NOARGS, "The elements as nested lists of numbers."},
    {"item", item, METH_NOARGS, "The one element as a number."},
    {"_part", tensor_part, METH_VARARGS, NULL},
    {0},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(tensor, weak), READONLY, NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "One field of a batch, or a row of it: read-only memory of the loader.\n\n"
     "np.asarray(t), memoryview(t), torch.from_dlpack(t), jax.dlpack.from_dlpack(t) look\n"
     "at it without a copy, and a large field's batch is used again only when the last of\n"
     "them is gone. t[i] is a row, t[i:j] are rows, without a copy, too. Elements lie row\n"
     "by row, dense. bf16 goes through DLPack; the buffer\n"
     "protocol and NumPy see its bits as u16."},
    {Py_tp_new, not_made_by_hand},
    {Py_tp_dealloc, tensor_dealloc},
    {Py_tp_repr, tensor_repr},
    {Py_tp_methods, methods},
    {Py_tp_getset, getters},
    {Py_nb_int, tensor_int},
    {Py_nb_float, tensor_float},
    {Py_nb_bool, tensor_bool},
    {Py_sq_length, tensor_length},
    {Py_sq_item, tensor_row},
    {Py_mp_length, tensor_length},
    {Py_mp_subscript, tensor_subscript},
    {Py_tp_richcompare, tensor_compare},
    {Py_tp_hash, tensor_hash},
    {Py_tp_members, members},
    {Py_bf_getbuffer, get_buffer},
    {0, NULL},
};

PyType_Spec tensor_spec = {
    .name = "pipec.Tensor",
    .basicsize = sizeof(tensor),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
