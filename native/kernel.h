// What every copy of the kernels offers.
#pragma once
#include <cstdint>

namespace anlage {

// Edges grouped by neuron: those of neuron i are start[i] .. start[i + 1], and lead to the neurons other[k].
struct Graph {
  const int32_t *start;
  const int32_t *other;
  int64_t n;
};
struct View {
  const float *data;
  int64_t stride;  // floats from one neuron to the next
};
struct MutableView {
  float *data;
  int64_t stride;
};

using Product = void (*)(const Graph &, const float *, View, View, MutableView, int64_t, int64_t, int64_t);
using Edges = void (*)(const Graph &, View, View, float *, int64_t, int64_t, int64_t);

#define ANLAGE_KERNELS(NAME)                                                                    \
  namespace NAME {                                                                              \
  void product(const Graph &, const float *, View, View, MutableView, int64_t, int64_t, int64_t); \
  void edges(const Graph &, View, View, float *, int64_t, int64_t, int64_t);                    \
  }
ANLAGE_KERNELS(portable)
ANLAGE_KERNELS(avx2)
ANLAGE_KERNELS(avx512)

}  // namespace anlage
