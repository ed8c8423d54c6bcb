// The time loop of a cell, generated from Brian2 equations; REAL is float or double.
typedef REAL real;
#define FUNCTION inline
{% include "sequence.h" %}
{% include "arguments.h" %}

// The events of spikes[row][neuron]: where those of each row begin, at the end their number, and their neurons; -1 as
// their number if there is another value than 0 and 1. index has 16 elements more than there can be events.
extern "C" void collect(int64_t n_rows, int n, const real* spikes, int64_t* begin, int32_t* index) {
    int64_t count = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        const real* const z = spikes + row*n;
        int others = 0;
        for (int k = 0; k < n; k++) others += (z[k] != 0) & (z[k] != 1);
        if (others) {
            begin[n_rows] = -1;
            return;
        }
        begin[row] = count;
        count += active(z, n, index + count);
    }
    begin[n_rows] = count;
}

// start[plane][batch][neuron]: planes below STATES have an adjoint; saved[step][kept][batch][neuron]: before the reset
extern "C" void forward(const Arguments& arguments) {
{% include "unpack.h" %}
    #pragma omp parallel for num_threads(threads) schedule(static)
    for (int block = 0; block < (B + ROWS - 1)/ROWS; block++) {
        std::vector<real> states((size_t)ROWS*PLANES*N), sums((size_t)TARGETS*N);
        std::vector<int32_t> list(N + 16);
        real* const arrived = sums.data();
        const int b0 = block*ROWS, b1 = b0 + ROWS < B ? b0 + ROWS : B;
        for (int b = b0; b < b1; b++) for (int k = 0; k < PLANES; k++)
            memcpy(states.data() + ((size_t)(b - b0)*PLANES + k)*N, start + k*BN + (size_t)b*N, N*sizeof(real));
        for (int t = 0; t < T; t++) for (int b = b0; b < b1; b++) {
            const size_t o = (size_t)b*N, at = (size_t)t*BN + o;
            const int64_t step = first + t;
            const double time = step*seconds;
            real* const state = states.data() + (size_t)(b - b0)*PLANES*N;
            real* const saved_row = saved + (size_t)(t + 1)*KEPT*BN + o;
            real* const spikes_row = spikes + at;
            double* const last_row = last ? last + (size_t)(t + 1)*BN + o : nullptr;
            if (last) memcpy(last_row, last_row - BN, N*sizeof(double));
            for (int k = 0; k < STATES; k++) if (recorded[k]) memcpy(recorded[k] + at, state + (size_t)k*N, N*sizeof(real));
            for (int n = 0; n < N; n += LANES) {  // lines that are written below come to the cache during the sums
                __builtin_prefetch(spikes_row + n, 1);
                for (int k = 0; k < KEPT; k++) __builtin_prefetch(saved_row + k*BN + n, 1);
            }
            memset(arrived, 0, sums.size()*sizeof(real));
            {% for j, path, k in step.paths if path.source %}
            if (t >= {{ path.delay }}) {
                const int64_t* const row = begin[{{ j }}] + (size_t)(t - {{ path.delay }})*B + b;
                add_rows(arrived + {{ k }}*N, weights[{{ j }}], index[{{ j }}] + row[0], row[1] - row[0], N);
            }
            {% endfor %}
            #pragma omp simd
            for (int n = 0; n < N; n++) {
                {{ step.update|indent(16) }}
            }
            {% for j, path, k in step.paths if not path.source %}
            if (t >= {{ path.delay }}) {
                const int count = active(spikes + at - (size_t){{ path.delay }}*BN, N, list.data());
                add_rows(arrived + {{ k }}*N, weights[{{ j }}], list.data(), count, N);
            }
            {% endfor %}
            #pragma omp simd
            for (int n = 0; n < N; n++) {
                {{ step.reset|indent(16) }}
            }
        }
        for (int b = b0; b < b1; b++) for (int k = 0; k < PLANES; k++)
            memcpy(final_state + k*BN + (size_t)b*N, states.data() + ((size_t)(b - b0)*PLANES + k)*N, N*sizeof(real));
    }
}

