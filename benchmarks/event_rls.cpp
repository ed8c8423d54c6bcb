// A step of the event-driven RLS kernel and of the dense one on the same activity: event_rls N HZ CYCLES
// CPU microseconds a step: medians over cycles of as many updates as wait, so that each holds one product of matrices.
#include <ctime>
#include <cstdio>
#include <cstdlib>
#include <random>
#include "rls.h"
#include "filter.h"
#include "event_rls.h"

const size_t CAPACITY = 96;

double now()
{
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec + 1e-9*time.tv_nsec;
}

double median(std::vector<double>& values)
{
    std::nth_element(values.begin(), values.begin() + values.size()/2, values.end());
    return values[values.size()/2];
}

// Exponentials of 20 ms at steps of 0.04 ms, of neurons that fire at a mean rate in a rhythm of 5 Hz
struct Spikes {
    const double decay = 1 - 0.04/20, mean;
    std::mt19937_64 random;
    std::uniform_real_distribution<double> uniform;
    std::vector<double> r, phase;
    int update = 0;
    Spikes(const size_t n, const double rate) : mean(rate*0.04e-3), random(1), uniform(0, 1), r(n), phase(n)
    {
        for (auto& p : phase) p = 2*M_PI*uniform(random);
        for (int k = 0; k < 100; k++) next();
    }
    void next()
    {
        for (size_t j = 0; j < r.size(); j++) {
            const double expected = mean*(1 + std::cos(2*M_PI*5*update*0.8e-3 + phase[j]));
            for (int k = 0; k < 20; k++) {
                r[j] *= decay;
                if (uniform(random) < expected) r[j] += 1/20.0;
            }
        }
        update++;
    }
};

template<class T>
void measure(const char* name, const size_t n, const double rate, const int cycles)
{
    using namespace hetbrian;
    const Panels<T> panels(n);
    const size_t length = n + 2*192/sizeof(T);
    std::vector<T> P(n*n + 64*n + 4096), c(n), rows((n + 16)*length + 64), other_c(n);
    std::vector<T> waiting(CAPACITY*length), products(2*length);
    std::vector<double> seen(2*n), gains(CAPACITY), w(n), v(n);
    double gain = 0, other_gain = 0, scale = 1, z = 0, other_z = 0;
    int n_updates = 0, tiles = 0, other_updates = 0, other_tiles = 0, counts[COUNTS] = {};
    const double step[1] = {1 - 0.04/20}, initial_P = 1000.0/n;
    Spikes spikes(n, rate);
    std::vector<double> dense, event, products_of_matrices;
    std::vector<double> activity(CAPACITY*n), y(CAPACITY);
    for (int cycle = -1; cycle < cycles; cycle++) {
        for (size_t k = 0; k < CAPACITY; k++) {
            spikes.next();
            std::copy(spikes.r.begin(), spikes.r.end(), activity.begin() + k*n);
            y[k] = std::sin(2*M_PI*5*spikes.update*0.8e-3);
        }
        const double began = now();  // a kernel at a time, as in a simulation: caches hold what they can
        for (size_t k = 0; k < CAPACITY; k++) {
            const double* r = &activity[k*n];
            readout(w.data(), r, n, n, 1, &z);
            rls_step<T, int, double>(P.data(), c.data(), &gain, &n_updates, &tiles, r, w.data(), &z, &y[k], n, n, 1,
                                     initial_P, 1.0, false, 1);
        }
        const double between = now();
        for (size_t k = 0; k < CAPACITY; k++) {
            const double* r = &activity[k*n];
            readout(v.data(), r, n, n, 1, &other_z);
            adaptive_step<T, int, double>(
                rows.data(), waiting.data(), products.data(), seen.data(), gains.data(), &scale, counts, CAPACITY,
                length, other_c.data(), &other_gain, &other_updates, &other_tiles, r, r, 1, step, 20, v.data(),
                &other_z, &y[k], n, n, 1, initial_P, 1.0, false, 1);
        }
        const double took_dense = between - began, took_event = now() - between;
        if (cycle < 0) continue;  // fills P
        dense.push_back(took_dense/CAPACITY);
        event.push_back(took_event/CAPACITY);
        if (counts[DENSE]) continue;
        std::vector<double> zeros(CAPACITY);  // P is written alone, by gains of zero
        const EventState<T, int> state = {rows.data() + other_tiles - 1, waiting.data(), products.data(), seen.data(),
                                          zeros.data(), &scale, counts, CAPACITY, length};
        counts[WAITING] = CAPACITY;
        const double start = now();
        flush_waiting<1>(state, panels, 1);
        products_of_matrices.push_back(now() - start);
    }
    double difference = 0, largest = 0;
    for (size_t j = 0; j < n; j++) {
        difference = std::max(difference, std::fabs(w[j] - v[j]));
        largest = std::max(largest, std::fabs(w[j]));
    }
    std::printf("%s %zu %.9g %.9g %.9g %.3g\n", name, n, median(dense), median(event),
                products_of_matrices.empty() ? 0.0 : 0.5*n*n*CAPACITY/median(products_of_matrices), difference/largest);
}

int main(int, char** argv)
{
    const size_t n = std::atoi(argv[1]);
    const double rate = std::atof(argv[2]);
    const int cycles = std::atoi(argv[3]);
    measure<double>("float64", n, rate, cycles);
    measure<float>("float32", n, rate, cycles);
}
