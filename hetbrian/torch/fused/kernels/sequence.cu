// The time loop of a cell on a GPU, generated from Brian2 equations; REAL is float or double. A block takes one copy
// of the batch through all steps, and its threads share the neurons. What arrives from outside is known beforehand.
typedef REAL real;
#ifdef __CUDACC_RTC__
typedef int int32_t;
typedef long long int64_t;
#endif
#define FUNCTION __device__ inline
{% include "arithmetic.h" %}
{% include "arguments.h" %}
#define EACH(n) for (int n = threadIdx.x; n < N; n += blockDim.x)

extern __shared__ double memory[];

// The indices of the neurons that spiked, in order, and their number; bits has one of 32 neurons each
FUNCTION int active(const real* spikes, const int N, int32_t* found, unsigned* bits) {
    const int words = (N + 31)/32;
    for (int w = threadIdx.x; w < words; w += blockDim.x) bits[w] = 0;
    __syncthreads();
    EACH(n) if (spikes[n] != 0) atomicOr(bits + n/32, 1u << n % 32);
    __syncthreads();
    int total = 0;
    EACH(n) if (bits[n/32] >> n % 32 & 1) {
        int before = __popc(bits[n/32] & ((1u << n % 32) - 1));
        for (int w = 0; w < n/32; w++) before += __popc(bits[w]);
        found[before] = n;
    }
    for (int w = 0; w < words; w++) total += __popc(bits[w]);
    __syncthreads();
    return total;
}

// sum[n] += term(e, n) over e below count; threads that have no neuron of their own take a part of the terms
template <typename Term> FUNCTION void add_terms(real* sum, const int N, const int count, real* partial, const Term& term) {
    const int wanted = (N + 31)/32*32, lanes = wanted < blockDim.x ? wanted : blockDim.x, parts = blockDim.x/lanes;
    const int part = threadIdx.x/lanes;
    if (part < parts) for (int n = threadIdx.x % lanes; n < N; n += lanes) {
        real total = 0;
        #pragma unroll 8
        for (int e = part; e < count; e += parts) total += term(e, n);
        partial[part*N + n] = total;
    }
    __syncthreads();
    EACH(n) {
        real total = sum[n];
        for (int p = 0; p < parts; p++) total += partial[p*N + n];
        sum[n] = total;
    }
    __syncthreads();
}

extern "C" __global__ void __launch_bounds__({{ threads }}) forward(const Arguments arguments) {
{% include "unpack.h" %}
    const size_t o = (size_t)blockIdx.x*N;
    real* const state = (real*)memory;
    real* const arrived = state + (size_t)PLANES*N;
    real* const partial = arrived + (size_t)TARGETS*N;
    int32_t* const list = (int32_t*)(partial + (N > blockDim.x ? N : blockDim.x));
    unsigned* const bits = (unsigned*)(list + N);
    EACH(n) for (int k = 0; k < PLANES; k++) state[k*N + n] = start[k*BN + o + n];
    for (int t = 0; t < T; t++) {
        const size_t at = t*BN + o;
        const int64_t step = first + t;
        const double time = step*seconds;
        real* const saved_row = saved + (size_t)(t + 1)*KEPT*BN + o;
        real* const spikes_row = spikes + at;
        double* const last_row = last ? last + (size_t)(t + 1)*BN + o : nullptr;
        EACH(n) {
            if (last) last_row[n] = last[at + n];
            for (int k = 0; k < STATES; k++) if (recorded[k]) recorded[k][at + n] = state[k*N + n];
            for (int k = 0; k < TARGETS; k++) arrived[k*N + n] = outside[k] ? outside[k][at + n] : 0;
            {{ step.update|indent(12) }}
        }
        __syncthreads();
        {% for j, path, k in step.paths if not path.source %}
        if (t >= {{ path.delay }}) {
            const int count = active(spikes + at - {{ path.delay }}*BN, N, list, bits);
            const real* const w = weights[{{ j }}];
            add_terms(arrived + {{ k }}*N, N, count, partial, [&](int e, int n) { return w[(size_t)list[e]*N + n]; });
        }
        {% endfor %}
        EACH(n) {
            {{ step.reset|indent(12) }}
        }
    }
    EACH(n) for (int k = 0; k < PLANES; k++) final_state[k*BN + o + n] = state[k*N + n];
}

// of_x is the adjoint of x; of_state holds that of the final state and becomes that of the initial one. Each copy has
// its own part of of_rows_total, and of_arrived keeps the adjoints of what arrives, from which those of weights follow.
extern "C" __global__ void __launch_bounds__({{ threads }}) backward(const Arguments arguments) {
{% include "unpack.h" %}
    const size_t o = (size_t)blockIdx.x*N;
    const int NB = N;
    real* const G = (real*)memory;
    real* const incoming = G + (size_t)STATES*N;
    real* const waiting = incoming + (size_t)TARGETS*N;
    real* const of_spike = waiting + (size_t)SLOTS*N;
    real* const partial = of_spike + N;
    real* const of_rows = of_rows_total + (size_t)blockIdx.x*FIXED*N;
    EACH(n) {
        for (int k = 0; k < STATES; k++) G[k*N + n] = of_state[k*BN + o + n];
        for (int k = 0; k < SLOTS; k++) waiting[k*N + n] = 0;
    }
    for (int t = T - 1; t >= 0; t--) {
        const size_t at = t*BN + o, at_before = t ? at - BN : at;
        const int64_t step = first + t;
        const double time = step*seconds;
        const real* const before = saved + (size_t)t*KEPT*BN + o;
        const real* const after = before + KEPT*BN;
        EACH(n) {
            {
                {{ step.adjoint_reset|indent(16) }}
            }
            for (int k = 0; k < TARGETS; k++) if (of_arrived[k]) of_arrived[k][at + n] = incoming[k*N + n];
        }
        __syncthreads();
        {% for j, path, k in step.paths if not path.source %}
        if (t >= {{ path.delay }}) {
            const real *const w = transposed[{{ j }}], *const g = incoming + {{ k }}*N;
            real* const into = waiting + ((t - {{ path.delay }}) % SLOTS)*N;
            add_terms(into, N, N, partial, [&](int e, int n) { return g[e]*w[(size_t)e*N + n]; });
        }
        {% endfor %}
        const double* const last_before = last ? last + at : nullptr;
        real* const sent = waiting + (size_t)(t % SLOTS)*N;
        EACH(n) {
            const bool was = t && spikes[at - BN + n] != 0;
            {
                {{ step.adjoint_update|indent(16) }}
            }
            for (int k = 0; k < STATES; k++) if (of_recorded[k]) G[k*N + n] += of_recorded[k][at + n];
            sent[n] = 0;
        }
        __syncthreads();
    }
    EACH(n) for (int k = 0; k < STATES; k++) of_state[k*BN + o + n] = G[k*N + n];
}
