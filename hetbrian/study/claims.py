"""Claims as data: what decides each one, what was measured, and whether it was reproduced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

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
        Short name.
    evidence : tuple of Evidence
        Everything that decides it; all of it has to hold.
    setting : str
        Preset, sizes or whatever else was used.
    statement : str
        What is claimed, as one sentence.

    Raises
    ------
    ValueError
        If nothing decides it.

    Examples
    --------
    >>> claim = Claim("R1", (Evidence("Hopf points", (2.0,), ">", 1.5),), setting="mean field")
    >>> claim.verdict
    'reproduced'
    """

    name: str
    evidence: tuple[Evidence, ...]
    setting: str = ""
    statement: str = ""

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"claim {self.name} has no evidence, expected at least one quantity; measure it")

    @property
    def verdict(self) -> str:
        """``reproduced`` if all evidence holds, ``partly`` if some does, ``not`` if none does."""
        held = [item.holds for item in self.evidence]
        return "reproduced" if all(held) else "partly" if any(held) else "not"


def markdown(claims: Iterable[Claim]) -> str:
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
