"""Everything that a training run can be told, and two complete sets of it: paper and strong."""

from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, ClassVar

from brian2 import Quantity, ms, second

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import Rule, checked, of, quantity
from hetbrian._support.checks import choice, count, flag, instance, not_negative, positive, whole
from hetbrian.network.heterogeneity import PARAMETERS as KINDS
from hetbrian.network.neuron import Izhikevich
from hetbrian.network.reset import RESETS

OF_NEURONS = (*KINDS, "C", "tau_w", "beta", "w_jump", "tau_s")
"""What can be trained beside the weights, one value a neuron."""

TRAINABLE = (*OF_NEURONS, "delay")
"""What can be trained beside the weights."""

CHOICES = {
    "synapse": ("conductance", "current"),
    "eta_law": ("lorentzian", "gaussian"),
    "readout": ("max", "mean"),
    "reset": tuple(name for name, rule in RESETS.items() if rule.highest_theta),
    "schedule": ("constant", "cosine"),
}

UNREAD = ("tau_s", "s_jump")
"""Parameters of a neuron that the layer does not read: it has no gating synapses, and ``tau_s`` is the preset's."""

SHARE = Allowed("at least 0 and below 1", "choose another value", low=0.0, high=1.0, included=(True, False))

RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("neuron",), of(Izhikevich, advice="pass Izhikevich.CA3.dimensionless(), say")),
    (("n_hidden", "n_layers", "epochs", "batch_size", "readout_filters"), count),
    (("slope", "width", "rate", "clip", "rate_high"), positive),
    (("theta", "theta_limit", "dropout", "rate_low"), SHARE),
    (("eta_half_width", "g_half_width", "theta_half_width", "input_scale", "recurrent_scale"), not_negative),
    (("jacobian_bound", "neuron_rate", "weight_decay", "rate_strength"), not_negative),
    (("patience",), partial(whole, least=0)),
    (("tau_s",), quantity(second, positive)),
    (("tau_out", "longest_delay"), quantity(second, not_negative)),
    (("detach_reset",), flag),
)
"""Which settings have which range."""


