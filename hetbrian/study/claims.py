"""The paper's claims as data: what decides each one, what was measured, and whether it was reproduced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

STATEMENTS = {
    "R1": "The mean field has three regimes along the mean background current, bounded by two Hopf points (1a).",
    "R2": "The error is high in regime I and low in II and III, for y1 and y2 (1b, c).",
    "R3": "Without any heterogeneity the fit fails; with a spread of the background current it succeeds (2a, b).",
    "R4": "Any single source (eta, g, mean theta) restores the fit; larger spreads hardly help, too much harms (2c-e).",
    "R5": "The spread of theta does not matter, its mean does (2f).",
    "R6": "Heterogeneity helps the training error more than the test error.",
    "F1": "Homogeneous FORCE networks fall silent below about G = 3000 pA, and no Q works (4a).",
    "F2": "At G = 2000 and Q = 9000 pA, any spread of the background current restores learning (3a).",
    "F3": "At G = 2000 and Q = 9000 pA, any spread of the coupling restores learning (3b).",
    "F4": "Partial reset restores learning at G = 2000 pA with Q = 4500 and 13 500 pA (3c, d).",
    "F5": "A spread of the background current extends the range of G that works from 3000 to 1000 pA in places (4b).",
    "F6": "Spread of the coupling and partial reset enlarge it too; all three together work on the whole grid (4c-f).",
    "S1": "Every single source of heterogeneity beats the homogeneous network on every data set (Table 1).",
    "S2": "More sources need not add up (Table 1).",
    "S3": "The gain grows with the temporal complexity of the data (Table 1).",
}
"""Claims of Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, in our words, with their figure."""

CONFIDENCE = 2.0
"""Standard errors by which a mean over seeds has to clear its threshold: 95 % for a normal mean."""


@dataclass(frozen=True)
class Evidence:
    """
    One quantity that helps to decide a claim.

    Parameters
    ----------
    quantity : str
        What was measured, in words.
    values : tuple of float
        One value per seed; a single one if nothing is random.
    relation : {"<", ">"}
        On which side of the threshold the claim puts the mean.
    threshold : float
        The threshold.

    Raises
    ------
    ValueError
        If there is no value, one is not finite, or the relation is unknown.

    Examples
    --------
    >>> ratio = Evidence("test error, with over without", (0.6, 0.7, 0.65), "<", 0.8)
    >>> ratio.holds, ratio.measured
    (True, '0.65 +- 0.05')
    """

    quantity: str
    values: tuple[float, ...]
    relation: str
    threshold: float

    def __post_init__(self) -> None:
        if self.relation not in ("<", ">"):
            raise ValueError(f"relation = {self.relation!r}, expected '<' or '>'; say where the claim puts the mean")
        if not len(self.values) or not np.isfinite(self.values).all():
            raise ValueError(f"values of {self.quantity!r} are missing or not finite, expected numbers; check the runs")

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.values))

    @property
    def spread(self) -> float:
        """Standard deviation over seeds, 0 for a single value."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0

    @property
    def holds(self) -> bool:
        """Whether the mean clears the threshold by `CONFIDENCE` standard errors."""
        margin = CONFIDENCE * self.spread / np.sqrt(len(self.values))
        if self.relation == "<":
            return bool(self.mean + margin < self.threshold)
        return bool(self.mean - margin > self.threshold)

    @property
    def measured(self) -> str:
        """Mean and standard deviation, as text."""
        return f"{self.mean:.3g} +- {self.spread:.2g}" if len(self.values) > 1 else f"{self.mean:.6g}"


@dataclass(frozen=True)
class Claim:
    """
    A claim and what was measured of it.

    Parameters
    ----------
    name : str
        A key of `STATEMENTS`.
    evidence : tuple of Evidence
        Everything that decides it; all of it has to hold.
    setting : str
        Preset, sizes or whatever else was used.

    Raises
    ------
    ValueError
        If the claim is unknown or nothing decides it.

    Examples
    --------
    >>> claim = Claim("R1", (Evidence("Hopf points", (2.0,), ">", 1.5),), setting="mean field")
    >>> claim.verdict
    'reproduced'
    """

    name: str
    evidence: tuple[Evidence, ...]
    setting: str = ""

    def __post_init__(self) -> None:
        if self.name not in STATEMENTS:
            raise ValueError(f"name = {self.name!r}, expected one of {', '.join(STATEMENTS)}; check the claim's name")
        if not self.evidence:
            raise ValueError(f"claim {self.name} has no evidence, expected at least one quantity; measure it")

    @property
    def verdict(self) -> str:
        """``reproduced`` if all evidence holds, ``partly`` if some does, ``not`` if none does."""
        held = [item.holds for item in self.evidence]
        return "reproduced" if all(held) else "partly" if any(held) else "not"


def markdown(claims: Any) -> str:
    """Return the claims as a table in Markdown: one row per piece of evidence.

    Parameters
    ----------
    claims : iterable of Claim
        The claims.

    Returns
    -------
    str
    """
    lines = ["| claim | setting | quantity | claimed | measured | holds | verdict |", "|" + "---|" * 7]
    for claim in claims:
        for item in claim.evidence:
            cells = [claim.name, claim.setting, item.quantity, f"{item.relation} {item.threshold:g}", item.measured]
            cells += ["yes" if item.holds else "no", f"**{claim.verdict}**"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
