// The Python module: raw addresses in, nothing out. Shapes and types are checked by the caller, network/kernel.py.
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "kernel.h"

namespace {

using namespace anlage;

template <class S>
struct Copy {
  void (*cross)(const Graph &, const S *, const Step<S> &, int64_t, int64_t);
  void (*edges)(const Graph &, const Pair<S> &, float *, int64_t, int64_t);
  void (*stream)(const Rows &, const S *, const Step<S> &, int64_t, int64_t);
  void (*stream_edges)(const Rows &, const S *, const S *, float *, int64_t, int64_t);
};
struct Isa {
  const char *name;
  Copy<float> of_float;
  Copy<bfloat16> of_bfloat16;
  template <class S> const Copy<S> &of() const;
};
template <> const Copy<float> &Isa::of<float>() const { return of_float; }
template <> const Copy<bfloat16> &Isa::of<bfloat16>() const { return of_bfloat16; }

#define KERNELS(SET, S) {SET::cross<S>, SET::edges<S>, SET::stream<S>, SET::stream_edges<S>}
#define COPY(NAME, SET) Isa{NAME, KERNELS(SET, float), KERNELS(SET, bfloat16)}

// The copies that this processor can run, best first.
std::vector<Isa> supported() {
  std::vector<Isa> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    found.push_back(COPY("avx512", avx512));
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(COPY("avx2", avx2));
#endif
#if defined(__aarch64__)
  found.push_back(COPY("neon", portable));  // every such processor has it, and the compiler uses it for vectors of four
#else
  found.push_back(COPY("portable", portable));
#endif
  return found;
}

const std::vector<Isa> copies = supported();
Isa isa = copies.front();

// Run work(first, last) on parts of 0 .. n; the parts end where cut(t) says, the last one at n.
template <class Work, class Cut>
void share(int64_t n, long threads, Cut cut, Work work) {
  std::vector<std::thread> others;
  int64_t first = 0;
  for (long t = 1; t <= threads; ++t) {
    const int64_t last = t == threads ? n : cut(t);
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

// Each thread gets whole neurons, about as many edges as the others; so the result does not depend on the number of threads.
template <class Work>
void share_edges(const int32_t *start, int64_t n, long threads, Work work) {
  share(n, threads, [=](long t) { return std::lower_bound(start, start + n, (int32_t)((int64_t)start[n] * t / threads)) - start; }, work);
}

// The numbers a call consists of, one after another: counts as they are, tensors as addresses (0 for none).
class Numbers {
 public:
  explicit Numbers(PyObject *args) : args_(args) {}
  long long next() {
    PyObject *item = PyTuple_GetItem(args_, at_++);
    return item ? PyLong_AsLongLong(item) : -1;
  }
  float number() {
    PyObject *item = PyTuple_GetItem(args_, at_++);
    return item ? (float)PyFloat_AsDouble(item) : 0;
  }
  template <class T>
  T *address() { return reinterpret_cast<T *>(static_cast<intptr_t>(next())); }
  bool whole() const { return !PyErr_Occurred(); }

 private:
  PyObject *args_;
  Py_ssize_t at_ = 0;
};

Graph graph(Numbers &in) {
  Graph g;
  g.segment = in.address<const int32_t>();
  g.place = in.address<const int32_t>();
  g.other = in.address<const uint16_t>();
  g.n = in.next();
  g.block = in.next();
  return g;
}

template <class S>
Step<S> step(Numbers &in) {
  Step<S> s;
  s.x = in.address<const S>();
  s.plus = in.address<const S>();
  s.scale = in.number();
  s.y = in.address<S>();
  s.sums = in.address<float>();
  s.batch = in.next();
  s.finish = (int)in.next();
  s.activation = (int)in.next();
  s.leak = in.number();
  s.state = in.address<const S>();
  s.rate = in.address<S>();
  s.current = in.address<S>();
  s.extra = in.address<const S>();
  return s;
}

// Every function below takes: is the storage bfloat16, threads, start (edges before each neuron), and what its kernel takes.
template <class Body>
PyObject *call(PyObject *args, Body body) {
  Numbers in(args);
  const bool half = in.next();
  half ? body(in, bfloat16()) : body(in, float());
  if (!in.whole()) return nullptr;
  Py_RETURN_NONE;
}

#define WITHOUT_GIL(CODE)  \
  if (in.whole()) {        \
    Py_BEGIN_ALLOW_THREADS; \
    CODE;                  \
    Py_END_ALLOW_THREADS;  \
  }

PyObject *py_cross(PyObject *, PyObject *args) {
  return call(args, [](Numbers &in, auto storage) {
    using S = decltype(storage);
    const long threads = (long)in.next();
    const int32_t *start = in.address<const int32_t>();
    const Graph g = graph(in);
    const S *weight = in.address<const S>();
    const Step<S> s = step<S>(in);
    WITHOUT_GIL(share_edges(start, g.n, threads, [&](int64_t first, int64_t last) { isa.of<S>().cross(g, weight, s, first, last); }));
  });
}

PyObject *py_edges(PyObject *, PyObject *args) {
  return call(args, [](Numbers &in, auto storage) {
    using S = decltype(storage);
    const long threads = (long)in.next();
    const int32_t *start = in.address<const int32_t>();
    const Graph g = graph(in);
    Pair<S> pair;
    pair.y = in.address<const S>();
    pair.x = in.address<const S>();
    float *out = in.address<float>();
    pair.batch = in.next();
    pair.more = in.next();
    WITHOUT_GIL(share_edges(start, g.n, threads, [&](int64_t first, int64_t last) { isa.of<S>().edges(g, pair, out, first, last); }));
  });
}

PyObject *py_stream(PyObject *, PyObject *args) {
  return call(args, [](Numbers &in, auto storage) {
    using S = decltype(storage);
    const long threads = (long)in.next();
    const int32_t *start = in.address<const int32_t>(), *other = in.address<const int32_t>();
    const long long n = in.next();
    const S *weight = in.address<const S>();
    const Step<S> s = step<S>(in);
    WITHOUT_GIL(share_edges(start, n, threads, [&](int64_t first, int64_t last) { isa.of<S>().stream(Rows{start, other}, weight, s, first, last); }));
  });
}

PyObject *py_stream_edges(PyObject *, PyObject *args) {
  return call(args, [](Numbers &in, auto storage) {
    using S = decltype(storage);
    const long threads = (long)in.next();
    const int32_t *start = in.address<const int32_t>(), *other = in.address<const int32_t>();
    const long long n = in.next();
    const S *y = in.address<const S>(), *x = in.address<const S>();
    float *out = in.address<float>();
    WITHOUT_GIL(share_edges(start, n, threads, [&](int64_t first, int64_t last) { isa.of<S>().stream_edges(Rows{start, other}, y, x, out, first, last); }));
  });
}

PyObject *py_reorder(PyObject *, PyObject *args) {
  return call(args, [](Numbers &in, auto storage) {
    using S = decltype(storage);
    const long threads = (long)in.next();
    const int32_t *order = in.address<const int32_t>();
    const long long n = in.next();
    const S *from = in.address<const S>();
    S *to = in.address<S>();
    WITHOUT_GIL(share(n, threads, [=](long t) { return n * t / threads; }, [&](int64_t first, int64_t last) { reorder(order, from, to, first, last); }));
  });
}

PyObject *py_lay(PyObject *, PyObject *args) {
  return call(args, [](Numbers &in, auto storage) {
    using S = decltype(storage);
    const long threads = (long)in.next();
    const int32_t *segment = in.address<const int32_t>(), *place = in.address<const int32_t>();
    const long long n = in.next();
    const S *from = in.address<const S>();
    S *to = in.address<S>();
    WITHOUT_GIL(share(n, threads, [=](long t) { return n * t / threads; }, [&](int64_t first, int64_t last) { lay(segment, place, from, to, first, last); }));
  });
}

// Ask for large pages where the system gives them on request: the first touch of a page costs more than the sums that fill it.
PyObject *py_large_pages(PyObject *, PyObject *args) {
  Numbers in(args);
  const uintptr_t page = 1 << 21, from = (uintptr_t)in.next(), first = (from + page - 1) / page * page;
  const uintptr_t last = (from + (uintptr_t)in.next()) / page * page;
  if (!in.whole()) return nullptr;
#if defined(__linux__)
  if (first < last) madvise(reinterpret_cast<void *>(first), last - first, MADV_HUGEPAGE);
#endif
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

PyMethodDef methods[] = {{"cross", py_cross, METH_VARARGS, "every edge once"},
                         {"edges", py_edges, METH_VARARGS, "gradient of every edge"},
                         {"stream", py_stream, METH_VARARGS, "every edge once, for one stream"},
                         {"stream_edges", py_stream_edges, METH_VARARGS, "gradient of every edge, for one stream"},
                         {"reorder", py_reorder, METH_VARARGS, "to[k] = from[order[k]]"},
                         {"lay", py_lay, METH_VARARGS, "piece after piece"},
                         {"large_pages", py_large_pages, METH_VARARGS, "address, bytes: about to be filled"},
                         {"instruction_set", py_instruction_set, METH_NOARGS, "name of the kernels in use"},
                         {"instruction_sets", py_instruction_sets, METH_NOARGS, "names of all kernels that can run here"},
                         {"select", py_select, METH_VARARGS, "use the kernels of this name"},
                         {nullptr, nullptr, 0, nullptr}};
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernel", "Sparse kernels of anlage.", -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__kernel(void) { return PyModule_Create(&definition); }
