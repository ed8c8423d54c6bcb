"""What came of a point of a sweep, as the text that travels and is kept."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray

from hetbrian._support.lines import user_lines


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
        found = point(**arguments)
    except Exception as error:
        return failure(error)
    try:
        return outcome(found)
    except TypeError as error:
        return failure(error, is_misfit=True)


def outcome(found: Any) -> str:
    """
    Return what a point's function gave as the text that the store keeps.

    Parameters
    ----------
    found : dict or xarray.Dataset
        Real numbers or arrays by name, or what `xarray.Dataset` takes for variables: ``(dims, values, attrs)``. The
        dimensions of a plain array ``rates`` are ``rates_0``, ``rates_1`` and so on.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(found, Mapping) and not isinstance(found, xarray.Dataset):
        try:
            found = xarray.Dataset({name: _named(name, item) for name, item in found.items()})
        except (ValueError, TypeError) as error:
            raise TypeError(
                f"the point returned what makes no xarray Dataset ({' '.join(str(error).split())}), expected numbers, "
                "arrays, or (dims, values) with a name for each dimension: return {'rate': ('time', rate)}, say."
            ) from error
    if not isinstance(found, xarray.Dataset):
        raise TypeError(
            f"the point returned a {type(found).__name__}, expected a dict of numbers or an xarray Dataset: "
            "return {'score': 0.1}, say."
        )
    values = {str(name): _packed(name, item, float) for name, item in found.data_vars.items()}
    coordinates = {str(name): _packed(name, item, None) for name, item in found.coords.items()}
    return json.dumps({"values": values, "coordinates": coordinates})


def failure(error: BaseException, is_misfit: bool = False) -> str:
    """
    Return an error as the text that the store keeps, with the user's lines that it came from.

    Parameters
    ----------
    error : Exception
        What the point's function raised.
    is_misfit : bool
        Whether it returned what cannot be kept.

    Returns
    -------
    str
    """
    found: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"}
    if lines := user_lines(error):
        found["lines"] = lines
    return json.dumps(found | ({"misfit": str(error)} if is_misfit else {}))


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


def _named(name: Any, item: Any) -> Any:
    """Return a variable for xarray: a plain array gets dimensions of its own, or it would become a coordinate."""
    if isinstance(item, tuple | xarray.DataArray | xarray.Variable):
        return item
    values = np.asarray(item)
    return [f"{name}_{axis}" for axis in range(values.ndim)], values


def _packed(name: Any, item: xarray.DataArray, kind: Any) -> dict[str, Any]:
    """Return a variable as plain data: numbers as they are, arrays as the bytes of their memory."""
    if item.dtype.kind not in ("biuf" if kind is float else "biufU"):
        raise TypeError(
            f"{str(name)!r} of the point holds {item.dtype}, expected real numbers: leave it out, or "
            "return numbers that stand for it, as its real and its imaginary part."
        )
    values = np.asarray(item.values, dtype=kind)
    packed: dict[str, Any] = {
        "dims": list(item.dims),
        "shape": list(values.shape),
        "attrs": {key: str(value) for key, value in item.attrs.items()},
    }
    if values.ndim == 0 or values.dtype.kind == "U":
        return packed | {"data": values.tolist()}
    values = values.astype(values.dtype.newbyteorder("<"))
    return packed | {"dtype": values.dtype.str, "bytes": base64.b64encode(values.tobytes()).decode()}
