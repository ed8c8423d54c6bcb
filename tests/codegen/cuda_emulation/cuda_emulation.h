// CUDA kernels on one CPU core: every thread of a block is a coroutine that runs until it has to wait for others,
// and blocks run one after the other. Results do not depend on timing; where a barrier is missing, they depend on
// whether the threads run in their order or, with emulated_backwards, the other way round.
#pragma once
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define __device__
#define __global__
#define __host__
#define __launch_bounds__(threads)
#define __shared__ static
using std::isfinite;  // and the overloads for float, which C has no name for
using std::acos; using std::asin; using std::atan; using std::ceil; using std::cos; using std::cosh; using std::exp;
using std::expm1; using std::fabs; using std::floor; using std::fmax; using std::fmin; using std::log; using std::log10;
using std::log1p; using std::nearbyint; using std::pow; using std::sin; using std::sinh; using std::sqrt; using std::tan;
using std::tanh; using std::trunc;

struct Index { unsigned x, y; };
struct dim3 {
    unsigned x, y;
    dim3(unsigned x, unsigned y = 1) : x(x), y(y) {}
};
static Index threadIdx, blockIdx, blockDim, gridDim;
extern "C" { int emulated_launches = 0, emulated_backwards = 0; }

namespace emulation {

struct Thread {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(32768);
    bool is_done;
};

struct Barrier {
    unsigned expected = 0, arrived = 0, generation = 0;
};

static std::vector<Thread> threads;
static std::vector<Barrier> warps;
static std::vector<uint64_t> exchanged;
static Barrier block;
static ucontext_t scheduler;
static bool has_progressed;

inline void wait(Barrier& barrier)
{
    const unsigned me = threadIdx.x, generation = barrier.generation;
    has_progressed = true;
    if (++barrier.arrived == barrier.expected) {
        barrier.arrived = 0;
        barrier.generation++;
    }
    while (generation == barrier.generation) swapcontext(&threads[me].context, &scheduler);
}

template<class Kernel> static const Kernel* running;

template<class Kernel>
void run_thread()
{
    const unsigned me = threadIdx.x;
    (*running<Kernel>)();
    has_progressed = threads[me].is_done = true;
}

// kernel<<<grid, size>>>(arguments), with the call as a function of no arguments
template<class Kernel>
void launch(const dim3 grid, const unsigned size, const Kernel& kernel)
{
    emulated_launches++;
    gridDim = {grid.x, grid.y};
    blockDim.x = size;
    running<Kernel> = &kernel;
    if (threads.size() < size) threads.resize(size);
    exchanged.assign(size, 0);
    for (unsigned k = 0; k < grid.x*grid.y; k++) {
        blockIdx = {k%grid.x, k/grid.x};
        block = Barrier{size};
        warps.assign((size + 31)/32, Barrier{32});
        for (unsigned t = 0; t < size; t++) {
            Thread& thread = threads[t];
            getcontext(&thread.context);
            thread.context.uc_stack.ss_sp = thread.stack.data();
            thread.context.uc_stack.ss_size = thread.stack.size();
            thread.context.uc_link = &scheduler;
            thread.is_done = false;
            makecontext(&thread.context, run_thread<Kernel>, 0);
        }
        for (unsigned left = size; left > 0;) {
            has_progressed = false;
            left = 0;
            for (unsigned k = 0; k < size; k++) {
                threadIdx.x = emulated_backwards ? size - 1 - k : k;
                Thread& thread = threads[threadIdx.x];
                if (!thread.is_done) swapcontext(&scheduler, &thread.context);
                left += !thread.is_done;
            }
            if (!has_progressed) {
                fprintf(stderr, "some threads of a block wait where others never come\n");
                abort();
            }
        }
    }
}

}  // namespace emulation

inline void __syncthreads() { emulation::wait(emulation::block); }

template<class T>
T __shfl_down_sync(unsigned, const T value, const int offset)
{
    const unsigned me = threadIdx.x;
    memcpy(&emulation::exchanged[me], &value, sizeof(T));
    emulation::wait(emulation::warps[me/32]);
    T other = value;
    if (me % 32 + offset < 32) memcpy(&other, &emulation::exchanged[me + offset], sizeof(T));
    emulation::wait(emulation::warps[me/32]);
    return other;
}

template<class T> T atomicAdd(T* address, T value) { T old = *address; *address += value; return old; }
template<class T> T atomicOr(T* address, T value) { T old = *address; *address |= value; return old; }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
template<class T> T atomicMin(T* address, T value) { T old = *address; if (value < old) *address = value; return old; }
template<class T, class U, class V> T atomicCAS(T* address, U compare, V value)
{
    T old = *address;
    if (old == T(compare)) *address = value;
    return old;
}
template<class To, class From> To same_bits(From value) { To result; memcpy(&result, &value, sizeof(result)); return result; }
inline long long __double_as_longlong(double value) { return same_bits<long long>(value); }
inline double __longlong_as_double(long long value) { return same_bits<double>(value); }
inline int __float_as_int(float value) { return same_bits<int>(value); }
inline float __int_as_float(int value) { return same_bits<float>(value); }

enum { cudaMemcpyDeviceToHost, cudaMemcpyHostToDevice };
extern "C" { int emulated_copies = 0; }
inline void cudaMemcpy(void* to, const void* from, size_t size, int) { emulated_copies++; memcpy(to, from, size); }
#define CUDA_SAFE_CALL(call) call
#define CUDA_CHECK_ERROR(name)
