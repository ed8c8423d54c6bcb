"""What one check finds, kept in a file while it runs, so that a crash loses nothing that was found before."""

import json
import math
from pathlib import Path
from typing import Any

from hetbrian._support.files import replacing


class CheckFailed(AssertionError):
    """Something that a check expects does not hold; the message says all that does not."""


class Findings:
    """
    The numbers of one check, and what of them is not as expected.

    Parameters
    ----------
    path : Path, optional
        JSON file that holds them, rewritten with each; by default none.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path, self.numbers, self.failures = path, {}, []  # type: ignore[var-annotated]
        self._write()

    def note(self, name: str, value: Any) -> None:
        """Keep a number or a text."""
        self.numbers[name] = value
        self._write()

    def at_most(self, name: str, value: float, bound: float) -> None:
        """Keep a number that must not be larger than a bound, nor NaN."""
        if not value <= bound:
            self.failures.append(f"{name} is {value:.3g}, expected at most {bound:g}")
        self.note(name, float(value))

    def holds(self, name: str, condition: bool, otherwise: str) -> None:
        """Keep whether something holds; if not, what is the case instead."""
        if not condition:
            self.failures.append(f"{name} does not hold: {otherwise}")
        self.note(name, bool(condition))

    def close(self) -> None:
        """
        End the check.

        Raises
        ------
        CheckFailed
            If something was not as expected.
        """
        if self.failures:
            raise CheckFailed("; ".join(self.failures))

    def _write(self) -> None:
        if self.path is not None:
            plain = {name: _plain(value) for name, value in self.numbers.items()}
            with replacing(self.path, "choose another --out") as temporary:
                Path(temporary).write_text(json.dumps({"numbers": plain, "failures": self.failures}))


def _plain(value: Any) -> Any:
    """Return what JSON can hold, which has no infinite numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
