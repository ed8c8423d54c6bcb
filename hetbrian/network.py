"""Populations, couplings and inputs as Brian2 objects with complete namespaces; nothing runs here."""

from dataclasses import dataclass, field

import numpy as np
from brian2 import (
    DimensionMismatchError,
    Equations,
    NeuronGroup,
    Synapses,
    amp,
    check_units,
    defaultclock,
    linked_var,
    ms,
    second,
)
from brian2.devices.device import RuntimeDevice, get_device
from brian2.units.fundamentalunits import fail_for_dimension_mismatch, get_unit_for_display

from hetbrian.neuron import THRESHOLD, check_theta, reset_statements

BLOCK = 256
"""Rows of the connection matrix that are drawn at once, so that N^2 numbers never exist together."""


@dataclass(frozen=True)
class Synapse:
    """
    What a kind of synapse adds to the neuron's equations; made by `gating` and its siblings.

    Parameters
    ----------
    kind : str
        Name of the factory.
    coupling : {"conductance", "current"}
        Whether g multiplies a conductance or a current.
    equations : str
        Brian2 equations that define ``I_syn``; ``{current}`` stands for its unit.
    namespace : dict
        Every name in ``equations``, ``on_pre`` and ``on_spike`` that the neuron does not know.
    on_pre : str
        What an incoming spike does (``recurrent``).
    on_spike : str
        What a neuron's own spike does to its activity r.
    """

    kind: str
    coupling: str
    equations: str
    namespace: dict = field(default_factory=dict)
    on_pre: str = ""
    on_spike: str = ""


def gating(tau_r=None):
    """
    Return all-to-all coupling through one gating variable (Eq. 1): I_syn = g s (E - v).

    The population reads s; `AllToAll` owns it and adds the spikes.

    Parameters
    ----------
    tau_r : Quantity [second], optional
        Decay time of a filtered activity r for online readouts, in spikes per ms: a spike adds ms/tau_r.
        By default there is none.

    Returns
    -------
    Synapse

    Raises
    ------
    ValueError
        If the time is not positive.
    DimensionMismatchError
        If it is not a time.
    """
    equations = "I_syn = g*s*(E - v) : {current}\ns : 1 (linked)"
    if tau_r is None:
        return Synapse("gating", "conductance", equations)
    fail_for_dimension_mismatch(tau_r, second, "tau_r is {tau_r}, expected seconds: give a unit.", tau_r=tau_r)
    _check_times(tau_r=tau_r)
    equations += "\ndr/dt = -r/tau_r : 1  # filtered output, spikes per ms"
    return Synapse("gating", "conductance", equations, {"tau_r": tau_r, "ms": ms}, on_spike="r += ms/tau_r")


@check_units(tau_d=second)
def single_exponential(tau_d=20 * ms):
    """
    Return current synapses with one decay time: a spike adds omega/tau_d to IPSC and ms/tau_d to r.

    Parameters
    ----------
    tau_d : Quantity [second]
        Decay time. The activity r is counted in spikes per ms.

    Returns
    -------
    Synapse

    Raises
    ------
    ValueError
        If the time is not positive.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070 (preset ``paper``).
    """
    _check_times(tau_d=tau_d)
    return Synapse(
        "single_exponential",
        "current",
        """
        I_syn = g*IPSC : amp          # synaptic current
        dIPSC/dt = -IPSC/tau_d : amp  # filtered input at unit row gain
        dr/dt = -r/tau_d : 1          # filtered output, spikes per ms
        """,
        {"tau_d": tau_d, "ms": ms},
        on_pre="IPSC_post += omega*ms/tau_d",
        on_spike="r += ms/tau_d",
    )


