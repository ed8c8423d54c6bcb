"""Compute every point of a grid on many processes, and lose none that was finished."""

import contextlib
import pickle
import platform
import tempfile
import time
import uuid
from concurrent.futures import CancelledError
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brian2
import numpy as np

from hetbrian._support.optional import distributed
from hetbrian._support.progress import SweepProgress
from hetbrian._support.provenance import provenance
from hetbrian.simulation.reuse import KEPT
from hetbrian.study.cluster import SchedulerLost, connected, needed
from hetbrian.study.outcomes import failure, outcome
from hetbrian.study.store import Store
from hetbrian.study.transport import OtherSources, travelling

AHEAD = 3
"""Points that are sent per process: one that runs, and two that wait while a result travels."""

LOOK = 2.0
"""Seconds after which a sweep looks again how many workers there are."""


@dataclass
class SweepOptions:
    """
    Where and how sweeps run, for the command line to set.

    Parameters
    ----------
    folder : Path, optional
        Where the points are kept; by default in a temporary folder that is removed.
    scheduler : str, optional
        Address of a running Dask scheduler.
    workers : int, optional
        Processes of this machine instead.
    retry_failed : bool
        Whether to compute failed points again.
    watch : callable, optional
        ``watch(dataset)`` gets what is there from time to time.
    """

    folder: Path | None = None
    scheduler: str | None = None
    workers: int | None = None
    retry_failed: bool = False
    watch: Any = None


OPTIONS: ContextVar[SweepOptions] = ContextVar("sweep", default=SweepOptions())  # noqa: B039
"""What ``hetbrian run`` was told; arguments of `sweep` go before."""


def sweep(
    point, grid, *, folder=None, scheduler=None, workers=None, retry_failed=None, watch=None, view=None, **settings
):
    """
    Call a function at every point of a grid and return its results as one Dataset.

    Each finished point is on the disk before it counts, and the same call goes on where a stopped one was. A point
    that raises an error is kept with the error, and the others go on. Not for results of many megabytes per point:
    they travel to this process, which alone writes.

    Parameters
    ----------
    point : callable
        ``point(**parameters, **settings)`` returns a dict of numbers or arrays, or an xarray Dataset. It is a
        function at the top of a module; the text of that module and of those it imports travels to the processes.
    grid : Grid
        The parameters.
    folder : path-like, optional
        Where finished points are kept, see `hetbrian.study.store.Store`; by default nowhere once it returns.
    scheduler : str, optional
        Address of a running Dask scheduler, e.g. ``tcp://host:8786``; by default processes of this machine.
    workers : int, optional
        How many processes of this machine, by default one per core.
    retry_failed : bool, optional
        Whether to compute points again that failed before.
    watch : callable, optional
        ``watch(dataset)`` is called now and then with what is there.
    view : callable, optional
        ``view(dataset)`` returns the Dataset that is returned and watched, e.g. with more coordinates.
    **settings
        Other arguments of the function, the same for all points.

    Returns
    -------
    xarray.Dataset
        Each variable over the axes of the grid and its own dimensions, in float64; ``status`` and ``error``.

    Raises
    ------
    ValueError
        If the function cannot travel, the folder holds another sweep, or every point failed.
    OSError
        If the folder cannot be written, the disk is full, or there is no scheduler or it went away.
    """
    options = OPTIONS.get()
    folder = options.folder if folder is None else folder
    watch = options.watch if watch is None else watch
    retry_failed = options.retry_failed if retry_failed is None else retry_failed
    scheduler, workers = (
        (options.scheduler, options.workers) if (scheduler or workers) is None else (scheduler, workers)
    )
    attributes = {**{name: str(value) for name, value in settings.items()}, **provenance()}
    sources = travelling(point)
    identity = {
        "point": f"{sources.module}.{sources.name}",
        "settings": {name: repr(value) for name, value in sorted(settings.items())},
        "versions": {"brian2": brian2.__version__, "numpy": np.__version__, "python": platform.python_version()},
        "sources": sources.hashes(),
    }

    def shown(dataset):
        dataset = dataset.assign_attrs(attributes)
        return view(dataset) if view is not None else dataset

    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hetbrian_sweep_"))
        store = stack.enter_context(Store(folder, grid, identity))
        todo = store.todo(retry_failed)
        if todo:
            progress = stack.enter_context(
                SweepProgress(len(grid), store.n_done, store.n_failed if not retry_failed else 0)
            )
            watcher = _Watcher(watch, lambda: shown(store.dataset()))
            try:
                client = stack.enter_context(connected(scheduler, workers))
                if "dashboard" in client.scheduler_info()["services"]:
                    progress.say(f"Dask dashboard: {client.dashboard_link}")
                for outcomes in _outcomes(client, sources, grid, settings, todo, progress.say):
                    store.add(outcomes)
                    progress.update(store.n_done, store.n_failed)
                    if store.n_done:
                        watcher.look()
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"Stopped; {store.n_done} of {len(grid)} points are kept in {str(folder)!r}, "
                    "and the same command goes on."
                ) from None
        store.export()
        dataset = store.dataset()
        if not store.n_done:
            error = dataset.error.values.flat[0]
            raise ValueError(
                f"all {len(grid)} points failed, the first with {error!r}, expected one that works: "
                "correct that and start again with --retry-failed."
            )
        return shown(dataset)


