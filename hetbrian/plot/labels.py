"""What stands at the axes: name and unit of a variable, as its attributes say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

WORDS = {"amp": "A", "volt": "V", "second": "s", "siemens": "S", "hertz": "Hz"}
"""Units that Brian2 may write in full."""


def label(variable: xr.DataArray, name: str = "") -> str:
    """
    Return ``name (unit)`` of a variable of a Dataset, or only its name if it has no unit.

    Parameters
    ----------
    variable : xarray.DataArray
        With the attributes ``long_name`` and ``units``, if it has them.
    name : str
        What to call it instead.

    Returns
    -------
    str

    Examples
    --------
    >>> import xarray
    >>> label(xarray.DataArray([1.0], attrs={"long_name": "background current", "units": "pA"}))
    'background current (pA)'
    """
    text = name or variable.attrs.get("long_name", str(variable.name).replace("_", " "))
    unit = str(variable.attrs.get("units", "1"))
    return text if unit in ("", "1") else f"{text} ({in_short(unit)})"


def in_short(unit: str) -> str:
    """Return the symbol of a unit that Brian2 may have written in full, as ``namp``."""
    for word, symbol in WORDS.items():
        if unit.endswith(word) and len(unit) <= len(word) + 1:
            return unit.removesuffix(word) + symbol
    return unit