@check_units(tau_r=second, tau_d=second)
def double_exponential(tau_r=2 * ms, tau_d=20 * ms):
    """
    Return current synapses with a rise and a decay time: a spike adds omega/(tau_r tau_d) to h, IPSC follows.

    Parameters
    ----------
    tau_r, tau_d : Quantity [second]
        Rise and decay time. The activity r is counted in spikes per ms.

    Returns
    -------
    Synapse

    Raises
    ------
    ValueError
        If a time is not positive.

    References
    ----------
    Nicola & Clopath 2017, doi 10.1038/s41467-017-01827-3 (preset ``nicola_clopath``).
    """
    _check_times(tau_r=tau_r, tau_d=tau_d)
    return Synapse(
        "double_exponential",
        "current",
        """
        I_syn = g*IPSC : amp              # synaptic current
        dIPSC/dt = -IPSC/tau_r + h : amp  # filtered input at unit row gain
        dh/dt = -h/tau_d : amp/second     # its rise
        dr/dt = -r/tau_r + h_r : 1        # filtered output, spikes per ms
        dh_r/dt = -h_r/tau_d : 1/second   # its rise
        """,
        {"tau_r": tau_r, "tau_d": tau_d, "ms": ms},
        on_pre="h_post += omega*ms/(tau_r*tau_d)",
        on_spike="h_r += ms/(tau_r*tau_d)",
    )


def population(
    n_neurons,
    parameters,
    synapse,
    *,
    eta=None,
    g=None,
    theta=0.0,
    v=None,
    drive=None,
    reset="residual",
    adaptation="own",
    feedback=False,
    method="euler",
    clock=None,
    name="neurons",
):
    """
    Return a heterogeneous Izhikevich population (Eqs. 1-2) as a Brian2 NeuronGroup.

    Not for the coupling itself: add `AllToAll` or `recurrent`, and `SharedAdaptation` if w is shared.

    Parameters
    ----------
    n_neurons : int
        Number of neurons.
    parameters : Izhikevich
        Parameter set.
    synapse : Synapse
        How the neurons are coupled: ``gating()``, ``single_exponential()`` or ``double_exponential()``.
    eta : Quantity [amp, or 1 if dimensionless], shape () or (n_neurons,), optional
        Background current, by default ``parameters.eta``.
    g : Quantity [siemens or 1], shape () or (n_neurons,), optional
        Coupling, by default ``parameters.g``. For current synapses the gain of the neuron's row.
    theta : float, shape () or (n_neurons,)
        Reset coefficient.
    v : Quantity [volt, or 1], shape () or (n_neurons,), optional
        Initial potential, by default ``parameters.v_r``; w starts at 0.
    drive : Drive, optional
        External current: Brian2 code (``expression``) and every name it uses (``namespace``).
    reset : {"residual", "capped", "retain", "mirror"}
        Reset rule.
    adaptation : {"own", "shared"}
        Whether every neuron has a recovery current w of its own (Eq. 1), or all read the one of a
        `SharedAdaptation`.
    feedback : bool
        Whether the neurons receive ``I_feedback``, which `FORCE` writes.
    method : str
        Brian2's integration method.
    clock : Clock, optional
        By default Brian2's defaultclock.
    name : str
        Name of the group.

    Returns
    -------
    NeuronGroup
        With state v, w, the synapse's variables and the parameters eta, g, theta.

    Raises
    ------
    ValueError
        If n_neurons < 1, an array has the wrong length or is not finite, theta is outside the
        range of the reset rule, or the rule or the adaptation is unknown.
    DimensionMismatchError
        If a parameter has the wrong unit.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Eqs. 1-2.

    Examples
    --------
    >>> from brian2 import pA
    >>> from hetbrian.neuron import Izhikevich
    >>> neurons = population(3, Izhikevich.FORCE, single_exponential(), eta=[900, 1000, 1100] * pA)
    >>> print(neurons.eta[2])
    1.1 nA
    """
    if not isinstance(n_neurons, (int, np.integer)) or n_neurons < 1:
        raise ValueError(f"n_neurons is {n_neurons!r}, expected a whole number >= 1: give the population's size.")
    statements = reset_statements(reset, adaptation)
    unit = "1" if parameters.is_dimensionless else "amp"
    nothing = "0" if parameters.is_dimensionless else "0*amp"
    inputs = f"I_ext = {drive.expression if drive else nothing} : {unit}\n"
    inputs += f"I_feedback : {unit}" if feedback else f"I_feedback = {nothing} : {unit}"
    group = NeuronGroup(
        n_neurons,
        parameters.equations(synapse.coupling, adaptation)
        + Equations(synapse.equations.replace("{current}", unit))
        + Equations(inputs),
        threshold=THRESHOLD,
        reset="\n".join(filter(None, (statements, synapse.on_spike))),
        method=method,
        namespace={
            **parameters.namespace,
            **synapse.namespace,
            "amp": amp,
            **(drive.namespace if drive else {}),
        },
        clock=defaultclock if clock is None else clock,
        order=0,
        name=name,
    )
    group.add_attribute("synapse")
    group.synapse = synapse
    values = {"eta": eta, "g": g, "theta": theta, "v": parameters.v_r if v is None else v}
    for key in ("eta", "g"):
        values[key] = getattr(parameters, key) if values[key] is None else values[key]
    for key, value in values.items():
        setattr(group, key, _per_neuron(key, value, group))
    check_theta(theta, reset)
    return group


