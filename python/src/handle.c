/* Handle: one open run, as the loader in Python uses it. The GIL is given up around
 * every call that may wait; calls of several threads queue at the run's lock. */
#include "pipec_python.h"
#include <string.h>

typedef struct handle {
    PyObject_HEAD
    run *run;
    PyObject *names, *attributes;   /* of the fields: tuples of interned str */
} handle;

/* How long a wait lasts before signals are looked at, in milliseconds. */
enum { SLICE = 50, CLOSED = -100, STATE_BYTES = 4096, MAX_COMMAND = 16 };

/* ---- calls ---- */
/* What a call leaves behind, told once the GIL is back. */
typedef struct outcome {
    int status;
    char why[6000];
} outcome;

static bool is_usable(PyObject *self) {
    module_state *state = state_of(Py_TYPE(self));
    run *r = ((handle *)self)->run;
    if (!run_is_foreign(r)) return true;
    raise_status(state, PIPERT_ARGUMENT,
                 "the loader was opened in another process: a fork does not carry its "
                 "threads over; call pipec.load in each process");
    return false;
}

static bool is_closed(const run *r, outcome *o) {
    if (r->closed) o->status = CLOSED;
    return r->closed;
}

/* Lock held. */
static void note(const run *r, outcome *o, int status) {
    const char *why = status < 0 ? pipert_error(r->p) : "";
    o->status = status;
    if (status < 0)
        snprintf(o->why, sizeof o->why, "%s", *why ? why : pipert_status_text(status));
}

/* Lock held. Of calls whose errors end the run. */
static void note_run(run *r, outcome *o, int status) {
    note(r, o, status);
    r->begun = true;
    if (status < 0 && status != PIPERT_HELD) r->failed = true;
}

static void held_text(run *r, outcome *o) {
    pipert_stats s;
    pipert_stats_get(r->p, &s);
    snprintf(o->why, sizeof o->why,
             "all batches that the loader keeps are in use, as many as the memory budget of "
             "%lld bytes holds (64 if memory= is not given): drop batches, and what was "
             "taken from them, before you ask for more; or copy what you keep; or raise "
             "memory=",
             (long long)s.memory);
}

static PyObject *closed(PyObject *self) {
    return raise_status(state_of(Py_TYPE(self)), PIPERT_ARGUMENT, "the loader is closed");
}

/* The oldest line that nobody has told yet. */
static bool pop_line(run *r, char *line) {
    pthread_mutex_lock(&r->log_lock);
    bool any = r->nlog > 0;
    if (r->nlog > LOG_LINES) r->nlog = LOG_LINES;
    if (any) {
        memcpy(line, r->log[0], sizeof r->log[0]);
        memmove(r->log[0], r->log[1], sizeof r->log - sizeof r->log[0]);
        r->nlog--;
    }
    pthread_mutex_unlock(&r->log_lock);
    return any;
}

/* What the runtime logged is told: '!' begins warnings. -1: one was made an error. */
static int tell_log(module_state *state, run *r) {
    char line[sizeof r->log[0]];
    while (pop_line(r, line)) {
        Py_ssize_t n = (Py_ssize_t)strlen(line) - 1;
        PyObject *text = PyUnicode_DecodeUTF8(line + 1, n, "replace");
        PyObject *warns = *line == '!' ? Py_True : Py_False;
        PyObject *done = text ? PyObject_CallFunction(state->tell, "NO", text, warns) : NULL;
        if (!done) return -1;
        Py_DECREF(done);
    }
    return 0;
}

/* false: an exception is set. Leaves the log to the next call, where an exception for a
 * warning would be out of place, or lose what the call has got. */
static bool settle_only(PyObject *self, const outcome *o) {
    if (PyErr_Occurred()) return false;             /* by a signal, see stops */
    if (o->status >= 0) return true;
    if (o->status == CLOSED) closed(self);
    else raise_status(state_of(Py_TYPE(self)), o->status, o->why);
    return false;
}

/* What calls before this one left. */
static bool tell_last(PyObject *self) {
    run *r = ((handle *)self)->run;
    return !r->nlog || !tell_log(state_of(Py_TYPE(self)), r);
}

