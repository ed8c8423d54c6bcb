"""Recurrent layers in JAX, compiled as a whole: by hand, of Spyx and of brainpy.state, for `benchmarks.torch_cell`."""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np


@jax.custom_jvp
def fired(distance):
    """Return 1 above threshold, with the derivative of a fast sigmoid of slope 100, as the torch layers have it."""
    return (distance > 0).astype(distance.dtype)


@fired.defjvp
def _(primals, tangents):
    (x,), (change,) = primals, tangents
    return fired(x), change / (100 * jnp.abs(x) + 1) ** 2


def by_hand(key, shape):
    """
    Return parameters and layer: the equations of `benchmarks.torch_cell.group`, in ms, mV, pA, nS and pF.

    The same matrix product for all steps comes before the scan, as a user of JAX would write it.
    """
    n, n_in = shape["n"], shape["n_in"]
    keys = jax.random.split(key, 5)
    parameters = {
        "eta": 80 + 60 * jax.random.normal(keys[0], (n,)),
        "g": 10 + jax.random.normal(keys[1], (n,)),
        "theta": 0.2 * jax.random.uniform(keys[2], (n,)),
        "given": 0.5 + 1.3 * jax.random.normal(keys[3], (n_in, n)),
        "recurrent": 0.06 * jax.random.normal(keys[4], (n, n)),
    }

    def layer(p, spikes):
        inputs = spikes @ p["given"]

        def step(state, given):
            v, w, s = state
            dv = (0.7 * (v + 60) * (v + 40) - w + p["eta"] + p["g"] * s) / 100
            dw = 0.03 * (-2 * (v + 60) - w)
            v, w, s = v + dv, w + dw, s - s / 6
            z = fired((v - 35) / 5)
            v = v + z * (-50 + p["theta"] * (v + 50) - v)
            return (v, w + 100 * z, s + given + z @ p["recurrent"]), z

        start = jnp.zeros((spikes.shape[1], n))
        return jax.lax.scan(step, (start - 60, start, start), inputs)[1]

    return parameters, layer


def spyx(key, shape):
    """Return Spyx's recurrent leaky layer, as it has no Izhikevich neuron."""
    import spyx
    from flax import nnx

    rngs = nnx.Rngs(0)
    given = nnx.Linear(shape["n_in"], shape["n"], rngs=rngs)
    neurons = spyx.nn.RLIF((shape["n"],), rngs=rngs)
    graph, parameters = nnx.split((given, neurons))

    def layer(p, spikes):
        given, neurons = nnx.merge(graph, p)

        def step(state, current):
            z, state = neurons(current, state)
            return state, z

        return jax.lax.scan(step, neurons.initial_state(spikes.shape[1]), given(spikes))[1]

    return parameters, layer


def brainpy_state(key, shape):
    """Return brainpy.state's Izhikevich neurons with a recurrent product."""
    import brainpy.state
    import brainstate
    import brainunit as u

    n, n_in = shape["n"], shape["n_in"]
    of_given, of_recurrent = jax.random.split(key)
    parameters = {
        "given": jax.random.normal(of_given, (n_in, n)) / jnp.sqrt(n_in),
        "recurrent": jax.random.normal(of_recurrent, (n, n)) / jnp.sqrt(n),
    }

    def layer(p, spikes):
        with brainstate.environ.context(dt=1.0 * u.ms):
            neurons = brainpy.state.Izhikevich(n)
            brainstate.nn.init_all_states(neurons, batch_size=spikes.shape[1])

            def step(given):
                with brainstate.environ.context(t=0.0 * u.ms):
                    return neurons.update((given + neurons.get_spike() @ p["recurrent"]) * u.mV / u.ms)

            return brainstate.transform.for_loop(step, spikes @ p["given"])

    return parameters, layer


LAYERS = {"JAX by hand": by_hand, "Spyx RLIF": spyx, "brainpy.state Izhikevich": brainpy_state}


def trial(name, shape, density):
    """
    Return a function that runs forward and backward once, compiled, and returns seconds and mean spikes.

    Parameters
    ----------
    name : str
        A key of `LAYERS`.
    shape : dict of str to int
        As in `benchmarks.torch_cell`.
    density : float
        Share of the inputs that spike in a step.

    Returns
    -------
    callable
    """
    keys = jax.random.split(jax.random.PRNGKey(0), 3)
    parameters, layer = LAYERS[name](keys[0], shape)
    rng = np.random.default_rng(0)
    spikes = jnp.asarray(rng.random((shape["steps"], shape["batch"], shape["n_in"])) < density, dtype=jnp.float32)
    labels = jnp.asarray(rng.integers(0, shape["n_out"], shape["batch"]))
    readout = jax.random.normal(keys[1], (shape["n"], shape["n_out"])) / 16

    @functools.partial(jax.value_and_grad, has_aux=True)
    def loss(parameters, spikes, labels):
        of_layer, readout = parameters
        z = layer(of_layer, spikes)
        scores = jax.nn.log_softmax(z.mean(0) @ readout)
        return -scores[jnp.arange(len(labels)), labels].mean(), z.mean()

    compiled = jax.jit(loss).lower((parameters, readout), spikes, labels).compile()

    def run():
        started = time.perf_counter()
        (_, rate), _ = jax.block_until_ready(compiled((parameters, readout), spikes, labels))
        return time.perf_counter() - started, float(rate)

    run(), run()
    return run
