// How long an update of P takes on the card, for each size given as an argument: a line of JSON for each precision and
// method. A size that does not fit the free memory is left out.
#include <cstdint>
#include <vector>

#define HETBRIAN_DEVICE __device__
#include "check.h"
#include "filter.h"
#include "rls.cuh"
#include "event_rls.cuh"

const int UPDATES = 192, CAPACITY = 96, SHARE = 18;  // of 18 neurons one fires between two updates, at 55 Hz and 1 ms
const double DECAY = 0.95;

// An exponential that decays, where a neuron fired with a jump
__global__ void filtered(double* activity, const int n, const int update)
{
    const int j = blockIdx.x*blockDim.x + threadIdx.x;
    if (j < n) activity[j] = DECAY*activity[j] + ((j*2654435761u >> 8)%SHARE == unsigned(update)%SHARE ? 0.05 : 0.0);
}

template<class T>
void measure(const char* name, const int n)
{
    size_t free_bytes, total_bytes;
    CHECK(cudaMemGetInfo(&free_bytes, &total_bytes));
    const size_t size = size_t(n)*n;
    if (size*sizeof(T) + (size_t(256) << 20) > free_bytes) return;
    T *P, *c, *product;
    double *numbers;  // activity, weights, then gain, z, y and P(0)
    int32_t* n_updates;
    CHECK(cudaMalloc(&P, size*sizeof(T)));
    CHECK(cudaMalloc(&c, n*sizeof(T)));
    CHECK(cudaMalloc(&product, n*sizeof(T)));
    CHECK(cudaMalloc(&numbers, (2*n + 4)*sizeof(double)));
    CHECK(cudaMalloc(&n_updates, sizeof(int32_t)));
    CHECK(cudaMemset(c, 0, n*sizeof(T)));
    CHECK(cudaMemset(n_updates, 0, sizeof(int32_t)));
    std::vector<double> host(2*n + 4, 0.0);
    uint32_t state = 1;
    for (int j = 0; j < n; j++) {
        state = 1664525u*state + 1013904223u;
        host[j] = state/4294967296.0/20;
    }
    host[2*n + 2] = 1;
    host[2*n + 3] = 2;
    CHECK(cudaMemcpy(numbers, host.data(), host.size()*sizeof(double), cudaMemcpyHostToDevice));
    double *activity = numbers, *weights = numbers + n, *gain = numbers + 2*n, *z = gain + 1, *y = gain + 2, *initial_P = gain + 3;
    const int32_t* is_dense = nullptr;
    const auto updates = [&](const int count) {
        for (int k = 0; k < count; k++) {
            hetbrian::rls_product<T, int32_t, double, double><<<n, hetbrian::ROW_THREADS>>>(
                P, c, gain, n_updates, activity, n, n, initial_P, 1.0, product, is_dense);
            hetbrian::rls_weights<T, int32_t, double, double><<<1, hetbrian::BLOCK_THREADS>>>(
                c, gain, weights, product, activity, z, y, n, n, 1, 1.0, false, is_dense);
            hetbrian::rls_count<<<1, 1>>>(n_updates);
        }
    };
    updates(3);
    const float took = milliseconds([&] { updates(UPDATES); });
    CHECK(cudaGetLastError());
    printf("{\"N\": %d, \"P\": \"%s\", \"kernel\": \"dense\", \"us an update\": %.2f, \"GB/s\": %.0f}\n", n, name,
           1e3*took/UPDATES, 2e-6*size*sizeof(T)*UPDATES/took);

    T *waiting, *by;  // as hetbrian/codegen/waiting.py
    double *seen, *along;  // along, then gains and scale
    int32_t *counts, *changed;  // changed, then whether the dense kernel is in charge
    CHECK(cudaMalloc(&waiting, size_t(CAPACITY)*n*sizeof(T)));
    CHECK(cudaMalloc(&by, n*sizeof(T)));
    CHECK(cudaMalloc(&seen, n*sizeof(double)));
    CHECK(cudaMalloc(&along, (2*CAPACITY + 1)*sizeof(double)));
    CHECK(cudaMalloc(&counts, hetbrian::COUNTS*sizeof(int32_t)));
    CHECK(cudaMalloc(&changed, (n + 3)*sizeof(int32_t)));
    CHECK(cudaMemset(changed, 0, (n + 3)*sizeof(int32_t)));
    CHECK(cudaMemset(seen, 0, n*sizeof(double)));
    CHECK(cudaMemset(n_updates, 0, sizeof(int32_t)));
    const hetbrian::EventState<T, int32_t> event = {
        P, waiting, product, seen, along + CAPACITY, along + 2*CAPACITY, counts, CAPACITY, n, n, changed, by, along,
        changed + n + 2};
    const hetbrian::States<double, 1> states = {{activity}};
    const auto filter = hetbrian::Filter<1>(&DECAY);
    int update = 0;
    const auto events = [&](const int count) {
        for (int k = 0; k < count; k++) {
            filtered<<<(n + 255)/256, 256>>>(activity, n, update++);
            hetbrian::launch_update(event, states, filter, c, gain, n_updates, weights, z, y, n, 1, 1, initial_P, 1.0, false);
            hetbrian::rls_count<<<1, 1>>>(n_updates);
        }
    };
    events(3);
    const float event_took = milliseconds([&] { events(UPDATES); });  // writes P twice
    CHECK(cudaGetLastError());
    // of P one row of SHARE, and all of it read and written once in CAPACITY updates
    const double bytes = (1.0/SHARE + 2.0/CAPACITY)*size*sizeof(T);
    printf("{\"N\": %d, \"P\": \"%s\", \"kernel\": \"event-driven\", \"us an update\": %.2f, \"GB/s\": %.0f}\n", n,
           name, 1e3*event_took/UPDATES, 1e-6*bytes*UPDATES/event_took);
    CHECK(cudaFree(waiting));
    CHECK(cudaFree(by));
    CHECK(cudaFree(seen));
    CHECK(cudaFree(along));
    CHECK(cudaFree(counts));
    CHECK(cudaFree(changed));
    CHECK(cudaFree(P));
    CHECK(cudaFree(c));
    CHECK(cudaFree(product));
    CHECK(cudaFree(numbers));
    CHECK(cudaFree(n_updates));
}

int main(const int count, char** given)
{
    for (int k = 1; k < count; k++) {
        measure<float>("float32", atoi(given[k]));
        measure<double>("float64", atoi(given[k]));
    }
    return 0;
}