/* The same, and tells the log. */
static bool settle(PyObject *self, const outcome *o) {
    if (!PyErr_Occurred() && !tell_last(self)) return false;
    return settle_only(self, o);
}

/* Runs STATEMENTS, which set o.status by note(), without the GIL and under the lock. */
#define CALL(self, o, STATEMENTS)                                                    \
    do {                                                                             \
        run *r = ((handle *)(self))->run;                                            \
        Py_BEGIN_ALLOW_THREADS                                                       \
        pthread_mutex_lock(&r->lock);                                                \
        r->caller = _save;                                                           \
        if (!is_closed(r, &(o))) { STATEMENTS; }                                     \
        pthread_mutex_unlock(&r->lock);                                              \
        Py_END_ALLOW_THREADS                                                         \
    } while (0)

/* Lock held. The next batch is no more the one behind the last. */
static void move(run *r) {
    r->moves++;
    r->taken = 0;
    r->epoch = -1;
}

/* ---- opening ---- */
static PyObject *names_of(const pipert *p) {
    int n = pipert_outputs(p);
    PyObject *names = PyTuple_New(n);
    for (int i = 0; names && i < n; i++) {
        pipert_output o;
        pipert_output_at(p, i, &o);
        PyObject *name = PyUnicode_InternFromString(o.name);
        if (!name || PyTuple_SetItem(names, i, name)) return Py_DECREF(names), NULL;
    }
    return names;
}

/* A tuple of bytes, ended by NULL in argv. false: an exception is set. */
static bool read_command(PyObject *tuple, const char **argv) {
    Py_ssize_t n = tuple ? PyTuple_Size(tuple) : 0;
    if (n >= MAX_COMMAND) PyErr_SetString(PyExc_ValueError, "the command is too long");
    for (Py_ssize_t i = 0; i < n && !PyErr_Occurred(); i++)
        argv[i] = PyBytes_AsString(PyTuple_GetItem(tuple, i));
    return !PyErr_Occurred();
}

static bool read_options(PyObject *args, PyObject *kwargs, const char **path,
                         pipert_options *o, const char **command) {
    static char *keywords[] = {
        "path", "seed", "epoch", "rank", "world", "threads", "readers", "mode", "memory",
        "on_error", "max_errors", "max_error_rate", "report", "cpu", "max_bytes",
        "max_pixels", "epochs", "sidecar", "allow_changed", "control_interval",
        "cache", NULL};
    PyObject *sidecar = NULL;
    unsigned long long seed = 0, epoch = 0;
    long long memory = 0, max_errors = -1, bytes = o->max_bytes, pixels = o->max_pixels,
              epochs = 0;
    bool good = PyArg_ParseTupleAndKeywords(
        args, kwargs, "y|$KKiiiiiLiLdyiLLLO!pdy", keywords, path, &seed, &epoch, &o->rank,
        &o->world, &o->threads, &o->readers, &o->mode, &memory, &o->on_error, &max_errors,
        &o->max_error_rate, &o->report, &o->cpu, &bytes, &pixels, &epochs,
        &PyTuple_Type, &sidecar, &o->allow_changed, &o->control_interval,
        &o->cache);
    o->seed = seed, o->epoch = epoch;
    if (o->report && !*o->report) o->report = NULL;
    o->memory = memory, o->max_errors = max_errors;
    o->max_bytes = bytes, o->max_pixels = pixels, o->epochs = epochs;
    if (sidecar) o->sidecar = command;
    return good && read_command(sidecar, command);
}

/* Asked while a source is opened: has a signal's handler raised? */
static int stops(void *context) {
    run *r = context;
    int raised;
    PyEval_RestoreThread(r->caller);
    raised = PyErr_CheckSignals();
    r->caller = PyEval_SaveThread();
    return raised != 0;
}

