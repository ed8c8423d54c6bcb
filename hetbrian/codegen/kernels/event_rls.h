// Recursive least squares at the cost of the spikes, after rls.h and filter.h. No backslashes and no triple quotes: Cython embeds
// this text; and no double braces: it is part of a template.
//
// Between two updates an activity r that is a linear filter of spikes becomes A r plus what the neurons that spiked
// changed, so q = P r becomes A q plus the columns of P of those few neurons. That is all that a step needs of P, so
// the rank-1 updates of P wait, and go into it together, as a product of matrices that is bound by arithmetic and not
// by memory:
//
//     P_n = scale (P - sum_k gains_k c_k c_k^T),  k < WAITING
//     q_s = P_n x_s                                of the states x_s of the filter, activity first, if KEPT
//
// Which neurons spiked is found by comparing their states with the decayed old ones, and a state that moved otherwise
// counts as well: A is only a guess that saves time. Where too many changed, q is computed from all of P.
//
// P is kept whole, row after row, both halves the same to the last bit, with a stride of an odd number of panels, as
// rows a power of two apart collide in the cache. A panel is the columns that the product keeps in registers; the
// waiting c are kept panel after panel, update after update.
#ifndef HETBRIAN_EVENT_RLS_H
#define HETBRIAN_EVENT_RLS_H
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>
namespace hetbrian {

#if defined(__GNUC__) && !defined(HETBRIAN_PLAIN_LOOPS)

template<class T>
struct Panels {
    static const size_t BYTES = HETBRIAN_VECTOR, ROWS = BYTES == 64 ? 8 : 4;  // sums are 24 of 32 registers, or 12 of 16
    typedef T Vector __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias));
    static const size_t LANES = BYTES/sizeof(T), VECTORS = 3, WIDTH = VECTORS*LANES;
    const size_t m, count, stride, rows;  // rows: those of P, whole vectors of them
    explicit Panels(const size_t m)
        : m(m), count(((m + WIDTH - 1)/WIDTH) | 1), stride(count*WIDTH), rows((m + LANES - 1)/LANES*LANES) {}
};

// What lives from step to step, in memory that Brian2 owns and saves
template<class T, class I>
struct EventState {
    T* P;            // (row, column), from its first cache line
    T* waiting;      // (panel, update, column in the panel)
    T* products;     // (state, column) : q
    double* seen;    // (state, column) : the filter's states that q belongs to
    double* gains;   // (update)
    double* scale;
    I* counts;       // Count
    size_t capacity; // updates that can wait
    size_t length;   // stride of products
};

// Let seen follow the states; return how many entries changed, which and by how much: by is (state, change)
template<class T, int STATES, class A>
size_t find_changes(double* __restrict seen, const A* const* states, const size_t n, const size_t m,
                    const Filter<STATES>& filter, size_t* __restrict changed, T* __restrict by)
{
    const double allowed = tolerance<T, A>();
    const auto state = [&](const int s, const size_t j) {
        return j < n ? double(states[s][j]) : s == 0 ? 1.0 : 0.0;  // the bias does not decay
    };
    std::unique_ptr<unsigned char[]> memory(new unsigned char[m]);
    unsigned char* __restrict moved = memory.get();
    for (size_t j = 0; j < m; j++) {
        double decayed[STATES];
        bool has_moved = false;
        for (int s = 0; s < STATES; s++) {
            decayed[s] = 0;
            for (int t = 0; t < STATES; t++) decayed[s] += filter.a[s][t]*seen[t*m + j];
            has_moved |= !(std::fabs(state(s, j) - decayed[s]) <= allowed*std::fabs(state(s, j)));
        }
        for (int s = 0; s < STATES; s++) seen[s*m + j] = decayed[s];
        moved[j] = has_moved;
    }
    size_t count = 0;
    for (size_t j = 0; j < m; j++) {
        changed[count] = j;  // always written: a branch would be guessed wrong
        count += moved[j];
    }
    for (int s = 0; s < STATES; s++)
        for (size_t i = 0; i < count; i++) {
            double& old = seen[s*m + changed[i]];
            const double now = state(s, changed[i]);
            by[s*(m + 1) + i] = T(now - old);
            old = now;
        }
    return count;
}

