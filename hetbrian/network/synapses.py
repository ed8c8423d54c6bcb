"""Kinds of synapses: what each adds to the equations of a neuron."""

from dataclasses import dataclass, field

from brian2 import Quantity, ms, second

from hetbrian._support.arguments import checked, of, quantity
from hetbrian._support.checks import positive, text


@checked(
    kind=text,
    coupling=text,
    equations=text,
    namespace=of(dict, advice="give every name that the code uses"),
    on_pre=text,
    on_spike=text,
)
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


@checked(
    tau_r=quantity(second, positive),
)
def gating(tau_r: Quantity | None = None) -> Synapse:
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
    equations += "\ndr/dt = -r/tau_r : 1  # filtered output, spikes per ms"
    return Synapse("gating", "conductance", equations, {"tau_r": tau_r, "ms": ms}, on_spike="r += ms/tau_r")


@checked(
    tau_d=quantity(second, positive),
)
def single_exponential(tau_d: Quantity = 20 * ms) -> Synapse:
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
    DimensionMismatchError
        If it is not a time.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070.
    """
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


@checked(
    tau_r=quantity(second, positive),
    tau_d=quantity(second, positive),
)
def double_exponential(tau_r: Quantity = 2 * ms, tau_d: Quantity = 20 * ms) -> Synapse:
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
    DimensionMismatchError
        If it is not a time.

    References
    ----------
    Nicola & Clopath 2017, doi 10.1038/s41467-017-01827-3.
    """
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
