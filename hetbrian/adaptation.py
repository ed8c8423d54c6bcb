"""Adaptation that a whole population shares: the network of which the mean field is the limit."""

from brian2 import linked_var

from hetbrian.network import SharedVariable


class SharedAdaptation(SharedVariable):
    r"""
    The mean recovery current of a population, which all its neurons read instead of their own.

    .. math:: \tau_w \dot w = \beta (\langle v \rangle - v_r) - w
              + \tau_w (w_{jump}/N) \sum_j \sum_k \delta(t - t_j^k)

    The mean field (Eqs. 8-11) replaces w_i by its mean; this network does too, and tends to the mean field
    as N grows. A network with adaptation of its own in every neuron (Eq. 1) tends to another limit, in
    which fast neurons adapt more: see `hetbrian.asynchronous`.

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