static bool open_run(handle *h, const char *path, pipert_options *options) {
    outcome o = {0};
    h->run = run_new();
    if (!h->run) return PyErr_NoMemory(), false;
    options->log = run_log;
    options->log_context = h->run;
    options->stops = stops;
    Py_BEGIN_ALLOW_THREADS
    note(h->run, &o, pipert_open(&h->run->p, path, options));
    Py_END_ALLOW_THREADS
    if (!settle((PyObject *)h, &o)) return false;
    h->names = names_of(h->run->p);
    if (h->names)
        h->attributes = batch_attributes(state_of(Py_TYPE((PyObject *)h)), h->names);
    return h->attributes != NULL;
}

static PyObject *handle_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    pipert_options options;
    const char *path, *command[MAX_COMMAND] = {NULL};
    handle *h;
    pipert_defaults(&options);
    if (!read_options(args, kwargs, &path, &options, command)) return NULL;
    h = (handle *)alloc(type, 0);
    if (h && open_run(h, path, &options)) return (PyObject *)h;
    Py_XDECREF((PyObject *)h);
    return NULL;
}

static PyObject *handle_close(PyObject *self, PyObject *unused) {
    run *r = ((handle *)self)->run;
    (void)unused;
    Py_BEGIN_ALLOW_THREADS
    run_close(r);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static void handle_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc free_it = (freefunc)PyType_GetSlot(type, Py_tp_free);
    run *r = ((handle *)self)->run;
    Py_XDECREF(((handle *)self)->names);
    Py_XDECREF(((handle *)self)->attributes);
    free_it(self);
    Py_DECREF(type);
    if (!r) return;
    Py_BEGIN_ALLOW_THREADS
    run_close(r);
    run_drop(r);
    Py_END_ALLOW_THREADS
}

