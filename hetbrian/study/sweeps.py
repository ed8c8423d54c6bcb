"""Compute every point of a grid, here or on many processes, and lose none that was finished."""

import inspect
import platform
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brian2
import numpy as np
import xarray

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import file_path, flag, function, nearest, shown, text
from hetbrian._support.optional import missing
from hetbrian._support.progress import SweepProgress
from hetbrian._support.provenance import provenance
from hetbrian._support.scratch import temporary_folder
from hetbrian.simulation.program import CODEGEN_ONLY
from hetbrian.simulation.reuse import KEPT
from hetbrian.simulation.watching import Watcher
from hetbrian.study.grid import Grid
from hetbrian.study.identity import exact
from hetbrian.study.names import is_nameable
from hetbrian.study.outcomes import computed
from hetbrian.study.store import FILES, Store
from hetbrian.study.transport import travelling

MOST_WORKERS = 4096
"""Processes of one machine that a sweep may start."""


def _workers(value: Any, name: str) -> None:
    """Refuse what is no number of processes."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_WORKERS:
        raise ValueError(f"{name} is {shown(value)}, expected at least 0: leave it out for one per core.")


def _name(value: Any, name: str) -> None:
    """Refuse what is no folder within a folder, or one that a sweep has there itself."""
    text(value, name)
    parts = Path(value).parts
    if parts and not all(is_nameable(part) and part not in FILES for part in value.split("/")):
        raise ValueError(
            f"{name} is {shown(value)}, expected a folder within the folder of the sweep, other than "
            f"{', '.join(FILES)}: write 'second' or 'second/part', say."
        )


@checked(
    folder=file_path,
    scheduler=text,
    workers=_workers,
    retry_failed=flag,
    watch=function,
)
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
        Processes of this machine instead; 0 for this one, which needs no Dask.
    retry_failed : bool
        Whether to compute failed points again.
    watch : callable, optional
        ``watch(dataset)`` gets what is there from time to time.
    """

    folder: Path | None = None
    scheduler: str | None = None
    workers: int | None = None
    retry_failed: bool = False
    watch: Callable[[xarray.Dataset], Any] | None = None


class Counted(Exception):
    """A sweep was counted instead of computed; the argument is its number of points."""


COUNT_ONLY: ContextVar[bool] = ContextVar("count_only", default=False)
"""Whether the next sweep says how many points it has, for ``hetbrian run NAME --help``."""

OPTIONS: ContextVar[SweepOptions] = ContextVar("sweep", default=SweepOptions())  # noqa: B039
"""What ``hetbrian run`` was told; arguments of `sweep` go before."""


