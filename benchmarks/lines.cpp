// What a line of 64 bytes costs that is gathered at random from a block, by the size of the block and the width of its rows.
//
//     g++ -O3 -march=native benchmarks/lines.cpp -o lines && ./lines
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

typedef float Line __attribute__((vector_size(64)));
constexpr size_t MOST = 1 << 24;  // bytes of the largest block
constexpr int EDGES = 4000000, SEGMENT = 16;

template <int LINES>
double seconds(const Line *block, const std::vector<uint16_t> &row, const std::vector<float> &weight, Line *out) {
  const std::clock_t begun = std::clock();
  for (int e = 0; e < EDGES; e += SEGMENT) {
    Line sum[LINES] = {};
    for (int k = e; k < e + SEGMENT; ++k)
      for (int t = 0; t < LINES; ++t) sum[t] += block[row[k] * (size_t)LINES + t] * weight[k];
    for (int t = 0; t < LINES; ++t) out[t] = sum[t];
  }
  return double(std::clock() - begun) / CLOCKS_PER_SEC;
}

template <int LINES>
void measure(const Line *block, Line *out) {
  const std::vector<float> weight(EDGES, 1.0f);
  std::vector<uint16_t> row(EDGES);
  for (size_t rows = 1024; rows <= 65536 && rows * LINES * sizeof(Line) <= MOST; rows *= 2) {
    uint64_t state = 1;
    for (auto &r : row) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      r = (state >> 33) % rows;
    }
    double best = 1e9;
    for (int again = 0; again < 5; ++again) best = std::min(best, seconds<LINES>(block, row, weight, out));
    std::printf("%3d columns, %6zu rows, %6zu KB: %.2f ns a line\n", 16 * LINES, rows, rows * LINES * sizeof(Line) / 1024,
                1e9 * best / EDGES / LINES);
  }
}

int main() {
  Line *block = (Line *)std::aligned_alloc(1 << 21, MOST), out[4];
#if defined(__linux__)
  madvise(block, MOST, MADV_HUGEPAGE);
#endif
  std::fill(block, block + MOST / sizeof(Line), Line{});
  measure<2>(block, out);
  measure<4>(block, out);
  return out[0][0] != 0;
}
