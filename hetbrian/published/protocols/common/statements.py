"""The sentences of the paper that our protocols decide, and the values that decide them, one a seed."""

import numpy as np

from hetbrian.study.claims import Claim, Evidence

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


def claim(name: str, evidence: tuple[Evidence, ...], setting: str = "") -> Claim:
    """
    Return a claim of the paper with what was measured of it.

    Parameters
    ----------
    name : str
        A key of `STATEMENTS`.
    evidence, setting
        See `hetbrian.study.claims.Claim`.

    Returns
    -------
    Claim

    Raises
    ------
    ValueError
        If the claim is unknown.
    """
    if name not in STATEMENTS:
        raise ValueError(f"name = {name!r}, expected one of {', '.join(STATEMENTS)}; check the claim's name")
    return Claim(name, evidence, setting, STATEMENTS[name])


def per_seed(values):
    """
    Return the mean over everything but the seed, of the seeds that have one.

    Parameters
    ----------
    values : xarray.DataArray
        Over seed and anything else.

    Returns
    -------
    tuple of float
    """
    means = values.mean([name for name in values.dims if name != "seed"]).values
    return tuple(means[np.isfinite(means)].tolist())