def evaluate(sources, parameters):
    """
    Compute one point in a worker.

    Parameters
    ----------
    sources : Sources
        The function.
    parameters : dict
        Its arguments.

    Returns
    -------
    str
        `hetbrian.study.outcomes.outcome` or `hetbrian.study.outcomes.failure`.
    """
    if not KEPT.enabled:
        KEPT.enabled = True
        with contextlib.suppress(ValueError):  # outside a worker
            # where Dask removes what a killed worker has left
            tempfile.tempdir = distributed.get_worker().local_directory
    function = sources.load()
    try:
        return outcome(function(**parameters))
    except Exception as error:
        return failure(error)


class _Watcher:
    """Call a function with the Dataset so far, for at most a tenth of the time."""

    def __init__(self, watch, dataset):
        self.watch, self.dataset = watch, dataset
        self._next = 0.0

    def look(self):
        if self.watch is not None and time.monotonic() >= self._next:
            start = time.monotonic()
            self.watch(self.dataset())
            took = time.monotonic() - start
            self._next = start + max(5.0, 10 * took)


def _outcomes(client, sources, grid, settings, todo, say):
    """Yield what came of the points, some at a time, in the order in which they finish."""
    session, waiting = uuid.uuid4().hex, list(reversed(todo))
    running = distributed.as_completed(loop=client.loop)
    points: dict[str, int] = {}
    task = _task()

    def send():
        index = waiting.pop()
        key = f"point-{index}-{session}"
        points[key] = index
        packed = pickle.dumps((evaluate, (sources, {**grid.point(index), **settings})))
        running.add(client.submit(task, packed, key=key, pure=False))

    n_threads, checked = 1, 0.0

    def look():
        nonlocal n_threads, checked
        if time.monotonic() - checked > LOOK:
            before, n_threads, checked = n_threads, sum(client.nthreads().values()), time.monotonic()
            if before and not n_threads:
                say(f"No worker is connected to {client.scheduler.address!r}; waiting for one.")

    while points or waiting:
        try:
            look()
            while waiting and len(points) < AHEAD * max(1, n_threads):
                send()
            while not running.has_ready():
                time.sleep(0.002)
                look()
            batch = [next(running), *running.next_batch(block=False)]
            found = {points.pop(future.key): _result(future) for future in batch}
        except (OSError, CancelledError) as error:
            raise SchedulerLost(
                f"the scheduler at {client.scheduler.address!r} was lost, expected it to stay: "
                "finished points are kept; start it and run the same command again."
            ) from error
        yield found


def _task():
    """Return what workers call: a local function, which travels by value.

    The scheduler unpacks every task. It needs no hetbrian for this one, and could not import it: Brian2 sets a signal
    handler, which only the main thread of a process may, and a scheduler may run in another.
    """

    def task(packed):
        import pickle

        function, arguments = pickle.loads(packed)
        return function(*arguments)

    return task


def _result(future):
    """Return the text of a finished point, or raise what the sweep cannot go on from."""
    if future.status == "finished":
        return future.result()
    error = future.exception() if future.status == "error" else None
    if isinstance(error, distributed.scheduler.KilledWorker):
        return failure(RuntimeError("its process died each time it was computed, as for lack of memory"))
    if isinstance(error, ImportError):
        raise error if isinstance(error, OtherSources) else needed(error)
    if error is not None:  # what a point raises is a result, see `evaluate`
        raise error
    raise CancelledError
