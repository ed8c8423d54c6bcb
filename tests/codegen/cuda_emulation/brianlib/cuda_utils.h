// In place of brian2cuda's: no thrust, no curand.
#include "cuda_emulation.h"
extern "C" { __attribute__((weak)) int emulated_copies = 0; }
inline void cudaMemcpy(void* to, const void* from, size_t size, int) { emulated_copies++; memcpy(to, from, size); }
#define CUDA_SAFE_CALL(call) call
#define CUDA_CHECK_ERROR(name)
