"""FORCE as a scan in JAX, by hand: the spikes of a step are gathered, and P is updated every 20 steps."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import setting
from benchmarks.setting import BIAS, DT, EVERY, INITIAL_P, JUMP, TAU_D, TAU_R, TAU_W, V_PEAK, V_R, V_RESET, V_T, B, C, K

SPIKES = 32
"""Rows of the weights that are gathered in a step; more spikes take a whole product."""


def scan(rows, encoder, dtype):
    """
    Return the jitted function that simulates one interval between updates after the other.

    Parameters
    ----------
    rows : jax.Array, shape (n_neurons + 1, n_neurons)
        Weights by presynaptic neuron, and a row of zeros.
    encoder : jax.Array, shape (n_neurons,)
    dtype : jax.numpy.dtype
        Precision of P; that of the state is that of ``rows``.

    Returns
    -------
    callable
    """
    n = encoder.size

    def step(state, _):
        v, w, current, rise, r, h, weights, z = state
        total = K * (v - V_R) * (v - V_T) - w + BIAS + current + encoder * z
        dw = (B * (v - V_R) - w) / TAU_W
        v, w = v + DT * total / C, w + DT * dw
        current, rise = current + DT * (rise - current / TAU_R), rise - DT * rise / TAU_D
        r, h = r + DT * (h - r / TAU_R), h - DT * h / TAU_D
        fired = v >= V_PEAK
        count = fired.sum()

        def some(rise):
            (where,) = jnp.nonzero(fired, size=SPIKES, fill_value=n)
            return rise + rows[where].sum(axis=0)

        rise = jax.lax.cond(
            count == 0,
            lambda rise: rise,
            lambda rise: jax.lax.cond(count <= SPIKES, some, lambda rise: rise + fired @ rows[:-1], rise),
            rise,
        )
        v, w, h = jnp.where(fired, V_RESET, v), w + JUMP * fired, h + fired / (TAU_R * TAU_D)
        z = weights @ r
        return (v, w, current, rise, r, h, weights, z), (z, count)

    def interval(carry, learning_and_target):
        state, P = carry
        learns, wanted = learning_and_target
        state, (first, first_count) = step(state, None)

        def learn(state, P):
            *others, r, h, weights, z = state
            activity = r.astype(dtype)
            c = P @ activity
            weights = weights - (z - wanted) * c.astype(weights.dtype)
            return (*others, r, h, weights, z), P - jnp.outer(c, c / (1 + activity @ c))

        state, P = jax.lax.cond(learns, learn, lambda state, P: (state, P), state, P)
        state, (others, counts) = jax.lax.scan(step, state, length=EVERY - 1)
        return (state, P), (jnp.concatenate([first[None], others]), first_count + counts.sum())

    return jax.jit(lambda carry, inputs: jax.lax.scan(interval, carry, inputs))


def train(n_neurons, n_steps, start, stop, dtype="float64", seed=0):
    """
    Train the network.

    Parameters
    ----------
    n_neurons, n_steps, start, stop : int
        Size, and time steps in all and of learning; whole intervals between updates.
    dtype : str
        Precision of P and, in JAX, of everything.
    seed : int

    Returns
    -------
    dict
        See `benchmarks.setting.result`.
    """
    jax.config.update("jax_enable_x64", dtype == "float64")
    v, encoder, pre, post, omega = setting.drawn(n_neurons, seed)
    rows = np.zeros((n_neurons + 1, n_neurons))
    rows[pre, post] = omega / (TAU_R * TAU_D)
    zeros = jnp.zeros(n_neurons, dtype)
    state = (jnp.asarray(v, dtype), *[zeros] * 6, jnp.zeros((), dtype))
    run = scan(jnp.asarray(rows, dtype), jnp.asarray(encoder, dtype), dtype)
    signal = setting.target(n_steps)[::EVERY]
    updated = np.arange(0, n_steps, EVERY)
    inputs = (jnp.asarray((start <= updated) & (updated < stop)), jnp.asarray(signal, dtype))
    compiled = run.lower((state, INITIAL_P * jnp.eye(n_neurons, dtype=dtype)), inputs).compile()
    P = jax.block_until_ready(INITIAL_P * jnp.eye(n_neurons, dtype=dtype))
    began, cpu = time.perf_counter(), time.process_time()
    _, (z, counts) = jax.block_until_ready(compiled((state, P), inputs))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return setting.result(seconds, cpu, np.ravel(z), counts.sum(), n_neurons, stop)
