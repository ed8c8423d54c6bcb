"""Claims as data: what decides each one, what was measured, and whether it was reproduced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import betaincinv, stdtrit

from hetbrian._support.arguments import array, checked, of, one_of
from hetbrian._support.checks import finite, flag, instance, text

CONFIDENCE = 0.95
"""Coverage of the intervals."""

MOST_SEEDS = 10_000
"""Beyond so many seeds a quantity counts as one that seeds do not decide."""

AGREEING = 6
"""Equal seeds from which they decide: the range of n values covers the median with 1 - 2^(1 - n), here 97 %."""

KINDS = ("mean", "share", "exact")

ROUNDING = 1e-9
"""Relative difference below which values are the same number; sums in another order differ by less than 1e-12."""


@checked(
    quantity=text,
    values=array(None, 1, may_be_infinite=True),
    relation=one_of("<", ">"),
    threshold=finite,
    kind=one_of(*KINDS),
    control=flag,
)
@dataclass(frozen=True)
class Evidence:
    """
    One quantity that helps to decide a claim.

    Parameters
    ----------
    quantity : str
        What was measured, in words.
    values : tuple of float
        One value per seed.
    relation : {"<", ">"}
        On which side of the threshold the claim puts the mean.
    threshold : float
        The threshold.
    kind : {"mean", "share", "exact"}
        What the mean over seeds is. A share, of values from 0 to 1, has the interval of Clopper & Pearson 1934, doi
        10.1093/biomet/26.4.404, with the sum of the values as successes: exact if they are 0 and 1, and wide enough if
        they lie between, because no such values vary more. A mean has the interval of Student's t, for which values
        are normal, so that two are never equal. If all are, they come in steps (a place on a grid, a count), and the
        interval is that of their median, from the smallest to the largest value, which needs `AGREEING` seeds to cover
        it (Thompson 1936, doi 10.1214/aoms/1177732502); fewer seeds, or a single one, leave it open. An exact number
        has one value, which nothing random made.
    control : bool
        Whether it is a control of ours, which is shown and decides nothing.

    Raises
    ------
    ValueError
        If there is no value, one is not finite or no share, an exact number has several, or the relation or kind is
        unknown.

    Examples
    --------
    >>> ratio = Evidence("test error, with over without", (0.6, 0.7, 0.65), "<", 0.8)
    >>> ratio.outcome, ratio.measured
    ('holds', '0.65 (0.53 to 0.77)')
    >>> alone = Evidence("share that works without heterogeneity", (0, 0, 1, 0, 1), "<", 0.5, "share")
    >>> alone.outcome, alone.measured, alone.needed
    ('open', '0.4 (0.053 to 0.85)', 106)
    >>> Evidence("lowest G in pA that works", (1000, 1000), "<", 1500).says
    'open, 6 seeds would decide'
    """

    quantity: str
    values: tuple[float, ...]
    relation: str
    threshold: float
    kind: str = "mean"
    control: bool = False

    def __post_init__(self) -> None:
        if not len(self.values) or not np.isfinite(self.values).all():
            raise ValueError(f"values of {self.quantity!r} are missing or not finite, expected numbers; check the runs")
        if self.kind == "share" and not 0 <= min(self.values) <= max(self.values) <= 1:
            raise ValueError(
                f"values of {self.quantity!r} reach {max(self.values):g}, expected 0 to 1; use kind='mean'"
            )
        if self.kind == "exact" and len(self.values) > 1:
            raise ValueError(
                f"values of {self.quantity!r} are {len(self.values)}, expected one exact number; use kind='mean'"
            )

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.values))

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Interval of the mean, see ``kind``; infinite if so few seeds do not give one."""
        return self._interval(len(self.values))

    @property
    def _agrees(self) -> bool:
        """Whether all seeds gave the same number."""
        return bool(np.allclose(self.values, self.values[0], rtol=ROUNDING, atol=1e-12))

    def _interval(self, n_seeds: int) -> tuple[float, float]:
        """Return the interval that so many seeds with the measured mean and spread would give."""
        tail = (1 - CONFIDENCE) / 2
        if self.kind == "share":
            done = self.mean * n_seeds
            low = betaincinv(done, n_seeds - done + 1, tail) if done > 0 else 0.0
            high = betaincinv(done + 1, n_seeds - done, 1 - tail) if done < n_seeds else 1.0
            return float(low), float(high)
        if self.kind == "exact":
            return self.mean, self.mean
        if self._agrees:
            is_enough = len(self.values) > 1 and n_seeds >= AGREEING
            return (self.mean, self.mean) if is_enough else (-np.inf, np.inf)
        margin = float(stdtrit(n_seeds - 1, 1 - tail) * np.std(self.values, ddof=1) / np.sqrt(n_seeds))
        return self.mean - margin, self.mean + margin

    @property
    def outcome(self) -> str:
        """``holds`` if the interval is on the claimed side of the threshold, ``fails`` on the other, else ``open``."""
        return self._outcome(*self.interval)

    def _outcome(self, low: float, high: float) -> str:
        if self.relation == ">":
            low, high, threshold = -high, -low, -self.threshold
        else:
            threshold = self.threshold
        return "holds" if high < threshold else "fails" if low >= threshold else "open"

    @property
    def needed(self) -> int | None:
        """Seeds that would decide it if mean and spread stay; None if it takes more than `MOST_SEEDS`."""
        low, high = len(self.values), MOST_SEEDS
        if self._outcome(*self._interval(low)) != "open":
            return low
        if self._outcome(*self._interval(high)) == "open":
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._outcome(*self._interval(middle)) == "open" else (low, middle)
        return high

    @property
    def measured(self) -> str:
        """Mean and interval, as text."""
        low, high = self.interval
        if self.kind == "exact":
            return f"{self.mean:.6g}"
        if np.isinf(low):
            n_seeds = len(self.values)
            return f"{self.mean:.3g} ({f'{n_seeds} equal seeds' if n_seeds > 1 else 'one seed'})"
        return f"{self.mean:.3g} ({low:.2g} to {high:.2g})"

    @property
    def says(self) -> str:
        """The outcome in words: ``yes``, ``no``, or how many seeds would decide it."""
        if self.outcome != "open":
            return {"holds": "yes", "fails": "no"}[self.outcome]
        if self.kind == "mean" and len(self.values) == 1:
            return "open, one seed shows no spread"
        return f"open, {f'{self.needed} seeds' if self.needed else f'over {MOST_SEEDS} seeds'} would decide"