class SharedVariable(NeuronGroup):
    """
    One state variable for a whole population, which a spike of any neuron raises: O(1) work per spike.

    Abstract: see `AllToAll` and `SharedAdaptation`.

    Parameters
    ----------
    neurons : NeuronGroup
        A `population`.
    equations : str
        Brian2 equations of the variable.
    on_spike : str
        What a spike does to it.
    namespace : dict
        Every name that both use.
    method : str
        Integration method.
    name : str
        Name of the group.
    """

    def __init__(self, neurons, equations, on_spike, namespace, method, name):
        NeuronGroup.__init__(
            self,
            1,
            equations,
            method=method,
            namespace=namespace,
            clock=neurons.clock,
            order=1,  # after the neurons, which read the value of the step before
            name=name,
        )
        self.add_synapses(neurons, on_pre=on_spike, namespace=namespace, order=0, name=f"{name}_spikes")

    def add_synapses(self, neurons, model=None, **options):
        """Contain synapses from every neuron; ``model`` and ``options`` are those of Brian2's Synapses."""
        synapses = Synapses(neurons, self, model, clock=neurons.clock, **options)
        synapses.connect()
        self.contained_objects.append(synapses)

    def before_run(self, run_namespace):
        """Tell a standalone device about our synapses, which it looks for among the network's own objects only."""
        if hasattr(get_device(), "synapses"):
            get_device().synapses.update(item for item in self.contained_objects if isinstance(item, Synapses))
        super().before_run(run_namespace)


class AllToAll(SharedVariable):
    r"""
    The gating variable of an all-to-all coupled population, O(1) work per spike.

    .. math:: \dot s = -s/\tau_s + (s_{jump}/N) \sum_j \sum_k \delta(t - t_j^k), \quad 0 \le s \le 1

    Not for sparse or weighted coupling: see `recurrent`.

    Parameters
    ----------
    neurons : NeuronGroup
        A `population` with ``gating()`` synapses; its ``s`` is linked to this group.
    parameters : Izhikevich
        Gives ``tau_s`` and ``s_jump``.
    method : str
        Integration method of s.
    name : str
        Name of the group.

    Raises
    ------
    ValueError
        If the population has no gating synapses or the parameter set no tau_s and s_jump.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Eq. 3.
    """

    def __init__(self, neurons, parameters, method="euler", name="gating"):
        if neurons.synapse.kind != "gating":
            raise ValueError(
                f"the population has {neurons.synapse.kind} synapses, expected gating: build it with gating()."
            )
        if parameters.tau_s is None or parameters.s_jump is None:
            raise ValueError(
                "the parameter set has no tau_s and s_jump, expected both: use Izhikevich.CA3 or replace them."
            )
        namespace = {"tau_s": parameters.tau_s, "jump": parameters.s_jump / len(neurons)}
        SharedVariable.__init__(self, neurons, "ds/dt = -s/tau_s : 1", "s_post += jump", namespace, method, name)
        self.run_regularly(
            "s = clip(s, 0, 1)",
            when="after_synapses",
            order=0,
            clock=neurons.clock,
            name=f"{name}_bounds",
        )
        neurons.s = linked_var(self, "s")


