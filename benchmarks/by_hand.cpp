// The FORCE network of benchmarks.setting as one hand-written loop: what a whole run can cost.
//     by_hand NETWORK N STEPS START STOP OUTPUT, compiled with TYPE, the precision of P
// State update, threshold (in blocks) and readout are one pass over the neurons, a spike adds its row of weights at
// once, and P is updated by the kernel of the package: one pass over the data each, and nothing else.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include "rls.h"
#include "filter.h"
#include "event_rls.h"

const double DT = 0.04, C = 250, K = 2.5, V_R = -60, V_T = -19.2, V_PEAK = 30, V_RESET = -65, B = -2, JUMP = 200,
             BIAS = 1000, TAU_W = 100, TAU_R = 2, TAU_D = 20, INITIAL_P = 2;
const size_t EVERY = 20, CAPACITY = 96, BLOCK = 128;

double now(const clockid_t which)
{
    timespec time;
    clock_gettime(which, &time);
    return time.tv_sec + 1e-9*time.tv_nsec;
}

template<class X>
std::vector<X> read(std::FILE* file, const size_t length)
{
    std::vector<X> values(length);
    if (std::fread(values.data(), sizeof(X), length, file) != length) std::exit(1);
    return values;
}

int main(int, char** arguments)
{
    using namespace hetbrian;
    const size_t n = std::atoi(arguments[2]), n_steps = std::atoi(arguments[3]), start = std::atoi(arguments[4]),
                 stop = std::atoi(arguments[5]);
    std::FILE* file = std::fopen(arguments[1], "rb");
    if (!file) return 1;
    std::vector<double> v = read<double>(file, n), E = read<double>(file, n);
    const std::vector<int> first = read<int>(file, n + 1), post = read<int>(file, first[n]);
    const std::vector<double> omega = read<double>(file, first[n]), y = read<double>(file, n_steps);
    std::fclose(file);

    const Panels<TYPE> panels(n);
    const size_t length = n + 2*192/sizeof(TYPE);
    std::vector<TYPE> P((n + 16)*length + 64), waiting(CAPACITY*length), products(2*length), c(n);
    std::vector<double> seen(2*n), gains(CAPACITY), w(n), current(n), rise(n), r(n), h(n), weights(n), output(n_steps);
    std::vector<int> fired(n);
    double gain = 0, scale = 1, z = 0;
    int n_updates = 0, tiles = 0, counts[COUNTS] = {};
    const double step[4] = {1 - DT/TAU_R, DT, 0, 1 - DT/TAU_D};
    size_t n_spikes = 0;
    const double began = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    double learning = 0;
    for (size_t t = 0; t < n_steps; t++) {
        double sum = 0;
        size_t count = 0;
        for (size_t begin = 0; begin < n; begin += BLOCK) {
            const size_t end = std::min(begin + BLOCK, n);
            long any = 0;  // as wide as a number: vectors
            #pragma GCC ivdep
            for (size_t i = begin; i < end; i++) {
                const double total = K*(v[i] - V_R)*(v[i] - V_T) - w[i] + BIAS + current[i] + E[i]*z;
                const double dw = (B*(v[i] - V_R) - w[i])/TAU_W;
                v[i] += DT*total/C;
                w[i] += DT*dw;
                current[i] += DT*(rise[i] - current[i]/TAU_R);
                rise[i] -= DT*rise[i]/TAU_D;
                r[i] += DT*(h[i] - r[i]/TAU_R);
                h[i] -= DT*h[i]/TAU_D;
                sum += weights[i]*r[i];
                any |= v[i] >= V_PEAK;
            }
            if (!any) continue;
            for (size_t i = begin; i < end; i++)
                if (v[i] >= V_PEAK) fired[count++] = i;
        }
        for (size_t k = 0; k < count; k++) {
            const int i = fired[k];
            for (int s = first[i]; s < first[i + 1]; s++) rise[post[s]] += omega[s];
            v[i] = V_RESET;
            w[i] += JUMP;
            h[i] += 1/(TAU_R*TAU_D);
        }
        n_spikes += count;
        output[t] = z = sum;
        if (t%EVERY || t < start || t >= stop) continue;
        const double before = now(CLOCK_PROCESS_CPUTIME_ID);
        adaptive_step<TYPE, int, double>(
            P.data(), waiting.data(), products.data(), seen.data(), gains.data(), &scale, counts, CAPACITY, length,
            c.data(), &gain, &n_updates, &tiles, r.data(), h.data(), 2, step, EVERY, weights.data(), &z, &y[t], n, n, 1,
            INITIAL_P, 1.0, false, 1);
        learning += now(CLOCK_PROCESS_CPUTIME_ID) - before;
    }
    std::printf("%.9g %.9g %.9g %zu\n", now(CLOCK_MONOTONIC) - began, now(CLOCK_PROCESS_CPUTIME_ID) - cpu, learning, n_spikes);
    file = std::fopen(arguments[6], "wb");
    const bool is_written = file && std::fwrite(output.data(), sizeof(double), n_steps, file) == n_steps;
    return is_written && std::fclose(file) == 0 ? 0 : 1;
}
