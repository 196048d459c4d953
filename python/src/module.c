/* The module `pipec._pipec`: its state, its types, its entry. Nothing is static but
 * constants, so every interpreter may have its own. */
#include "pipec_python.h"
#include <string.h>

module_state *state_of(PyTypeObject *type) { return PyType_GetModuleState(type); }

PyObject *raise_status(module_state *state, int status, const char *message) {
    PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace");
    PyObject *error = text ? PyObject_CallFunction(state->make_error, "iO", status, text)
                           : NULL;
    Py_XDECREF(text);
    if (error) PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    return NULL;
}

PyObject *not_made_by_hand(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args, (void)kwargs;
    return PyErr_Format(PyExc_TypeError, "%R comes from a loader: see pipec.load", type);
}

/* (make_error, make_ragged, tell): what the package in Python gives. */
static PyObject *setup(PyObject *module, PyObject *args) {
    module_state *s = PyModule_GetState(module);
    PyObject *error, *ragged, *tell;
    if (!PyArg_ParseTuple(args, "OOO", &error, &ragged, &tell)) return NULL;
    Py_XDECREF(s->make_error), Py_XDECREF(s->make_ragged), Py_XDECREF(s->tell);
    s->make_error = Py_NewRef(error);
    s->make_ragged = Py_NewRef(ragged);
    s->tell = Py_NewRef(tell);
    Py_RETURN_NONE;
}

static PyObject *version(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    return PyUnicode_FromString(pipert_version());
}

/* What the process of a sidecar runs; it does not return. */
static PyObject *serve(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    Py_BEGIN_ALLOW_THREADS
    pipert_serve();
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"setup", setup, METH_VARARGS, NULL},
    {"version", version, METH_NOARGS, "The version of the runtime."},
    {"serve", serve, METH_NOARGS, NULL},
    {"arrow", arrow_of_ragged, METH_VARARGS, NULL},
    {0},
};

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, const char *name) {
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type && PyModule_AddObject(module, name, Py_NewRef(type))) {
        Py_DECREF(type);
        Py_CLEAR(type);
    }
    return (PyTypeObject *)type;
}

static int add_statuses(PyObject *module) {
#define X(name, code, text)                                                          \
    if (PyModule_AddIntConstant(module, #name, code)) return -1;
    PIPERT_STATUS(X)
#undef X
    return 0;
}

static int module_exec(PyObject *module) {
    module_state *s = PyModule_GetState(module);
    s->handle = add_type(module, &handle_spec, "Handle");
    s->batch = add_type(module, &batch_spec, "Batch");
    s->tensor = add_type(module, &tensor_spec, "Tensor");
    return s->handle && s->batch && s->tensor ? add_statuses(module) : -1;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    module_state *s = PyModule_GetState(module);
    Py_VISIT(s->handle);
    Py_VISIT(s->batch);
    Py_VISIT(s->tensor);
    Py_VISIT(s->make_error);
    Py_VISIT(s->make_ragged);
    Py_VISIT(s->tell);
    return 0;
}

static int module_clear(PyObject *module) {
    module_state *s = PyModule_GetState(module);
    Py_CLEAR(s->handle);
    Py_CLEAR(s->batch);
    Py_CLEAR(s->tensor);
    Py_CLEAR(s->make_error);
    Py_CLEAR(s->make_ragged);
    Py_CLEAR(s->tell);
    return 0;
}

/* Slots that an interpreter does not know it refuses, and one built for 3.11 runs in
 * all later ones: the list is cut where the running one is too old. */
enum { SLOT_INTERPRETERS = 3, SLOT_GIL = 4 };
static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL},
    {0, NULL},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pipec._pipec",
    .m_doc = "The C part of pipec.",
    .m_size = sizeof(module_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__pipec(void) {
#if PY_VERSION_HEX >= 0x030B0000
    if (Py_Version >= 0x030C0000)
        slots[1] = (PyModuleDef_Slot){SLOT_INTERPRETERS, (void *)2};    /* own GIL */
    if (Py_Version >= 0x030D0000)
        slots[2] = (PyModuleDef_Slot){SLOT_GIL, (void *)1};             /* not used */
#endif
    return PyModuleDef_Init(&definition);
}