// q_s += sum_i by_s,i P[changed_i], of the columns first <= j < last, ROWS at a time; returns the first i that is left
template<class T, int STATES, int ROWS>
size_t add_rows(const T* P, const size_t stride, const size_t* changed, const T* by, const size_t m, size_t i,
                const size_t count, T* q, const size_t length, const size_t first, const size_t last)
{
    typedef typename Panels<T>::Vector Vector;
    const size_t LANES = Panels<T>::LANES;
    for (; i + ROWS <= count; i += ROWS) {
        const T* row[ROWS];
        T factor[STATES][ROWS];
        for (int r = 0; r < ROWS; r++) row[r] = P + changed[i + r]*stride;
        for (int s = 0; s < STATES; s++)
            for (int r = 0; r < ROWS; r++) factor[s][r] = by[s*m + i + r];
        const T* next[ROWS];  // fetched to the second cache meanwhile, across the pages of a row that hardware stops at
        for (int r = 0; r < ROWS; r++) next[r] = P + changed[std::min(i + ROWS + r, count - 1)]*stride;
        for (size_t j = first; j < last; j += LANES) {
            Vector sum[STATES];
            for (int s = 0; s < STATES; s++) sum[s] = *(Vector*)(q + s*length + j);
            #pragma GCC unroll 8
            for (int r = 0; r < ROWS; r++) {
                const Vector p = *(const Vector*)(row[r] + j);
                __builtin_prefetch(next[r] + j, 0, 2);
                for (int s = 0; s < STATES; s++) sum[s] += factor[s][r]*p;
            }
            for (int s = 0; s < STATES; s++) *(Vector*)(q + s*length + j) = sum[s];
        }
    }
    return i;
}

// q <- A q + what the changed columns of P add, of the columns first <= j < last
template<class T, int STATES>
void follow(const T* P, const size_t stride, const size_t* changed, const T* by, const size_t m, const size_t count,
            const Filter<STATES>& filter, T* q, const size_t length, const size_t first, const size_t last)
{
    for (size_t j = first; j < last; j++) {
        T old[STATES];
        for (int s = 0; s < STATES; s++) old[s] = q[s*length + j];
        for (int s = 0; s < STATES; s++) {
            T sum = 0;
            for (int t = 0; t < STATES; t++) sum += T(filter.a[s][t])*old[t];
            q[s*length + j] = sum;
        }
    }
    size_t i = add_rows<T, STATES, 8>(P, stride, changed, by, m, 0, count, q, length, first, last);
    i = add_rows<T, STATES, 4>(P, stride, changed, by, m, i, count, q, length, first, last);
    i = add_rows<T, STATES, 2>(P, stride, changed, by, m, i, count, q, length, first, last);
    add_rows<T, STATES, 1>(P, stride, changed, by, m, i, count, q, length, first, last);
}

// along[s, k] = gains_k c_k . by_s, of the changed entries
template<class T, int STATES>
void project_changes(const T* waiting, const size_t capacity, const size_t n_waiting, const double* gains,
                     const size_t* changed, const T* by, const size_t m, const size_t count, T* __restrict along)
{
    const size_t WIDTH = Panels<T>::WIDTH, AT_ONCE = 4;
    for (size_t k = 0; k < STATES*capacity; k++) along[k] = 0;
    for (size_t i = 0; i < count; i += AT_ONCE) {
        const T* c[AT_ONCE];
        T factor[STATES][AT_ONCE];
        for (size_t r = 0; r < AT_ONCE; r++) {
            const size_t entry = std::min(i + r, count - 1), j = changed[entry];
            c[r] = waiting + j/WIDTH*capacity*WIDTH + j%WIDTH;
            for (int s = 0; s < STATES; s++) factor[s][r] = i + r < count ? by[s*m + entry] : T(0);
        }
        for (size_t k = 0; k < n_waiting; k++)
            for (int s = 0; s < STATES; s++) {
                T sum = along[s*capacity + k];
                for (size_t r = 0; r < AT_ONCE; r++) sum += factor[s][r]*c[r][k*WIDTH];
                along[s*capacity + k] = sum;
            }
    }
    for (int s = 0; s < STATES; s++)
        for (size_t k = 0; k < n_waiting; k++) along[s*capacity + k] *= T(gains[k]);
}

// along[s, k] = gains_k c_k . x_s, of all entries
template<class T, int STATES>
void project_all(const T* waiting, const size_t capacity, const size_t n_waiting, const double* gains,
                 const Panels<T> panels, const T* x, T* __restrict along)
{
    typedef typename Panels<T>::Vector Vector;
    const size_t WIDTH = panels.WIDTH, LANES = panels.LANES;
    for (size_t k = 0; k < n_waiting; k++) {
        Vector sum[STATES] = {};
        for (size_t p = 0; p < panels.count; p++) {
            const T* c = waiting + (p*capacity + k)*WIDTH;
            for (size_t j = 0; j < WIDTH; j += LANES)
                for (int s = 0; s < STATES; s++)
                    sum[s] += *(const Vector*)(c + j)**(const Vector*)(x + s*panels.stride + p*WIDTH + j);
        }
        for (int s = 0; s < STATES; s++) {
            double total = 0;
            for (size_t lane = 0; lane < LANES; lane++) total += sum[s][lane];
            along[s*capacity + k] = T(total*gains[k]);
        }
    }
}

