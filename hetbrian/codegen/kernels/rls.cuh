// Recursive least squares kernels of FORCE for a GPU. Not yet run on one: compiled, and emulated on a CPU.
//
// P is symmetric and kept whole, row-major m x m, so that a block reads one row with coalesced loads. It stays
// symmetric to the last bit. As on the CPU the rank-1 update of a step is pending until the next step reads P.
//
// A launch works on several networks of the same size, whose number is the second one of a block: of each array a
// network has a part, one after the other, and what its blocks compute is what they would compute for it alone.
#ifndef HETBRIAN_RLS_CUH
#define HETBRIAN_RLS_CUH
#include <cstddef>
namespace hetbrian {

const int ROW_THREADS = 256;
const int BLOCK_THREADS = 1024;

// Sum over the threads of a block, whose number is a multiple of the warp size; valid in thread 0.
// Once a kernel: nothing protects partial from a second call.
template<class T>
__device__ T block_sum(T value)
{
    __shared__ T partial[32];
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x/32] = value;
    __syncthreads();
    if (threadIdx.x < 32) {
        value = threadIdx.x < blockDim.x/32 ? partial[threadIdx.x] : T(0);
        for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
    }
    return value;
}

// x_j: the activity, and the bias 1 if m = n + 1
template<class T, class A>
__device__ T input(const A* activity, const int j, const int n)
{
    return j < n ? T(activity[j]) : T(1);
}

// sum_j weights[j] x_j of one output, valid in thread 0
template<class W, class A>
__device__ double readout(const W* __restrict__ weights, const A* __restrict__ activity, const int n, const int m)
{
    double sum = 0;
    for (int j = threadIdx.x; j < m; j += blockDim.x) sum += weights[j]*input<double>(activity, j, n);
    return block_sum(sum);
}

// current_i = sum_o encoder[o, i] z_o of each network; one thread a neuron
template<class W, class A>
__global__ void __launch_bounds__(ROW_THREADS)
feedback(const W* __restrict__ encoder, const W* __restrict__ z, const int n, const int n_outputs,
         A* __restrict__ current)
{
    const int i = blockIdx.x*blockDim.x + threadIdx.x;
    const size_t network = blockIdx.y, first = network*n_outputs;
    if (i >= n) return;
    double sum = 0;
    for (int o = 0; o < n_outputs; o++) sum += encoder[(first + o)*n + i]*z[first + o];
    current[network*n + i] = sum;
}

// P <- (P - gain c c^T)/forgetting, or initial_P times the identity at first; product = P x. One block a row, of each
// network of which this kernel is in charge, or of all without is_dense.
template<class T, class I, class W, class A>
__global__ void __launch_bounds__(ROW_THREADS)
rls_product(T* __restrict__ P, const T* __restrict__ c, const W* __restrict__ gain, const I* __restrict__ n_updates,
            const A* __restrict__ activity, const int n, const int m, const W* __restrict__ initial_P,
            const double forgetting, T* __restrict__ product, const I* __restrict__ is_dense)
{
    const int i = blockIdx.x;
    const size_t network = blockIdx.y;
    if (is_dense && !is_dense[network]) return;
    P += network*m*m;
    c += network*m;
    activity += network*n;
    product += network*m;
    const bool is_first = n_updates[0] == 0;
    const T g = gain[network], c_i = c[i];
    const T keep = gain[network] != 0 ? 1.0/forgetting : 1.0;  // no gain: P came from the reference, nothing is pending
    T* __restrict__ row = P + size_t(i)*m;
    T sum = 0;
    for (int j = threadIdx.x; j < m; j += blockDim.x) {
        T p;
        if (is_first) p = i == j ? T(initial_P[network]) : T(0);
        else p = keep*(row[j] - g*(c_i*c[j]));  // c_i c_j = c_j c_i keeps P symmetric to the last bit
        row[j] = p;
        sum += p*input<T>(activity, j, n);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) product[i] = sum;
}

// The gain, the weights of all outputs and c from product = P x; one block for each network, as rls_product.
template<class T, class I, class W, class A>
__global__ void __launch_bounds__(BLOCK_THREADS)
rls_weights(T* __restrict__ c, W* __restrict__ gain, W* __restrict__ weights, const T* __restrict__ product,
            const A* __restrict__ activity, const W* __restrict__ z, const W* __restrict__ y, const int n, const int m,
            const int n_outputs, const double forgetting, const bool posterior, const I* __restrict__ is_dense)
{
    __shared__ double shared_gain;
    const size_t network = blockIdx.y;
    if (is_dense && !is_dense[network]) return;
    c += network*m;
    weights += network*n_outputs*m;
    product += network*m;
    activity += network*n;
    z += network*n_outputs;
    y += network*n_outputs;
    double q = 0;
    for (int j = threadIdx.x; j < m; j += blockDim.x) q += input<double>(activity, j, n)*double(product[j]);
    q = block_sum(q);
    if (threadIdx.x == 0) {
        shared_gain = 1.0/(forgetting + q);
        gain[network] = shared_gain;
    }
    __syncthreads();
    const double factor = posterior ? shared_gain : 1.0;
    for (int j = threadIdx.x; j < m; j += blockDim.x) {
        c[j] = product[j];
        for (int o = 0; o < n_outputs; o++) weights[size_t(o)*m + j] -= (z[o] - y[o])*factor*product[j];
    }
}

// Count the update, after all networks had it; one thread
template<class I>
__global__ void rls_count(I* n_updates) { n_updates[0] += 1; }

}  // namespace hetbrian
#endif
