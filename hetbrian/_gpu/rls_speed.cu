// How long an update of P takes on the card, for each size given as an argument: a line of JSON for each precision. A
// size whose P does not fit the free memory is left out.
#include <cstdint>
#include <vector>

#include "check.h"
#include "rls.cuh"

const int UPDATES = 50;

template<class T>
void measure(const char* name, const int n)
{
    size_t free_bytes, total_bytes;
    CHECK(cudaMemGetInfo(&free_bytes, &total_bytes));
    const size_t size = size_t(n)*n;
    if (size*sizeof(T) + (size_t(64) << 20) > free_bytes) return;
    T *P, *c, *product;
    double *numbers;  // activity, weights, then gain, z and y
    int32_t* n_updates;
    CHECK(cudaMalloc(&P, size*sizeof(T)));
    CHECK(cudaMalloc(&c, n*sizeof(T)));
    CHECK(cudaMalloc(&product, n*sizeof(T)));
    CHECK(cudaMalloc(&numbers, (2*n + 3)*sizeof(double)));
    CHECK(cudaMalloc(&n_updates, sizeof(int32_t)));
    CHECK(cudaMemset(c, 0, n*sizeof(T)));
    CHECK(cudaMemset(n_updates, 0, sizeof(int32_t)));
    std::vector<double> host(2*n + 3, 0.0);
    uint32_t state = 1;
    for (int j = 0; j < n; j++) {
        state = 1664525u*state + 1013904223u;
        host[j] = state/4294967296.0/20;
    }
    host[2*n + 2] = 1;
    CHECK(cudaMemcpy(numbers, host.data(), host.size()*sizeof(double), cudaMemcpyHostToDevice));
    double *activity = numbers, *weights = numbers + n, *gain = numbers + 2*n, *z = gain + 1, *y = gain + 2;
    const auto updates = [&](const int count) {
        for (int k = 0; k < count; k++) {
            hetbrian::rls_product<T, int32_t, double, double><<<n, hetbrian::ROW_THREADS>>>(
                P, c, gain, n_updates, activity, n, n, 2.0, 1.0, product);
            hetbrian::rls_weights<T, int32_t, double, double><<<1, hetbrian::BLOCK_THREADS>>>(
                c, gain, n_updates, weights, product, activity, z, y, n, n, 1, 1.0, false);
        }
    };
    updates(3);
    const float took = milliseconds([&] { updates(UPDATES); });
    CHECK(cudaGetLastError());
    printf("{\"N\": %d, \"P\": \"%s\", \"kernel\": \"dense\", \"us an update\": %.2f, \"GB/s\": %.0f}\n", n, name,
           1e3*took/UPDATES, 2e-6*size*sizeof(T)*UPDATES/took);
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
