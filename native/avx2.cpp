#define ISA avx2
#define LANES 8
#include "tile.inc"
