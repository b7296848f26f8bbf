// Weights put into the order in which they are read.
#include "kernel.h"

namespace anlage {

template <class S>
void reorder(const int32_t *order, const S *from, S *to, int64_t first, int64_t last) {
  for (int64_t k = first; k < last; ++k) to[k] = from[order[k]];
}

// The segments first .. last; their pieces are too short for a copy by the library.
template <class S>
void lay(const int32_t *segment, const int32_t *place, const S *from, S *to, int64_t first, int64_t last) {
  for (int64_t s = first; s < last; ++s) {
    const S *piece = from + place[s];
    for (int32_t k = segment[s]; k < segment[s + 1]; ++k) to[k] = *piece++;
  }
}

#define EACH(S)                                                                \
  template void reorder(const int32_t *, const S *, S *, int64_t, int64_t);    \
  template void lay(const int32_t *, const int32_t *, const S *, S *, int64_t, int64_t);
EACH(float)
EACH(bfloat16)

}  // namespace anlage
