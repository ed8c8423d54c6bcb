// Recursive least squares at the cost of the spikes on a GPU, after filter.h and rls.cuh: the kernels of event_rls.h,
// which says how it works. Not yet run on a GPU: compiled, and emulated on a CPU.
//
// P is the whole matrix of rls.cuh, symmetric to the last bit, and the waiting c are rows one after the other. The
// device counts; the host says which of the two methods is in charge of a network, which it asks where it waits anyway.
// As in rls.cuh, the second number of a block is that of its network.
#ifndef HETBRIAN_EVENT_RLS_CUH
#define HETBRIAN_EVENT_RLS_CUH
namespace hetbrian {

const int COLUMNS = 32, PARTS = 8;  // of a block of event_products: columns, and parts into which their sums are split
const int SIDE = 16, EACH = 4, TILE = SIDE*EACH, CHUNK = 8;  // of event_flush: a thread has a square of EACH x EACH
const int MOST_BLOCKS = 1024;  // of kernels that walk over P, and mostly have nothing to do

// What lives from step to step; see event_rls.h
template<class T, class I>
struct EventState {
    T* P;            // (row, column)
    T* waiting;      // (update, column)
    T* products;     // (state, column) : q, at a distance of `length`
    double* seen;    // (state, column)
    double* gains;   // (update)
    double* scale;
    I* counts;       // Count
    int capacity, length, m;
    I* changed;      // how many changed, whether q is computed anew from all of P, and which
    T* by;           // (state, changed) : by how much, times scale
    double* along;   // (state, update) : gains_k c_k . by_s
    const I* is_dense;  // whether the dense kernel is in charge, until the host looks again

