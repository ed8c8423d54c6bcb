// Recursive least squares kernels of FORCE. No backslashes and no triple quotes: Cython embeds this text.
//
// P is symmetric: only its upper triangle (column >= row) is kept, in the order in which a step reads it, so that
// each step streams P through memory once, as one stream. The columns are cut into tiles, narrow enough that what
// belongs to a tile's columns (x, c and the result) stays in the first cache; a tile holds panels of four rows from
// the top to the diagonal; a panel holds blocks of one cache line of columns, row after row. hetbrian/codegen/tiles.py reads
// it. The rank-1 update of a step is pending until the next step reads P.
#ifndef HETBRIAN_RLS_H
#define HETBRIAN_RLS_H
#include <cmath>
#include <cstddef>
#include <cstdint>
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

// Compiled once, apart from its callers: sums have the same order in a network alone and among others, whatever sizes
// a compiler knows where they are called.
#if defined(__GNUC__) && !defined(__clang__)
#define HETBRIAN_APART __attribute__((noipa))
#elif defined(__clang__)
#define HETBRIAN_APART __attribute__((noinline))
#else
#define HETBRIAN_APART
#endif

// Bytes of a vector register of the processor that is compiled for
#if defined(__AVX512F__)
#define HETBRIAN_VECTOR 64
#else
#define HETBRIAN_VECTOR 32
#endif

// Numbers in a vector register: those of GCC and Clang, or plain loops for other compilers.
#if defined(__GNUC__) && !defined(HETBRIAN_PLAIN_LOOPS)
#define HETBRIAN_INLINE inline __attribute__((always_inline))
template<class T>
struct Lanes {
    typedef T Vector __attribute__((vector_size(HETBRIAN_VECTOR), aligned(sizeof(T)), may_alias));
};

// Set the lanes before the first to zero
template<class T>
HETBRIAN_INLINE void keep_from(typename Lanes<T>::Vector& a, const T first)
{
    typename Lanes<T>::Vector lane;
    for (size_t k = 0; k < HETBRIAN_VECTOR/sizeof(T); k++) lane[k] = T(k);
    a = lane >= typename Lanes<T>::Vector{} + first ? a : typename Lanes<T>::Vector{};
}
#else
#define HETBRIAN_INLINE inline
template<class T>
struct Lanes {
    static const size_t N = HETBRIAN_VECTOR/sizeof(T);
    struct Vector {
        T lane[N];
        T& operator[](const size_t k) { return lane[k]; }
        const T& operator[](const size_t k) const { return lane[k]; }
        Vector& operator+=(const Vector& b) { for (size_t k = 0; k < N; k++) lane[k] += b[k]; return *this; }
        Vector& operator*=(const T b) { for (size_t k = 0; k < N; k++) lane[k] *= b; return *this; }
        friend Vector operator-(Vector a, const Vector& b) { for (size_t k = 0; k < N; k++) a[k] -= b[k]; return a; }
        friend Vector operator*(Vector a, const Vector& b) { for (size_t k = 0; k < N; k++) a[k] *= b[k]; return a; }
        friend Vector operator*(Vector a, const T b) { return a *= b; }
        friend Vector operator*(const T b, Vector a) { return a *= b; }
    };
};

template<class T>
HETBRIAN_INLINE void keep_from(typename Lanes<T>::Vector& a, const T first)
{
    for (size_t k = 0; k < HETBRIAN_VECTOR/sizeof(T); k++) if (T(k) < first) a[k] = 0;
}
#endif

// A block is the columns of one cache line, in one vector or two: the order of P is the same on every processor
template<class T>
struct Tiles {
    typedef typename Lanes<T>::Vector Vector;
    static const size_t LANES = HETBRIAN_VECTOR/sizeof(T), BLOCK = 64/sizeof(T), VECTORS = BLOCK/LANES, TILE = 32*BLOCK;
    const size_t rows, columns;  // whole panels, whole blocks
    explicit Tiles(const size_t m) : rows((m + 3)/4*4), columns((m + BLOCK - 1)/BLOCK*BLOCK) {}
    size_t count() const { return (columns + TILE - 1)/TILE; }
    size_t end(const size_t tile) const { return (tile + 1)*TILE < columns ? (tile + 1)*TILE : columns; }
    // The first column of the panel of row i in a tile
    static size_t start(const size_t i, const size_t tile) { return i < tile*TILE ? tile*TILE : i/BLOCK*BLOCK; }
    // Where the panel of row i, a multiple of four, begins
    size_t panel(const size_t i, const size_t tile) const
    {
        size_t at = 0;
        for (size_t t = 0; t <= tile; t++)
            for (size_t k = 0; k < (t < tile ? rows : i) && k < end(t); k += 4) at += 4*(end(t) - start(k, t));
        return at;
    }
};

