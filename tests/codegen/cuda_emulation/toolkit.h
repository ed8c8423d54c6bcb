// What programs of CUDA use of its runtime, thrust and curand, in one process: the device's memory is the host's.
#pragma once
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include "cuda_emulation.h"

// ---------------------------------------------------------------------------------------------------- runtime
enum cudaError { cudaSuccess, cudaErrorMemoryAllocation = 2 };
typedef cudaError cudaError_t;
enum cudaLimit { cudaLimitMallocHeapSize };
struct double2 { double x, y; };
struct cudaFuncAttributes { int maxThreadsPerBlock = 64, numRegs = 0; size_t sharedSizeBytes = 0, localSizeBytes = 0, constSizeBytes = 0; };
struct cudaDeviceProp {
    char name[256] = "emulated card";
    int major = 9, minor = 0, multiProcessorCount = 1, l2CacheSize = 0, warpSize = 32;
    int maxThreadsPerBlock = 64, maxThreadsPerMultiProcessor = 64;  // few, so that few neurons need several blocks
    size_t totalGlobalMem = size_t(1) << 29, sharedMemPerBlock = 49152;
};

inline const char* cudaGetErrorString(cudaError error) { return error == cudaSuccess ? "no error" : "out of memory"; }
inline cudaError cudaGetLastError() { return cudaSuccess; }
inline cudaError cudaSetDevice(int) { return cudaSuccess; }
inline cudaError cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError cudaProfilerStart() { return cudaSuccess; }
inline cudaError cudaProfilerStop() { return cudaSuccess; }
inline cudaError cudaDeviceSetLimit(cudaLimit, size_t) { return cudaSuccess; }
inline cudaError cudaRuntimeGetVersion(int* version) { *version = 13000; return cudaSuccess; }
inline cudaError cudaDriverGetVersion(int* version) { *version = 13000; return cudaSuccess; }
inline cudaError cudaGetDeviceProperties(cudaDeviceProp* found, int) { *found = {}; return cudaSuccess; }
inline cudaError cudaMemGetInfo(size_t* free, size_t* total)
{
    *free = *total = cudaDeviceProp().totalGlobalMem;
    return cudaSuccess;
}
// What nobody has written is no number
template<class T> cudaError cudaMalloc(T** pointer, size_t size)
{
    *pointer = static_cast<T*>(malloc(size));
    if (*pointer) memset((void*)*pointer, 0xff, size);
    return *pointer || !size ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError cudaFree(void* pointer) { free(pointer); return cudaSuccess; }
inline cudaError cudaMemset(void* to, int value, size_t size) { memset(to, value, size); return cudaSuccess; }
inline cudaError cudaMemcpy(void* to, const void* from, size_t size, cudaMemcpyKind) { memmove(to, from, size); return cudaSuccess; }
template<class T> cudaError cudaMemcpyToSymbol(T& symbol, const void* from, size_t size)
{
    memcpy((void*)&symbol, from, size);
    return cudaSuccess;
}
template<class Kernel> cudaError cudaFuncGetAttributes(cudaFuncAttributes* found, const Kernel&) { *found = {}; return cudaSuccess; }
template<class Kernel> cudaError cudaOccupancyMaxPotentialBlockSize(int* blocks, int* threads, const Kernel&, size_t = 0, int = 0)
{
    *blocks = 1;
    *threads = cudaFuncAttributes().maxThreadsPerBlock;
    return cudaSuccess;
}
template<class Kernel> cudaError cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const Kernel&, int, size_t)
{
    *blocks = 1;
    return cudaSuccess;
}
typedef std::chrono::steady_clock::time_point* cudaEvent_t;
inline cudaError cudaEventCreate(cudaEvent_t* event) { *event = new std::chrono::steady_clock::time_point; return cudaSuccess; }
inline cudaError cudaEventRecord(cudaEvent_t event) { *event = std::chrono::steady_clock::now(); return cudaSuccess; }
inline cudaError cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
inline cudaError cudaEventElapsedTime(float* took, cudaEvent_t begin, cudaEvent_t end)
{
    *took = std::chrono::duration<float, std::milli>(*end - *begin).count();
    return cudaSuccess;
}
inline cudaError cudaEventDestroy(cudaEvent_t event) { delete event; return cudaSuccess; }

// ----------------------------------------------------------------------------------------------------- thrust
namespace thrust {
template<class T> struct vector : std::vector<T> {
    using std::vector<T>::vector;
};
template<class T> using host_vector = vector<T>;
template<class T> using device_vector = vector<T>;
template<class A, class B> using pair = std::pair<A, B>;
template<class T> using device_ptr = T*;
template<class T> T* raw_pointer_cast(T* pointer) { return pointer; }
template<class T> T* device_pointer_cast(T* pointer) { return pointer; }
using std::copy; using std::copy_if; using std::count_if;
template<class I> void sequence(I begin, I end) { std::iota(begin, end, 0); }
template<class K, class V> void sort_by_key(K begin, K end, V values)
{
    std::vector<std::pair<typename std::iterator_traits<K>::value_type, typename std::iterator_traits<V>::value_type>> both;
    for (K k = begin; k != end; ++k) both.emplace_back(*k, values[k - begin]);
    std::sort(both.begin(), both.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t k = 0; k < both.size(); k++) std::tie(begin[k], values[k]) = both[k];
}
template<class K, class V> pair<K, V> unique_by_key(K begin, K end, V values)
{
    size_t n = 0;
    for (ptrdiff_t k = 0; k < end - begin; k++) {
        if (n && begin[n - 1] == begin[k]) continue;
        begin[n] = begin[k];
        values[n++] = values[k];
    }
    return {begin + n, values + n};
}
}  // namespace thrust

// ----------------------------------------------------------------------------------------------------- curand
#define CURAND_H_
enum curandStatus_t {
    CURAND_STATUS_SUCCESS, CURAND_STATUS_VERSION_MISMATCH, CURAND_STATUS_NOT_INITIALIZED, CURAND_STATUS_ALLOCATION_FAILED,
    CURAND_STATUS_TYPE_ERROR, CURAND_STATUS_OUT_OF_RANGE, CURAND_STATUS_LENGTH_NOT_MULTIPLE,
    CURAND_STATUS_DOUBLE_PRECISION_REQUIRED, CURAND_STATUS_LAUNCH_FAILURE, CURAND_STATUS_PREEXISTING_FAILURE,
    CURAND_STATUS_INITIALIZATION_FAILED, CURAND_STATUS_ARCH_MISMATCH, CURAND_STATUS_INTERNAL_ERROR
};
enum curandRngType_t { CURAND_RNG_PSEUDO_DEFAULT };
typedef struct curandGenerator* curandGenerator_t;
struct curandState {};
inline curandStatus_t curandCreateGenerator(curandGenerator_t*, curandRngType_t) { return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandDestroyGenerator(curandGenerator_t) { return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t, unsigned long long) { return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandSetGeneratorOffset(curandGenerator_t, unsigned long long) { return CURAND_STATUS_SUCCESS; }
inline void curand_init(unsigned long long, unsigned long long, unsigned long long, curandState*) {}
template<class... Given> curandStatus_t no_random_numbers(Given...)
{
    fprintf(stderr, "the emulation draws no random numbers\n");
    abort();
}
#define curandGenerateUniform no_random_numbers
#define curandGenerateUniformDouble no_random_numbers
#define curandGenerateNormal no_random_numbers
#define curandGenerateNormalDouble no_random_numbers
#define curandGeneratePoisson no_random_numbers