    // That of one of several networks
    __device__ EventState of(const size_t network) const
    {
        EventState own = *this;
        own.P += network*m*m;
        own.waiting += network*capacity*length;
        own.products += network*2*length;
        own.seen += network*2*m;
        own.gains += network*capacity;
        own.scale += network;
        own.counts += network*COUNTS;
        own.changed += network*(m + 2);
        own.by += network*2*m;
        own.along += network*2*capacity;
        own.is_dense += network;
        return own;
    }
};

template<class A, int STATES>
struct States {
    const A* of[STATES];
};

inline int blocks_of(const size_t size) { return int(size < size_t(MOST_BLOCKS) ? size : size_t(MOST_BLOCKS)); }

// P(0) before the first update, and the update that the dense kernel, or the reference, has left pending
template<class T, class I, class W>
__global__ void __launch_bounds__(ROW_THREADS)
event_start(const EventState<T, I> all, const T* __restrict__ c, W* __restrict__ gain,
            const I* __restrict__ n_updates, const W* __restrict__ initial_P, const double forgetting)
{
    const EventState<T, I> state = all.of(blockIdx.y);
    if (state.is_dense[0]) return;
    const int m = state.m;
    c += blockIdx.y*size_t(m);
    gain += blockIdx.y;
    if (n_updates[0] == 0) {
        const size_t size = size_t(m)*m;
        for (size_t i = blockIdx.x*size_t(blockDim.x) + threadIdx.x; i < size; i += size_t(gridDim.x)*blockDim.x)
            state.P[i] = i/m == i%m ? T(initial_P[blockIdx.y]) : T(0);
        if (blockIdx.x == 0 && threadIdx.x < COUNTS) state.counts[threadIdx.x] = 0;
        if (blockIdx.x == 0 && threadIdx.x == 0) {
            state.scale[0] = 1;
            gain[0] = 0;
        }
    } else if (blockIdx.x == 0 && gain[0] != 0 && isfinite(gain[0])) {  // else event_count has left it
        const int k = state.counts[WAITING];
        for (int j = threadIdx.x; j < m; j += blockDim.x) state.waiting[size_t(k)*m + j] = c[j];
        __syncthreads();
        if (threadIdx.x == 0) {
            state.gains[k] = gain[0]/state.scale[0];
            state.scale[0] /= forgetting;
            state.counts[WAITING] = k + 1;
            state.counts[KEPT] = 0;
            gain[0] = 0;
        }
    }
}

// Let seen follow the states, and list which entries changed, in their order, and by how much; one block. If only
// watched, for the dense kernel, it says whether as many still change.
template<class T, class I, class A, int STATES>
__global__ void __launch_bounds__(BLOCK_THREADS)
event_changes(const EventState<T, I> all, const States<A, STATES> states, const int n, const Filter<STATES> filter,
              const bool is_watched)
{
    __shared__ int before[2][1024];
    const EventState<T, I> state = all.of(blockIdx.y);
    if (is_watched != bool(state.is_dense[0])) return;
    const int m = state.m, each = (m + blockDim.x - 1)/blockDim.x, me = threadIdx.x;
    const int first = me*each, last = first + each < m ? first + each : m;
    const double allowed = tolerance<T, A>();
    double now[STATES], decayed[STATES];
    const auto has_moved = [&](const int j) {
        bool moved = false;
        for (int s = 0; s < STATES; s++) {
            now[s] = j < n ? double(states.of[s][blockIdx.y*size_t(n) + j]) : s == 0 ? 1.0 : 0.0;  // the bias does not decay
            decayed[s] = 0;
            for (int t = 0; t < STATES; t++) decayed[s] += filter.a[s][t]*state.seen[t*m + j];
            moved = moved || !(fabs(now[s] - decayed[s]) <= allowed*fabs(now[s]));
        }
        return moved;
    };
    int count = 0;
    for (int j = first; j < last; j++) count += has_moved(j);
    before[0][me] = count;
    int from = 0;
    __syncthreads();
    for (int offset = 1; offset < int(blockDim.x); offset *= 2, from = 1 - from) {  // sums up to each thread
        before[1 - from][me] = before[from][me] + (me >= offset ? before[from][me - offset] : 0);
        __syncthreads();
    }
    int place = before[from][me] - count;
    const T scale = state.scale[0];
    for (int j = first; j < last; j++) {
        const bool moved = has_moved(j);
        if (moved) state.changed[2 + place] = j;
        for (int s = 0; s < STATES; s++) {
            if (moved) state.by[s*m + place] = scale*T(now[s] - decayed[s]);
            state.seen[s*m + j] = moved ? now[s] : decayed[s];
        }
        place += moved;
    }
    if (me == int(blockDim.x) - 1) {
        state.changed[0] = place;
        state.changed[1] = !state.counts[KEPT] || size_t(place) > many(m);
        if (is_watched) {
            state.counts[KEPT] = 0;
            state.counts[DENSE] = size_t(place) > too_many(m);
        }
        else state.counts[CHANGED] += place;
    }
}

// along of one waiting update and one state a block, of the changed entries or of all
template<class T, class I, int STATES>
__global__ void __launch_bounds__(ROW_THREADS)
event_project(const EventState<T, I> all)
{
    const EventState<T, I> state = all.of(blockIdx.y);
    const int m = state.m, k = blockIdx.x/STATES, s = blockIdx.x%STATES;
    if (state.is_dense[0] || k >= state.counts[WAITING]) return;
    const T* __restrict__ c = state.waiting + size_t(k)*m;
    double sum = 0;
    if (state.changed[1])
        for (int j = threadIdx.x; j < m; j += blockDim.x) sum += double(c[j])*state.scale[0]*state.seen[s*m + j];
    else
        for (int i = threadIdx.x; i < state.changed[0]; i += blockDim.x)
            sum += double(c[state.changed[2 + i]])*double(state.by[s*m + i]);
    sum = block_sum(sum);
    if (threadIdx.x == 0) state.along[s*state.capacity + k] = state.gains[k]*sum;
}

// q of P and of the states as they are now; COLUMNS columns a block, whose sums are split into PARTS
template<class T, class I, int STATES>
__global__ void __launch_bounds__(COLUMNS*PARTS)
event_products(const EventState<T, I> all, const Filter<STATES> filter)
{
    __shared__ T partial[STATES][PARTS][COLUMNS];
    const EventState<T, I> state = all.of(blockIdx.y);
    if (state.is_dense[0]) return;
    const int m = state.m, column = threadIdx.x%COLUMNS, part = threadIdx.x/COLUMNS;
    const int j = blockIdx.x*COLUMNS + column, n_waiting = state.counts[WAITING];
    const bool is_whole = state.changed[1];
    const int count = is_whole ? m : state.changed[0];
    T sum[STATES];
    for (int s = 0; s < STATES; s++) sum[s] = 0;
    if (j < m) {
        const T scale = state.scale[0];
        #pragma unroll 4
        for (int i = part; i < count; i += PARTS) {
            const int row = is_whole ? i : state.changed[2 + i];
            const T p = state.P[size_t(row)*m + j];
            for (int s = 0; s < STATES; s++)
                sum[s] += p*(is_whole ? scale*T(state.seen[s*m + i]) : state.by[s*m + i]);
        }
        for (int k = part; k < n_waiting; k += PARTS) {
            const T c = state.waiting[size_t(k)*m + j];
            for (int s = 0; s < STATES; s++) sum[s] -= T(state.along[s*state.capacity + k])*c;
        }
    }
    for (int s = 0; s < STATES; s++) partial[s][part][column] = sum[s];
    __syncthreads();
    if (part > 0 || j >= m) return;
    T old[STATES];
    for (int s = 0; s < STATES; s++) old[s] = is_whole ? T(0) : state.products[s*state.length + j];
    for (int s = 0; s < STATES; s++) {
        T q = 0;
        for (int t = 0; t < STATES; t++) q += T(filter.a[s][t])*old[t];
        for (int p = 0; p < PARTS; p++) q += partial[s][p][column];
        state.products[s*state.length + j] = q;
    }
}

// x_s . q_0 of one state a block, into along
template<class T, class I, int STATES>
__global__ void __launch_bounds__(BLOCK_THREADS)
event_gain(const EventState<T, I> all)
{
    const EventState<T, I> state = all.of(blockIdx.y);
    if (state.is_dense[0]) return;
    const int m = state.m, s = blockIdx.x;
    double sum = 0;
    for (int j = threadIdx.x; j < m; j += blockDim.x) sum += state.seen[s*m + j]*double(state.products[j]);
    sum = block_sum(sum);
    if (threadIdx.x == 0) state.along[s*state.capacity] = sum;
}

// The weights of all outputs; the update of P by c = q_0 waits, and q follows it. One thread a column.
template<class T, class I, class W, int STATES>
__global__ void __launch_bounds__(ROW_THREADS)
event_weights(const EventState<T, I> all, W* __restrict__ weights, const W* __restrict__ z, const W* __restrict__ y,
              const int n_outputs, const double forgetting, const bool posterior)
{
    const EventState<T, I> state = all.of(blockIdx.y);
    const int m = state.m, j = blockIdx.x*blockDim.x + threadIdx.x;
    if (state.is_dense[0] || j >= m) return;
    weights += blockIdx.y*size_t(n_outputs)*m;
    z += blockIdx.y*n_outputs;
    y += blockIdx.y*n_outputs;
    const double gain = 1.0/(forgetting + state.along[0]);
    T* q = state.products + j;
    const T c = q[0];
    for (int o = 0; o < n_outputs; o++)
        weights[size_t(o)*m + j] -= (z[o] - y[o])*(posterior ? gain : 1.0)*c;
    state.waiting[size_t(state.counts[WAITING])*m + j] = c;
    for (int s = 0; s < STATES; s++)
        q[s*state.length] = T(1/forgetting)*q[s*state.length] - T(gain*state.along[s*state.capacity]/forgetting)*c;
}

// Count the update that waits; one thread. A gain that is not finite is left for FORCE.check.
template<class T, class I, class W>
__global__ void event_count(const EventState<T, I> all, W* gain, const double forgetting)
{
    const EventState<T, I> state = all.of(blockIdx.y);
    if (state.is_dense[0]) return;
    const double found = 1.0/(forgetting + state.along[0]);
    state.gains[state.counts[WAITING]] = found/state.scale[0];
    state.counts[WAITING] += 1;
    state.counts[KEPT] = 1;
    state.scale[0] /= forgetting;
    if (!isfinite(found)) gain[blockIdx.y] = found;
}

template<class T, class I>
__device__ bool is_flushed(const EventState<T, I>& state, const bool is_forced)
{
    if (is_forced ? state.is_dense[0] || !state.counts[DENSE] : state.is_dense[0]) return false;
    const I n_waiting = state.counts[WAITING];  // numbers must stay in the range of T
    return n_waiting >= state.capacity || state.scale[0] > 64 || (is_forced && n_waiting > 0);
}

// P <- scale (P - sum_k gains_k c_k c_k^T), if so many wait or, if forced, where the dense kernel takes over; blocks
// walk over the tiles
template<class T, class I>
__global__ void __launch_bounds__(SIDE*SIDE)
event_flush(const EventState<T, I> all, const bool is_forced)
{
    const EventState<T, I> state = all.of(blockIdx.y);
    __shared__ T rows[CHUNK][TILE], columns[CHUNK][TILE];
    if (!is_flushed(state, is_forced)) return;
    const int m = state.m, n_waiting = state.counts[WAITING], tiles = (m + TILE - 1)/TILE;
    const int y = threadIdx.x/SIDE, x = threadIdx.x%SIDE;
    const T keep = state.scale[0];
    for (size_t tile = blockIdx.x; tile < size_t(tiles)*tiles; tile += gridDim.x) {
        const int top = int(tile/tiles)*TILE, left = int(tile%tiles)*TILE;
        T sum[EACH][EACH];
        for (int a = 0; a < EACH; a++)
            for (int b = 0; b < EACH; b++) sum[a][b] = 0;
        for (int first = 0; first < n_waiting; first += CHUNK) {
            __syncthreads();  // all have read the chunk before
            for (int e = threadIdx.x; e < CHUNK*TILE; e += SIDE*SIDE) {
                const int k = first + e/TILE, i = top + e%TILE, j = left + e%TILE;
                const T* c = state.waiting + size_t(k)*m;
                rows[e/TILE][e%TILE] = k < n_waiting && i < m ? c[i] : T(0);
                columns[e/TILE][e%TILE] = k < n_waiting && j < m ? c[j] : T(0);
            }
            __syncthreads();
            #pragma unroll
            for (int k = 0; k < CHUNK; k++) {
                const T gain = first + k < n_waiting ? T(state.gains[first + k]*double(keep)) : T(0);
                T own[EACH];
                for (int b = 0; b < EACH; b++) own[b] = columns[k][x + b*SIDE];
                for (int a = 0; a < EACH; a++)  // c_i c_j = c_j c_i keeps P symmetric to the last bit
                    for (int b = 0; b < EACH; b++) sum[a][b] += gain*(rows[k][y + a*SIDE]*own[b]);
            }
        }
        for (int a = 0; a < EACH; a++)
            for (int b = 0; b < EACH; b++) {
                const int i = top + y + a*SIDE, j = left + x + b*SIDE;
                if (i < m && j < m) state.P[size_t(i)*m + j] = keep*state.P[size_t(i)*m + j] - sum[a][b];
            }
    }
}

// What follows event_flush: nothing waits any more; one thread
template<class T, class I>
__global__ void event_flushed(const EventState<T, I> all, const bool is_forced)
{
    const EventState<T, I> state = all.of(blockIdx.y);
    if (!is_flushed(state, is_forced)) return;
    state.counts[KEPT] = 0;  // q is computed again, so that its roundings do not add up
    state.counts[DENSE] = is_forced || size_t(state.counts[CHANGED]) > state.counts[WAITING]*too_many(state.m);
    state.counts[CHANGED] = 0;
    state.counts[WAITING] = 0;
    state.scale[0] = 1;
}

// Launch the flush
template<class T, class I>
void launch_flush(const EventState<T, I>& state, const int networks, const bool is_forced)
{
    const size_t tiles = (state.m + TILE - 1)/TILE;
    event_flush<T,I><<<dim3(blocks_of(tiles*tiles), networks), SIDE*SIDE>>>(state, is_forced);
    event_flushed<T,I><<<dim3(1, networks), 1>>>(state, is_forced);
}

// Launch an update of P and of the weights of all networks of which these kernels are in charge
template<class T, class I, class W, class A, int STATES>
void launch_update(const EventState<T, I>& state, const States<A, STATES>& states, const Filter<STATES>& filter,
                   const T* c, W* gain, const I* n_updates, W* weights, const W* z, const W* y, const int n,
                   const int n_outputs, const int networks, const W* initial_P, const double forgetting,
                   const bool posterior)
{
    const int m = state.m;
    const dim3 everything(blocks_of((size_t(m)*m + ROW_THREADS - 1)/ROW_THREADS), networks);
    event_start<T,I,W><<<everything, ROW_THREADS>>>(state, c, gain, n_updates, initial_P, forgetting);
    event_changes<T,I,A,STATES><<<dim3(1, networks), BLOCK_THREADS>>>(state, states, n, filter, false);
    event_project<T,I,STATES><<<dim3(STATES*state.capacity, networks), ROW_THREADS>>>(state);
    event_products<T,I,STATES><<<dim3((m + COLUMNS - 1)/COLUMNS, networks), COLUMNS*PARTS>>>(state, filter);
    event_gain<T,I,STATES><<<dim3(STATES, networks), BLOCK_THREADS>>>(state);
    event_weights<T,I,W,STATES><<<dim3((m + ROW_THREADS - 1)/ROW_THREADS, networks), ROW_THREADS>>>(
        state, weights, z, y, n_outputs, forgetting, posterior);
    event_count<T,I,W><<<dim3(1, networks), 1>>>(state, gain, forgetting);
    launch_flush(state, networks, false);
}

}  // namespace hetbrian
#endif