@checked(
    name=text,
    evidence=of(tuple, advice="give each Evidence"),
    setting=text,
    statement=text,
)
@dataclass(frozen=True)
class Claim:
    """
    A claim and what was measured of it.

    Parameters
    ----------
    name : str
        Short name.
    evidence : tuple of Evidence
        What decides it, of which all has to hold, and controls.
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
    >>> claim = Claim("R1", (Evidence("Hopf points", (2.0,), ">", 1.5, "exact"),), setting="mean field")
    >>> claim.verdict
    'reproduced'
    """

    name: str
    evidence: tuple[Evidence, ...]
    setting: str = ""
    statement: str = ""

    def __post_init__(self) -> None:
        for item in self.evidence:
            instance(item, "an item of evidence", Evidence, "say what was measured")
        if all(item.control for item in self.evidence):
            raise ValueError(f"claim {self.name} has no evidence, expected at least one quantity; measure it")

    @property
    def verdict(self) -> str:
        """``reproduced`` if all evidence holds, ``not`` if some fails, else ``undecided``; controls do not count."""
        found = {item.outcome for item in self.evidence if not item.control}
        return "not" if "fails" in found else "undecided" if "open" in found else "reproduced"


def markdown(claims: Iterable[Claim], verdicts: bool = True) -> str:
    """Return the claims as a table in Markdown: one row per piece of evidence, with 95 % intervals over seeds.

    Parameters
    ----------
    claims : iterable of Claim
        The claims.
    verdicts : bool
        Whether to say what follows; a small run only shows its numbers.

    Returns
    -------
    str
    """
    columns = ["claim", "setting", "quantity", "claimed", "measured", *(["holds", "verdict"] if verdicts else [])]
    rows = [columns, ["---"] * len(columns)]
    for claim in claims:
        for item in claim.evidence:
            quantity = f"{item.quantity} (control)" if item.control else item.quantity
            row = [claim.name, claim.setting, quantity, f"{item.relation} {item.threshold:g}", item.measured]
            rows.append([*row, item.says, f"**{claim.verdict}**"] if verdicts else row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
