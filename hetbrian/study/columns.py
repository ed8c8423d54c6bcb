"""What came of the points of a sweep, as arrays over them."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from hetbrian.study.outcomes import unpacked

STATUS = {"pending": 0, "done": 1, "failed": 2}
"""What the variable ``status`` of a sweep says of each point."""

_VALUE = re.compile(rb'"(?:data|bytes)": ("[^"]*"|[-+.\w]+)')
"""A number or the memory of an array in the text of a record; quotes inside of a text have a backslash before them."""


@dataclass
class _Column:
    """A variable or coordinate, and where it came first: the order of the points decides, not that of arrival."""

    first: tuple[int, int]
    item: dict[str, Any]
    values: Any = None


class Columns:
    """
    The variables of the points that are there, NaN elsewhere, and which failed.

    Parameters
    ----------
    size : int
        Number of points.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.status = np.zeros(size, dtype=np.int8)
        self.errors: dict[int, str] = {}
        self._values: dict[str, _Column] = {}
        self._coordinates: dict[str, _Column] = {}
        self._forms: dict[tuple[bytes, ...], list[tuple[Any, str]] | None] = {}

    def take(self, index: int, record: dict[str, Any]) -> None:
        """Keep what came of a point; ``record`` is of `hetbrian.study.outcomes.outcome` or ``failure``."""
        if "error" in record:
            if not isinstance(record["error"], str):
                raise TypeError("no text")
            self.status[index], self.errors[index] = STATUS["failed"], record["error"]
            return
        self.errors.pop(index, None)
        self.status[index] = STATUS["done"]
        for part, kept in (("values", self._values), ("coordinates", self._coordinates)):
            for position, (name, item) in enumerate(record[part].items()):
                column = kept.get(name)
                if column is None or (index, position) < column.first:
                    values = None if column is None else column.values
                    column = kept[name] = _Column((index, position), item, values)
                if kept is self._values:
                    found = unpacked(item)
                    if column.values is None:
                        column.values = np.full((self.size, *found.shape), np.nan)
                    column.values[index] = found

    def read(self, index: int, text: bytes) -> dict[str, Any] | None:
        """
        Keep what came of a point as the text of its record says; points in the order of the grid.

        Most records differ in their numbers only. Of these the numbers are read, and nothing else.

        Parameters
        ----------
        index : int
            The point.
        text : bytes
            Its record.

        Returns
        -------
        dict or None
            The record, if it is unlike those before.
        """
        _, _, outcome = text.partition(b'}, "values": {')
        parts = _VALUE.split(outcome)
        form = tuple(parts[::2])
        if outcome and (slots := self._forms.get(form)) is not None:
            self.status[index] = STATUS["done"]
            for (values, dtype), found in zip(slots, parts[1::2], strict=False):  # coordinates are those before
                if dtype:
                    values[index] = np.frombuffer(base64.b64decode(found[1:-1]), dtype).reshape(values.shape[1:])
                else:
                    values[index] = float(found)
            return None
        record = json.loads(text)
        self.take(index, record)
        if outcome and form not in self._forms:
            self._forms[form] = self._slots(record, len(form) - 1)
        return record

    def _slots(self, record: dict[str, Any], n_found: int) -> list[tuple[Any, str]] | None:
        """Return where the values of such a record go; None if its text shows others too, as an attribute ``data``."""
        items = [*record["values"].values(), *record["coordinates"].values()]
        if n_found != sum(not isinstance(item.get("data"), list) for item in items):
            return None
        return [(self._values[name].values, item.get("dtype", "")) for name, item in record["values"].items()]

    def variables(self, names: tuple[str, ...], shape: tuple[int, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
        """
        Return variables and coordinates for xarray.

        Parameters
        ----------
        names, shape : tuple
            Of the grid.

        Returns
        -------
        variables, coordinates : dict
            The former over the grid, with ``status`` and ``error``.
        """
        variables: dict[str, Any] = {}
        for name, column in sorted(self._values.items(), key=lambda found: found[1].first):
            values = column.values.reshape(*shape, *column.values.shape[1:]).copy()
            variables[name] = ((*names, *column.item["dims"]), values, column.item["attrs"])
        errors = np.full(self.size, "", dtype=object)
        for index, error in self.errors.items():
            errors[index] = error
        meanings = {"flag_values": list(STATUS.values()), "flag_meanings": " ".join(STATUS)}
        variables["status"] = (names, self.status.reshape(shape).copy(), meanings)
        variables["error"] = (names, errors.reshape(shape), {})
        coordinates = {
            name: (column.item["dims"], unpacked(column.item), column.item["attrs"])
            for name, column in sorted(self._coordinates.items(), key=lambda found: found[1].first)
        }
        return variables, coordinates
