#define ISA portable
#define LANES 4
#include "tile.inc"