@dataclass(frozen=True)
class Preset:
    r"""
    Settings of a recurrent layer, its readout and its training; what depends on the data is a `Binning`.

    The layer is Eq. 1 without units (see `hetbrian.network.neuron.Izhikevich`) with a synaptic current or conductance
    that decays with ``tau_s``. Further layers are like it, each on the one below; the readout sees the highest.

    Parameters
    ----------
    neuron : Izhikevich
        Centres of all neuronal parameters, dimensionless.
    n_hidden : int
        Neurons of a layer.
    n_layers : int
        Layers.
    het : tuple of str
        Which of eta, g, theta are drawn at the start, instead of being equal.
    trainable : tuple of str
        Which parameters of the neurons are trained, and whether the delays are, see `TRAINABLE`.
    eta_half_width, g_half_width : float
        Half width at half maximum of the Lorentzians, cut at four of them.
    eta_law : {"lorentzian", "gaussian"}
        Law of eta; a Gaussian has the same half width, and is cut to (0, 2 eta) as in the scripts of the paper.
    theta, theta_half_width : float
        Centre and half width for the reset coefficient, cut to 0 <= theta <= ``theta_limit``.
    theta_limit : float
        Largest theta, drawn or trained.
    synapse : {"conductance", "current"}
        Whether the current is g s (E - v) or g s.
    tau_s, tau_out : Quantity [second]
        Decay of the synapses and of the readout's membrane; 0 s for tau_out means one time step.
    readout_filters : int
        Leaky filters in a row between spikes and readout, each of tau_out: 1, a membrane, or 2, a synapse before it, as
        in the scripts of the paper.
    readout : {"max", "mean"}
        Which potential of the readout decides: the highest over time or the mean.
    reset : {"residual", "capped", "retain"}
        Reset rule; only under ``capped`` no theta can make the membrane grow without limit.
    input_scale : float
        Standard deviation of what a time step's input spikes add to a neuron at the start, or 0 for weights
        U(-1, 1)/sqrt(inputs).
    recurrent_scale : float
        Recurrent weights are U(-1, 1) times this over sqrt(n_hidden).
    longest_delay : Quantity [second]
        Synapses from the inputs, and from a layer below, have delays, drawn from U(0, longest_delay) at the start; 0 s
        for none. Where they are trained, the standard deviation around a delay (see `hetbrian.torch.delays.shares`)
        shrinks from half of this to half a time step within the first quarter of the epochs, as in Hammouamri et al.
    slope, width : float
        Surrogate 1/(slope \|x\| + 1)^2 of x = (v - v_peak)/width.
    jacobian_bound : float
        Bound of the derivative of v by v before, 0 for none. The gradient is biased with it, and not finite without.
    detach_reset : bool
        Whether gradients do not flow through the reset.
    epochs, batch_size : int
        Passes through the data, and samples of one step of Adam.
    rate : float
        Learning rate; parameters of the neurons have it in units of their own scale, see ``neuron_rate``.
    neuron_rate : float
        Learning rate of the neurons' parameters relative to ``rate``.
    weight_decay : float
        Of the weights (decoupled, AdamW).
    schedule : {"constant", "cosine"}
        Learning rate over the epochs.
    clip : float
        Largest norm of the gradient of the weights, and of each parameter in units of its scale.
    dropout : float
        Share of hidden neurons that the readout does not see, drawn for each sample of the training.
    rate_low, rate_high : float
        Spikes per neuron and time step below and above which the regularisation acts.
    rate_strength : float
        Its weight in the loss.
    patience : int
        Epochs without a better validation after which training stops, 0 for never.

    Raises
    ------
    ValueError
        If a value is out of range or unknown.
    DimensionMismatchError
        If a time is none.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070; Perez-Nieves et al. 2021, doi 10.1038/s41467-021-26022-3;
    Hammouamri et al. 2024, doi 10.48550/arXiv.2306.17670 (delays).

    Examples
    --------
    >>> Preset.PAPER.n_hidden, Preset.STRONG.replace(het=("eta",)).het
    (64, ('eta',))
    """

    PAPER: ClassVar["Preset"]
    STRONG: ClassVar["Preset"]

    neuron: Izhikevich
    n_hidden: int = 64
    n_layers: int = 1
    het: tuple[str, ...] = ()
    trainable: tuple[str, ...] = ()
    eta_half_width: float = 0.1
    eta_law: str = "lorentzian"
    g_half_width: float = 0.2
    theta: float = 0.0
    theta_half_width: float = 0.2
    theta_limit: float = 0.95
    synapse: str = "current"
    tau_s: Quantity = field(default_factory=lambda: 10 * ms)
    tau_out: Quantity = field(default_factory=lambda: 20 * ms)
    readout_filters: int = 1
    readout: str = "max"
    reset: str = "capped"
    input_scale: float = 0.0
    recurrent_scale: float = 1.0
    longest_delay: Quantity = field(default_factory=lambda: 0 * ms)
    slope: float = 100.0
    width: float = 1.0
    jacobian_bound: float = 1.0
    detach_reset: bool = True
    epochs: int = 100
    batch_size: int = 64
    rate: float = 1e-3
    neuron_rate: float = 1.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip: float = 1.0
    dropout: float = 0.0
    rate_low: float = 0.0
    rate_high: float = 1.0
    rate_strength: float = 0.0
    patience: int = 0

    def __post_init__(self):
        """Check the values."""
        for names, rule in RULES:
            for name in names:
                rule(getattr(self, name), name)
        for name, known in CHOICES.items():
            choice(getattr(self, name), name, known)
        for name, known in (("het", KINDS), ("trainable", TRAINABLE)):
            instance(getattr(self, name), name, tuple, "write ('eta',), say")
            for item in getattr(self, name):
                choice(item, f"an entry of {name}", known)
        if self.eta_law == "gaussian" and "eta" in self.het and self.neuron.eta <= 0:
            raise ValueError(
                f"eta_law is 'gaussian' with eta = {self.neuron.eta}, expected eta above 0, because it is cut to "
                "(0, 2 eta): choose 'lorentzian', or another eta."
            )
        if "delay" in self.trainable and not self.longest_delay:
            raise ValueError(
                "trainable has 'delay' and longest_delay is 0 s, expected a longest delay: give 200*ms, say, or leave "
                "'delay' out."
            )
        if self.synapse == "conductance" and self.neuron.E is None:
            raise ValueError(
                "synapse is 'conductance' and the neuron has no E, expected its reversal potential: "
                "give one, as E=1.5 (--E 1.5), or choose 'current'."
            )
        if not self.neuron.is_dimensionless:
            raise ValueError("neuron has units, expected a dimensionless set: pass neuron.dimensionless().")

    def replace(self, **changes: Any) -> "Preset":
        """Return a copy with some settings changed, checked again."""
        return replace(self, **changes)

    @checked(dt=quantity(second, positive))
    def scales(self, dt: Quantity) -> dict[str, tuple[float, float, float]]:
        """
        Return the scale and the bounds of each parameter that can be trained, in the module's units (ms, 1).

        A scale is what the parameter differs by between neurons that behave differently: the rheobase for
        currents, 1 for theta, the value itself for times, the longest for delays.

        Parameters
        ----------
        dt : Quantity [second]
            Time step.

        Returns
        -------
        dict of str to tuple
            Scale, lower and upper bound by name.

        Examples
        --------
        >>> Preset.STRONG.scales(10 * ms)["theta"]
        (1.0, 0.0, 0.95)
        """
        neuron, step, free = self.neuron, float(dt / ms), float("inf")
        current = float(neuron.rheobase)
        longest = float(self.longest_delay / ms)
        times = {"C": neuron.C, "tau_w": neuron.tau_w, "tau_s": self.tau_s}
        return {
            "eta": (current, -free, free),
            "g": (max(abs(float(neuron.g)), 0.1), 0.0, free),
            "theta": (1.0, 0.0, self.theta_limit),
            "beta": (max(abs(float(neuron.beta)), current), -free, free),
            "w_jump": (max(abs(float(neuron.w_jump)), current), 0.0, free),
            # Euler's method overshoots where a time constant is shorter than a step
            **{name: (float(value / ms), step, float(10 * second / ms)) for name, value in times.items()},
            **({"delay": (longest, 0.0, longest)} if longest else {}),
        }

    def described(self) -> dict[str, str]:
        """
        Return every setting as text, to compare and to keep.

        Returns
        -------
        dict of str to str
        """
        return {item.name: repr(getattr(self, item.name)) for item in fields(self)}


