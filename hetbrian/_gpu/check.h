// Calls of CUDA's runtime that end the program with its sentence where they fail.
#pragma once
#include <cstdio>
#include <cstdlib>

#define CHECK(call) \
    do { \
        const cudaError_t error = call; \
        if (error != cudaSuccess) { \
            fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(error)); \
            exit(1); \
        } \
    } while (0)

// Milliseconds that the device takes for what `work` launches
template<class Work>
float milliseconds(const Work& work)
{
    cudaEvent_t begin, end;
    CHECK(cudaEventCreate(&begin));
    CHECK(cudaEventCreate(&end));
    CHECK(cudaEventRecord(begin));
    work();
    CHECK(cudaEventRecord(end));
    CHECK(cudaEventSynchronize(end));
    float took;
    CHECK(cudaEventElapsedTime(&took, begin, end));
    CHECK(cudaEventDestroy(begin));
    CHECK(cudaEventDestroy(end));
    return took;
}
