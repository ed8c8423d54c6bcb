// In place of brian2cuda's: no thrust, no curand.
#include "cuda_emulation.h"