// q_s -= sum_k along_s,k c_k, of one panel; q stays in registers
template<class T, int STATES>
void subtract_waiting(const T* __restrict c, const size_t n_waiting, const size_t capacity, const T* along,
                      T* __restrict q, const size_t length)
{
    typedef typename Panels<T>::Vector Vector;
    const size_t LANES = Panels<T>::LANES, WIDTH = Panels<T>::WIDTH;
    Vector even[STATES][3] = {}, odd[STATES][3] = {};  // two chains of sums hide the latency
    size_t k = 0;
    for (; k + 2 <= n_waiting; k += 2, c += 2*WIDTH)
        #pragma GCC unroll 3
        for (int v = 0; v < 3; v++) {
            const Vector c0 = *(const Vector*)(c + v*LANES), c1 = *(const Vector*)(c + WIDTH + v*LANES);
            for (int s = 0; s < STATES; s++) {
                even[s][v] += along[s*capacity + k]*c0;
                odd[s][v] += along[s*capacity + k + 1]*c1;
            }
        }
    for (int s = 0; s < STATES; s++)
        for (int v = 0; v < 3; v++) {
            Vector sum = even[s][v] + odd[s][v];
            if (k < n_waiting) sum += along[s*capacity + k]**(const Vector*)(c + v*LANES);
            *(Vector*)(q + s*length + v*LANES) -= sum;
        }
}

// What the rows first <= i < last of P right of the diagonal and their mirror image add to out_s = P x_s
template<class T, int STATES>
void multiply_rows(const T* P, const Panels<T> panels, const size_t first, const size_t last, const T* x, T* out)
{
    typedef typename Panels<T>::Vector Vector;
    const size_t ROWS = 4, LANES = panels.LANES, stride = panels.stride;
    for (size_t i = first; i < last; i += ROWS) {
        Vector sum[STATES][ROWS] = {};
        T xi[STATES][ROWS];
        const T* row[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            row[r] = P + (i + r)*stride;
            for (int s = 0; s < STATES; s++) xi[s][r] = x[s*stride + i + r];
        }
        size_t j = i/LANES*LANES;
        for (size_t r = 0; r < ROWS; r++)  // the square on the diagonal has both halves
            for (int s = 0; s < STATES; s++)
                sum[s][r] += *(const Vector*)(row[r] + j)**(const Vector*)(x + s*stride + j);
        for (j += LANES; j < stride; j += LANES) {
            Vector image[STATES] = {};
            #pragma GCC unroll 4
            for (size_t r = 0; r < ROWS; r++) {
                const Vector p = *(const Vector*)(row[r] + j);
                __builtin_prefetch(row[r] + ROWS*stride + j, 0, 2);
                for (int s = 0; s < STATES; s++) {
                    sum[s][r] += p**(const Vector*)(x + s*stride + j);
                    image[s] += xi[s][r]*p;
                }
            }
            for (int s = 0; s < STATES; s++) *(Vector*)(out + s*stride + j) += image[s];
        }
        for (size_t r = 0; r < ROWS; r++)
            for (int s = 0; s < STATES; s++)
                for (size_t lane = 0; lane < LANES; lane++) out[s*stride + i + r] += sum[s][r][lane];
    }
}

// q_s is the sum of the parts of all strips, of which out is (strip, state, column): their number, and so the order of
// the sums, does not depend on the number of threads
template<class T, int STATES>
void add_strips(const T* out, const size_t strips, const size_t stride, T* q, const size_t length)
{
    for (int s = 0; s < STATES; s++) {
        std::fill(q + s*length, q + s*length + stride, T(0));
        for (size_t k = 0; k < strips; k++)
            for (size_t j = 0; j < stride; j++) q[s*length + j] += out[(k*STATES + s)*stride + j];
    }
}

// q_s = P x_s
template<class T, int STATES>
void multiply(const T* P, const Panels<T> panels, const T* x, T* q, const size_t length, const int threads)
{
    const int STRIPS = panels.rows < 256 ? 1 : 8;
    const size_t size = STATES*panels.stride;
    std::unique_ptr<T[]> out(new T[STRIPS*size]());
    #ifdef _OPENMP
    #pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
    #endif
    for (int k = 0; k < STRIPS; k++) {
        const FlushToZero flush;  // of this thread
        const size_t blocks = panels.rows/panels.LANES;
        const auto edge = [&](const int k) {
            return size_t(blocks*(1 - std::sqrt(1 - double(k)/STRIPS)) + 0.5)*panels.LANES;
        };
        multiply_rows<T, STATES>(P, panels, edge(k), edge(k + 1), x, out.get() + k*size);
    }
    add_strips<T, STATES>(out.get(), STRIPS, panels.stride, q, length);
}