@check_units(gain=amp)
def random_weights(n_neurons, gain, probability, rng):
    """
    Draw sparse random weights omega_ij = G Normal(0, 1) [U < p]/(p sqrt(N)).

    Parameters
    ----------
    n_neurons : int
        Number of neurons N.
    gain : Quantity [amp]
        G.
    probability : float
        Connection probability p.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    pre, post : ndarray of int32, shape (n_synapses,)
        Sending and receiving neuron, sorted by sender.
    weights : Quantity [amp], shape (n_synapses,)

    Raises
    ------
    ValueError
        If the gain is not finite or the probability outside 0 < p <= 1.
    TypeError
        If rng is not a generator.

    References
    ----------
    Nicola & Clopath 2017, doi 10.1038/s41467-017-01827-3.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng is {type(rng).__name__}, expected a numpy Generator: pass numpy.random.default_rng(seed)."
        )
    if not np.isfinite(float(gain)):
        raise ValueError(f"gain is {gain}, expected a finite current: check G.")
    if not 0 < probability <= 1:
        raise ValueError(f"probability is {probability}, expected 0 < p <= 1: give the fraction of pairs.")
    senders, receivers = [], []
    for start in range(0, n_neurons, BLOCK):
        rows = min(BLOCK, n_neurons - start)
        sender, receiver = np.nonzero(rng.random((rows, n_neurons)) < probability)
        senders.append((sender + start).astype(np.int32))
        receivers.append(receiver.astype(np.int32))
    pre, post = np.concatenate(senders), np.concatenate(receivers)
    weights = rng.standard_normal(pre.size) / (probability * np.sqrt(n_neurons)) * gain
    return pre, post, weights


@check_units(gain=amp)
def recurrent(neurons, gain, probability=0.1, *, rng, name="recurrent"):
    """
    Return the sparse random recurrent synapses of a population; row i is scaled by its g_i.

    Parameters
    ----------
    neurons : NeuronGroup
        A `population` with exponential synapses.
    gain : Quantity [amp]
        G of `random_weights`.
    probability : float
        Connection probability.
    rng : numpy.random.Generator
        Source of randomness.
    name : str
        Name of the synapses.

    Returns
    -------
    Synapses
        With weights ``omega`` in amp.

    Raises
    ------
    ValueError
        If the population has gating synapses, or see `random_weights`.
    """
    synapse = neurons.synapse
    if synapse.coupling != "current":
        raise ValueError(
            "the population has gating synapses, expected single_exponential() or double_exponential(): "
            "couple it with AllToAll."
        )
    pre, post, weights = random_weights(len(neurons), gain, probability, rng)
    if not isinstance(get_device(), RuntimeDevice):
        pre, post, weights = _padded(pre, post, weights, len(neurons), probability)
    synapses = Synapses(
        neurons,
        neurons,
        "omega : amp",
        on_pre=synapse.on_pre,
        namespace=synapse.namespace,
        clock=neurons.clock,
        order=0,
        name=name,
    )
    synapses.active = pre.size > 0  # Brian2 refuses to run synapses that were never connected
    if synapses.active:
        synapses.connect(i=pre, j=post)
        synapses.omega = weights
    return synapses


def _padded(pre, post, weights, n_neurons, probability):
    """
    Return the synapses with some of weight zero, so that every seed has the same number.

    The number of synapses is part of a standalone program's source; six standard deviations above
    the mean, one program serves all but one in 1e9 networks.
    """
    pairs = n_neurons**2
    capacity = min(pairs, int(np.ceil(pairs * probability + 6 * np.sqrt(pairs * probability * (1 - probability)))))
    spare = np.arange(max(0, capacity - pre.size), dtype=np.int32) % n_neurons
    padded = np.append(np.asarray(weights), np.zeros(spare.size)) * amp
    return np.append(pre, spare), np.append(post, spare), padded


def _per_neuron(name, value, group):
    """Return a value for a variable of a group, checked: unit, length, finite."""
    variable, n = group.variables[name], len(group)
    if getattr(value, "dim", group.variables["theta"].dim) is not variable.dim:
        raise DimensionMismatchError(
            f"{name} has the wrong unit, expected {get_unit_for_display(variable.dim)}: multiply by it",
            getattr(value, "dim", group.variables["theta"].dim),
            variable.dim,
        )
    if np.shape(value) not in ((), (n,)):
        raise ValueError(f"{name} has shape {np.shape(value)}, expected one value or ({n},): draw {n} values.")
    plain = np.atleast_1d(np.asarray(value, dtype=float))
    bad = np.flatnonzero(~np.isfinite(plain))
    if bad.size:
        raise ValueError(
            f"{name} of neuron {bad[0]} is {plain[bad[0]]}, expected finite values: check its distribution."
        )
    return value


def _check_times(**times):
    """Refuse time constants that are not positive and finite."""
    for name, time in times.items():
        if not 0 < float(time) < np.inf:
            raise ValueError(f"{name} is {time}, expected a positive time: check its sign.")
