"""The recurrent Izhikevich layers that are trained: Brian2 objects, exported with bounds and scales."""

from typing import Any

import numpy as np
from brian2 import Clock, NeuronGroup, Quantity, SpikeGeneratorGroup, Synapses, ms, second

from hetbrian._support.arguments import checked, of, quantity
from hetbrian._support.checks import count, generator, positive
from hetbrian._support.optional import torch
from hetbrian.network.heterogeneity import Heterogeneity
from hetbrian.network.laws import Gaussian
from hetbrian.network.populations import population
from hetbrian.network.synapses import Synapse
from hetbrian.torch.cell import Cell
from hetbrian.torch.export import to_torch
from hetbrian.torch.surrogate import SuperSpike
from hetbrian.training.preset import KINDS, OF_NEURONS, Preset

CUT = 4.0
"""Half widths at which the Lorentzians of eta and g are cut."""

SYNAPSES = {
    "conductance": "I_syn = g*s*(E - v) : {current}\nds/dt = -s/tau_s : 1  # of either sign, as the weights are",
    "current": "I_syn = g*s : {current}\nds/dt = -s/tau_s : {current}",
}
"""Synaptic input s by kind; each event adds its weight to it."""

SPIKING = 0.1
"""Share of the neurons of a layer that is taken to spike in a time step, for the weights of the layer above."""


def layer_stack(
    preset: Preset, n_inputs: int, dt: Quantity, rng: np.random.Generator, events_per_step: float = 1.0
) -> list[tuple[NeuronGroup, list[Synapses]]]:
    """
    Return all layers as Brian2 objects, from the inputs up.

    Parameters
    ----------
    preset, n_inputs, dt, rng, events_per_step
        As in `layer`.

    Returns
    -------
    list of tuple
        Of each layer the NeuronGroup and its Synapses, from what is below and between the neurons; the second layer's
        are called ``neurons_2``, ``given_2`` and ``recurrent_2``.

    Raises
    ------
    ValueError
        If the time step is longer than a time constant.
    """
    found = [layer(preset, n_inputs, dt, rng, events_per_step)]
    for number in range(2, preset.n_layers + 1):
        found.append(_layer(preset, found[-1][0], rng, SPIKING * preset.n_hidden, suffix=f"_{number}"))
    return found


@checked(
    preset=of(Preset, advice="take Preset.STRONG, say"),
    n_inputs=count,
    dt=quantity(second, positive),
    rng=generator,
    events_per_step=positive,
)
def layer(
    preset: Preset, n_inputs: int, dt: Quantity, rng: np.random.Generator, events_per_step: float = 1.0
) -> tuple[NeuronGroup, list[Synapses]]:
    """
    Return the lowest layer as Brian2 objects.

    Parameters
    ----------
    preset : Preset
        Settings.
    n_inputs : int
        Input channels.
    dt : Quantity [second]
        Time step, the width of a bin.
    rng : Generator
        Draws what differs between neurons, and the weights.
    events_per_step : float
        Mean number of input events in a time step of a sample, which ``input_scale`` refers to.

    Returns
    -------
    neurons : NeuronGroup
    synapses : list of Synapses
        From the inputs, ``given``, and between the neurons, ``recurrent``.

    Raises
    ------
    ValueError
        If the time step is longer than a time constant, so that Euler's method would overshoot.
    """
    neuron = preset.neuron
    for name, value in (("C", neuron.C), ("tau_w", neuron.tau_w), ("tau_s", preset.tau_s)):
        if value < dt:
            raise ValueError(f"{name} is {value} and a time step {dt}, expected no longer step: use narrower bins.")
    source = SpikeGeneratorGroup(n_inputs, [], [] * ms, clock=Clock(dt, name="clock"), name="source")
    return _layer(preset, source, rng, events_per_step)