// P <- keep P - sum_k a_k c_k^T of ROWS rows of one panel; a is (update, row), c is (update, column). The lines of P and
// those that its rows will be written to at `image` are fetched one by one, as many at once would hold up the sums.
// Apart from its callers, whose constants would take registers of the sums.
template<class T>
HETBRIAN_APART void subtract_product(T* __restrict P, const size_t stride, const T* __restrict a,
                                     const T* __restrict c, const size_t n_waiting, const T keep, const T* image)
{
    typedef typename Panels<T>::Vector Vector;
    const size_t ROWS = Panels<T>::ROWS, LANES = Panels<T>::LANES, WIDTH = Panels<T>::WIDTH;
    const size_t between = n_waiting/(2*ROWS);  // updates between the lines of two rows: all come in half the time
    Vector sum[ROWS][3] = {};
    for (size_t row = 0, k = 0; row < ROWS; row++) {
        for (size_t j = 0; j < WIDTH; j += 64/sizeof(T)) __builtin_prefetch(P + row*stride + j, 1);
        for (size_t v = 0; v < 3; v++) __builtin_prefetch(image + (3*row + v)*stride, 1);
        for (const size_t end = row + 1 < ROWS ? k + between : n_waiting; k < end; k++, a += ROWS, c += WIDTH) {
            const Vector c0 = *(const Vector*)c, c1 = *(const Vector*)(c + LANES), c2 = *(const Vector*)(c + 2*LANES);
            #pragma GCC unroll 8
            for (size_t r = 0; r < ROWS; r++) {
                sum[r][0] += a[r]*c0;
                sum[r][1] += a[r]*c1;
                sum[r][2] += a[r]*c2;
            }
        }
    }
    #pragma GCC unroll 8
    for (size_t r = 0; r < ROWS; r++)
        for (size_t v = 0; v < 3; v++) {
            Vector* p = (Vector*)(P + r*stride + v*LANES);
            *p = keep**p - sum[r][v];
        }
}

#if !defined(__clang__)
template<size_t SIZE> struct LaneIndex { typedef long long type; };
template<> struct LaneIndex<4> { typedef int type; };
template<size_t... LANE> struct LaneList {};
template<size_t COUNT, size_t... LANE> struct FirstLanes : FirstLanes<COUNT - 1, COUNT - 1, LANE...> {};
template<size_t... LANE> struct FirstLanes<0, LANE...> { typedef LaneList<LANE...> type; };

// Exchange the off-diagonal quarters of each square of 2 HALF, for this HALF and larger ones. The lanes are listed, as
// numbers that a loop puts into them are no constants to the compiler, which then computes them for every square.
template<class T, size_t HALF, bool IS_DONE = HALF == Panels<T>::LANES>
struct Exchange {
    template<size_t... LANE>
    static void run(typename Panels<T>::Vector* row, const LaneList<LANE...> lanes)
    {
        const size_t LANES = Panels<T>::LANES;
        typedef typename LaneIndex<sizeof(T)>::type Index;
        typedef Index Indices __attribute__((vector_size(Panels<T>::BYTES)));
        const Indices upper = {Index(LANE & HALF ? LANES + LANE - HALF : LANE)...};
        const Indices lower = {Index(LANE & HALF ? LANES + LANE : LANE + HALF)...};
        #pragma GCC unroll 16
        for (size_t i = 0; i < LANES; i++)
            if (!(i & HALF)) {
                const typename Panels<T>::Vector a = row[i], b = row[i + HALF];
                row[i] = __builtin_shuffle(a, b, upper);
                row[i + HALF] = __builtin_shuffle(a, b, lower);
            }
        Exchange<T, 2*HALF>::run(row, lanes);
    }
};
template<class T, size_t HALF>
struct Exchange<T, HALF, true> {
    template<class L> static void run(typename Panels<T>::Vector*, const L) {}
};
#endif

// out_s += sum_i x_s,i row_i, of the rows of a square
template<class T, int STATES>
void add_square(const typename Panels<T>::Vector* row, const T* x, T* out, const size_t length)
{
    typedef typename Panels<T>::Vector Vector;
    const size_t LANES = Panels<T>::LANES;
    for (int s = 0; s < STATES; s++) {
        Vector even = {}, odd = {};  // two chains of sums hide the latency
        #pragma GCC unroll 8
        for (size_t i = 0; i < LANES; i += 2) {
            even += x[s*length + i]*row[i];
            odd += x[s*length + i + 1]*row[i + 1];
        }
        *(Vector*)(out + s*length) += even + odd;
    }
}

