// What every copy of the kernels offers.
#pragma once
#include <cstdint>

namespace anlage {

// Half of a float's bits. Stored only: all arithmetic is done in single precision.
struct bfloat16 {
  uint16_t bits;
};

// Edges grouped by neuron, and the neurons at their other end cut into blocks whose rows fit in a core's own cache. The edges between
// neuron i and block b are segment[b * n + i] .. segment[b * n + i + 1]; edge k leads to neuron other[k] of its block. Their weights,
// and what is found of them, lie side by side from place[b * n + i] on.
struct Graph {
  const int32_t *segment;
  const int32_t *place;
  const uint16_t *other;
  int64_t n;
  int64_t block;
};

// What is done with the sums before they are stored.
//   fire: f(sum)
//   advance: the next state lerp(state, f(sum), leak), with f(sum) kept in rate
//   retreat: sum is the gradient of a state; the gradient of the current before it, leak f'(...) sum, goes to current
enum Finish : int { plain, fire, advance, retreat };
enum Activation : int { tanh_, relu_ };

template <class S>
struct Step {
  const S *x;       // what crosses: (neuron, batch)
  const S *plus;    // is added, times scale; may be absent
  float scale;
  S *y;             // result
  float *sums;      // sums before the finish, kept between blocks: y itself where it holds floats, or as wide as the tile
  int64_t batch;
  int finish;
  int activation;
  float leak;
  const S *state;   // advance: the state before
  S *rate;          // advance: receives f(sum); retreat: holds f at the tick before
  S *current;       // retreat: receives the gradient of the current at the tick before
  const S *extra;   // retreat: is added to the sum; may be absent
};

// The gradient of an edge is the sum over the batch of y[i] * x[j]; with more, it is added to what is there.
template <class S>
struct Pair {
  const S *y, *x;
  int64_t batch;
  bool more;
};

// One stream, batch 1: the whole state fits in the cache, so edges are walked as they lie, with indices of the whole wiring.
struct Rows {
  const int32_t *start;
  const int32_t *other;
};

#define ANLAGE_KERNELS(NAME)                                                                                          \
  namespace NAME {                                                                                                    \
  template <class S> void cross(const Graph &, const S *weight, const Step<S> &, int64_t first, int64_t last);        \
  template <class S> void edges(const Graph &, const Pair<S> &, float *out, int64_t first, int64_t last);             \
  template <class S> void stream(const Rows &, const S *weight, const Step<S> &, int64_t first, int64_t last);        \
  template <class S> void stream_edges(const Rows &, const S *y, const S *x, float *out, int64_t first, int64_t last); \
  }
ANLAGE_KERNELS(portable)
ANLAGE_KERNELS(avx2)
ANLAGE_KERNELS(avx512)

// Weights put into the order in which they are read: to[k] = from[order[k]], or piece by piece as place says.
template <class S> void reorder(const int32_t *order, const S *from, S *to, int64_t first, int64_t last);
template <class S> void lay(const int32_t *segment, const int32_t *place, const S *from, S *to, int64_t first, int64_t last);

}  // namespace anlage