// of_x is the adjoint of x; of_state holds that of the final state and becomes that of the initial one
extern "C" void backward(const Arguments& arguments) {
{% include "unpack.h" %}
    const int NB = ROWS*N;
    std::vector<std::vector<real>> parts(threads);  // each thread's sums over its batch rows, added in order at the end
    std::vector<size_t> offset(PATHWAYS + 1, (size_t)FIXED*N);
    for (int j = 0; j < PATHWAYS; j++) offset[j + 1] = offset[j] + (of_weights_total[j] ? n_source[j]*(size_t)N : 0);
    #pragma omp parallel num_threads(threads)
    {
        std::vector<real>& part = parts[omp_get_thread_num()];
        const bool is_first = omp_get_thread_num() == 0;
        part.assign(is_first ? (size_t)FIXED*N : offset[PATHWAYS], 0);
        real* const of_rows = part.data();
        real* of_weights[PATHWAYS];
        for (int j = 0; j < PATHWAYS; j++)
            of_weights[j] = !of_weights_total[j] ? nullptr : is_first ? of_weights_total[j] : part.data() + offset[j];
        std::vector<real> adjoints((size_t)PLANES*NB), currents((size_t)CHUNK*TARGETS*NB), waiting((size_t)SLOTS*NB), jumps(NB);
        real* const of_sent = waiting.data();
        std::vector<int32_t> list(N + 16);
        std::vector<Sorted> sorted;
        Ahead ahead;
        for (int j = 0; j < PATHWAYS; j++) sorted.emplace_back(of_weights[j] ? (int)n_source[j] : 0);
        #pragma omp for schedule(static)
        for (int block = 0; block < (B + ROWS - 1)/ROWS; block++) {
            const int b0 = block*ROWS, R = B - b0 < ROWS ? B - b0 : ROWS;
            for (int k = 0; k < STATES; k++) for (int r = 0; r < R; r++)
                memcpy(adjoints.data() + (size_t)k*NB + (size_t)r*N, of_state + k*BN + (size_t)(b0 + r)*N, N*sizeof(real));
            memset(of_sent, 0, waiting.size()*sizeof(real));
            for (int t = T - 1; t >= 0; t--) {
                const int64_t step = first + t;
                const double time = step*seconds;
                (void)time;
                const int first_row = t % CHUNK*TARGETS*ROWS;
                real* const chunk_row = currents.data() + (size_t)first_row*N;
                for (int r = 0; r < R; r++) {
                    const int b = b0 + r;
                    const size_t at = (size_t)t*BN + (size_t)b*N;
                    const real* const after = saved + (size_t)(t + 1)*KEPT*BN + (size_t)b*N;
                    real* const G = adjoints.data() + (size_t)r*N;
                    real* const incoming = chunk_row + (size_t)r*N;
                    real* const of_spike = jumps.data() + (size_t)r*N;
                    #pragma omp simd
                    for (int n = 0; n < N; n++) {
                        {{ step.adjoint_reset|indent(24) }}
                    }
                    {% for j, path, k in step.paths %}
                    if (of_current[{{ j }}]) memcpy(of_current[{{ j }}] + at, incoming + {{ k }}*NB, N*sizeof(real));
                    if (of_weights[{{ j }}] && t >= {{ path.delay }}) {
                        {% if path.source %}
                        const int64_t* const row = begin[{{ j }}] + (size_t)(t - {{ path.delay }})*B + b;
                        sorted[{{ j }}].insert(first_row + {{ k }}*ROWS + r, index[{{ j }}] + row[0], row[1] - row[0]);
                        {% else %}
                        const int count = active(spikes + at - (size_t){{ path.delay }}*BN, N, list.data());
                        sorted[{{ j }}].insert(first_row + {{ k }}*ROWS + r, list.data(), count);
                        {% endif %}
                    }
                    {% endfor %}
                }
                const size_t here = (size_t)t*BN + (size_t)b0*N;
                ahead.begin((size_t)R*N);
                for (int k = 0; k < KEPT; k++) ahead.add(saved + ((size_t)t*KEPT + k)*BN + (size_t)b0*N);
                ahead.add(of_spikes + here);
                if (t) ahead.add(spikes + here - BN);
                {% for j, path, k in step.paths if not path.source %}
                if (t >= {{ path.delay }}) {
                    real* const into = of_sent + (size_t)((t - {{ path.delay }}) % SLOTS)*NB;
                    const real* const from = chunk_row + {{ k }}*NB;
                    if (R == ROWS) multiply<ROWS>(into, from, transposed[{{ j }}], N, N, ahead);
                    else for (int r = 0; r < R; r++) multiply<1>(into + r*N, from + r*N, transposed[{{ j }}], N, N, ahead);
                }
                {% endfor %}
                if (t % CHUNK == 0) for (int j = 0; j < PATHWAYS; j++)
                    if (of_weights[j]) sorted[j].add_to(of_weights[j], currents.data(), N);
                for (int r = 0; r < R; r++) {
                    const int b = b0 + r;
                    const size_t at = (size_t)t*BN + (size_t)b*N, at_before = t ? at - BN : at;
                    (void)at_before;
                    const real* const before = saved + (size_t)t*KEPT*BN + (size_t)b*N;
                    const real* const after = before + KEPT*BN;
                    const double* const last_before = last ? last + at : nullptr;
                    (void)last_before; (void)after;
                    const real* const spikes_before = t ? spikes + at - BN : nullptr;
                    real* const G = adjoints.data() + (size_t)r*N;
                    real* const of_spike = jumps.data() + (size_t)r*N;
                    real* const sent = of_sent + (size_t)(t % SLOTS)*NB + (size_t)r*N;
                    if (t) {
                        #pragma omp simd
                        for (int n = 0; n < N; n++) {
                            const bool was = spikes_before[n] != 0;
                            {{ step.adjoint_update|indent(28) }}
                        }
                    } else {
                        for (int n = 0; n < N; n++) {
                            const bool was = false;
                            {{ step.adjoint_update|indent(28) }}
                        }
                    }
                    for (int k = 0; k < STATES; k++) if (of_recorded[k]) add(G + (size_t)k*NB, of_recorded[k] + at, N);
                }
                memset(of_sent + (size_t)(t % SLOTS)*NB, 0, NB*sizeof(real));
            }
            for (int k = 0; k < STATES; k++) for (int r = 0; r < R; r++)
                memcpy(of_state + k*BN + (size_t)(b0 + r)*N, adjoints.data() + (size_t)k*NB + (size_t)r*N, N*sizeof(real));
        }
    }
    for (int thread = 0; thread < threads; thread++) {
        const std::vector<real>& part = parts[thread];
        if (part.empty()) continue;
        add(of_rows_total, part.data(), FIXED*N);
        if (thread) for (int j = 0; j < PATHWAYS; j++)
            for (size_t k = offset[j]; k < offset[j + 1]; k++) of_weights_total[j][k - offset[j]] += part[k];
    }
}