// The square of LANES x LANES at `image` becomes the transpose of the one at `square`, of the rows i and columns j of P;
// both add to out_s = P x_s
template<class T, int STATES>
void reflect(const T* square, T* image, const size_t stride, const size_t i, const size_t j, const T* x, T* out)
{
    typedef typename Panels<T>::Vector Vector;
    const size_t LANES = Panels<T>::LANES;
    Vector row[LANES];
    #pragma GCC unroll 16
    for (size_t k = 0; k < LANES; k++) row[k] = *(const Vector*)(square + k*stride);
    add_square<T, STATES>(row, x + i, out + j, stride);
    #if defined(__clang__)
    for (size_t k = 0; k < LANES; k++)
        for (size_t l = 0; l < LANES; l++) image[l*stride + k] = square[k*stride + l];
    for (size_t k = 0; k < LANES; k++) row[k] = *(const Vector*)(image + k*stride);
    #else
    Exchange<T, 1>::run(row, typename FirstLanes<LANES>::type());
    #pragma GCC unroll 16
    for (size_t k = 0; k < LANES; k++) *(Vector*)(image + k*stride) = row[k];
    #endif
    add_square<T, STATES>(row, x + j, out + i, stride);
}

// The waiting updates go into P: the rows of a panel, of the panels first <= p < last, and their mirror image. Its
// waiting updates and those of the other panel fit the first cache together. What is written there adds to
// out_s = P x_s.
template<class T, int STATES>
void flush_rows(T* P, const Panels<T> panels, const T* waiting, const size_t capacity, const size_t n_waiting,
                const double* gains, const T keep, const size_t own, const size_t first, const size_t last, const T* x,
                T* out, T* __restrict a)
{
    typedef typename Panels<T>::Vector Vector;
    const size_t ROWS = panels.ROWS, LANES = panels.LANES, WIDTH = panels.WIDTH, stride = panels.stride;
    const size_t top = own*WIDTH, bottom = std::min(top + WIDTH, panels.rows);
    const T* c = waiting + own*capacity*WIDTH;
    for (size_t k = 0; k < n_waiting; k++) {
        const T factor = T(gains[k]*keep);
        for (size_t i = top; i < bottom; i += ROWS)  // none in a panel that is only there for the odd number
            for (size_t r = 0; r < ROWS; r++) a[(i - top)*n_waiting + k*ROWS + r] = factor*c[k*WIDTH + i - top + r];
    }
    for (size_t p = std::max(first, own); p < last; p++) {
        const size_t left = p*WIDTH, right = std::min(left + WIDTH, panels.rows);
        const T* of_panel = waiting + p*capacity*WIDTH;
        for (size_t i = top; i < bottom; i += LANES) {
            for (size_t r = 0; r < LANES; r += ROWS)
                subtract_product<T>(P + (i + r)*stride + left, stride, a + (i + r - top)*n_waiting, of_panel, n_waiting,
                                    keep, P + (left + 3*r)*stride + i);
            if (p != own)
                for (size_t j = left; j < right; j += LANES)
                    reflect<T, STATES>(P + i*stride + j, P + j*stride + i, stride, i, j, x, out);
        }
        if (p != own) continue;
        for (size_t i = top; i < bottom; i++)  // the two halves of the square on the diagonal were rounded differently
            for (size_t j = left; j < i; j++) P[i*stride + j] = P[j*stride + i];
        for (size_t i = top; i < bottom; i++)
            for (size_t j = left; j < right; j += LANES)
                for (int s = 0; s < STATES; s++)
                    *(Vector*)(out + s*stride + j) += x[s*stride + i]**(const Vector*)(P + i*stride + j);
    }
}

// P <- scale (P - sum_k gains_k c_k c_k^T), both halves, and q_s = P x_s of the states in `seen`
template<int STATES, class T, class I>
void flush_waiting(const EventState<T, I>& state, const Panels<T> panels, const int threads)
{
    const size_t TILE = 16, n_waiting = state.counts[WAITING];  // panels of waiting updates that fit the second cache
    // as many as most numbers of threads divide; each has an own q, whose sum costs a hundredth of the flush then
    const size_t strips = std::min(panels.count, size_t(panels.count < 128 ? 24 : 96)), size = STATES*panels.stride;
    const T keep = T(*state.scale);
    std::unique_ptr<T[]> memory(new T[(strips + 1)*size]());
    T* x = memory.get();
    T* out = x + size;
    for (int s = 0; s < STATES; s++)
        for (size_t j = 0; j < panels.m; j++) x[s*panels.stride + j] = T(state.seen[s*panels.m + j]);
    #ifdef _OPENMP
    #pragma omp parallel num_threads(threads) if (threads > 1)
    #endif
    {
        const FlushToZero flush;  // of this thread
        std::unique_ptr<T[]> a(new T[panels.WIDTH*n_waiting]);
        for (size_t tile = 0; tile < panels.count; tile += TILE) {
            const size_t end = std::min(tile + TILE, panels.count);
            #ifdef _OPENMP
            #pragma omp for schedule(static, 1)
            #endif
            for (int k = 0; k < int(strips); k++)
                for (size_t own = k; own < end; own += strips)
                    flush_rows<T, STATES>(state.P, panels, state.waiting, state.capacity, n_waiting, state.gains, keep,
                                          own, tile, end, x, out + k*size, a.get());
        }
    }
    add_strips<T, STATES>(out, strips, panels.stride, state.products, state.length);
    state.counts[WAITING] = 0;
    *state.scale = 1;
}

