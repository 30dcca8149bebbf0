/* Programs around a Python, for test_odd_targets.py. Each runs a line, prints "ready" and waits for a byte.
 *
 * With -DLINKED: libpython is linked in. Without: each library that is named is loaded for itself, the first with
 * RTLD_LOCAL, the next ones in namespaces of their own (dlmopen). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

static const char kProgram[] = "KEPT = [{'number': i, 'text': 'x%d' % i} for i in range(3000)]\n";

#ifdef LINKED
void Py_InitializeEx(int);
int PyRun_SimpleStringFlags(const char*, void*);
#endif

static int Start(const char* library, int number) {
#ifdef LINKED
  (void)library, (void)number;
  Py_InitializeEx(0);
  return PyRun_SimpleStringFlags(kProgram, NULL);
#else
  void* loaded = number ? dlmopen(LM_ID_NEWLM, library, RTLD_NOW | RTLD_LOCAL) : dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!loaded) return fprintf(stderr, "%s\n", dlerror());
  void (*initialize)(int) = (void (*)(int))dlsym(loaded, "Py_InitializeEx");
  int (*run)(const char*, void*) = (int (*)(const char*, void*))dlsym(loaded, "PyRun_SimpleStringFlags");
  initialize(0);
  return run(kProgram, NULL);
#endif
}

int main(int argc, char** argv) {
  char byte;
  for (int i = 1; i < argc; ++i) {
    if (Start(argv[i], i - 1) != 0) return 3;
  }
  if (write(1, "ready\n", 6) != 6) return 4;
  return read(0, &byte, 1) < 0;
}
