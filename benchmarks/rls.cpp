// RLS steps per second of the kernel of C++ standalone, and what bounds them, in turn: rls N SECONDS
// The bandwidth of the memory that P is in, and the arithmetic: three multiply-adds for each number of the triangle.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include "rls.h"

double now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Seconds of one pass that reads and writes n numbers in place: what an update of P has to move
template<class T>
double pass(std::vector<T>& data, const T factor)
{
    const double began = now();
    T* __restrict p = data.data();
    const size_t n = data.size();
    #pragma GCC ivdep
    for (size_t i = 0; i < n; i++) p[i] *= factor;
    return now() - began;
}

// Multiply-adds per second from registers: twelve chains hide the latency, of two a cycle and four cycles each
template<class T>
double arithmetic()
{
    typedef T Vector __attribute__((vector_size(HETBRIAN_VECTOR)));
    const size_t lanes = HETBRIAN_VECTOR/sizeof(T), rounds = 100000;
    const T factor = T(0.999), term = T(0.1);
    Vector a = {}, b = {}, c = {}, d = {}, e = {}, f = {}, g = {}, h = {}, i = {}, j = {}, k = {}, l = {};
    const double began = now();
    for (size_t n = 0; n < rounds; n++) {
        a = a*factor + term; b = b*factor + term; c = c*factor + term; d = d*factor + term;
        e = e*factor + term; f = f*factor + term; g = g*factor + term; h = h*factor + term;
        i = i*factor + term; j = j*factor + term; k = k*factor + term; l = l*factor + term;
        asm volatile("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f));
        asm volatile("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));
    }
    return 12*lanes*rounds/(now() - began);
}

template<class T>
void measure(const char* name, const int n, const double seconds)
{
    std::vector<T> P(size_t(n)*n), c(n), triangle(size_t(n)*(n + 1)/2, T(1));
    std::vector<double> r(n), w(n);
    double gain = 0, z = 0.1, y = 0;
    int updates = 0, tiles = 0;
    std::vector<double> steps, passes, rates;
    const double end = now() + seconds;
    unsigned int state = 1;
    while (now() < end || steps.size() < 50) {
        for (int j = 0; j < n; j++) { state = state*1664525u + 1013904223u; r[j] = state/4294967296.0/n; }
        for (int k = 0; k < 10; k++) {  // ten of each in a row, as in a simulation: caches hold what they can
            const double began = now();
            hetbrian::rls_step(P.data(), c.data(), &gain, &updates, &tiles, r.data(), w.data(), &z,
                               &y, size_t(n), size_t(n), size_t(1), 2.0, 1.0, false, 1);
            if (k > 0) steps.push_back(now() - began);
        }
        for (int k = 0; k < 10; k++) {
            const double seconds = pass(triangle, T(1.0000001));
            if (k > 0) passes.push_back(seconds);
        }
        rates.push_back(arithmetic<T>());
    }
    std::nth_element(steps.begin(), steps.begin() + steps.size()/2, steps.end());
    std::nth_element(passes.begin(), passes.begin() + passes.size()/2, passes.end());
    std::nth_element(rates.begin(), rates.begin() + rates.size()/2, rates.end());
    const double step = steps[steps.size()/2], bound = passes[passes.size()/2];
    std::printf("%s %d %.9g %.9g %.9g %.9g\n", name, n, 1/step, 1/bound, 2*sizeof(T)*triangle.size()/bound/1e9,
                rates[rates.size()/2]/3/triangle.size());
    if (w[0] == 12345) std::puts("");  // the weights are used
}

int main(int, char** argv)
{
    const hetbrian::FlushToZero flush;
    const int n = std::atoi(argv[1]);
    measure<double>("float64", n, std::atof(argv[2]));
    measure<float>("float32", n, std::atof(argv[2]));
}