// q of P and of the states as they are now; returns how many entries changed
template<int STATES, class T, class I, class A>
size_t update_products(const EventState<T, I>& state, const Panels<T> panels, const A* const* states, const size_t n,
                       const Filter<STATES>& filter, const int threads)
{
    const size_t m = panels.m, WIDTH = panels.WIDTH, capacity = state.capacity, n_waiting = state.counts[WAITING];
    std::unique_ptr<size_t[]> changed(new size_t[m + 1]);
    std::unique_ptr<T[]> memory(new T[STATES*(m + 1 + capacity + panels.stride)]);
    T* by = memory.get();
    T* along = by + STATES*(m + 1);
    T* x = along + STATES*capacity;
    const T scale = T(*state.scale);
    const size_t count = find_changes<T, STATES>(state.seen, states, n, m, filter, changed.get(), by);
    const bool is_whole = !state.counts[KEPT] || count > many(m);
    if (is_whole) {
        for (int s = 0; s < STATES; s++)
            for (size_t j = 0; j < panels.stride; j++)
                x[s*panels.stride + j] = j < m ? scale*T(state.seen[s*m + j]) : T(0);
        multiply<T, STATES>(state.P, panels, x, state.products, state.length, threads);
        project_all<T, STATES>(state.waiting, capacity, n_waiting, state.gains, panels, x, along);
    } else {
        if (scale != 1)
            for (int s = 0; s < STATES; s++)
                for (size_t i = 0; i < count; i++) by[s*(m + 1) + i] *= scale;
        project_changes<T, STATES>(state.waiting, capacity, n_waiting, state.gains, changed.get(), by, m + 1, count,
                                   along);
    }
    const int parts = std::max(1, std::min(threads, int(panels.count/4)));
    #ifdef _OPENMP
    #pragma omp parallel for num_threads(parts) schedule(static, 1) if (parts > 1)
    #endif
    for (int k = 0; k < parts; k++) {
        const FlushToZero flush;  // of this thread
        const size_t first = panels.count*k/parts, last = panels.count*(k + 1)/parts;
        if (!is_whole)
            follow<T, STATES>(state.P, panels.stride, changed.get(), by, m + 1, count, filter, state.products,
                              state.length, first*WIDTH, last*WIDTH);
        for (size_t p = first; p < last; p++)
            subtract_waiting<T, STATES>(state.waiting + p*capacity*WIDTH, n_waiting, capacity, along,
                                        state.products + p*WIDTH, state.length);
    }
    return count;
}

// Let the update of P by c = q_0 wait, and q follow it; q_0 comes last, as the others need it. along: x_s . c
template<int STATES, class T, class I>
void add_waiting(const EventState<T, I>& state, const Panels<T> panels, const double gain, const double* along,
                 const double forgetting)
{
    const size_t WIDTH = panels.WIDTH, n_waiting = state.counts[WAITING];
    T* q = state.products;
    for (size_t p = 0; p < panels.count; p++)
        std::memcpy(state.waiting + (p*state.capacity + n_waiting)*WIDTH, q + p*WIDTH, WIDTH*sizeof(T));
    for (int s = STATES - 1; s >= 0; s--) {
        const T keep = T(1/forgetting), share = T(gain*along[s]/forgetting);
        for (size_t j = 0; j < panels.stride; j++) q[s*state.length + j] = keep*q[s*state.length + j] - share*q[j];
    }
    state.gains[n_waiting] = gain/ *state.scale;
    state.counts[WAITING] += 1;
    *state.scale /= forgetting;
    state.counts[KEPT] = 1;
}

