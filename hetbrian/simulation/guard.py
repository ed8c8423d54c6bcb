"""Stop a run whose state is not finite any more, or whose neurons fire faster than any can, and say when and where."""

from typing import Any

import numpy as np
from brian2 import Clock, Hz, Quantity, ms, second
from brian2.groups.group import Group

from hetbrian._support.allowed import Allowed, Limited
from hetbrian._support.arguments import checked, of, quantity
from hetbrian._support.checks import object_name, positive, text, whole_steps
from hetbrian._support.errors import DivergenceError
from hetbrian.codegen.group import NativeGroup, check_per_neuron
from hetbrian.codegen.interval import Repeated

WINDOW = 100 * ms
"""Time over which spikes are counted: longer than a burst, short beside a run."""

WITHOUT_LIMIT = 1e9 * Hz
"""What stands for no limit in a standalone program, which reads no infinite numbers."""

HIGHEST_RATE = Allowed("a rate above 0 Hz", "give inf*Hz for no limit", low=0.0, included=(False, True), unit=Hz)

ALLOWED = {"highest_rate": HIGHEST_RATE}
"""What the parameters of a guard may be."""


class Guard(Limited, Repeated, NativeGroup):
    """
    Stop the run as soon as a variable of a group is not finite, or its neurons fire faster than neurons can.

    In runtime mode the run ends with a `DivergenceError`; a standalone run stops at that time,
    keeps what it recorded, and `check` raises the error.

    Parameters
    ----------
    source : Group
        The group to watch.
    variable : str
        Its per-neuron variable.
    every : Quantity [second]
        How often to look; a multiple of the time step.
    name : str
        Name of the object.
    highest_rate : Quantity [hertz]
        Highest mean firing rate of the group in 100 ms (`WINDOW`); ``inf*Hz`` switches this off. After a spike no
        nerve cell fires for about 1 ms, and networks of `hetbrian.published.models.force` that learn stay below 350 Hz,
        whereas those that run away without becoming infinite, because Euler steps carry v back, fire at 2000 Hz and
        more.

    Raises
    ------
    ValueError
        If the variable is unknown, ``every`` not a multiple of the time step, or the rate not above 0.
    NotImplementedError
        If hetbrian has no code for the active device.
    """

    allowed = ALLOWED

    @checked(
        source=of(Group, advice="give the group to watch"),
        variable=text,
        every=quantity(second, positive),
        name=object_name,
        highest_rate=HIGHEST_RATE,
    )
    def __init__(
        self,
        source: Group,
        variable: str = "v",
        every: Quantity = 10 * ms,
        name: str = "guard*",
        highest_rate: Quantity = 1000 * Hz,
    ) -> None:
        check_per_neuron(source, variable, "one of its own: check the name")
        whole_steps(every, source.clock.dt, "every")
        super().__init__(source, 1, order=2, namespace={}, name=name)
        self.variable = variable
        self.variables.add_reference("_watched", source, variable)
        self._repeat(every)
        self._add_scalar("neuron", -1, dtype=np.int32, read_only=True)
        self._add_scalar("time", 0 * second, read_only=True)
        counts = "_spikespace" in source.variables
        of_rate = ["_spikespace", "dt", "highest_rate", "_window"] if counts else []
        if counts:
            self.variables.add_reference("_spikespace", source)
        self._add_scalar("highest_rate", min(highest_rate, WITHOUT_LIMIT), constant=True)
        self._add_scalar("rate", 0 * Hz, read_only=True)
        self._add_scalar("_n_spikes", read_only=True)
        self._add_scalar("_window", _steps(source.clock), dtype=np.int32, constant=True)
        self._add_runner(
            "guard",
            suffix="check",
            needed_variables=["rate", "_n_spikes", *of_rate],
            template_kwds={"counts": counts},
        )
        self._enable_group_attributes()

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        """Count the steps of `WINDOW` in the clock's present time step."""
        if int(self.variables["_window"].get_value()[0]) != _steps(self.clock):
            self.variables["_window"].set_value(_steps(self.clock))
        super().before_run(run_namespace)

    def check(self) -> None:
        """Raise `DivergenceError` if the watched variable was found not to be finite, or is not now, or the rate."""
        neuron, time, rate = (self.variables[name].get_value().item() for name in ("neuron", "time", "rate"))
        finite = np.isfinite(self.variables["_watched"].get_value())
        if neuron < 0 and rate == 0 and not finite.all():
            neuron, time = int(np.argmin(finite)), self._clock.variables["t"].get_value().item()
        if neuron >= 0:
            raise DivergenceError(
                f"{self.variable} of neuron {neuron} is not finite at t = {time:g} s, expected finite values: "
                "reduce the gains or the time step."
            )
        if rate:
            highest = self.variables["highest_rate"].get_value().item()
            raise DivergenceError(
                f"{self.source.name} fires at {rate:g} Hz, the mean of its neurons in {WINDOW} before t = {time:g} s, "
                f"expected at most {highest:g} Hz: reduce the gains or the time step, check the scale of what drives "
                "it, or let it run with Guard(..., highest_rate=inf*Hz)."
            )


def _steps(clock: Clock) -> int:
    """Return how many time steps `WINDOW` lasts."""
    return max(1, round(float(WINDOW) / float(clock.dt)))
