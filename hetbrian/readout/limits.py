"""When a readout stops a run: a target that is not finite, outputs out of all proportion, nothing to learn from."""

from typing import Any

import numpy as np
from brian2 import get_logger, second

from hetbrian._support.allowed import FINITE, Allowed
from hetbrian.readout.online import LEARNING

FIRST = 20
"""Updates before outputs are compared with the target, of which the readout has then seen some 15 ms."""

LONGEST = 1e9
"""Time [second] that stands for no stop in a standalone program, which reads no infinite numbers."""

WITHOUT_LIMIT = 1e300
"""What stands for no limit in a standalone program, which reads no infinite numbers."""

INITIAL_SHARE = 1.0
"""P(0) sum(r^2) with ``initial_P="auto"``, r of the first update.

The prior rule multiplies the error of its first sample by 1 - P(0) sum(r^2), which this makes 0. Networks of
`hetbrian.published.models.force` learn with 1 to 32 times as much and run away from 64 on (docs/force.md); the rest
is needed where the first update meets a quiet moment, because sum(r^2) then grows."""

TIME = Allowed("a time of 0 s or later", "give it in seconds", low=0.0, unit=second)

ALLOWED = {
    **LEARNING,
    "start": TIME,
    "stop": TIME,
    "largest_output": Allowed(
        "a number above 0", "give inf for no limit", low=0.0, high=np.inf, included=(False, True)
    ),
    "weights": FINITE,
    "encoder": FINITE,
}
"""What the parameters of a readout may be."""

TARGET, OUTPUT, SILENT = 1, 2, 3
"""Why a run was stopped, as kernels count; 0 if it was not."""


logger = get_logger(f"brian2.{__name__}")  # whose handlers show it


def tell_unfinished(force: Any) -> None:
    """
    Say once that a run ended before the readout was to stop learning: nothing in it is what was learned.

    Without a stop it is to learn as long as it runs, of which nothing is said.

    Parameters
    ----------
    force : FORCE
        A readout after its run.
    """
    start, stop = (force.variables[name].get_value().item() for name in ("start", "stop"))
    end, dt = force.clock.variables["t"].get_value().item(), float(force.clock.dt)
    if end + dt / 2 < stop < LONGEST:
        logger.warn(
            f"{force.name} learns from {start:g} s to {stop:g} s and the run ended at {end:g} s: nothing in it shows "
            "what was learned; run longer, stop learning earlier, or leave stop out if it goes on.",
            name_suffix="unfinished",
            once=True,
        )


def trouble(z: np.ndarray, y: np.ndarray, limit: float, n_updates: int, largest: np.ndarray) -> int:
    """
    Return why a readout must not learn from a sample, 0 if it may; the kernel codegen/kernels/limits.h does the same.

    Parameters
    ----------
    z, y : ndarray, shape (n_outputs,)
        Output and target.
    limit : float
        What the output may be, relative to the largest target.
    n_updates : int
        Number of samples before this one.
    largest : ndarray, shape (1,)
        The largest absolute target so far, which is brought up to date.

    Returns
    -------
    int
    """
    if not np.isfinite(y).all():
        return TARGET
    largest[0] = max(largest[0], np.abs(y).max())
    is_beyond = not (np.abs(z) <= limit * largest[0]).all()
    return OUTPUT if n_updates >= FIRST and largest[0] and is_beyond else 0


def reason(force: Any, network: int) -> str:
    """
    Return why a readout stopped a run.

    Parameters
    ----------
    force : FORCE
        The readout.
    network : int
        Of which of its networks.

    Returns
    -------
    str
        One sentence.
    """

    def of_network(name: str) -> np.ndarray:
        return force.variables[name].get_value().reshape(force.n_networks, -1)[network]

    trouble, time, largest, initial = (
        of_network(key).item() for key in ("_trouble", "_trouble_time", "_largest", "initial_P")
    )
    name = f"{force.name} in network {network}" if force.n_networks > 1 else force.name
    if trouble == TARGET:
        y = of_network("y")
        wrong = int(np.flatnonzero(~np.isfinite(y))[0])
        return (
            f"the target of {name} is {y[wrong]} for output {wrong} at t = {time:g} s, expected "
            "finite numbers while it learns: repair the signal, or learn between other times."
        )
    if trouble == SILENT:
        return (
            f"the activity that {name} learns from is 0 at its first update, t = {time:g} s, expected spikes before "
            "it from which initial_P='auto' can tell their scale: start later, or give a number."
        )
    limit, output = force.variables["largest_output"].get_value().item(), np.abs(of_network("z")).max()
    return (
        f"the output of {name} is {output:.3g} at t = {time:g} s, more than {limit:g} times its largest target "
        f"{largest:.3g}, expected learning that converges: {_advice(force, initial)}, or let it run with "
        "largest_output=inf."
    )


def _advice(force, initial_P):
    """Return what is most likely to be wrong if an output runs away."""
    forgetting = force.variables["forgetting"].get_value().item()
    causes = [
        f"reduce the gains of the network or give less than initial_P = {initial_P:g}, which 'auto' found"
        if force._is_auto
        else f"check the scale, as initial_P = {initial_P:g} is too much for the size of this activity (give r in "
        "spikes per ms, and initial_P of about 1/sum(r^2), which 'auto' finds)"
    ]
    if forgetting < 1:
        causes.append(f"forget less than {forgetting:g} does, with which P grows where the activity does not vary")
    return ", or ".join(causes)
