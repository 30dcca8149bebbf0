/* Types whose tp_traverse does what it must not: evil.E0 .. evil.E14, made with one int that says what. Harmless in the
 * process that imported the module: only a clone of it (another pid) misbehaves. */
#include <Python.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KINDS = 15 };

typedef struct {
  PyObject_HEAD
  int how;
  PyObject *items;
} Evil;

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pid_t home;

static int recurse(int depth, volatile char *above) {
  volatile char here[4096];
  here[0] = (char)depth;
  return recurse(depth + 1, here) + here[0] + (above ? above[0] : 0);
}

static void allocate(void) {
  for (int i = 0; i < 1000; i++) free(malloc(5000));
}

static int misbehave(Evil *self, visitproc visit, void *arg) {
  switch (self->how) {
    case 0: *(volatile int *)8 = 1; break;
    case 1: pthread_mutex_lock(&held); break;
    case 2: for (;;) __asm__ volatile("" ::: "memory");
    case 3: exit(1);
    case 4: abort();
    case 5: return recurse(0, NULL);
    case 6: allocate(); break;
    case 7: return visit((PyObject *)0xdeadbee8, arg);
    case 8: for (;;) { int result = visit(self->items, arg); if (result) return result; }
    case 9: __builtin_trap();
    case 10: __asm__ volatile("int3"); break;
    case 11: raise(SIGKILL); break;
    case 12: kill(getppid(), SIGKILL); break;
    case 13: for (;;) sleep(1);
    case 14: _exit(3);
  }
  return 0;
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  Evil *self = (Evil *)object;
  Py_VISIT(self->items);
  return getpid() == home ? 0 : misbehave(self, visit, arg);
}

static PyObject *create(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  (void)keywords;
  int how = 0;
  if (!PyArg_ParseTuple(arguments, "i", &how)) return NULL;
  Evil *self = (Evil *)type->tp_alloc(type, 0);
  self->how = how;
  self->items = PyList_New(3);
  for (int i = 0; i < 3; i++) PyList_SET_ITEM(self->items, i, PyLong_FromLong(1000 + i));
  return (PyObject *)self;
}

static void destroy(PyObject *self) {
  PyObject_GC_UnTrack(self);
  Py_TYPE(self)->tp_free(self);
}

static void *hold_lock(void *unused) {
  pthread_mutex_lock(&held);
  for (;;) sleep(100);
  return unused;
}

static void *keep_allocating(void *unused) {
  for (;;) allocate();
  return unused;
}

static PyTypeObject types[KINDS];
static char names[KINDS][16];
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "evil", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_evil(void) {
  home = getpid();
  PyObject *module = PyModule_Create(&definition);
  for (int i = 0; i < KINDS; i++) {
    snprintf(names[i], sizeof names[i], "evil.E%d", i);
    PyTypeObject blank = {PyVarObject_HEAD_INIT(NULL, 0)};
    types[i] = blank;
    types[i].tp_name = names[i];
    types[i].tp_basicsize = sizeof(Evil);
    types[i].tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
    types[i].tp_traverse = traverse;
    types[i].tp_new = create;
    types[i].tp_dealloc = destroy;
    types[i].tp_alloc = PyType_GenericAlloc;
    types[i].tp_free = PyObject_GC_Del;
    PyType_Ready(&types[i]);
    PyModule_AddObject(module, names[i] + 5, (PyObject *)&types[i]);
  }
  pthread_t thread;
  pthread_create(&thread, NULL, hold_lock, NULL);
  pthread_create(&thread, NULL, keep_allocating, NULL);
  return module;
}
