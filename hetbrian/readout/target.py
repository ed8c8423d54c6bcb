"""A target that a readout learns: a TimedArray on the time step of the simulation, and the code that reads it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, Quantity, TimedArray, second
from brian2.units.fundamentalunits import DIMENSIONLESS, have_same_dimensions
from numpy.typing import ArrayLike, NDArray

from hetbrian._support.arguments import array, checked, quantity
from hetbrian._support.checks import count, flag, object_name, positive, shown, text


def _names(value: Any, name: str) -> None:
    """Refuse what is no sequence of texts."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{name} is {shown(value)}, expected texts: give one for each output.")


class Target(TimedArray):
    """
    Hold the samples of a target signal, one column per output.

    At step n of a simulation with the same time step, output i is ``values[n % n_steps, i]``
    if the target is periodic, else ``values[min(n, n_steps - 1), i]``. Not for groups with
    another time step than ``dt``: their steps would be counted as the target's.

    Parameters
    ----------
    values : array, shape (time, n_outputs)
        Dimensionless samples; one period if `periodic`.
    dt : Quantity [second]
        Time step of the simulation.
    periodic : bool
        Whether the samples repeat.
    output_names : sequence of str, length n_outputs, optional
        What each output stands for; ``output 0``, ... if left out.
    name : str
        Name in Brian2 code; ``*`` stands for a number that makes it unique.

    Attributes
    ----------
    n_outputs : int
        Number of outputs.
    period : Quantity [second] or None
        Length of one period; None if the target does not repeat.
    output_names : list of str
        What each output stands for.

    Raises
    ------
    DimensionMismatchError
        If `values` has a unit or `dt` is not a time.
    ValueError
        If `values` is not two-dimensional, empty or not finite, if `dt` is not positive, or if
        the number of names is not that of the outputs.

    Examples
    --------
    >>> from brian2 import ms
    >>> target = Target([[0, 1], [2, 3], [4, 5]], dt=1*ms, periodic=True, name="steps")
    >>> target.samples([0, 1, 5]*ms).tolist()
    [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    >>> target.expression()
    'steps((t_in_timesteps % 3)*dt, i)'
    """

    # Brian2 caches generated code by the remaining attributes, which have to be hashable.
    _cache_irrelevant_attributes = TimedArray._cache_irrelevant_attributes | {
        "n_outputs",
        "period",
        "output_names",
    }

    @checked(
        values=array(),
        dt=quantity(second, positive),
        periodic=flag,
        output_names=_names,
        name=object_name,
    )
    def __init__(
        self,
        values: ArrayLike,
        dt: Quantity,
        *,
        periodic: bool = False,
        output_names: Sequence[str] | None = None,
        name: str = "target*",
    ):
        array = np.asarray(values, dtype=float)
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(
                f"values has shape {array.shape}, expected (time, n_outputs), both at least 1: "
                "give one column per output."
            )
        step = float(dt)
        n_steps, self.n_outputs = array.shape
        if output_names is None:
            output_names = [f"output {i}" for i in range(self.n_outputs)]
        if len(output_names) != self.n_outputs:
            raise ValueError(
                f"output_names has {len(output_names)} names, expected {self.n_outputs}: give one per column of values."
            )
        self.output_names = list(output_names)
        self.period = n_steps * step * second if periodic else None
        super().__init__(array, dt=step * second, name=name)

    @checked(output=text)
    def expression(self, output: str = "i") -> str:
        """
        Return the Brian2 code for the value of one output at the current step.

        A periodic target counts steps in integers, so every device reads the same sample.

        Parameters
        ----------
        output : str
            Code for the number of the output.

        Returns
        -------
        str
            Code for a group whose namespace holds this target under its ``name``.
        """
        time = "t" if self.period is None else f"(t_in_timesteps % {len(self.values)})*dt"
        return f"{self.name}({time}, {output})"

    @checked(times=array(second, may_be_infinite=True))
    def samples(self, times: Quantity) -> NDArray[np.float64]:
        """
        Return what a simulation reads at these times.

        Between two steps this is the value of the earlier one.

        Parameters
        ----------
        times : Quantity [second], shape (time,)
            Times from the start of the simulation.

        Returns
        -------
        array, shape (time, n_outputs)
            The samples.

        Raises
        ------
        DimensionMismatchError
            If `times` is not a time.
        ValueError
            If a time is negative or not finite.
        """
        seconds = np.atleast_1d(np.asarray(times, dtype=float))
        if not np.all(np.isfinite(seconds) & (seconds >= 0)):
            raise ValueError("times contains a negative or non-finite time, expected 0 s or later: check them.")
        # TimedArray rounds down with the same margin of dt/16 for the rounding error of t.
        steps = np.floor(seconds / self.dt + 1 / 16).astype(np.int64)
        n_steps = len(self.values)
        return self.values[np.minimum(steps, n_steps - 1) if self.period is None else steps % n_steps]


