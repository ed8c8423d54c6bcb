"""What came of a point of a sweep, as the text that travels and is kept."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray

from hetbrian._support.checks import shown
from hetbrian._support.lines import user_lines
from hetbrian.study.interrupts import watched

DECODING = ("_FillValue", "scale_factor", "add_offset")
"""Attributes that no variable may have: numbers would be changed by them when they are read."""


class Misfit(TypeError):
    """A point returned what cannot be kept; the message says what."""


def computed(point: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """
    Compute a point; an error is a result, and so is an exit or an interrupt that the point raises itself.

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

    Raises
    ------
    BaseException
        What came of a signal, as KeyboardInterrupt of Ctrl-C.
    """
    with watched() as is_interrupted:
        try:
            return outcome(point(**arguments))
        except Exception as error:
            return failure(error)
        except BaseException as error:
            if is_interrupted():
                raise
            return failure(error)


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
    Misfit
        If it is something else.
    """
    if isinstance(found, Mapping) and not isinstance(found, xarray.Dataset):
        try:
            found = xarray.Dataset({name: _variable(name, item) for name, item in found.items()})
        except (ValueError, TypeError) as error:
            raise Misfit(
                f"the point returned what makes no xarray Dataset ({' '.join(str(error).split())}), expected numbers, "
                "arrays, or (dims, values) with a name for each dimension: return {'rate': ('time', rate)}, say."
            ) from error
    if not isinstance(found, xarray.Dataset):
        raise Misfit(
            f"the point returned a {type(found).__name__}, expected a dict of numbers or an xarray Dataset: "
            "return {'score': 0.1}, say."
        )
    values = {_string(name): _packed(name, item, float) for name, item in found.data_vars.items()}
    coordinates = {_string(name): _packed(name, item, None) for name, item in found.coords.items()}
    return json.dumps({"values": values, "coordinates": coordinates})


def failure(error: BaseException) -> str:
    """
    Return an error as the text that the store keeps, with the user's lines that it came from.

    Parameters
    ----------
    error : BaseException
        What the point's function raised, or `Misfit`.

    Returns
    -------
    str
    """
    is_misfit = isinstance(error, Misfit)
    kind = "TypeError" if is_misfit else type(error).__name__
    try:
        said = f"{kind}: {error}"
    except Exception as without:
        said = f"{kind}, whose text cannot be had ({type(without).__name__})"
    if not isinstance(error, Exception):
        said = f"{said.strip(' :')}, raised by the point itself"
    found: dict[str, Any] = {"error": _plain(said)}
    if lines := user_lines(error):
        found["lines"] = [_plain(line) for line in lines]
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
        return np.asarray(item["data"]).reshape(item["shape"])
    data = base64.b64decode(item["bytes"])
    return np.frombuffer(data, dtype=item["dtype"]).reshape(item["shape"])


def _plain(text: str) -> str:
    """Return a text that files can hold: a name of a file that is not UTF-8, say, with a backslash."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


def _string(name: Any, what: str = "a variable") -> str:
    """Return a name, or refuse what is none: 1 and "1" would be one."""
    if not isinstance(name, str):
        raise Misfit(f"{shown(name)} is the name of {what} of the point, expected a string: write 'name', say.")
    return str(name)


def _variable(name: Any, item: Any) -> Any:
    """Return a variable for xarray: a plain array gets dimensions of its own, or it would become a coordinate."""
    if isinstance(item, tuple | xarray.DataArray | xarray.Variable):
        return item
    if isinstance(item, np.ma.MaskedArray) and item.dtype.kind in "biuf":
        values = np.ma.filled(item.astype(float), np.nan)
    else:
        values = np.asarray(item)
    return [f"{name}_{axis}" for axis in range(values.ndim)], values


def _packed(name: Any, item: xarray.DataArray, kind: Any) -> dict[str, Any]:
    """Return a variable as plain data: numbers as they are, arrays as the bytes of their memory."""
    if item.dtype.kind not in ("biuf" if kind is float else "biufU"):
        raise Misfit(
            f"{name!r} of the point holds {item.dtype}, expected real numbers: leave it out, or "
            "return numbers that stand for it, as its real and its imaginary part."
        )
    values = np.asarray(item.values, dtype=kind)
    for key in item.attrs:
        if _string(key, f"an attribute of {name!r}") in DECODING:
            raise Misfit(
                f"{name!r} of the point has the attribute {key!r}, by which files are decoded, expected others: leave "
                "it out, numbers are kept as they are."
            )
    packed: dict[str, Any] = {
        "dims": [_string(dim, f"a dimension of {name!r}") for dim in item.dims],
        "shape": list(values.shape),
        "attrs": {key: _plain(str(value)) for key, value in item.attrs.items()},
    }
    if values.ndim == 0 or values.dtype.kind == "U":
        return packed | {"data": values.tolist()}
    values = values.astype(values.dtype.newbyteorder("<"))
    return packed | {"dtype": values.dtype.str, "bytes": base64.b64encode(values.tobytes()).decode()}