/* ---- before the start ---- */
static PyObject *handle_set(PyObject *self, PyObject *args) {
    const char *name, *value;
    outcome o = {0};
    if (!PyArg_ParseTuple(args, "sy", &name, &value) || !is_usable(self)) return NULL;
    CALL(self, o, note(r, &o, pipert_set(r->p, name, value)));
    if (!settle(self, &o)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *handle_restore(PyObject *self, PyObject *args) {
    const char *text;
    outcome o = {0};
    if (!PyArg_ParseTuple(args, "s", &text) || !is_usable(self)) return NULL;
    CALL(self, o, note(r, &o, pipert_restore(r->p, text)); if (!o.status) move(r));
    if (!settle(self, &o)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *handle_start(PyObject *self, PyObject *unused) {
    outcome o = {0};
    (void)unused;
    if (!is_usable(self)) return NULL;
    CALL(self, o, note_run(r, &o, pipert_start(r->p)));
    if (!settle(self, &o) || PyErr_CheckSignals()) return NULL;
    Py_RETURN_NONE;
}

/* ---- batches ---- */
/* Begins the epoch, so that its length is known. */
static PyObject *handle_begin(PyObject *self, PyObject *unused) {
    outcome o = {0};
    (void)unused;
    if (!is_usable(self)) return NULL;
    CALL(self, o, note_run(r, &o, pipert_wait(r->p, 0)));
    if (!settle_only(self, &o)) return NULL;
    Py_RETURN_NONE;
}

/* Lock held. */
static void count(run *r, int status, const pipert_batch *b) {
    if (status == PIPERT_END) r->ends++, move(r);
    if (status == PIPERT_OK) r->taken++, r->epoch = b->epoch;
}

/* Lock held. Who began before the end that another thread was told is at its end, too. */
static lease *take(run *r, outcome *o, long long turn) {
    pipert_batch *b = NULL;
    lease *l = NULL;
    int status = PIPERT_END;
    if (r->ends != turn) return note(r, o, status), NULL;
    status = pipert_wait(r->p, SLICE);
    if (status == PIPERT_OK) status = pipert_next(r->p, &b);
    if (status == PIPERT_OK && !(l = lease_new(r, b))) status = PIPERT_MEMORY;
    count(r, status, b);
    note_run(r, o, status);
    if (status == PIPERT_HELD) held_text(r, o);
    return l;
}

static PyObject *handle_next(PyObject *self, PyObject *turn) {
    long long began = PyLong_AsLongLong(turn);
    lease *l = NULL;
    outcome o;
    if (PyErr_Occurred() || !is_usable(self) || !tell_last(self)) return NULL;
    do {
        o.status = 0;
        CALL(self, o, l = take(r, &o, began));
        if (!(l ? settle_only : settle)(self, &o)) return lease_drop(l), NULL;
        if (o.status == PIPERT_AGAIN && PyErr_CheckSignals()) return NULL;
    } while (o.status == PIPERT_AGAIN);
    if (o.status == PIPERT_END) Py_RETURN_NONE;
    return batch_new(state_of(Py_TYPE(self)), l, ((handle *)self)->names,
                     ((handle *)self)->attributes);
}

/* (turn, moves, taken, epoch): for `next`, and see struct run. */
static PyObject *handle_place(PyObject *self, PyObject *unused) {
    long long ends = 0, moves = 0, taken = 0, epoch = 0;
    outcome o = {0};
    (void)unused;
    if (!is_usable(self)) return NULL;
    CALL(self, o, ends = r->ends; moves = r->moves; taken = r->taken; epoch = r->epoch);
    return settle_only(self, &o) ? Py_BuildValue("(LLLL)", ends, moves, taken, epoch) : NULL;
}

/* Takes the place of a handle whose place() was that, before it is used. */
static PyObject *handle_follow(PyObject *self, PyObject *place) {
    run *r = ((handle *)self)->run;
    long long taken, epoch;
    if (!PyArg_ParseTuple(place, "LLLL", &r->ends, &r->moves, &taken, &epoch)) return NULL;
    r->moves++;
    Py_RETURN_NONE;
}

/* ---- state ---- */
static PyObject *handle_begun(PyObject *self, PyObject *unused) {
    (void)unused;
    return PyBool_FromLong(((handle *)self)->run->begun);
}

static PyObject *handle_failed(PyObject *self, PyObject *unused) {
    (void)unused;
    return PyBool_FromLong(((handle *)self)->run->failed);
}

static PyObject *handle_save(PyObject *self, PyObject *unused) {
    char text[STATE_BYTES] = "";
    outcome o = {0};
    (void)unused;
    if (!is_usable(self)) return NULL;
    CALL(self, o, note(r, &o, pipert_save(r->p, text, sizeof text)));
    return settle_only(self, &o) ? PyUnicode_FromString(text) : NULL;
}

/* ---- what is known ---- */
static PyObject *handle_stats(PyObject *self, PyObject *unused) {
    pipert_stats s = {0};
    outcome o = {0};
    (void)unused;
    if (!is_usable(self)) return NULL;
    CALL(self, o, pipert_stats_get(r->p, &s));
    if (!settle_only(self, &o)) return NULL;
    return Py_BuildValue(
        "{s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:i,s:i,s:i,s:i,"
        "s:s}",
        "records", s.records, "batches", s.batches, "bad_records", s.bad_records,
        "places", s.places, "places_done", s.places_done, "epoch_batches",
        s.epoch_batches, "bytes_read", s.bytes_read, "bytes_out", s.bytes_out,
        "from_cache", s.from_cache, "wait_ns", s.wait_ns, "idle_read_ns", s.idle_read_ns, "idle_full_ns", s.idle_full_ns,
        "parked_ns", s.parked_ns, "memory", s.memory, "memory_used", s.memory_used,
        "threads", s.threads, "active", s.active, "readers", s.readers, "ahead", s.ahead,
        "cpu", s.cpu ? s.cpu : "");
}

/* Bytes that are no UTF-8 (of paths) as os.fsdecode has them. */
static PyObject *text_of(const char *value) {
    if (!value) return Py_NewRef(Py_None);
    return PyUnicode_DecodeUTF8(value, (Py_ssize_t)strlen(value), "surrogateescape");
}

/* [(name, type, value or None, fixed when compiled)] */
static PyObject *handle_parameters(PyObject *self, PyObject *unused) {
    run *r = ((handle *)self)->run;
    PyObject *list;
    (void)unused;
    if (!is_usable(self)) return NULL;
    if (!run_use(r)) return closed(self);
    list = PyList_New(0);
    for (int i = 0; list && i < pipert_parameters(r->p); i++) {
        pipert_parameter q;
        pipert_parameter_at(r->p, i, &q);
        PyObject *row = Py_BuildValue("(ssNO)", q.name, q.type, text_of(q.value),
                                      q.at_compile ? Py_True : Py_False);
        if (!row || PyList_Append(list, row)) Py_CLEAR(list);
        Py_XDECREF(row);
    }
    run_unuse(r);
    return list;
}

static PyObject *shape_of(const pipert_output *o) {
    PyObject *shape = PyTuple_New(o->rank);
    for (int d = 0; shape && d < o->rank; d++)
        if (PyTuple_SetItem(shape, d, PyLong_FromLongLong(o->dim[d])))
            return Py_DECREF(shape), NULL;
    return shape;
}

/* [(name, dtype, shape, ragged)]; -1: differs from batch to batch, or row to row */
static PyObject *handle_fields(PyObject *self, PyObject *unused) {
    run *r = ((handle *)self)->run;
    PyObject *list;
    (void)unused;
    if (!is_usable(self)) return NULL;
    if (!run_use(r)) return closed(self);
    list = PyList_New(0);
    for (int i = 0; list && i < pipert_outputs(r->p); i++) {
        pipert_output o;
        pipert_output_at(r->p, i, &o);
        PyObject *row = Py_BuildValue("(ssNO)", o.name, pipert_dtype_name(o.dtype),
                                      shape_of(&o), o.ragged ? Py_True : Py_False);
        if (!row || PyList_Append(list, row)) Py_CLEAR(list);
        Py_XDECREF(row);
    }
    run_unuse(r);
    return list;
}

static PyObject *list_of(const char *const *names, int n) {
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < n; i++) {
        PyObject *name = PyUnicode_DecodeFSDefault(names[i]);
        if (!name || PyList_Append(list, name)) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *handle_classes(PyObject *self, PyObject *unused) {
    run *r = ((handle *)self)->run;
    const char *const *names;
    PyObject *started = handle_start(self, unused), *list;
    int n = 0;
    if (!started) return NULL;
    Py_DECREF(started);
    if (!run_use(r)) return closed(self);
    names = pipert_classes(r->p, &n);
    list = list_of(names, n);
    run_unuse(r);
    return list;
}

static PyObject *handle_name(PyObject *self, PyObject *unused) {
    char name[256] = "";
    outcome o = {0};
    (void)unused;
    if (!is_usable(self)) return NULL;
    CALL(self, o, snprintf(name, sizeof name, "%s", pipert_name(r->p)));
    return settle_only(self, &o) ? PyUnicode_FromString(name) : NULL;
}

static PyMethodDef methods[] = {
    {"close", handle_close, METH_NOARGS, NULL},
    {"set", handle_set, METH_VARARGS, NULL},
    {"restore", handle_restore, METH_VARARGS, NULL},
    {"start", handle_start, METH_NOARGS, NULL},
    {"begin", handle_begin, METH_NOARGS, NULL},
    {"next", handle_next, METH_O, "A Batch, or None at the end of the epoch of a turn."},
    {"place", handle_place, METH_NOARGS, NULL},
    {"follow", handle_follow, METH_O, NULL},
    {"begun", handle_begun, METH_NOARGS, NULL},
    {"failed", handle_failed, METH_NOARGS, NULL},
    {"save", handle_save, METH_NOARGS, NULL},
    {"stats", handle_stats, METH_NOARGS, NULL},
    {"parameters", handle_parameters, METH_NOARGS, NULL},
    {"fields", handle_fields, METH_NOARGS, NULL},
    {"name", handle_name, METH_NOARGS, NULL},
    {"classes", handle_classes, METH_NOARGS, NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "An open feature; pipec.Loader is what to use."},
    {Py_tp_new, handle_new},
    {Py_tp_dealloc, handle_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec handle_spec = {
    .name = "pipec._pipec.Handle",
    .basicsize = sizeof(handle),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
