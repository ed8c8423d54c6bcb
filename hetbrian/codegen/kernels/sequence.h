// Kernels of the fused cell (hetbrian.fused): sums of weight rows at events, and the product of adjoints and weights.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#include <omp.h>

#define ROWS 8  // batch rows that a thread takes through a step together, so that a weight is read once for all

namespace {
using std::acos; using std::asin; using std::atan; using std::ceil; using std::cos; using std::cosh; using std::exp;
using std::expm1; using std::fabs; using std::floor; using std::fmax; using std::fmin; using std::log; using std::log10;
using std::log1p; using std::sin; using std::sinh; using std::sqrt; using std::tan; using std::tanh; using std::trunc;

constexpr int LANES = 64 / sizeof(real);
typedef real lanes __attribute__((vector_size(64), aligned(sizeof(real))));

template <typename A, typename B> inline real power(A a, B b) { return std::pow(real(a), real(b)); }
template <typename A, typename B> inline real modulo(A a, B b) { return a - b*floor(real(a)/real(b)); }
inline real sign(real x) { return real(x > 0) - real(x < 0); }
inline real exprel(real x) { return fabs(x) < real(1e-8) ? 1 + x/2 : expm1(x)/x; }
inline real exprel_derivative(real x) {
    return fabs(x) < real(1e-3) ? real(0.5) + x/3 + x*x/8 : (exp(x)*(x - 1) + 1)/(x*x);
}

__attribute__((noinline)) void add(real* __restrict sum, const real* __restrict row, int n) {
    for (int k = 0; k < n; k++) sum[k] += row[k];
}

// The indices of the neurons that spiked
__attribute__((noinline)) int active(const real* spikes, int n, std::vector<int32_t>& found) {
    found.clear();
    for (int k = 0; k < n; k++) if (spikes[k] != 0) found.push_back(k);
    return (int)found.size();
}

// sum[n] += weights[index][n] over a list of indices; the sums stay in registers
template <int Q> inline void add_columns(real* sum, const real* weights, const int32_t* index, int64_t count, int n, int j) {
    lanes total[Q];
    for (int q = 0; q < Q; q++) total[q] = *(const lanes*)(sum + j + LANES*q);
    for (int64_t e = 0; e < count; e++) {
        const real* row = weights + (size_t)index[e]*n + j;
        for (int q = 0; q < Q; q++) total[q] += *(const lanes*)(row + LANES*q);
    }
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

// out[r][m] += sum_k left[r][k] weights[k][m] for R rows; left has rows of n, weights of m columns
template <int R, int Q> inline void multiply_columns(real* out, const real* left, const real* weights, int n, int m, int j) {
    lanes total[R][Q];
    for (int r = 0; r < R; r++) for (int q = 0; q < Q; q++) total[r][q] = *(const lanes*)(out + (size_t)r*m + j + LANES*q);
    for (int k = 0; k < n; k++) {
        lanes row[Q];
        for (int q = 0; q < Q; q++) row[q] = *(const lanes*)(weights + (size_t)k*m + j + LANES*q);
        for (int r = 0; r < R; r++) for (int q = 0; q < Q; q++) total[r][q] += left[(size_t)r*n + k]*row[q];
    }
    for (int r = 0; r < R; r++) for (int q = 0; q < Q; q++) *(lanes*)(out + (size_t)r*m + j + LANES*q) = total[r][q];
}

template <int R> __attribute__((noinline)) void multiply(real* out, const real* left, const real* weights, int n, int m) {
    int j = 0;
    for (; j + 3*LANES <= m; j += 3*LANES) multiply_columns<R, 3>(out, left, weights, n, m, j);
    for (; j + LANES <= m; j += LANES) multiply_columns<R, 1>(out, left, weights, n, m, j);
    for (; j < m; j++) for (int r = 0; r < R; r++) {
        real total = 0;
        for (int k = 0; k < n; k++) total += left[(size_t)r*n + k]*weights[(size_t)k*m + j];
        out[(size_t)r*m + j] += total;
    }
}
}  // namespace