// One RLS step, as rls_step, of a filter's states, activity first; filter is that of the time since the last one.
// False if P is not finite any more.
template<int STATES, class T, class I, class A>
bool event_step(const EventState<T, I>& state, const A* const* states, const Filter<STATES>& filter, double* weights,
                const double* z, const double* y, const size_t n, const size_t m, const size_t n_outputs,
                const double forgetting, const bool posterior, const int threads)
{
    const FlushToZero flush;
    const Panels<T> panels(m);
    const size_t count = update_products<STATES>(state, panels, states, n, filter, threads);
    const T* q = state.products;
    double along[STATES] = {};
    for (int s = 0; s < STATES; s++)
        for (size_t j = 0; j < m; j++) along[s] += state.seen[s*m + j]*double(q[j]);
    const double gain = 1.0/(forgetting + along[0]);
    for (size_t o = 0; o < n_outputs; o++) {
        const double step = (z[o] - y[o])*(posterior ? gain : 1.0);
        double* __restrict w = weights + o*m;
        for (size_t j = 0; j < m; j++) w[j] -= step*q[j];
    }
    add_waiting<STATES>(state, panels, gain, along, forgetting);
    state.counts[CHANGED] += I(count);
    if (state.counts[WAITING] == I(state.capacity) || *state.scale > 64) {  // numbers must stay in the range of T
        const size_t updates = state.counts[WAITING];
        flush_waiting<STATES>(state, panels, threads);  // q is computed again, so that its roundings do not add up
        state.counts[DENSE] = size_t(state.counts[CHANGED]) > updates*too_many(m);
        state.counts[KEPT] = !state.counts[DENSE];
        state.counts[CHANGED] = 0;
    }
    return std::isfinite(gain);
}

// Move rows that follow each other without a gap to rows `stride` apart that begin `begin` later
template<class T>
void spread_rows(T* data, const size_t rows, const size_t columns, const size_t begin, const size_t stride)
{
    for (size_t i = rows; i-- > 0;) {
        T* to = data + begin + i*stride;
        std::memmove((void*)to, data + i*columns, columns*sizeof(T));
        std::fill(to + columns, to + stride, T(0));
    }
}

// The inverse
template<class T>
void close_rows(T* data, const size_t rows, const size_t columns, const size_t begin, const size_t stride)
{
    for (size_t i = 0; i < rows; i++)
        std::memmove((void*)(data + i*columns), data + begin + i*stride, columns*sizeof(T));
}

// The upper triangle of a row-major m x m array, from the tiles that fill_tiles made
template<class T>
void read_tiles(T* P, const T* stored, const size_t m)
{
    const Tiles<T> tiles(m);
    const std::vector<T> copy(stored, stored + tiles.panel(0, tiles.count()));
    const T* p = copy.data();
    for (size_t t = 0; t < tiles.count(); t++)
        for (size_t i = 0; i < tiles.rows && i < tiles.end(t); i += 4)
            for (size_t j = tiles.start(i, t); j < tiles.end(t); j += tiles.BLOCK)
                for (size_t a = i; a < i + 4; a++)
                    for (size_t b = j; b < j + tiles.BLOCK; b++, p++)
                        if (a <= b && b < m) P[a*m + b] = *p;
}

// Both halves of P, in rows of panels.stride, from the upper triangle of the row-major array at data
template<class T>
void open_rows(T* data, const Panels<T> panels)
{
    const size_t m = panels.m, stride = panels.stride, begin = aligned(data) - data;
    spread_rows(data, m, m, begin, stride);
    T* P = data + begin;
    std::fill(P + m*stride, P + panels.rows*stride, T(0));
    for (size_t left = 0; left < m; left += 64)  // few enough columns for the cache
        for (size_t i = left; i < m; i++)
            for (size_t j = left; j < std::min(left + 64, i); j++) P[i*stride + j] = P[j*stride + i];
}

// What rls_step and event_step have in common: where P is, and in which order
template<class T, class I>
struct Storage {
    T* P;
    T* c;      // of the update that is pending in rls_step
    double* gain;
    I* n_updates;
    I* tiles;  // 0: row-major, waiting updates too; else one more than the elements before P begins
};

// P and the waiting updates from their row-major order, or P = initial_P at first
template<class T, class I>
void open_storage(const Storage<T, I>& storage, EventState<T, I>& state, const Panels<T> panels, const double initial_P)
{
    const size_t m = panels.m, n_waiting = state.counts[WAITING], capacity = state.capacity;
    if (*storage.n_updates == 0) {
        std::fill(storage.P, storage.P + m*m, T(0));
        for (size_t j = 0; j < m; j++) storage.P[j*m + j] = T(initial_P);
        *storage.gain = 0;
        *state.scale = 1;
        std::fill(state.counts, state.counts + COUNTS, I(0));
    }
    open_rows(storage.P, panels);
    state.counts[STRIDE] = I(panels.stride);
    state.counts[WIDTH] = I(panels.WIDTH);
    *storage.tiles = 1 + I(aligned(storage.P) - storage.P);
    state.P = aligned(storage.P);
    const std::vector<T> rows(state.waiting, state.waiting + n_waiting*m);
    std::fill(state.waiting, state.waiting + capacity*panels.stride, T(0));
    for (size_t k = 0; k < n_waiting; k++)
        for (size_t j = 0; j < m; j++)
            state.waiting[(j/panels.WIDTH*capacity + k)*panels.WIDTH + j%panels.WIDTH] = rows[k*m + j];
}

