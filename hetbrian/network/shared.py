"""Variables that a whole population shares: the all-to-all gating and the mean adaptation."""

from brian2 import NeuronGroup, Synapses, linked_var
from brian2.devices.device import get_device

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import object_name, text
from hetbrian.network.drive import Drive
from hetbrian.network.neuron import Izhikevich


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


@checked(
    neurons=of(NeuronGroup, advice="give a population"),
    parameters=of(Izhikevich, advice="give the parameter set of the population"),
    method=text,
    name=object_name,
    factor=of(Drive, advice="give what pulses returns, say"),
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

    Raises
    ------
    ValueError
        If the population has no gating synapses or the parameter set no tau_s and s_jump.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Eq. 3.
    """

    def __init__(self, neurons, parameters, method="euler", name="gating", factor=None):
        if neurons.synapse.kind != "gating":
            raise ValueError(
                f"the population has {neurons.synapse.kind} synapses, expected gating: build it with gating()."
            )
        if parameters.tau_s is None or parameters.s_jump is None:
            raise ValueError(
                "the parameter set has no tau_s and s_jump, expected both: use Izhikevich.CA3 or replace them."
            )
        namespace = {"tau_s": parameters.tau_s, "jump": parameters.s_jump / len(neurons)}
        on_spike = "s_post += jump"
        if factor is not None:
            on_spike, namespace = f"{on_spike}*{factor.expression}", namespace | factor.namespace
        SharedVariable.__init__(self, neurons, "ds/dt = -s/tau_s : 1", on_spike, namespace, method, name)
        self.run_regularly(
            "s = clip(s, 0, 1)",
            when="after_synapses",
            order=0,
            clock=neurons.clock,
            name=f"{name}_bounds",
        )
        neurons.s = linked_var(self, "s")


@checked(
    neurons=of(NeuronGroup, advice="give a population"),
    parameters=of(Izhikevich, advice="give the parameter set of the population"),
    method=text,
    name=object_name,
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

    Raises
    ------
    ValueError
        If the neurons have adaptation of their own.

    References
    ----------
    Chen & Campbell 2022, doi 10.1007/s10827-022-00825-9.
    """

    def __init__(self, neurons, parameters, method="euler", name="adaptation"):
        if "w" in neurons.equations.diff_eq_names:
            raise ValueError(
                "the neurons have adaptation of their own, expected a linked w: "
                "build the population with adaptation='shared'."
            )
        voltage, current = ("1", "1") if parameters.is_dimensionless else ("volt", "amp")
        names = ("beta", "v_r", "tau_w")
        namespace = {name: getattr(parameters, name) for name in names} | {"jump": parameters.w_jump / len(neurons)}
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
        )
        self.add_synapses(
            neurons,
            f"v_mean_post = v_pre/n_neurons : {voltage} (summed)",
            namespace={"n_neurons": len(neurons)},
            order=-1,  # before both groups move, so that the step is Euler's
            name=f"{name}_mean",
        )
        neurons.w = linked_var(self, "w")