@checked(
    point=function,
    grid=of(Grid, advice="write Grid(seed=range(5)), say"),
    parameters=of(Mapping, advice="write {'gain': 3.0}, say"),
    name=_name,
    folder=file_path,
    scheduler=text,
    workers=_workers,
    retry_failed=flag,
    watch=function,
    view=function,
)
def sweep(
    point: Callable[..., Any],
    grid: Grid,
    *,
    parameters: dict[str, Any] | None = None,
    name: str = "",
    folder: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    retry_failed: bool | None = None,
    watch: Callable[[xarray.Dataset], Any] | None = None,
    view: Callable[[xarray.Dataset], xarray.Dataset] | None = None,
    **settings: Any,
) -> xarray.Dataset:
    """
    Call a function at every point of a grid and return its results as one Dataset.

    Each finished point is on the disk before it counts, and the same call goes on where a stopped one was. A point
    that raises an error is kept with the error, and the others go on. Not for results of many megabytes per point:
    they travel to this process, which alone writes.

    Parameters
    ----------
    point : callable
        ``point(**parameters)`` returns a dict of real numbers or arrays, or an xarray Dataset, with the same
        coordinates at every point, and without the names of the axes, ``status`` and ``error``. It is a function at the
        top of a module; the text of that module and of those it imports travels to the processes.
    grid : Grid
        The parameters that differ between points.
    parameters : dict, optional
        The function's other parameters, the same for all points.
    name : str, optional
        Folder of this sweep within the folder, for a protocol that has several; it cannot lead out of it.
    folder : path-like, optional
        Where finished points are kept, see `hetbrian.study.store.Store`; by default nowhere once it returns. Without
        zarr they are in the database only.
    scheduler : str, optional
        Address of a running Dask scheduler, e.g. ``tcp://host:8786``; by default processes of this machine.
    workers : int, optional
        How many processes of this machine, by default one per core, or 0 where Dask is not installed; 0 for this one,
        which needs no Dask.
    retry_failed : bool, optional
        Whether to compute points again that failed before.
    watch : callable, optional
        ``watch(dataset)`` is called now and then with what is there.
    view : callable, optional
        ``view(dataset)`` returns the Dataset that is returned and watched, e.g. with more coordinates.
    **settings
        More of `parameters`, where no argument of `sweep` has their name.

    Returns
    -------
    xarray.Dataset
        Each variable over the axes of the grid and its own dimensions, in float64, NaN where a point has none; those of
        a plain array ``rates`` are ``rates_0``, ``rates_1`` and so on. Also ``status`` and ``error``.

    Raises
    ------
    ValueError
        If a parameter is given twice or could be meant for `sweep`, as an option with a slip, the function cannot
        travel, the folder holds another sweep, the first point uses the name of an axis, or every point failed.
    TypeError
        If the grid is no `Grid`, the first point or the view returns what cannot be kept, or no text describes a
        parameter.
    OSError
        If the folder cannot be written, the disk is full, or there is no scheduler or it went away.
    ImportError
        If there are processes to start and dask is not installed.
    """
    given: dict[str, Any] = {"name": name or None, "folder": folder, "scheduler": scheduler, "workers": workers}
    given |= {"retry_failed": retry_failed, "watch": watch, "view": view}
    settings = _together(point, grid, parameters or {}, settings, given)
    options = OPTIONS.get()
    watch = options.watch if watch is None else watch
    retry_failed = options.retry_failed if retry_failed is None else retry_failed
    if scheduler is None and workers is None:
        scheduler, workers = options.scheduler, options.workers
    is_alone = scheduler is None and workers is None and bool(missing("distributed"))
    workers = 0 if is_alone else workers
    if scheduler and workers is not None:
        raise ValueError(
            f"scheduler is {scheduler!r} and workers {workers}, expected one of them: a running scheduler has its own."
        )
    if COUNT_ONLY.get():
        raise Counted(len(grid))
    if CODEGEN_ONLY.get() is not None:
        point(**grid.point(0), **settings)  # which writes the project of its network and comes back as `Generated`
        raise ValueError(
            f"{point.__name__} of {point.__module__} simulated no network, expected one to generate code for: "
            "leave --codegen-only out."
        )
    folder = options.folder if folder is None else folder
    texts = {key: exact(value, key) for key, value in sorted(settings.items())}
    attributes = {key: texts[key] if callable(value) else str(value) for key, value in settings.items()} | provenance()
    sources = travelling(point)
    identity = {
        "point": f"{sources.module}.{sources.name}",
        "settings": texts,
        "versions": {"brian2": brian2.__version__, "numpy": np.__version__, "python": platform.python_version()},
        "sources": sources.hashes(),
    }

    def shown(dataset: xarray.Dataset) -> xarray.Dataset:
        dataset = dataset.assign_attrs(attributes)
        return _viewed(view, dataset) if view is not None else dataset

    def arguments(index: int) -> dict[str, Any]:
        return {**grid.point(index), **settings}

    with ExitStack() as stack:
        is_kept = folder is not None
        place = Path(folder or stack.enter_context(temporary_folder())) / name
        store = stack.enter_context(Store(place, grid, identity))
        todo = store.todo(retry_failed)
        if todo:
            n_failed = store.n_failed if not retry_failed else 0
            progress = stack.enter_context(SweepProgress(len(grid), store.n_done, n_failed))
            if is_alone:
                progress.say("dask is not installed, so one point after the other: pip install 'hetbrian[sweep]'")
            watcher = Watcher(watch, lambda: shown(store.dataset()))
            if workers == 0:
                outcomes = _computed_here(point, todo, arguments)
            else:
                from hetbrian.study.cluster import computed_there

                outcomes = computed_there(sources, todo, arguments, progress.say, scheduler, workers)
            try:
                for found in stack.enter_context(closing(outcomes)):
                    store.add(found)
                    progress.update(store.n_done, store.n_failed)
                    if store.n_done:
                        watcher.look()
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"Stopped; {store.n_done} of {len(grid)} points are kept in {str(place)!r}, "
                    "and the same command goes on."
                    if is_kept
                    else "Stopped; nothing was kept."
                ) from None
        if is_kept and not missing("zarr"):
            store.export()
        dataset = store.dataset()
        if not store.n_done:
            error = dataset.error.values.flat[0]
            said = (
                f"all {len(grid)} points failed, the first with {error!r}, expected one that works: "
                f"correct that and start again{' with --retry-failed' if is_kept else ''}."
            )
            raise ValueError("\n  ".join([said, *store.lines(0)]))
        return shown(dataset)


def _together(point: Callable[..., Any], grid: Grid, parameters: dict, settings: dict, options: dict) -> dict[str, Any]:
    """Return the parameters that all points share; a name that could mean two things is refused."""
    names = [*grid.parameters, *parameters, *settings]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"{name} is given twice, expected it in the grid, in parameters or as a keyword: leave the other out."
            )
    own = _parameters(point)
    for name in sorted(settings.keys() - own.keys()):
        near = nearest(name, inspect.signature(sweep).parameters)
        if near is not None:
            raise ValueError(
                f"{name} is no argument of sweep, nor a parameter that {point.__name__} names, expected one of them"
                f": did you mean {near!r} or give it as parameters={{{name!r}: ...}}."
            )
    taken = own.keys() - grid.parameters - parameters.keys()
    for name in sorted(taken & {key for key, value in options.items() if value is not None}):
        raise ValueError(
            f"{name} is an argument of sweep and a parameter of {point.__name__}, expected to know which is meant: "
            f"give that of the point as parameters={{{name!r}: ...}}."
        )
    return {**parameters, **settings}


def _parameters(point: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function; none of one of Python itself, which is refused because it has no file."""
    try:
        return inspect.signature(point).parameters
    except ValueError:
        return {}


def _viewed(view: Callable[[xarray.Dataset], xarray.Dataset], dataset: xarray.Dataset) -> xarray.Dataset:
    """Return what a view makes of a Dataset."""
    found = view(dataset)
    if not isinstance(found, xarray.Dataset):
        raise TypeError(
            f"view returned a {type(found).__name__}, expected a Dataset: return what it was given, with what it adds."
        )
    return found


def _computed_here(
    point: Callable[..., Any], todo: list[int], arguments: Callable[[int], dict[str, Any]]
) -> Generator[dict[int, str], None, None]:
    """Yield what came of one point after the other in this process, as `hetbrian.study.cluster.computed_there`."""
    KEPT.enabled = True
    try:
        for index in todo:
            yield {index: computed(point, arguments(index))}
    finally:
        KEPT.enabled = False
        KEPT.close()