// To p, from the upper triangle of a row-major m x m array P, or from initial_P times the identity without one
template<class T>
void fill_tiles(const T* P, T* p, const size_t m, const bool has_matrix, const T initial_P)
{
    const Tiles<T> tiles(m);
    std::vector<T> matrix;
    if (has_matrix) matrix.assign(P, P + m*m);
    for (size_t t = 0; t < tiles.count(); t++)
        for (size_t i = 0; i < tiles.rows && i < tiles.end(t); i += 4)
            for (size_t j = tiles.start(i, t); j < tiles.end(t); j += tiles.BLOCK)
                for (size_t a = i; a < i + 4; a++)
                    for (size_t b = j; b < j + tiles.BLOCK; b++) {
                        const bool is_kept = a <= b && b < m;
                        *p++ = !is_kept ? T(0) : has_matrix ? matrix[a*m + b] : a == b ? initial_P : T(0);
                    }
}

// A block of four rows from i: Q = keep (P - u c^T), its share of Q x to s for the rows and to out for the columns
// from j. On the diagonal only what is not left of it, which stays zero.
template<class T, bool KEEP, bool DIAGONAL>
HETBRIAN_INLINE
void symmetric_block(T* __restrict p, const size_t i, const size_t j, const T* x, const T* c, const T* xi, const T* u,
                     const T keep, T* out, typename Tiles<T>::Vector* s)
{
    typedef typename Tiles<T>::Vector Vector;
    const size_t LANES = Tiles<T>::LANES, VECTORS = Tiles<T>::VECTORS;
    #pragma GCC unroll 2
    for (size_t v = 0; v < VECTORS; v++) {
        const size_t column = j + v*LANES;
        Vector* __restrict q = (Vector*)p + v;
        const Vector xj = *(const Vector*)(x + column), cj = *(const Vector*)(c + column);
        Vector sum = *(const Vector*)(out + column);
        #pragma GCC unroll 4
        for (size_t r = 0; r < 4; r++) {
            const T diagonal = T(double(i + r) - double(column));  // its lane
            Vector a = q[VECTORS*r] - u[r]*cj;
            if (KEEP) a *= keep;
            if (DIAGONAL) keep_from<T>(a, diagonal);
            q[VECTORS*r] = a;
            s[r] += a*xj;
            if (DIAGONAL) keep_from<T>(a, diagonal + 1);
            sum += a*xi[r];
        }
        *(Vector*)(out + column) = sum;
    }
}

// What the tiles first <= t < last add to out = Q x, and P <- Q there, Q = keep (P - gain c c^T); x, c and out are
// as long as tiles.columns.
template<class T, bool KEEP>
void symmetric_tiles(T* __restrict p, const Tiles<T> tiles, const size_t first, const size_t last,
                     const T* __restrict x, const T* __restrict c, const T gain, const T keep, T* __restrict out)
{
    const size_t BLOCK = tiles.BLOCK;
    for (size_t t = first; t < last; t++) {
        const size_t end = tiles.end(t);
        for (size_t i = 0; i < tiles.rows && i < end; i += 4) {
            const T xi[4] = {x[i], x[i + 1], x[i + 2], x[i + 3]};
            const T u[4] = {gain*c[i], gain*c[i + 1], gain*c[i + 2], gain*c[i + 3]};
            typename Tiles<T>::Vector s[4] = {};
            size_t j = tiles.start(i, t);
            if (j <= i) {
                symmetric_block<T, KEEP, true>(p, i, j, x, c, xi, u, keep, out, s);
                j += BLOCK;
                p += 4*BLOCK;
            }
            for (; j < end; j += BLOCK, p += 4*BLOCK)
                symmetric_block<T, KEEP, false>(p, i, j, x, c, xi, u, keep, out, s);
            for (size_t r = 0; r < 4; r++)
                for (size_t k = 0; k < tiles.LANES; k++) out[i + r] += s[r][k];
        }
    }
}

// The first tile of the k-th of n parts of the triangle, all of about the same area
inline size_t first_tile(const int k, const int n, const size_t count)
{
    return k == n ? count : size_t(count*std::sqrt(double(k)/n) + 0.5);
}

