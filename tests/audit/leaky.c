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

static PyMethodDef methods[] = {
    {"lose", lose, METH_O, NULL}, {"fail", fail, METH_O, NULL}, {"keep", keep, METH_O, NULL}, {"drop", drop, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "leaky", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_leaky(void) { return PyModule_Create(&definition); }
