"""FORCE as one loop in numba: what a patient user writes by hand who knows the processor."""

import time

import numba
import numpy as np

from benchmarks import setting
from benchmarks.setting import BIAS, DT, EVERY, INITIAL_P, JUMP, TAU_D, TAU_R, TAU_W, V_PEAK, V_R, V_RESET, V_T, B, C, K


@numba.njit(fastmath=True)
def loop(v, encoder, first, post, omega, P, y, start, stop):
    """Simulate and return the output in each time step and the number of spikes."""
    n, n_steps = v.size, y.size
    w, current, rise, r, h = np.zeros((5, n))
    weights, outputs, fired = np.zeros(n), np.empty(n_steps), np.empty(n, np.int64)
    z, n_spikes = 0.0, 0
    for step in range(n_steps):
        for i in range(n):
            total = K * (v[i] - V_R) * (v[i] - V_T) - w[i] + BIAS + current[i] + encoder[i] * z
            dw = (B * (v[i] - V_R) - w[i]) / TAU_W
            v[i] += DT * total / C
            w[i] += DT * dw
            current[i] += DT * (rise[i] - current[i] / TAU_R)
            rise[i] -= DT * rise[i] / TAU_D
            r[i] += DT * (h[i] - r[i] / TAU_R)
            h[i] -= DT * h[i] / TAU_D
        count = 0
        for i in range(n):
            if v[i] >= V_PEAK:
                fired[count] = i
                count += 1
        for number in range(count):
            i = fired[number]
            for synapse in range(first[i], first[i + 1]):
                rise[post[synapse]] += omega[synapse]
            v[i] = V_RESET
            w[i] += JUMP
            h[i] += 1 / (TAU_R * TAU_D)
        n_spikes += count
        z = 0.0
        for i in range(n):
            z += weights[i] * r[i]
        outputs[step] = z
        if step % EVERY == 0 and start <= step < stop:
            activity = r.astype(P.dtype)
            c = P @ activity
            scale = 1 / (1 + activity @ c)
            error = z - y[step]
            for i in range(n):
                weights[i] -= error * c[i]
                factor = scale * c[i]
                for j in range(n):
                    P[i, j] -= factor * c[j]
    return outputs, n_spikes


def train(n_neurons, n_steps, start, stop, dtype="float64", seed=0):
    """
    Train the network.

    Parameters
    ----------
    n_neurons, n_steps, start, stop : int
        Size, and time steps in all and of learning.
    dtype : str
        Precision of P.
    seed : int

    Returns
    -------
    dict
        See `benchmarks.setting.result`.
    """
    v, encoder, pre, post, omega = setting.drawn(n_neurons, seed)
    first = np.searchsorted(pre, np.arange(n_neurons + 1))
    omega, post = omega / (TAU_R * TAU_D), post.astype(np.int32)
    signal = setting.target(n_steps)
    for length in (1, n_steps):  # the first compiles
        P = np.eye(n_neurons, dtype=dtype) * np.dtype(dtype).type(INITIAL_P)
        began, cpu = time.perf_counter(), time.process_time()
        z, n_spikes = loop(v.copy(), encoder, first, post, omega, P, signal[:length], start, stop)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return setting.result(seconds, cpu, z, n_spikes, n_neurons, stop)