// One RLS step, by event_step or rls_step, whichever was the faster one for the changes of the updates before.
// `second` is the other state of the filter, if n_states is 2; step is the change of the states in a time step, row by
// row. The arrays are those of EventState and Storage.
template<class T, class I, class A>
HETBRIAN_APART bool adaptive_step(T* P, T* waiting, T* products, double* seen, double* gains, double* scale, I* counts,
                   const size_t capacity, const size_t length, T* c, double* gain, I* n_updates, I* tiles,
                   const A* activity, const A* second, const int n_states, const double* step, const int every,
                   double* weights, const double* z, const double* y, const size_t n, const size_t m,
                   const size_t n_outputs, const double initial_P, const double forgetting, const bool posterior,
                   const int threads)
{
    const Storage<T, I> storage = {P, c, gain, n_updates, tiles};
    EventState<T, I> state = {nullptr, waiting, products, seen, gains, scale, counts, capacity, length};
    const Panels<T> panels(m);
    const A* states[2] = {activity, second};
    const Filter<1> one = Filter<1>(step).power(every);
    const Filter<2> two = n_states == 2 ? Filter<2>(step).power(every) : Filter<2>();
    if (*n_updates == 0) counts[DENSE] = 0;
    if (counts[DENSE]) {
        if (counts[STRIDE]) {  // event_step has just written all updates into P
            close_rows(P, m, m, *tiles - 1, counts[STRIDE]);
            counts[STRIDE] = *tiles = 0;
        }
        const bool is_finite = rls_step<T, I, A>(
            P, c, gain, n_updates, tiles, activity, weights, z, y, n, m,
            n_outputs, initial_P, forgetting, posterior, threads);
        // from time to time, look whether as many entries still change
        const size_t phase = *n_updates%capacity;
        if (phase < 2) {
            std::unique_ptr<size_t[]> changed(new size_t[m + 1]);
            std::unique_ptr<T[]> by(new T[2*(m + 1)]);
            const size_t count = n_states == 1
                ? find_changes<T, 1>(seen, states, n, m, one, changed.get(), by.get())
                : find_changes<T, 2>(seen, states, n, m, two, changed.get(), by.get());
            counts[DENSE] = phase == 0 || count > too_many(m);
        }
        return is_finite;
    }
    if (*n_updates == 0 || !counts[STRIDE] || !*tiles) {
        if (*tiles && *n_updates) read_tiles(P, P + *tiles - 1, m);
        open_storage(storage, state, panels, initial_P);
    }
    if (!std::isfinite(*gain)) return false;  // as after the update before
    state.P = P + *tiles - 1;
    if (*gain != 0) {  // rls_step or numpy left an update
        std::fill(products, products + panels.stride, T(0));
        std::copy(c, c + m, products);
        const double along[1] = {0};
        add_waiting<1>(state, panels, *gain, along, forgetting);
        counts[KEPT] = 0;
        *gain = 0;
    }
    const bool is_finite = n_states == 1
        ? event_step<1>(state, states, one, weights, z, y, n, m, n_outputs, forgetting, posterior, threads)
        : event_step<2>(state, states, two, weights, z, y, n, m, n_outputs, forgetting, posterior, threads);
    *n_updates += 1;
    if (!is_finite) *gain = NAN;
    return is_finite;
}

#else

// Compilers without vector registers have the kernel of rls.h alone; what waited elsewhere goes into P first.
template<class T, class I, class A>
HETBRIAN_APART bool adaptive_step(T* P, T* waiting, T*, double*, double* gains, double* scale, I* counts, const size_t, const size_t,
                   T* c, double* gain, I* n_updates, I* tiles, const A* activity, const A*, const int, const double*,
                   const int, double* weights, const double* z, const double* y, const size_t n, const size_t m,
                   const size_t n_outputs, const double initial_P, const double forgetting, const bool posterior,
                   const int threads)
{
    for (size_t i = 0; counts[0] && i < m; i++)  // row by row, as tiles is 0 after a file was read
        for (size_t j = 0; j < m; j++) {
            double sum = P[i*m + j];
            for (I k = 0; k < counts[0]; k++) sum -= gains[k]*waiting[k*m + i]*waiting[k*m + j];
            P[i*m + j] = T(*scale*sum);
        }
    counts[0] = 0;
    *scale = 1;
    return rls_step<T, I, A>(P, c, gain, n_updates, tiles, activity, weights, z, y, n, m, n_outputs, initial_P,
                             forgetting, posterior, threads);
}

#endif

}  // namespace hetbrian
#endif
