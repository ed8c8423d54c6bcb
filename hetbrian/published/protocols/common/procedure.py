"""How the reservoir is run and its readout fitted: as the authors' script does, or as a test on new states needs."""

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Procedure:
    """
    Everything in which the published procedure and ours differ, ours by default; all times in time units.

    Parameters
    ----------
    start : {"random", "zero"}
        Potentials at the begin; with zero, w and s are 0 as well.
    gating : {"shared", "own"}
        See `hetbrian.published.reservoir`.
    pauses : bool
        Whether v and w of a neuron that fired stand still in the next step.
    settling_gain : float
        Factor of s_jump before the onset.
    pulse_sigma : float
        Standard deviation of the edges of the pulse.
    mirrored : bool
        Whether a spike reflects the potential (``mirror``) where theta is 0; elsewhere the reset is ``residual``.
    restarts : bool
        Whether each trial starts from potentials of its own; else trials are onsets in one network that runs on.
    n_training : int
        Trials that the readout is fitted to.
    dt : float
        Euler step.
    thinning : int
        The spikes of every so many steps are kept.
    bin : float
        Width of a bin.
    gamma : float or tuple of float
        Penalty for activity in spikes per bin, all bins counted; of several that which predicts left out trials best.
    padding : {"mirror", "zero"}
        What lies beyond the ends of a record for the Gaussian kernel.
    target_length : float or None
        What the half second of the targets is stretched over; None for the record.
    """

    start: str = "random"
    gating: str = "shared"
    pauses: bool = False
    settling_gain: float = 1.0
    pulse_sigma: float = 2.0
    mirrored: bool = False
    restarts: bool = True
    n_training: int = 5
    dt: float = 2e-3
    thinning: int = 1
    bin: float = 1.0
    gamma: float | tuple[float, ...] = tuple(5 * 10.0**power for power in range(-4, 3))
    padding: str = "mirror"
    target_length: float | None = None

    @classmethod
    def of(cls, name: str, repaired: tuple[str, ...] = ()) -> "Procedure":
        """
        Return a procedure by name, with some of the script's quirks repaired.

        Parameters
        ----------
        name : str
            A key of `PROCEDURES`.
        repaired : tuple of str
            Keys of `QUIRKS`.

        Returns
        -------
        Procedure

        Raises
        ------
        ValueError
            If there is no such procedure or quirk.
        """
        for word, value, known in [("procedure", name, PROCEDURES)] + [("repaired", item, QUIRKS) for item in repaired]:
            if value not in known:
                raise ValueError(f"{word} is {value!r}, expected one of {', '.join(known)}: choose one of them.")
        ours = cls()
        changes = {field: getattr(ours, field) for quirk in repaired for field in QUIRKS[quirk].fields}
        return replace(PROCEDURES[name], **changes)

    def replace(self, **changes: Any) -> "Procedure":
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    @property
    def network(self) -> dict:
        """Dict : parameters of `hetbrian.published.reservoir`, but for those of the reset and the trials."""
        names = ("start", "gating", "pauses", "settling_gain", "pulse_sigma", "dt")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Quirk:
    """
    One thing that the authors' script does.

    Parameters
    ----------
    fields : tuple of str
        The fields of `Procedure` that repair it.
    says : str
        What the script does.
    """

    fields: tuple[str, ...]
    says: str


QUIRKS = {
    "start": Quirk(("start",), "all neurons start at v = w = s = 0"),
    "gating": Quirk(
        ("gating",), "each neuron has a gating variable of its own, not updated in a step in which it fires"
    ),
    "pauses": Quirk(("pauses",), "neurons at v >= 200 are reset and not integrated in that step"),
    "settling": Quirk(("settling_gain",), "s_jump is applied twice while settling: s_jump^2/N"),
    "pulse": Quirk(("pulse_sigma",), "the pulse of 20 time units has edges of 0.01"),
    "mirror": Quirk(("mirrored",), "without theta a spike turns v into -v, overshoot included"),
    "trials": Quirk(("restarts", "n_training"), "trials are onsets of one network: one to train, one to test"),
    "step": Quirk(("dt",), "dt = 1e-3; 2e-3 gives the same statistics"),
    "thinning": Quirk(("thinning",), "only spikes of every tenth step are kept"),
    "penalty": Quirk(("bin", "gamma"), "gamma = 1e-3 in bins of 0.01 time units"),
    "padding": Quirk(("padding",), "the Gaussian kernel sees zeros beyond the ends of a record"),
    "target": Quirk(("target_length",), "the targets are as fast as over 2000 time units, whatever the record"),
}
"""What the authors' public script for figures 1b, c and 2 does (Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070) and
ours does not, by name: with all of them repaired, ``as_published`` is ``corrected``."""

PROCEDURES = {
    "as_published": Procedure(
        start="zero",
        gating="own",
        pauses=True,
        settling_gain=200 / 162.5,
        pulse_sigma=0.01,
        mirrored=True,
        restarts=False,
        n_training=1,
        dt=1e-3,
        thinning=10,
        bin=0.01,
        gamma=1e-3,
        padding="zero",
        target_length=2000.0,
    ),
    "corrected": Procedure(),
}
"""``as_published``: the script's, with the second onset that it needs to have something to train on."""

assert sorted(name for quirk in QUIRKS.values() for name in quirk.fields) == sorted(f.name for f in fields(Procedure))
