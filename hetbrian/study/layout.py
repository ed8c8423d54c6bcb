"""What the variables of all points of a sweep have in common."""

from typing import Any

import numpy as np

from hetbrian._support.checks import shown
from hetbrian.study.grid import RESERVED
from hetbrian.study.names import NAMEABLE, is_nameable
from hetbrian.study.outcomes import unpacked


class Layout:
    """
    Dimensions, shapes and coordinates of the points so far, to which the next ones have to keep.

    Parameters
    ----------
    axes : iterable of str
        Names of the axes of the grid.
    """

    def __init__(self, axes: Any) -> None:
        self.axes = frozenset(axes)
        self._values: dict[str, dict[str, Any]] = {}
        self._coordinates: dict[str, dict[str, Any]] = {}
        self._sizes: dict[str, int] = {}

    def copy(self) -> "Layout":
        """Return another one that knows the same."""
        other = Layout(self.axes)
        other._values, other._coordinates = dict(self._values), dict(self._coordinates)
        other._sizes = dict(self._sizes)
        return other

    def take(self, record: dict[str, Any]) -> None:
        """Keep to a point, where those before said nothing; ``record`` is of `hetbrian.study.outcomes.outcome`."""
        for part, kept in (("values", self._values), ("coordinates", self._coordinates)):
            for name, item in record.get(part, {}).items():
                if name in kept:
                    continue
                kept[name] = {"dims": item["dims"], "shape": item["shape"]} if part == "values" else item
                self._sizes = dict(zip(item["dims"], item["shape"], strict=True)) | self._sizes

    def misfit(self, record: dict[str, Any]) -> str | None:
        """
        Return why a point cannot lie over the grid beside the others, None if it can.

        Parameters
        ----------
        record : dict
            Of `hetbrian.study.outcomes.outcome` or `failure`.

        Returns
        -------
        str, optional
        """
        values, coordinates = record.get("values", {}), record.get("coordinates", {})
        for name, item in (values | coordinates).items():
            for used in (name, *item["dims"]):
                said = shown(used)
                what = f"{said} of the point" if used == name else f"the dimension {said} of {shown(name)} of the point"
                if not is_nameable(used):
                    return f"{what} has a name that no file can have, expected {NAMEABLE}: call it otherwise."
                if used in RESERVED:
                    return f"{what} has a name that the sweep uses, expected another one: call it 'my_{used}', say."
                if used in self.axes:
                    return (
                        f"{what} has the name of an axis of the grid, expected another one: "
                        "leave it out, or call it otherwise; drop_vars drops what is left of a selection."
                    )
        for name, item in values.items():
            known = self._values.get(name, item)
            if item["shape"] != known["shape"]:
                shape, expected = tuple(item["shape"]), tuple(known["shape"])
                return f"{name!r} of the point has shape {shape}, expected {expected} as at other points."
            if item["dims"] != known["dims"]:
                dims, expected = tuple(item["dims"]), tuple(known["dims"])
                return f"{name!r} of the point has the dimensions {dims}, expected {expected} as at other points."
            if name in self._coordinates:
                return f"{name!r} of the point is a variable, expected a coordinate as at other points."
        for name, item in coordinates.items():
            if name in self._values:
                return f"{name!r} of the point is a coordinate, expected a variable as at other points."
            if name in self._coordinates and not _same(item, self._coordinates[name]):
                return (
                    f"the coordinate {name!r} of the point has other values, expected those of other points: "
                    "return it as a variable of another name, with reset_coords say, or interpolate to one axis."
                )
        for name, item in (values | coordinates).items():
            for dim, size in zip(item["dims"], item["shape"], strict=True):
                if size != self._sizes.get(dim, size):
                    return (
                        f"the dimension {dim!r} of {name!r} of the point has size {size}, expected {self._sizes[dim]} "
                        "as at other points."
                    )
        return None


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two coordinates are equal; NaN is NaN."""
    first, second = unpacked(one), unpacked(other)
    are_numbers = first.dtype.kind in "biuf" and second.dtype.kind in "biuf"
    return bool(one["dims"] == other["dims"] and np.array_equal(first, second, equal_nan=are_numbers))
