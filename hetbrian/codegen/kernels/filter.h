// The linear filter that an activity is, and what the event-driven kernels of event_rls.h and event_rls.cuh count.
#ifndef HETBRIAN_FILTER_H
#define HETBRIAN_FILTER_H
#ifndef HETBRIAN_DEVICE
#define HETBRIAN_DEVICE
#endif
#include <cstddef>
namespace hetbrian {

// Updates WAITING, entries CHANGED since P was last written; whether q is KEPT, and whether the kernel that reads all
// of P is in charge: DENSE. STRIDE of the rows of P, 0 if it is not in rows, and WIDTH of the panels of waiting
// updates, which hetbrian/codegen/waiting.py reads.
enum Count { WAITING, CHANGED, KEPT, DENSE, STRIDE, WIDTH, COUNTS };

// The change of the filter's states from one update to the next
template<int STATES>
struct Filter {
    double a[STATES][STATES];
    explicit Filter(const double* step = nullptr)
    {
        for (int i = 0; i < STATES; i++)
            for (int j = 0; j < STATES; j++) a[i][j] = step ? step[i*STATES + j] : 0;
    }
    // Of `every` steps of one each
    Filter power(int every) const
    {
        Filter result, base = *this;
        for (int s = 0; s < STATES; s++) result.a[s][s] = 1;
        for (; every > 0; every /= 2, base = base.times(base))
            if (every % 2) result = result.times(base);
        return result;
    }
    Filter times(const Filter& other) const
    {
        Filter product;
        for (int i = 0; i < STATES; i++)
            for (int j = 0; j < STATES; j++)
                for (int k = 0; k < STATES; k++) product.a[i][j] += a[i][k]*other.a[k][j];
        return product;
    }
};

// A state that differs less from the decayed old one was only rounded: its own decay rounds at each time step. What
// this hides does not add up, as the next comparison is with what was hidden from.
template<class T, class A>
HETBRIAN_DEVICE double tolerance()
{
    return sizeof(A) == 4 ? 1e-5 : sizeof(T) == 4 ? 1e-9 : 1e-13;
}

// More changes than these in one update cost more than a product with all of P, which reads one half of it
HETBRIAN_DEVICE inline size_t many(const size_t m) { return m*2/5; }

// More than these, update after update, cost more than the dense kernel, which reads and writes one half each time
HETBRIAN_DEVICE inline size_t too_many(const size_t m) { return m/5; }

}  // namespace hetbrian
#endif
