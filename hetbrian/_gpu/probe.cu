// Whether programs of this compiler run on the card, what the card says of itself, and how fast its memory is: one
// line of JSON. The bandwidth is that of a kernel that copies, bytes read and written, the best of ten.
#include <algorithm>

#include "check.h"

__global__ void copy(const double2* __restrict__ from, double2* __restrict__ to, const size_t n)
{
    for (size_t i = blockIdx.x*size_t(blockDim.x) + threadIdx.x; i < n; i += size_t(gridDim.x)*blockDim.x)
        to[i] = from[i];
}

__global__ void fill(double* values, const size_t n)
{
    for (size_t i = blockIdx.x*size_t(blockDim.x) + threadIdx.x; i < n; i += size_t(gridDim.x)*blockDim.x)
        values[i] = double(i);
}

int main()
{
    cudaDeviceProp card;
    int runtime, driver;
    CHECK(cudaGetDeviceProperties(&card, 0));
    CHECK(cudaRuntimeGetVersion(&runtime));
    CHECK(cudaDriverGetVersion(&driver));
    size_t free_bytes, total_bytes;
    CHECK(cudaMemGetInfo(&free_bytes, &total_bytes));
    const size_t bytes = std::min(size_t(1) << 29, free_bytes/8)/16*16, n = bytes/sizeof(double);
    double *from, *to;
    CHECK(cudaMalloc(&from, bytes));
    CHECK(cudaMalloc(&to, bytes));
    const int blocks = 16*card.multiProcessorCount;
    fill<<<blocks, 512>>>(from, n);
    float best = 1e9;
    for (int k = 0; k < 10; k++) {
        const float took = milliseconds([&] { copy<<<blocks, 512>>>((double2*)from, (double2*)to, n/2); });
        if (took < best) best = took;
    }
    double found[2];
    CHECK(cudaMemcpy(found, to + n - 2, sizeof(found), cudaMemcpyDeviceToHost));
    CHECK(cudaGetLastError());
    printf("{\"card\": \"%s\", \"compute capability\": \"%d.%d\", \"multiprocessors\": %d, \"memory (GB)\": %.1f, "
           "\"L2 cache (MB)\": %.1f, \"CUDA runtime\": %d, \"CUDA of the driver\": %d, \"bandwidth (GB/s)\": %.0f, "
           "\"copied\": %s}\n",
           card.name, card.major, card.minor, card.multiProcessorCount, card.totalGlobalMem/1e9, card.l2CacheSize/1e6,
           runtime, driver, 2e-6*bytes/best, found[0] == double(n - 2) && found[1] == double(n - 1) ? "true" : "false");
    return 0;
}
