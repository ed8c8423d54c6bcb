// Random intervals between updates; hetbrian/codegen/interval.py draws the same.
#ifndef HETBRIAN_INTERVALS_H
#define HETBRIAN_INTERVALS_H
#include <cstdint>
namespace hetbrian {

// If this step was the next, draw how many steps later the one after it is
template<class I>
inline void tick(const int64_t step, I* next, I* every, I* draw, const I* intervals, const int64_t n_intervals)
{
    if (step < *next) return;
    *draw = I(int64_t(48271)*(*draw)%2147483647);
    *every = intervals[int64_t(*draw)*n_intervals >> 31];
    *next = I(step + *every);
}

}  // namespace hetbrian
#endif
