#define ISA avx512
#define LANES 16
#include "tile.inc"
