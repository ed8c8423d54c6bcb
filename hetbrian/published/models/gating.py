"""The gating variables of Zhang & Cui's reservoir script: one for each neuron, deaf to the volley it fires in."""

from brian2 import Group, linked_var

import hetbrian as hb
from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import count
from hetbrian.network import Drive, Synapse
from hetbrian.network.shared import SharedVariable

CONSTANT = Drive("1", {})
"""No factor."""


@checked(
    parameters=of(hb.Izhikevich, advice="give the parameter set of the population"),
    n_neurons=count,
    factor=of(Drive, advice="give what pulses returns, say"),
)
def own_gating(parameters: hb.Izhikevich, n_neurons: int, factor: Drive = CONSTANT) -> Synapse:
    """
    Return all-to-all coupling through a gating variable of each neuron's own, which is not updated where it fires.

    A step is s_i <- clip(s_i + dt (-s_i/tau_s) + s_jump n/N, 0, 1), n the neurons that fired in the step before. Those
    n neurons leave it out: neurons that always fire together never couple.

    Parameters
    ----------
    parameters : Izhikevich
        Gives ``tau_s`` and ``s_jump``.
    n_neurons : int
        N.
    factor : Drive
        Factor of s_jump that depends on time.

    Returns
    -------
    Synapse
        For a `population` that holds s; `Volley` counts who fired.

    Raises
    ------
    ValueError
        If the parameter set has no tau_s and s_jump.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, the authors' public script for figures 1 and 2.
    """
    if parameters.tau_s is None or parameters.s_jump is None:
        raise ValueError(
            "the parameter set has no tau_s and s_jump, expected both: use Izhikevich.CA3 or replace them."
        )
    equations = f"""
        I_syn = g*s*(E - v) : {{current}}
        ds/dt = (clip(s*(1 - dt/tau_s) + jump*fired*{factor.expression}, 0, 1) - s)/dt : 1
        fired : 1 (linked)
        """
    namespace = {"tau_s": parameters.tau_s, "jump": parameters.s_jump / n_neurons, **factor.namespace}
    return Synapse("own gating", "conductance", equations, namespace)


class Volley(SharedVariable):
    """
    How many neurons fired in the step before; O(1) work per spike.

    Parameters
    ----------
    neurons : NeuronGroup
        A `population` with `own_gating`; its ``fired`` is linked to this group.
    name : str
        Name of the group.
    """

    def __init__(self, neurons: Group, name: str = "gating") -> None:
        SharedVariable.__init__(self, neurons, "fired : 1", "fired_post += 1", {}, "euler", name)
        # the neurons have read it when thresholds are tested
        self.run_regularly("fired = 0", when="thresholds", order=0, clock=neurons.clock, name=f"{name}_cleared")
        neurons.fired = linked_var(self, "fired")
