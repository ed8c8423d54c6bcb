"""What a picture is drawn from: which variables there are, in which units, and one sentence about what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, second

from hetbrian._support.checks import finite, instance, numbers, shown

if TYPE_CHECKING:
    import xarray as xr

SECONDS = {"s": 1.0, "second": 1.0, "ms": 1e-3, "msecond": 1e-3, "us": 1e-6, "usecond": 1e-6}
"""Units of time that Datasets have, in seconds."""


def a_dataset(value: Any, name: str) -> None:
    """Refuse what is no Dataset."""
    import xarray

    instance(value, name, xarray.Dataset, "give what hb.simulate, hb.sweep or hb.equilibria return")


def some_axes(value: Any, name: str) -> None:
    """Refuse what is neither Axes nor a sequence of them."""
    from matplotlib.axes import Axes

    try:
        given = np.ravel(np.asarray(value, dtype=object))
    except Exception:  # numpy raises what it meets in objects of a user
        given = np.empty(0, dtype=object)
    if not given.size or not all(isinstance(item, Axes) for item in given):
        raise TypeError(f"{name} is {shown(value)}, expected Axes of matplotlib: leave it out for a new figure.")


def a_colour(value: Any, name: str) -> None:
    """Refuse what is no colour of matplotlib."""
    from matplotlib.colors import is_color_like

    if not isinstance(value, str) or not is_color_like(value):
        raise ValueError(f"{name} is {shown(value)}, expected a colour of matplotlib: write 'red' or '#0072b2', say.")


def interval(value: Any, name: str) -> None:
    """Refuse what is no beginning and end of a time."""
    try:
        ends = [finite(end, name, second) for end in value]
    except TypeError as error:
        raise TypeError(
            f"{name} is {shown(value)}, expected (start, stop): write (5*second, 10*second), say."
        ) from error
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError(f"{name} is {shown(value)}, expected (start, stop) with start < stop: give two times.")


def of_numbers(dataset: xr.Dataset, name: str, record: str, *dims: str, given: str = "dataset") -> xr.DataArray:
    """
    Return a variable of a Dataset that holds real numbers.

    Parameters
    ----------
    dataset : xarray.Dataset
        Where from.
    name : str
        What it is called there.
    record : str
        How it gets there, for the error.
    *dims : str
        Its dimensions, if only these can be drawn.
    given : str
        What the Dataset is called among the arguments, for the error.

    Returns
    -------
    xarray.DataArray

    Raises
    ------
    ValueError
        If there is no such variable, or it has other dimensions, or no numbers.
    """
    if name not in dataset.variables:
        there = ", ".join(map(str, dataset.data_vars)) or "nothing"
        raise ValueError(f"{given} holds {shown_names(there)} and no {name!r}, expected it: {record}.")
    variable = dataset[name]
    if variable.dtype.kind not in "biuf":
        raise ValueError(f"{name!r} of {given} holds no numbers, expected some: {record}.")
    if dims and tuple(variable.dims) != dims:
        more = [str(dim) for dim in variable.dims if dim not in dims]
        advice = f"choose one with {given}.isel({more[0]}=0)" if more else record
        raise ValueError(
            f"{name!r} of {given} has the dimensions {', '.join(map(str, variable.dims)) or 'none'}, expected "
            f"{', '.join(dims)}: {advice}."
        )
    return variable


def shown_names(text: str) -> str:
    """Return a list of names that fits into a sentence."""
    return text if len(text) <= 80 else f"{text[:77]}..."


def seconds(variable: xr.DataArray) -> np.ndarray:
    """Return times in seconds, by their attribute ``units``; without one they are in seconds."""
    unit = variable.attrs.get("units", "s")
    if unit not in SECONDS:
        raise ValueError(
            f"{variable.name!r} of dataset is in {shown(unit)}, expected a time in s or ms: set its units."
        )
    return np.asarray(variable.values, dtype=float) * SECONDS[unit]


def learning_interval(dataset: xr.Dataset, given: Any, end: float) -> tuple[float, float] | None:
    """
    Return when a readout learnt, in seconds: as it is given, or as the Dataset says.

    Its attributes ``learning_start`` and ``learning_stop`` do, as those of protocols, the recorded variables
    ``"force.start"`` and ``"force.stop"`` of a readout of any name, or the parameters ``start`` and ``stop`` of a
    model.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a run.
    given : pair of Quantity, optional
        Beginning and end.
    end : float
        End of the run, where learning ends that goes on.

    Returns
    -------
    tuple of float or None
        None if nobody knows.
    """
    if given is not None:
        start, stop = (float(value / second) for value in given)
        return start, stop
    attributes = dataset.attrs
    parameters = _parameters(attributes.get("parameters"))
    pairs: list[tuple[Any, Any]] = [(attributes.get("learning_start"), attributes.get("learning_stop"))]
    for name in map(str, dataset.data_vars):
        owner, _, variable = name.rpartition(".")
        if variable == "start" and dataset[name].ndim == 0 and f"{owner}.stop" in dataset:
            pairs.append((float(dataset[name]), float(dataset[f"{owner}.stop"])))
    pairs.append((parameters.get("start"), parameters.get("stop")))
    for start, stop in pairs:
        if start is not None and stop is not None:
            return float(start), min(float(stop), end)
    return None


def _parameters(text: Any) -> dict[str, float]:
    """Return the times among the parameters of a run, in seconds, as its attribute has them: ``{"start": "5. s"}``."""
    try:
        given = json.loads(text)
    except (TypeError, ValueError):
        return {}
    found = {}
    for name, value in given.items() if isinstance(given, Mapping) else ():
        number, _, unit = str(value).partition(" ")
        if unit in SECONDS:
            try:
                found[name] = float(number) * SECONDS[unit]
            except ValueError:  # an array, say
                continue
    return found


def in_unit(value: Quantity, unit: Any) -> np.ndarray:
    """Return values without unit, in units of another."""
    return numbers(value, "values", any_unit=True, may_be_infinite=True) / float(unit)