# dt = 0.5 ms, 2000 steps; C = 1 s and tau_w = 130 C: the membrane of the script integrates one unit of time in all.
# Its synapses decay by 0.995 a step, whatever tau_syn says, as do both filters of its readout, and its regularisation
# of the rates is skipped. Its eta are Gaussian, although the paper's are Lorentzian.
_CA3 = Izhikevich.CA3.dimensionless()
Preset.PAPER = Preset(
    neuron=_CA3.replace(C=1 * second, tau_w=float(_CA3.tau_w / _CA3.C) * second, v_peak=1.0, v_reset=0.0, eta=1.0),
    synapse="conductance",
    reset="residual",
    tau_s=100 * ms,
    tau_out=100 * ms,
    readout_filters=2,
    eta_law="gaussian",
    jacobian_bound=0.0,
    detach_reset=False,
)

Preset.STRONG = Preset(
    neuron=Izhikevich(
        C=25 * ms,
        k=1.0,
        v_r=0.0,
        v_t=0.6,
        v_peak=1.0,
        v_reset=0.0,
        beta=0.1,
        tau_w=100 * ms,
        w_jump=0.05,
        eta=0.0,
        g=1.0,
    ),
    n_hidden=128,
    trainable=("eta", "g", "theta", "C", "tau_w", "beta", "w_jump", "tau_s"),
    theta=0.2,
    tau_s=20 * ms,
    tau_out=100 * ms,
    input_scale=1.0,
    recurrent_scale=0.3,
    slope=10.0,
    epochs=60,
    rate=1e-2,
    schedule="cosine",
    rate_low=0.01,
    rate_high=0.3,
    rate_strength=1.0,
)

PRESETS = {"paper": Preset.PAPER, "strong": Preset.STRONG}
"""Settings by name."""
