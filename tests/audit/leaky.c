/* An extension with the bugs that extensions have: each function takes a reference and forgets to give it back. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Py_INCREF without Py_DECREF. */
static PyObject *lose(PyObject *module, PyObject *object) {
  (void)module;
  Py_INCREF(object);
  Py_RETURN_NONE;
}

/* An error path that returns before it has released what it made. */
static PyObject *fail(PyObject *module, PyObject *object) {
  (void)module;
  PyObject *pair = PyTuple_Pack(2, object, Py_None);
  if (!pair) return NULL;
  PyErr_SetString(PyExc_ValueError, "cannot");
  return NULL;
}

/* The same two without the bugs. */
static PyObject *keep(PyObject *module, PyObject *object) {
  (void)module;
  Py_INCREF(object);
  Py_DECREF(object);
  Py_RETURN_NONE;
}

static PyObject *drop(PyObject *module, PyObject *object) {
  (void)module;
  PyObject *pair = PyTuple_Pack(2, object, Py_None);
  if (!pair) return NULL;
  Py_DECREF(pair);
  PyErr_SetString(PyExc_ValueError, "cannot");
  return NULL;
}

/* Holds an object in memory of its own and, as a suspended greenlet, tells the collector by tp_is_gc to leave it alone
 * for now. */
typedef struct {
  PyObject_HEAD
  PyObject **held;
} Suspended;

static PyObject *suspended_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  (void)keywords;
  PyObject *held;
  if (!PyArg_ParseTuple(arguments, "O", &held)) return NULL;
  Suspended *self = (Suspended *)type->tp_alloc(type, 0);
  if (!self || !(self->held = malloc(sizeof *self->held))) return NULL;
  Py_INCREF(held);
  *self->held = held;
  return (PyObject *)self;
}

static int suspended_traverse(PyObject *self, visitproc visit, void *arg) {
  if (((Suspended *)self)->held) Py_VISIT(*((Suspended *)self)->held);
  return 0;
}

static int suspended_is_gc(PyObject *self) {
  (void)self;
  return 0;
}

static PyTypeObject suspended_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "leaky.Suspended",
    .tp_basicsize = sizeof(Suspended),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = suspended_new,
    .tp_traverse = suspended_traverse,
    .tp_is_gc = suspended_is_gc,
};

static PyMethodDef methods[] = {
    {"lose", lose, METH_O, NULL}, {"fail", fail, METH_O, NULL}, {"keep", keep, METH_O, NULL}, {"drop", drop, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "leaky", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_leaky(void) {
  PyObject *module = PyType_Ready(&suspended_type) < 0 ? NULL : PyModule_Create(&definition);
  if (module) PyModule_AddObject(module, "Suspended", (PyObject *)&suspended_type);
  return module;
}
