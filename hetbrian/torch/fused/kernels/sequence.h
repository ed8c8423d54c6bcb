// Kernels of the fused cell: sums of weight rows at events, and the product of adjoints and weights.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#include <omp.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define ROWS 8  // batch rows that a thread takes through a step together, so that a weight is read once for all
#define CHUNK 16  // time steps whose adjoints are kept to add them up by the neuron that spiked

namespace {
using std::acos; using std::asin; using std::atan; using std::ceil; using std::cos; using std::cosh; using std::exp;
using std::expm1; using std::fabs; using std::floor; using std::fmax; using std::fmin; using std::log; using std::log10;
using std::log1p; using std::pow; using std::sin; using std::sinh; using std::sqrt; using std::tan; using std::tanh; using std::trunc;

constexpr int LANES = 64 / sizeof(real);
typedef real lanes __attribute__((vector_size(64), aligned(sizeof(real))));

{% include "arithmetic.h" %}

#ifdef __AVX512F__
inline __mmask16 fired_of(const float* z) { return _mm512_cmp_ps_mask(_mm512_loadu_ps(z), _mm512_setzero_ps(), _CMP_NEQ_OQ); }
inline __mmask16 fired_of(const double* z) {
    const auto half = [](const double* x) { return _mm512_cmp_pd_mask(_mm512_loadu_pd(x), _mm512_setzero_pd(), _CMP_NEQ_OQ); };
    return half(z) | half(z + 8) << 8;
}
#endif

__attribute__((noinline)) void add(real* __restrict sum, const real* __restrict row, int n) {
    for (int k = 0; k < n; k++) sum[k] += row[k];
}

// The indices of the neurons that spiked, and their number; every index is written, as a branch would be guessed wrong
__attribute__((noinline)) int active(const real* spikes, int n, int32_t* found) {
    int count = 0, k = 0;
#ifdef __AVX512F__
    for (; k + 16 <= n; k += 16) {
        const __mmask16 fired = fired_of(spikes + k);
        const __m512i indices = _mm512_add_epi32(_mm512_set1_epi32(k), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
        _mm512_storeu_si512(found + count, _mm512_maskz_compress_epi32(fired, indices));
        count += __builtin_popcount(fired);
    }
#endif
    for (; k < n; k++) {
        found[count] = k;
        count += spikes[k] != 0;
    }
    return count;
}

// sum[n] += weights[index][n] over a list of indices; the sums stay in registers
template <int Q> inline void add_columns(real* sum, const real* weights, const int32_t* index, int64_t count, int n, int j) {
    lanes total[Q];
    #pragma GCC unroll 16
    for (int q = 0; q < Q; q++) total[q] = *(const lanes*)(sum + j + LANES*q);
    for (int64_t e = 0; e < count; e++) {
        const real* row = weights + (size_t)index[e]*n + j;
        #pragma GCC unroll 16
        for (int q = 0; q < Q; q++) total[q] += *(const lanes*)(row + LANES*q);
    }
    #pragma GCC unroll 16
    for (int q = 0; q < Q; q++) *(lanes*)(sum + j + LANES*q) = total[q];
}

__attribute__((noinline)) void add_rows(real* sum, const real* weights, const int32_t* index, int64_t count, int n) {
    if (!count) return;
    int j = 0;
    for (; j + 16*LANES <= n; j += 16*LANES) add_columns<16>(sum, weights, index, count, n, j);
    for (; j + 4*LANES <= n; j += 4*LANES) add_columns<4>(sum, weights, index, count, n, j);
    for (; j + LANES <= n; j += LANES) add_columns<1>(sum, weights, index, count, n, j);
    for (; j < n; j++) for (int64_t e = 0; e < count; e++) sum[j] += weights[(size_t)index[e]*n + j];
}

// Events (row, source) in the order of their sources, so that what belongs to a source is added up in registers
class Sorted {
public:
    explicit Sorted(int n_sources) : begin_(n_sources + 2) {}

    void insert(int row, const int32_t* sources, int64_t count) {
        for (int64_t e = 0; e < count; e++) {
            events_.push_back({row, sources[e]});
            begin_[sources[e] + 2]++;
        }
    }

    // sums[source][n] += values[row][n] over all events, which are then forgotten
    void add_to(real* sums, const real* values, int n) {
        const int n_sources = (int)begin_.size() - 2;
        for (int m = 0; m < n_sources; m++) begin_[m + 2] += begin_[m + 1];
        rows_.resize(events_.size());
        for (const Event& event : events_) rows_[begin_[event.source + 1]++] = event.row;
        for (int m = 0; m < n_sources; m++)
            add_rows(sums + (size_t)m*n, values, rows_.data() + begin_[m], begin_[m + 1] - begin_[m], n);
        std::fill(begin_.begin(), begin_.end(), 0);
        events_.clear();
    }

private:
    struct Event { int32_t row, source; };
    std::vector<Event> events_;
    std::vector<int64_t> begin_;
    std::vector<int32_t> rows_;
};

// What the loop after a product reads, brought to the cache line by line while the product keeps the processor busy
class Ahead {
public:
    // Planes of n values each
    void begin(size_t n) {
        planes_.clear();
        plane_ = offset_ = 0;
        bytes_ = n*sizeof(real);
    }
    void add(const real* values) { planes_.push_back((const char*)values); }
    void fetch() {
        if (offset_ >= bytes_) return;
        __builtin_prefetch(planes_[plane_] + offset_);
        if (++plane_ == planes_.size()) plane_ = 0, offset_ += 64;
    }

private:
    std::vector<const char*> planes_;
    size_t plane_, offset_, bytes_;
};

// out[r][m] += sum_k left[r][k] weights[k][m] for R rows; left has rows of n, weights of m columns
template <int R, int Q> inline void multiply_columns(real* out, const real* left, const real* weights, int n, int m, int j, Ahead& ahead) {
    lanes total[R][Q];
    for (int r = 0; r < R; r++) for (int q = 0; q < Q; q++) total[r][q] = *(const lanes*)(out + (size_t)r*m + j + LANES*q);
    for (int k = 0; k < n; k++) {
        ahead.fetch();
        lanes row[Q];
        for (int q = 0; q < Q; q++) row[q] = *(const lanes*)(weights + (size_t)k*m + j + LANES*q);
        for (int r = 0; r < R; r++) for (int q = 0; q < Q; q++) total[r][q] += left[(size_t)r*n + k]*row[q];
    }
    for (int r = 0; r < R; r++) for (int q = 0; q < Q; q++) *(lanes*)(out + (size_t)r*m + j + LANES*q) = total[r][q];
}

template <int R> __attribute__((noinline)) void multiply(real* out, const real* left, const real* weights, int n, int m, Ahead& ahead) {
    int j = 0;
    for (; j + 3*LANES <= m; j += 3*LANES) multiply_columns<R, 3>(out, left, weights, n, m, j, ahead);
    for (; j + LANES <= m; j += LANES) multiply_columns<R, 1>(out, left, weights, n, m, j, ahead);
    for (; j < m; j++) for (int r = 0; r < R; r++) {
        real total = 0;
        for (int k = 0; k < n; k++) total += left[(size_t)r*n + k]*weights[(size_t)k*m + j];
        out[(size_t)r*m + j] += total;
    }
}
}  // namespace
