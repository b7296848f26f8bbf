#define ISA baseline
#define LANES 4
#include "tile.inc"
