"""An interval in whole time steps, which follows the time step of the clock."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from brian2 import Quantity, second

from hetbrian._support.checks import check_dimensions, finite, generator, whole_steps

if TYPE_CHECKING:

    class _Group:
        """What `Repeated` is mixed into."""

        variables: Any
        clock: Any

        def before_run(self, run_namespace: dict[str, Any]) -> None: ...
else:
    _Group = object

N_QUANTILES = 4096
"""Values that stand for a law of intervals: its mean is then right to 0.2 % for an exponential one."""

MULTIPLIER, MODULUS = 48271, 2**31 - 1
"""Of the generator that picks one of them: Park, Miller & Stockmeyer 1993, doi 10.1145/159544.376042, exact in 64 bits
and so the same on every device, whose whole state is one number that a file can hold."""


class Law(Protocol):
    """A distribution of times, such as those of `hetbrian.network`."""

    def quantiles(self, size: int) -> Any:
        """Return values with equal probability between them."""


class Repeated(_Group):
    """
    A Brian2 group that does something every so many steps; a mixin, before the group's class.

    Code reads ``_every``, the number of steps. It is counted anew before each run, in the time step that the clock
    then has, so that the interval stays the time that was given.
    """

    def _repeat(self, every: Any) -> None:
        """Add the variable that code reads."""
        finite(every, "every", second)
        steps = whole_steps(every, self.clock.dt, "every")
        self.variables.add_array("_every", size=1, scalar=True, dtype=np.int32, values=steps, constant=True)
        self._interval, self._counted = every, steps

    @property
    def every(self) -> Quantity:
        """Quantity [second] : the interval, a multiple of the time step."""
        steps = int(self.variables["_every"].get_value()[0])
        return self._interval if steps == self._counted else steps * self.clock.dt  # set by the values of a run

    @every.setter
    def every(self, value: Quantity) -> None:
        finite(value, "every", second)
        self._counted = whole_steps(value, self.clock.dt, "every")
        self._interval = value
        self.variables["_every"].set_value(self._counted)

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        """Count the steps of the interval in the clock's present time step."""
        steps = whole_steps(self._interval, self.clock.dt, "every")
        if steps != self._counted and int(self.variables["_every"].get_value()[0]) == self._counted:
            self._counted = steps
            self.variables["_every"].set_value(steps)
        super().before_run(run_namespace)


class RandomlyRepeated(Repeated):
    """
    A group whose interval is fixed or drawn from a law, again and again; a mixin as `Repeated`.

    If it is drawn, code reads ``_next``, the step at which something is due, ``_every``, the steps from the one before
    to it, ``_draw``, the state of the generator, and ``_intervals``, quantiles of the law in steps.
    """

    _law: Any = None

    def _repeat(self, every: Any, rng: np.random.Generator | None = None) -> None:
        """Add the variables that code reads."""
        if not hasattr(every, "quantiles"):
            super()._repeat(every)
            return
        if rng is None:
            raise ValueError(
                f"every is the law {every!r} and rng None, expected the generator that draws from it: give the rng "
                "of the model."
            )
        generator(rng)
        self._law, self._step = every, float(self.clock.dt)
        values = {"_every": 1, "_next": 0, "_draw": int(rng.integers(1, MODULUS))}
        for name, value in values.items():
            self.variables.add_array(name, size=1, scalar=True, dtype=np.int32, values=value)
        intervals = self._quantiles(every)
        self.variables.add_array("_intervals", size=N_QUANTILES, dtype=np.int32, values=intervals, constant=True)

    @property
    def is_random(self) -> bool:
        """Bool : whether the interval is drawn."""
        return self._law is not None

    @property
    def every(self) -> Any:
        """Quantity [second], or Distribution of times : the interval, a multiple of the time step, or its law."""
        return self._law if self.is_random else Repeated.every.fget(self)  # type: ignore[attr-defined]

    @every.setter
    def every(self, value: Any) -> None:
        if hasattr(value, "quantiles") != self.is_random:
            raise ValueError(
                f"every is {value!r}, expected {'a law' if self.is_random else 'one time'} as at first: build the "
                "readout with what it shall have."
            )
        if self.is_random:
            self.variables["_intervals"].set_value(self._quantiles(value))
            self._law = value
        else:
            Repeated.every.fset(self, value)  # type: ignore[attr-defined]

    def _quantiles(self, law: Law) -> np.ndarray:
        """Return intervals of a law in whole steps, at least one."""
        times = law.quantiles(N_QUANTILES)
        check_dimensions("every", times, second.dim)
        seconds = np.asarray(times, dtype=float)
        if not (seconds > 0).all() or not np.isfinite(seconds).all():
            raise ValueError(f"every is {law!r}, expected a law of times above 0 s: truncate it.")
        steps = np.maximum(1, np.rint(seconds / float(self.clock.dt)))
        whole_steps(steps.max(), 1, "every")  # as code can count them
        return steps.astype(np.int32)

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        """Count in the clock's present time step."""
        if not self.is_random:
            super().before_run(run_namespace)
            return
        step = float(self.clock.dt)
        if step != self._step:
            self.variables["_intervals"].set_value(self._quantiles(self._law))
            for name in ("_next", "_every"):
                variable = self.variables[name]
                variable.set_value(max(name == "_every", round(int(variable.get_value()[0]) * self._step / step)))
            self._step = step
        super(Repeated, self).before_run(run_namespace)

    def tick(self, step: int) -> None:
        """Draw the next interval if this step was the next; generated code of the C++ devices does so itself."""
        variables = self.variables
        if step >= variables["_next"].get_value()[0]:
            draw = MULTIPLIER * int(variables["_draw"].get_value()[0]) % MODULUS
            interval = int(variables["_intervals"].get_value()[draw * N_QUANTILES >> 31])
            for name, value in {"_draw": draw, "_every": interval, "_next": step + interval}.items():
                variables[name].get_value()[0] = value
