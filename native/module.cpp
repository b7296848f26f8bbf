// The Python module: raw addresses in, nothing out. Shapes and types are checked by the caller, network/kernel.py.
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

#include "kernel.h"

namespace {

using namespace anlage;

struct Isa {
  const char *name;
  Product product;
  Edges edges;
};

// The copies that this processor can run, best first.
std::vector<Isa> supported() {
  std::vector<Isa> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    found.push_back({"avx512", avx512::product, avx512::edges});
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back({"avx2", avx2::product, avx2::edges});
#endif
  found.push_back({"portable", portable::product, portable::edges});
  return found;
}

const std::vector<Isa> copies = supported();
Isa isa = copies.front();

// Each thread gets whole neurons, about as many edges as the others; so the result does not depend on the number of threads.
template <class Work>
void share(const Graph &g, long threads, Work work) {
  std::vector<std::thread> others;
  int64_t first = 0;
  for (long t = 1; t <= threads; ++t) {
    const int32_t edge = (int32_t)((int64_t)g.start[g.n] * t / threads);
    const int64_t last = t == threads ? g.n : std::lower_bound(g.start, g.start + g.n, edge) - g.start;
    if (t == threads) {
      work(first, last);
    } else if (last > first) {
      try {
        others.emplace_back(work, first, last);
      } catch (const std::exception &) {  // no more threads to be had; nothing may be thrown through Python
        work(first, last);
      }
    }
    first = std::max(first, last);
  }
  for (auto &other : others) other.join();
}

template <class T>
T *address(long long number) {
  return reinterpret_cast<T *>(static_cast<intptr_t>(number));
}

// product(start, other, n, weight, x, x_stride, plus, plus_stride, y, y_stride, batch, threads); plus is 0 for none
PyObject *py_product(PyObject *, PyObject *args) {
  long long start, other, n, weight, x, xs, plus, ps, y, ys, batch, threads;
  if (!PyArg_ParseTuple(args, "LLLLLLLLLLLL", &start, &other, &n, &weight, &x, &xs, &plus, &ps, &y, &ys, &batch, &threads))
    return nullptr;
  const Graph g{address<const int32_t>(start), address<const int32_t>(other), n};
  Py_BEGIN_ALLOW_THREADS;
  share(g, threads, [&](int64_t first, int64_t last) {
    isa.product(g, address<const float>(weight), {address<const float>(x), xs}, {address<const float>(plus), ps},
                {address<float>(y), ys}, batch, first, last);
  });
  Py_END_ALLOW_THREADS;
  Py_RETURN_NONE;
}

// edges(start, other, n, y, y_stride, x, x_stride, out, batch, threads)
PyObject *py_edges(PyObject *, PyObject *args) {
  long long start, other, n, y, ys, x, xs, out, batch, threads;
  if (!PyArg_ParseTuple(args, "LLLLLLLLLL", &start, &other, &n, &y, &ys, &x, &xs, &out, &batch, &threads)) return nullptr;
  const Graph g{address<const int32_t>(start), address<const int32_t>(other), n};
  Py_BEGIN_ALLOW_THREADS;
  share(g, threads, [&](int64_t first, int64_t last) {
    isa.edges(g, {address<const float>(y), ys}, {address<const float>(x), xs}, address<float>(out), batch, first, last);
  });
  Py_END_ALLOW_THREADS;
  Py_RETURN_NONE;
}

PyObject *py_instruction_set(PyObject *, PyObject *) { return PyUnicode_FromString(isa.name); }

PyObject *py_instruction_sets(PyObject *, PyObject *) {
  PyObject *names = PyList_New(0);
  for (const Isa &copy : copies) {
    PyObject *name = names ? PyUnicode_FromString(copy.name) : nullptr;
    if (!name || PyList_Append(names, name)) {
      Py_XDECREF(name);
      Py_XDECREF(names);
      return nullptr;
    }
    Py_DECREF(name);
  }
  return names;
}

// select(name): use another copy from now on; for tests, which hold all copies against one another.
PyObject *py_select(PyObject *, PyObject *args) {
  const char *name;
  if (!PyArg_ParseTuple(args, "s", &name)) return nullptr;
  for (const Isa &copy : copies)
    if (!std::strcmp(copy.name, name)) {
      isa = copy;
      Py_RETURN_NONE;
    }
  PyErr_Format(PyExc_ValueError, "This processor cannot run the kernels called '%s'.", name);
  return nullptr;
}

PyMethodDef methods[] = {{"product", py_product, METH_VARARGS, "y = W x"},
                         {"edges", py_edges, METH_VARARGS, "gradient of every edge"},
                         {"instruction_set", py_instruction_set, METH_NOARGS, "name of the kernels in use"},
                         {"instruction_sets", py_instruction_sets, METH_NOARGS, "names of all kernels that can run here"},
                         {"select", py_select, METH_VARARGS, "use the kernels of this name"},
                         {nullptr, nullptr, 0, nullptr}};
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernel", "Sparse kernels of anlage.", -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__kernel(void) { return PyModule_Create(&definition); }