def _layer(preset, below, rng, events_per_step, suffix=""):
    """Return a layer on what is below, with its clock."""
    of_neurons, of_weights, of_delays = rng.spawn(3)
    n, n_inputs, clock = preset.n_hidden, len(below), below.clock
    synapse = Synapse(preset.synapse, preset.synapse, SYNAPSES[preset.synapse], {"tau_s": preset.tau_s})
    neurons = population(
        n,
        preset.neuron,
        synapse,
        **heterogeneity(preset).draw(n, of_neurons),
        reset=preset.reset,
        own=sorted({*preset.trainable} & {*OF_NEURONS} - {*KINDS}),
        clock=clock,
        name=f"neurons{suffix}",
    )
    if preset.input_scale:
        draw = of_weights.standard_normal((n_inputs, n)) * preset.input_scale / np.sqrt(events_per_step)
    else:
        draw = of_weights.uniform(-1, 1, (n_inputs, n)) / np.sqrt(n_inputs)
    weights = {"given": draw, "recurrent": of_weights.uniform(-1, 1, (n, n)) * preset.recurrent_scale / np.sqrt(n)}
    paths = []
    for (name, values), pre in zip(weights.items(), (below, neurons), strict=True):
        path = Synapses(pre, neurons, "omega : 1", on_pre="s_post += omega", clock=clock, name=f"{name}{suffix}")
        path.connect()
        path.omega = values.ravel()
        paths.append(path)
    if preset.longest_delay:
        paths[0].delay = of_delays.uniform(0, 1, n_inputs * n) * preset.longest_delay
    return neurons, paths


def heterogeneity(preset: Preset) -> Heterogeneity:
    """
    Return how the layer's neurons differ at the start: of eta, g and theta those that the preset names.

    Parameters
    ----------
    preset : Preset
        Settings.

    Returns
    -------
    Heterogeneity
        Lorentzians, cut at `CUT` half widths; g is not negative, theta within its limit. Or of eta a Gaussian of the
        same half width, cut to (0, 2 eta).
    """
    widths = {f"{name}_half_width": getattr(preset, f"{name}_half_width") for name in preset.het}
    eta: Any = float(preset.neuron.eta)
    if preset.eta_law == "gaussian" and (width := widths.pop("eta_half_width", 0.0)):
        eta = Gaussian(eta, width / np.sqrt(2 * np.log(2))).truncated(0.0, 2 * eta)
    return Heterogeneity.lorentzian(
        eta=eta,
        g=float(preset.neuron.g),
        theta=preset.theta,
        **widths,
        bounds={"g": (0.0, np.inf), "theta": (0.0, preset.theta_limit)},
        cut=CUT,
    )


@checked(
    preset=of(Preset, advice="take Preset.STRONG, say"),
    neurons=of(NeuronGroup, advice="take those of layer"),
    synapses=of(list, tuple, advice="take those of layer"),
    dtype=of(torch.dtype, advice="give torch.float32, say"),
)
def exported(
    preset: Preset, neurons: NeuronGroup, synapses: list[Synapses], dtype: torch.dtype = torch.float32
) -> Cell:
    """
    Return a layer as a torch module with trainable weights and parameters.

    Parameters
    ----------
    preset : Preset
        Settings.
    neurons : NeuronGroup
    synapses : list of Synapses
        Both from `layer`, or of one of `layer_stack`.
    dtype : torch.dtype
        Precision.

    Returns
    -------
    Cell
    """
    given, recurrent = (path.name for path in synapses)
    trainable = [f"{given}.delay" if name == "delay" else name for name in preset.trainable]
    return to_torch(
        neurons,
        synapses,
        trainable=(*trainable, f"{given}.omega", f"{recurrent}.omega"),
        longest_delay=preset.longest_delay if "delay" in preset.trainable else None,
        dtype=dtype,
        surrogate=SuperSpike(preset.slope),
        width=preset.width,
        detach_reset=preset.detach_reset,
        jacobian_bound={"v": preset.jacobian_bound} if preset.jacobian_bound else None,
        namespace={},
    )
