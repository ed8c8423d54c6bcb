// CUDA kernels on one CPU core: every thread of a block runs on a stack of its own until it has to wait for others,
// and blocks run one after the other. Results do not depend on timing; where a barrier is missing, they depend on
// whether the threads run in their order or, with emulated_backwards, the other way round.
#pragma once
#include <csetjmp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <tuple>
#include <ucontext.h>
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
inline Index threadIdx, blockIdx, blockDim, gridDim;
extern "C" { __attribute__((weak)) int emulated_launches = 0, emulated_backwards = 0; }

namespace emulation {

// A stack on which threads run: one after the other, until one of them waits
struct Stack {
    ucontext_t begin;
    jmp_buf waiting;
    std::vector<char> memory = std::vector<char>(32768);
    bool has_begun = false;
};

struct Thread {
    Stack* stack;  // null before it begins and after its end
    bool is_done;
};

struct Barrier {
    unsigned expected = 0, arrived = 0, generation = 0;
};

inline std::deque<Stack> stacks;
inline std::vector<Stack*> free_stacks;
inline std::vector<Thread> threads;
inline std::vector<Barrier> warps;
inline std::vector<uint64_t> exchanged;
inline std::vector<double> memory;  // shared by a block, as many bytes as a launch asks for
inline Barrier block;
inline jmp_buf scheduler;
inline unsigned n_begun, n_done;
inline bool has_progressed;
inline void (*run_kernel)(const void*);
inline const void* kernel;

// The thread that is the k-th to run
inline unsigned in_order(const unsigned k) { return emulated_backwards ? blockDim.x - 1 - k : k; }

// Go on where `to` was left, until something goes on here
__attribute__((noinline)) inline void change(jmp_buf& from, jmp_buf& to)
{
    if (!_setjmp(from)) _longjmp(to, 1);
}

inline Stack* of_threads;  // which runs now

inline void run_threads()
{
    for (;;) {
        Stack* const stack = of_threads;
        do {
            const unsigned me = threadIdx.x = in_order(n_begun++);
            threads[me].stack = stack;
            run_kernel(kernel);
            threads[me] = {nullptr, true};
            n_done++;
            has_progressed = true;
        } while (n_begun < blockDim.x);
        free_stacks.push_back(stack);
        change(stack->waiting, scheduler);
    }
}

// Let a stack run until a thread on it waits, or no thread is left that has not begun
__attribute__((noinline)) inline void resume(Stack* const stack)
{
    of_threads = stack;
    if (stack->has_begun) return change(scheduler, stack->waiting);
    stack->has_begun = true;
    getcontext(&stack->begin);
    stack->begin.uc_stack.ss_sp = stack->memory.data();
    stack->begin.uc_stack.ss_size = stack->memory.size();
    makecontext(&stack->begin, run_threads, 0);
    if (!_setjmp(scheduler)) setcontext(&stack->begin);
}

inline void wait(Barrier& barrier)
{
    const unsigned me = threadIdx.x, generation = barrier.generation;
    has_progressed = true;
    if (++barrier.arrived == barrier.expected) {
        barrier.arrived = 0;
        barrier.generation++;
    }
    while (generation == barrier.generation) change(threads[me].stack->waiting, scheduler);
}

inline void run_block()
{
    block = Barrier{blockDim.x};
    warps.assign((blockDim.x + 31)/32, Barrier{32});
    threads.assign(blockDim.x, Thread{nullptr, false});
    n_begun = n_done = 0;
    while (n_done < blockDim.x) {
        has_progressed = false;
        for (unsigned k = 0; k < blockDim.x; k++) {
            const unsigned me = in_order(k);
            if (threads[me].is_done) continue;
            threadIdx.x = me;
            if (threads[me].stack) {
                resume(threads[me].stack);
                continue;
            }
            if (free_stacks.empty()) free_stacks.push_back(&stacks.emplace_back());
            Stack* const stack = free_stacks.back();
            free_stacks.pop_back();
            resume(stack);
        }
        if (!has_progressed) {
            fprintf(stderr, "some threads of a block wait where others never come\n");
            abort();
        }
    }
}

// kernel<<<grid, size, shared>>>(given...)
struct Launch {
    const dim3 grid;
    const unsigned size;
    const size_t shared;
    Launch(dim3 grid, unsigned size, size_t shared = 0) : grid(grid), size(size), shared(shared) {}

    template<class Kernel, class... Given>
    void operator()(const Kernel& called, Given... given) const
    {
        emulated_launches++;
        gridDim = {grid.x, grid.y};
        blockDim.x = size;
        exchanged.assign(size, 0);
        memory.assign((shared + sizeof(double) - 1)/sizeof(double), NAN);  // what nobody has written spoils every result
        const auto call = [&] { called(given...); };
        kernel = &call;
        using Call = decltype(call);
        run_kernel = [](const void* given) { (*static_cast<Call*>(given))(); };
        for (unsigned k = 0; k < grid.x*grid.y; k++) {
            blockIdx = {k%grid.x, k/grid.x};
            run_block();
        }
    }
};

}  // namespace emulation

inline void __syncthreads() { emulation::wait(emulation::block); }
inline void __threadfence() {}

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

enum cudaMemcpyKind { cudaMemcpyDeviceToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToDevice };
