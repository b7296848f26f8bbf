// One stream through the wiring, and the reordering of weights.
#include "kernel.h"

#include <cstring>

namespace anlage {
namespace {

inline float number(float x) { return x; }
inline float number(bfloat16 x) {
  const uint32_t bits = (uint32_t)x.bits << 16;
  float f;
  std::memcpy(&f, &bits, sizeof f);
  return f;
}

}  // namespace

// sums = scale * plus + W x, in eight sums that do not wait for one another.
template <class S>
void stream(const Rows &g, const S *weight, const Step<S> &step, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    float part[8] = {step.plus ? number(step.plus[i]) * step.scale : 0};
    int32_t k = g.start[i];
    for (; k + 8 <= g.start[i + 1]; k += 8)
      for (int j = 0; j < 8; ++j) part[j] += number(weight[k + j]) * number(step.x[g.other[k + j]]);
    for (int j = 0; k < g.start[i + 1]; ++k, ++j) part[j] += number(weight[k]) * number(step.x[g.other[k]]);
    step.sums[i] = ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
  }
}

// y += W^T x, from the neurons first .. last: no transpose is needed, but y has one writer.
template <class S>
void scatter(const Rows &g, const S *weight, const S *x, float *y, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    const float mine = number(x[i]);
    for (int32_t k = g.start[i]; k < g.start[i + 1]; ++k) y[g.other[k]] += number(weight[k]) * mine;
  }
}

template <class S>
void stream_edges(const Rows &g, const S *y, const S *x, float *out, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    const float mine = number(y[i]);
    for (int32_t k = g.start[i]; k < g.start[i + 1]; ++k) out[k] = mine * number(x[g.other[k]]);
  }
}

template <class S>
void reorder(const int32_t *order, const S *from, S *to, int64_t first, int64_t last) {
  for (int64_t k = first; k < last; ++k) to[k] = from[order[k]];
}

#define EACH(S)                                                                                   \
  template void stream(const Rows &, const S *, const Step<S> &, int64_t, int64_t);               \
  template void scatter(const Rows &, const S *, const S *, float *, int64_t, int64_t);           \
  template void stream_edges(const Rows &, const S *, const S *, float *, int64_t, int64_t);      \
  template void reorder(const int32_t *, const S *, S *, int64_t, int64_t);
EACH(float)
EACH(bfloat16)

}  // namespace anlage
