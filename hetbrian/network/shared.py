"""Variables that a whole population shares: the all-to-all gating and the mean adaptation."""

import numpy as np
from brian2 import NeuronGroup, Synapses, linked_var
from brian2.devices.device import get_device

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import count, network_size, object_name, text
from hetbrian.network.drive import Drive
from hetbrian.network.neuron import Izhikevich


class SharedVariable(NeuronGroup):
    """
    One state variable for a whole population, which a spike of any neuron raises: O(1) work per spike.

    A population of several networks, one after the other, has one for each.

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
    networks : int
        Networks of the same size that the population consists of.
    """

    def __init__(self, neurons, equations, on_spike, namespace, method, name, networks=1):
        self._size = network_size(neurons, networks)
        NeuronGroup.__init__(
            self,
            networks,
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
        synapses.connect(j=None if len(self) == 1 else f"i // {self._size}")
        self.contained_objects.append(synapses)

    def link(self, name):
        """Return what a variable of the neurons is linked to: that of their network."""
        networks = len(self)
        return linked_var(self, name, None if networks == 1 else np.repeat(np.arange(networks), self._size))

    def before_run(self, run_namespace):
        """Tell a standalone device about our synapses, which it looks for among the network's own objects only."""
        if hasattr(get_device(), "synapses"):
            get_device().synapses.update(item for item in self.contained_objects if isinstance(item, Synapses))
        super().before_run(run_namespace)


@checked(
    neurons=of(NeuronGroup, advice="give a population"),
    parameters=of(Izhikevich, advice="give the parameter set of the population"),
    method=text,
    name=object_name,
    factor=of(Drive, advice="give what pulses returns, say"),
    networks=count,
)
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
    factor : Drive, optional
        Factor of s_jump that depends on time, e.g. of `pulses` without unit.
    networks : int
        Networks of the same size that the population consists of, one after the other, each with a gate of its own:
        as if it were alone.

    Raises
    ------
    ValueError
        If the population has no gating synapses or the parameter set no tau_s and s_jump, or the networks are not all
        of the same size.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Eq. 3.
    """

    def __init__(self, neurons, parameters, method="euler", name="gating", factor=None, networks=1):
        if neurons.synapse.kind != "gating":
            raise ValueError(
                f"the population has {neurons.synapse.kind} synapses, expected gating: build it with gating()."
            )
        if parameters.tau_s is None or parameters.s_jump is None:
            raise ValueError(
                "the parameter set has no tau_s and s_jump, expected both: use Izhikevich.CA3 or replace them."
            )
        size = network_size(neurons, networks)
        namespace = {"tau_s": parameters.tau_s, "jump": parameters.s_jump / size}
        on_spike = "s_post += jump"
        if factor is not None:
            on_spike, namespace = f"{on_spike}*{factor.expression}", namespace | factor.namespace
        SharedVariable.__init__(self, neurons, "ds/dt = -s/tau_s : 1", on_spike, namespace, method, name, networks)
        self.run_regularly(
            "s = clip(s, 0, 1)",
            when="after_synapses",
            order=0,
            clock=neurons.clock,
            name=f"{name}_bounds",
        )
        neurons.s = self.link("s")


@checked(
    neurons=of(NeuronGroup, advice="give a population"),
    parameters=of(Izhikevich, advice="give the parameter set of the population"),
    method=text,
    name=object_name,
    networks=count,
)
class SharedAdaptation(SharedVariable):
    r"""
    The mean recovery current of a population, which all its neurons read instead of their own.

    .. math:: \tau_w \dot w = \beta (\langle v \rangle - v_r) - w
              + \tau_w (w_{jump}/N) \sum_j \sum_k \delta(t - t_j^k)

    The mean field (Eqs. 8-11) replaces w_i by its mean; this network does too, and tends to the mean field
    as N grows. A network with adaptation of its own in every neuron (Eq. 1) tends to another limit, in
    which fast neurons adapt more: see `hetbrian.analysis.asynchronous`.

    Parameters
    ----------
    neurons : NeuronGroup
        A `population` with ``adaptation="shared"``; its ``w`` is linked to this group.
    parameters : Izhikevich
        Gives ``beta``, ``v_r``, ``tau_w`` and ``w_jump``.
    method : str
        Integration method of w.
    name : str
        Name of the group.
    networks : int
        As `AllToAll`: each has a recovery current of its own.

    Raises
    ------
    ValueError
        If the neurons have adaptation of their own, or the networks are not all of the same size.

    References
    ----------
    Chen & Campbell 2022, doi 10.1007/s10827-022-00825-9.
    """

    def __init__(self, neurons, parameters, method="euler", name="adaptation", networks=1):
        if "w" in neurons.equations.diff_eq_names:
            raise ValueError(
                "the neurons have adaptation of their own, expected a linked w: "
                "build the population with adaptation='shared'."
            )
        voltage, current = ("1", "1") if parameters.is_dimensionless else ("volt", "amp")
        names, size = ("beta", "v_r", "tau_w"), network_size(neurons, networks)
        namespace = {name: getattr(parameters, name) for name in names} | {"jump": parameters.w_jump / size}
        SharedVariable.__init__(
            self,
            neurons,
            f"""
            dw/dt = (beta*(v_mean - v_r) - w)/tau_w : {current}  # mean recovery current
            v_mean : {voltage}                                   # mean membrane potential
            """,
            "w_post += jump",
            namespace,
            method,
            name,
            networks,
        )
        self.add_synapses(
            neurons,
            f"v_mean_post = v_pre/n_neurons : {voltage} (summed)",
            namespace={"n_neurons": size},
            order=-1,  # before both groups move, so that the step is Euler's
            name=f"{name}_mean",
        )
        neurons.w = self.link("w")
