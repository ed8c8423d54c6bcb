"""FORCE with BrainPy's ForceTrainer, as its documentation has it.

The trainer updates P once per call of the model, so that a call simulates the 20 time steps between two updates; the
output that is fed back stays what it was at the last update, which spares BrainPy 19 of 20 readouts.
"""

import time

import brainpy as bp
import brainpy.math as bm
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import setting
from benchmarks.setting import BIAS, DT, EVERY, INITIAL_P, JUMP, TAU_D, TAU_R, TAU_W, V_PEAK, V_R, V_RESET, V_T, B, C, K


class Network(bp.DynamicalSystem):
    """The network, and a readout that is trained."""

    def __init__(self, v, encoder, weights):
        super().__init__(mode=bm.BatchingMode(1))
        self.encoder, self.weights = jnp.asarray(encoder), jnp.asarray(weights)
        self.state = bm.Variable(jnp.stack([jnp.asarray(v), *[jnp.zeros(v.size)] * 5]))
        self.z, self.spikes = bm.Variable(jnp.zeros((1, 1))), bm.Variable(jnp.zeros(()))
        self.readout = bp.dnn.Dense(
            v.size, 1, W_initializer=bp.init.ZeroInit(), b_initializer=None, mode=bm.TrainingMode(1)
        )

    def update(self, _):
        """Simulate the steps until the next update, and return the output."""
        feedback = self.encoder * self.z.value[0, 0]

        def step(carry, _):
            (v, w, current, rise, r, h), count = carry
            total = K * (v - V_R) * (v - V_T) - w + BIAS + current + feedback
            dw = (B * (v - V_R) - w) / TAU_W
            v, w = v + DT * total / C, w + DT * dw
            current, rise = current + DT * (rise - current / TAU_R), rise - DT * rise / TAU_D
            r, h = r + DT * (h - r / TAU_R), h - DT * h / TAU_D
            fired = v >= V_PEAK
            rise = jax.lax.cond(
                fired.any(), lambda rise: rise + fired.astype(rise.dtype) @ self.weights, lambda rise: rise, rise
            )
            v, w, h = jnp.where(fired, V_RESET, v), w + JUMP * fired, h + fired / (TAU_R * TAU_D)
            return (jnp.stack([v, w, current, rise, r, h]), count + fired.sum()), None

        carry = (self.state.value, self.spikes.value)
        (self.state.value, self.spikes.value), _ = jax.lax.scan(step, carry, length=EVERY)
        self.z.value = bm.as_jax(self.readout(self.state.value[4][None]))
        return self.z.value


def train(n_neurons, n_steps, start, stop, dtype="float32", seed=0):
    """
    Train the network.

    Parameters
    ----------
    n_neurons, n_steps, start, stop : int
        Size, and time steps in all and of learning; whole intervals between updates.
    dtype : str
        Precision of everything.
    seed : int

    Returns
    -------
    dict
        See `benchmarks.setting.result`; the output is that of each update.
    """
    bm.set_float(getattr(bm, dtype))
    if dtype == "float64":
        bm.enable_x64()
    v, encoder, pre, post, omega = setting.drawn(n_neurons, seed)
    weights = np.zeros((n_neurons, n_neurons), dtype)
    weights[pre, post] = omega / (TAU_R * TAU_D)
    signal = setting.target(n_steps)[::EVERY, None, None].astype(dtype)
    pieces = [(0, start // EVERY), (start // EVERY, stop // EVERY), (stop // EVERY, n_steps // EVERY)]
    for _ in range(2):  # the first compiles
        network = Network(v.astype(dtype), encoder.astype(dtype), weights)
        trainer = bp.ForceTrainer(network, alpha=INITIAL_P, progress_bar=False)
        began, cpu = time.perf_counter(), time.process_time()
        outputs = []
        for number, (first, last) in enumerate(pieces):
            given = bm.asarray(signal[None, first:last, 0])
            found = trainer.fit([given, given]) if number == 1 else trainer.predict(given)
            outputs.append(np.ravel(np.asarray(bm.as_jax(found))))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    z = np.repeat(np.concatenate(outputs), EVERY)
    return setting.result(seconds, cpu, z, float(network.spikes.value), n_neurons, stop)
