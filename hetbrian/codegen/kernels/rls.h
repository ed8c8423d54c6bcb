// Recursive least squares kernels of FORCE. No backslashes and no triple quotes: Cython embeds this text.
//
// P is symmetric: only the upper triangle (column >= row) of a row-major m x m array is kept. The rank-1
// update of a step is pending until the next step reads P, so each step streams P through memory once.
#ifndef HETBRIAN_RLS_H
#define HETBRIAN_RLS_H
#include <cmath>
#include <cstddef>
#include <vector>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif
namespace hetbrian {

// Products of small floats become denormal and slow; treat them as zero while a kernel runs.
struct FlushToZero {
#if defined(__SSE2__)
    unsigned int saved;
    FlushToZero() : saved(_mm_getcsr()) { _mm_setcsr(saved | 0x8040u); }
    ~FlushToZero() { _mm_setcsr(saved); }
#endif
};

// What the rows first <= i < last of the upper triangle add to out = Q x, and P <- Q there, with
// Q = keep (P - gain c c^T) if UPDATE, else Q = P; row blocks of four, so first is a multiple of four.
template<class T, bool UPDATE>
void symmetric_rows(T* __restrict P, const size_t m, const size_t first, const size_t last, const T* __restrict x,
                    const T* __restrict c, const T gain, const T keep, T* __restrict out)
{
    size_t i = first;
    for (; i + 4 <= last; i += 4) {
        T u[4];
        for (size_t a = 0; a < 4; a++) u[a] = UPDATE ? gain*c[i + a] : T(0);
        for (size_t a = 0; a < 4; a++) {  // diagonal block
            T* row = P + (i + a)*m;
            for (size_t b = a; b < 4; b++) {
                if (UPDATE) row[i + b] = keep*(row[i + b] - u[a]*c[i + b]);
                out[i + a] += row[i + b]*x[i + b];
                if (b > a) out[i + b] += row[i + b]*x[i + a];
            }
        }
        T* __restrict p0 = P + i*m;
        T* __restrict p1 = p0 + m;
        T* __restrict p2 = p1 + m;
        T* __restrict p3 = p2 + m;
        const T x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
        const T u0 = u[0], u1 = u[1], u2 = u[2], u3 = u[3];
        T s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        #pragma GCC ivdep
        for (size_t j = i + 4; j < m; j++) {
            T q0 = p0[j], q1 = p1[j], q2 = p2[j], q3 = p3[j];
            if (UPDATE) {
                const T cj = c[j];
                q0 = keep*(q0 - u0*cj); q1 = keep*(q1 - u1*cj);
                q2 = keep*(q2 - u2*cj); q3 = keep*(q3 - u3*cj);
                p0[j] = q0; p1[j] = q1; p2[j] = q2; p3[j] = q3;
            }
            const T xj = x[j];
            s0 += q0*xj; s1 += q1*xj; s2 += q2*xj; s3 += q3*xj;
            out[j] += q0*x0 + q1*x1 + q2*x2 + q3*x3;
        }
        out[i] += s0; out[i + 1] += s1; out[i + 2] += s2; out[i + 3] += s3;
    }
    for (; i < last; i++) {
        T* __restrict row = P + i*m;
        const T u = UPDATE ? gain*c[i] : T(0);
        if (UPDATE) row[i] = keep*(row[i] - u*c[i]);
        T s = row[i]*x[i];
        #pragma GCC ivdep
        for (size_t j = i + 1; j < m; j++) {
            T q = row[j];
            if (UPDATE) { q = keep*(q - u*c[j]); row[j] = q; }
            s += q*x[j];
            out[j] += q*x[i];
        }
        out[i] += s;
    }
}

// The first row of the k-th of n parts of the triangle, all of about the same area
inline size_t first_row(const int k, const int n, const size_t m)
{
    return k == n ? m : size_t(m*(1.0 - std::sqrt(1.0 - double(k)/n)))/4*4;
}

// out = Q x and P <- Q. The result depends on the number of threads, not on their timing.
template<class T, bool UPDATE>
void symmetric_product(T* __restrict P, const size_t m, const T* __restrict x, const T* __restrict c,
                       const T gain, const T keep, T* __restrict out, const int threads)
{
    for (size_t j = 0; j < m; j++) out[j] = 0;
    if (threads == 1) {
        symmetric_rows<T, UPDATE>(P, m, 0, m, x, c, gain, keep, out);
        return;
    }
    std::vector<T> parts(size_t(threads)*m, T(0));
    #ifdef _OPENMP
    #pragma omp parallel for num_threads(threads) schedule(static, 1)
    #endif
    for (int k = 0; k < threads; k++) {
        const FlushToZero flush;  // of this thread
        symmetric_rows<T, UPDATE>(P, m, first_row(k, threads, m), first_row(k + 1, threads, m), x, c, gain, keep,
                                  parts.data() + k*m);
    }
    for (int k = 0; k < threads; k++)
        for (size_t j = 0; j < m; j++) out[j] += parts[k*m + j];
}

// z_o = sum_j weights[o, j] activity[j], plus the bias weights[o, n] if m = n + 1
template<class A>
void readout(const double* __restrict weights, const A* __restrict activity, const size_t n, const size_t m,
             const size_t n_outputs, double* __restrict z)
{
    for (size_t o = 0; o < n_outputs; o++) {
        const double* __restrict w = weights + o*m;
        double sum = m > n ? w[n] : 0.0;
        for (size_t j = 0; j < n; j++) sum += w[j]*activity[j];
        z[o] = sum;
    }
}

// current_i = sum_o encoder[o, i] z_o
template<class A>
void feedback(const double* __restrict encoder, const double* __restrict z, const size_t n,
              const size_t n_outputs, A* __restrict current)
{
    for (size_t i = 0; i < n; i++) current[i] = encoder[i]*z[0];
    for (size_t o = 1; o < n_outputs; o++) {
        const double* __restrict e = encoder + o*n;
        for (size_t i = 0; i < n; i++) current[i] += e[i]*z[o];
    }
}

// One RLS step; z and y are this step's output and target. False if P is not finite any more.
template<class T, class I, class A>
bool rls_step(T* P, T* c, T* x, T* product, double* gain, I* n_updates, const A* activity, double* weights,
              const double* z, const double* y, const size_t n, const size_t m, const size_t n_outputs,
              const double initial_P, const double forgetting, const bool posterior, const int threads)
{
    const FlushToZero flush;
    for (size_t j = 0; j < n; j++) x[j] = activity[j];
    if (m > n) x[n] = 1;
    if (*n_updates == 0) {  // not earlier: initial_P may be set on the command line of a standalone run
        for (size_t i = 0; i < m; i++)
            for (size_t j = i; j < m; j++) P[i*m + j] = i == j ? T(initial_P) : T(0);
        symmetric_product<T, false>(P, m, x, c, T(0), T(1), product, threads);
    } else {  // no gain: P came from the reference, which leaves nothing pending
        symmetric_product<T, true>(P, m, x, c, T(*gain), T(*gain != 0 ? 1.0/forgetting : 1.0), product, threads);
    }
    double q = 0;
    for (size_t j = 0; j < m; j++) q += double(x[j])*double(product[j]);
    *gain = 1.0/(forgetting + q);
    for (size_t o = 0; o < n_outputs; o++) {
        const double step = (z[o] - y[o])*(posterior ? *gain : 1.0);
        double* __restrict w = weights + o*m;
        for (size_t j = 0; j < m; j++) w[j] -= step*product[j];
    }
    for (size_t j = 0; j < m; j++) c[j] = product[j];
    *n_updates += 1;
    return std::isfinite(*gain);
}

}  // namespace hetbrian
#endif