def largest(target: TimedArray | str, n_networks: int, n_outputs: int) -> NDArray[np.float64]:
    """
    Return the largest absolute value of a target, 0 if that is code, which shows it only while it runs.

    Parameters
    ----------
    target : Target, TimedArray or str
    n_networks, n_outputs : int
        Networks that learn it, and outputs of each.

    Returns
    -------
    ndarray, shape (n_networks,)
        That of each network, which are all the same if they learn the same columns.
    """
    if isinstance(target, str):
        return np.zeros(n_networks)
    columns = np.abs(target.values).reshape(len(target.values), -1).max(axis=0)
    of_each = columns.reshape(-1, n_outputs).max(axis=1)
    return np.broadcast_to(of_each, n_networks).astype(float)


def target_code(
    target: TimedArray | str,
    n_outputs: int | None,
    namespace: Mapping[str, Any] | None,
    dt: Quantity,
    n_networks: int = 1,
) -> tuple[str, int, dict[str, Any]]:
    """
    Return the Brian2 code that reads a target.

    Parameters
    ----------
    target : Target, TimedArray or str
        A TimedArray of shape (time,) or (time, n_outputs), or code for the value of output ``i`` at time ``t``.
    n_outputs : int or None
        Number of outputs of a network; None takes that of the TimedArray, or one.
    namespace : dict or None
        Names that the code uses.
    dt : Quantity [second]
        Time step of the readout.
    n_networks : int
        Networks that learn it; the TimedArray has as many columns as one of them has outputs, or as all have.

    Returns
    -------
    str
        Code for output i, of all networks.
    int
        Number of outputs of a network.
    dict
        Names that the code uses, with the target's own.

    Raises
    ------
    TypeError
        If it is neither code nor a TimedArray.
    ValueError
        If the number of outputs or the time step does not fit, or a value is not finite.
    DimensionMismatchError
        If the target has a unit.
    """
    names = dict(namespace or {})
    if isinstance(target, str):
        width = 1 if n_outputs is None else n_outputs
        count(width, "n_outputs")
        return target, width, names
    if not isinstance(target, TimedArray):
        raise TypeError(
            f"target is a {type(target).__name__}, expected a TimedArray or Brian2 code: "
            "make one with hetbrian.readout.signals."
        )
    values = target.values
    width = 1 if values.ndim == 1 else values.shape[1]
    own = width if n_outputs is None else n_outputs
    if width not in (own, n_networks * own):
        of_all = f", or {n_networks * own} for {n_networks} networks" * (n_networks > 1)
        raise ValueError(f"target has {width} outputs, expected n_outputs = {n_outputs}{of_all}: leave n_outputs out.")
    width, output = own, "i" if width == n_networks * own else f"i % {own}"
    if not have_same_dimensions(target.dim, DIMENSIONLESS):
        raise DimensionMismatchError("target has a unit, expected plain numbers: divide by it", target.dim)
    name = target.name.lstrip("_")  # Brian2 refuses the names it gives itself
    names[name] = target
    wrong = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1))
    if wrong.size:
        raise ValueError(
            f"target is not finite at t = {wrong[0] * target.dt:g} s, expected finite numbers: repair the signal, as "
            "numpy.nan_to_num does."
        )
    if not isinstance(target, Target):
        return f"{name}(t)" if values.ndim == 1 else f"{name}(t, {output})", width, names
    if target.period is not None and abs(target.dt - float(dt)) > 1e-9 * float(dt):
        raise ValueError(
            f"target has the time step {target.dt * second}, expected that of the source, {dt}: "
            "make it with the same dt."
        )
    return target.expression(output), width, names