// out = Q x and P <- Q. The result depends on the number of threads, not on their timing.
template<class T>
void symmetric_product(T* __restrict P, const size_t m, const T* __restrict x, const T* __restrict c,
                       const T gain, const T keep, T* __restrict out, const int threads)
{
    const Tiles<T> tiles(m);
    const size_t n = tiles.columns;
    std::vector<T> others(size_t(threads - 1)*n, T(0));
    for (size_t j = 0; j < n; j++) out[j] = 0;
    #ifdef _OPENMP
    #pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
    #endif
    for (int k = 0; k < threads; k++) {
        const FlushToZero flush;  // of this thread
        const size_t first = first_tile(k, threads, tiles.count()), last = first_tile(k + 1, threads, tiles.count());
        T* mine = k == 0 ? out : others.data() + (k - 1)*n;
        T* begin = first < last ? P + tiles.panel(0, first) : P;
        if (keep == 1) symmetric_tiles<T, false>(begin, tiles, first, last, x, c, gain, T(1), mine);
        else symmetric_tiles<T, true>(begin, tiles, first, last, x, c, gain, keep, mine);
    }
    for (int k = 1; k < threads; k++)
        for (size_t j = 0; j < n; j++) out[j] += others[(k - 1)*n + j];
}

template<class A>
HETBRIAN_INLINE typename Lanes<double>::Vector load(const A* p)
{
    typename Lanes<double>::Vector a;
    for (size_t k = 0; k < HETBRIAN_VECTOR/sizeof(double); k++) a[k] = p[k];
    return a;
}
HETBRIAN_INLINE typename Lanes<double>::Vector load(const double* p) { return *(const Lanes<double>::Vector*)p; }

// z_o = sum_j weights[o, j] activity[j], plus the bias weights[o, n] if m = n + 1; four chains of sums, as one would
// wait for its own last addition most of the time
template<class A>
HETBRIAN_APART void readout(const double* __restrict weights, const A* __restrict activity, const size_t n, const size_t m,
             const size_t n_outputs, double* __restrict z)
{
    const size_t LANES = HETBRIAN_VECTOR/sizeof(double), CHAINS = 4;
    for (size_t o = 0; o < n_outputs; o++) {
        const double* __restrict w = weights + o*m;
        Lanes<double>::Vector sums[CHAINS] = {};
        size_t j = 0;
        for (; j + CHAINS*LANES <= n; j += CHAINS*LANES)
            #pragma GCC unroll 4
            for (size_t c = 0; c < CHAINS; c++) sums[c] += load(w + j + c*LANES)*load(activity + j + c*LANES);
        double sum = m > n ? w[n] : 0.0;
        for (size_t c = 0; c < CHAINS; c++)
            for (size_t k = 0; k < LANES; k++) sum += sums[c][k];
        for (; j < n; j++) sum += w[j]*activity[j];
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

// The first address of a cache line in memory that begins at p
template<class T>
T* aligned(T* p)
{
    return (T*)((reinterpret_cast<std::uintptr_t>(p) + 63)/64*64);
}

// One RLS step; z and y are this step's output and target. tiles is 0 if P is row-major, else one more than the
// number of elements that the tiles begin after P. False if P is not finite any more.
template<class T, class I, class A>
HETBRIAN_APART bool rls_step(T* P, T* stored_c, double* gain, I* n_updates, I* tiles, const A* activity, double* weights,
              const double* z, const double* y, const size_t n, const size_t m, const size_t n_outputs,
              const double initial_P, const double forgetting, const bool posterior, const int threads)
{
    const FlushToZero flush;
    const size_t length = Tiles<T>(m).columns;
    std::vector<T> memory(3*length + 64/sizeof(T), T(0));
    T* x = aligned(memory.data());
    T* c = x + length;
    T* product = c + length;
    for (size_t j = 0; j < n; j++) x[j] = activity[j];
    if (m > n) x[n] = 1;
    for (size_t j = 0; j < m; j++) c[j] = stored_c[j];
    if (*n_updates == 0 || !*tiles) {  // not earlier: a standalone run may set initial_P when it starts
        fill_tiles<T>(P, aligned(P), m, *n_updates != 0, T(initial_P));
        *tiles = 1 + (aligned(P) - P);
    }
    const bool is_pending = *n_updates != 0 && *gain != 0;  // no gain: P came from the reference
    symmetric_product<T>(P + (*tiles - 1), m, x, c, is_pending ? T(*gain) : T(0),
                         is_pending ? T(1.0/forgetting) : T(1), product, threads);
    double q = 0;
    for (size_t j = 0; j < m; j++) q += double(x[j])*double(product[j]);
    *gain = 1.0/(forgetting + q);
    for (size_t o = 0; o < n_outputs; o++) {
        const double step = (z[o] - y[o])*(posterior ? *gain : 1.0);
        double* __restrict w = weights + o*m;
        for (size_t j = 0; j < m; j++) w[j] -= step*product[j];
    }
    for (size_t j = 0; j < m; j++) stored_c[j] = product[j];
    *n_updates += 1;
    return std::isfinite(*gain);
}

}  // namespace hetbrian
#endif
