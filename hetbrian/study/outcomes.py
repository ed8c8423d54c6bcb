"""What came of a point of a sweep, as the text that travels and is kept."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray


def computed(point: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """
    Compute a point; an error is a result.

    Parameters
    ----------
    point : callable
        The point's function.
    arguments : dict
        Its arguments.

    Returns
    -------
    str
        `outcome` or `failure`.
    """
    try:
        return outcome(point(**arguments))
    except Exception as error:
        return failure(error)


def outcome(found: Any) -> str:
    """
    Return what a point's function gave as the text that the store keeps.

    Parameters
    ----------
    found : dict or xarray.Dataset
        Numbers or arrays by name, or what `xarray.Dataset` takes for variables: ``(dims, values, attrs)``.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(found, Mapping) and not isinstance(found, xarray.Dataset):
        found = xarray.Dataset(dict(found))
    if not isinstance(found, xarray.Dataset):
        raise TypeError(
            f"the point returned a {type(found).__name__}, expected a dict of numbers or an xarray Dataset: "
            "return {'error': 0.1}, say."
        )
    values = {str(name): _packed(name, item, float) for name, item in found.data_vars.items()}
    coordinates = {str(name): _packed(name, item, None) for name, item in found.coords.items()}
    return json.dumps({"values": values, "coordinates": coordinates})


def failure(error: BaseException) -> str:
    """
    Return an error as the text that the store keeps.

    Parameters
    ----------
    error : Exception
        What the point's function raised.

    Returns
    -------
    str
    """
    return json.dumps({"error": f"{type(error).__name__}: {error}"})


def unpacked(item: dict[str, Any]) -> np.ndarray:
    """
    Return the values of a variable of an `outcome`.

    Parameters
    ----------
    item : dict
        The variable.

    Returns
    -------
    ndarray
        In the variable's shape.
    """
    if "data" in item:
        return np.asarray(item["data"])
    data = base64.b64decode(item["bytes"])
    return np.frombuffer(data, dtype=item["dtype"]).reshape(item["shape"])


def _packed(name: Any, item: xarray.DataArray, kind: Any) -> dict[str, Any]:
    """Return a variable as plain data: numbers as they are, arrays as the bytes of their memory."""
    values = np.asarray(item.values, dtype=kind)
    if values.dtype.kind not in "biufU":
        raise TypeError(f"{name!r} of the point holds {values.dtype}, expected numbers: leave it out.")
    packed: dict[str, Any] = {
        "dims": list(item.dims),
        "shape": list(values.shape),
        "attrs": {key: str(value) for key, value in item.attrs.items()},
    }
    if values.ndim == 0 or values.dtype.kind == "U":
        return packed | {"data": values.tolist()}
    values = values.astype(values.dtype.newbyteorder("<"))
    return packed | {"dtype": values.dtype.str, "bytes": base64.b64encode(values.tobytes()).decode()}
