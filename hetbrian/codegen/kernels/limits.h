// What a readout can learn from: a finite target, and outputs of its order of magnitude.
#ifndef HETBRIAN_LIMITS_H
#define HETBRIAN_LIMITS_H
#include <cmath>
#ifndef HETBRIAN_DEVICE
#define HETBRIAN_DEVICE
#endif
#ifndef HETBRIAN_APART  // of rls.h
#define HETBRIAN_APART
#endif
namespace hetbrian {

// Why it must not learn from this sample: 0 if it may, 1 for a target that is not finite, 2 for an output beyond
// limit times the largest target so far, of the updates from the first on that counts; see hetbrian/readout/limits.py
template<class I, class W>  // in this order, as Cython names the first only
HETBRIAN_DEVICE inline int trouble(const W* z, const W* y, const int n_outputs, const double limit, const I n_updates,
                                   const I first, W* largest)
{
    using std::fabs;
    using std::isfinite;
    for (int o = 0; o < n_outputs; o++) {
        if (!isfinite(y[o])) return 1;
        if (fabs(y[o]) > *largest) *largest = fabs(y[o]);
    }
    if (n_updates < first || *largest == 0) return 0;
    for (int o = 0; o < n_outputs; o++)
        if (!(fabs(z[o]) <= limit*(*largest))) return 2;
    return 0;
}

// The squared length of the input x, activity and perhaps a bias
template<class A>
HETBRIAN_DEVICE HETBRIAN_APART inline double squared_length(const A* activity, const int n, const bool has_bias)
{
    double sum = has_bias ? 1 : 0;
    for (int j = 0; j < n; j++) sum += double(activity[j])*double(activity[j]);
    return sum;
}

}  // namespace hetbrian
#endif
