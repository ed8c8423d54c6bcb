"""The processes that compute the points of a sweep: of this machine, or of a running Dask scheduler."""

import contextlib
import gc
import itertools
import logging
import os
import pickle
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from hetbrian._support.leftovers import leave_nothing
from hetbrian._support.optional import CPU_COUNT, dask, distributed
from hetbrian._support.scratch import temporary_folder
from hetbrian.simulation.reuse import KEPT
from hetbrian.study.outcomes import computed, failure
from hetbrian.study.transport import OtherSources, Sources

TIMEOUT = 10.0
"""Seconds to wait for a scheduler to answer."""

AHEAD = 3
"""Points that are sent per process: one that runs, and two that wait while a result travels."""

LONG = 0.1
"""Seconds after which a process sends what it has: points that are quicker are sent and come back several at a time."""

MOST = 64
"""Points of a task."""

LOOK = 2.0
"""Seconds after which a sweep looks again how many workers there are."""

MEMORY = {"MALLOC_TRIM_THRESHOLD_": 2**28, "MALLOC_MMAP_THRESHOLD_": 2**25}
"""Bytes of the C library's malloc: what a worker freed it gives back to the system from the first on, and asks the
system for blocks from the second on. With Dask's `TRIM` each step of a training has its memory cleared anew: 1.2 times
the CPU time, and twice as long where two workers do so."""

TRIM = 2**16
"""Dask's value of the first; any other is the user's choice."""

LOST = 30
"""Seconds after which a process of this machine that died and did not come back is replaced by a new one."""


class SchedulerLost(OSError):
    """The scheduler went away during a sweep."""


class Imported(distributed.WorkerPlugin):
    """Unpacked by a worker when it connects: Brian2 is imported by its main thread, as it has to be."""

    name = "hetbrian"


def computed_there(
    sources: Sources,
    todo: list[int],
    arguments: Callable[[int], dict[str, Any]],
    say: Callable[[str], None],
    scheduler: str | None = None,
    workers: int | None = None,
) -> Generator[dict[int, str], None, None]:
    """
    Yield what came of points, some at a time, in the order in which they finish.

    Parameters
    ----------
    sources : Sources
        The function.
    todo : list of int
        The points.
    arguments : callable
        ``arguments(point)`` returns the function's arguments.
    say : callable
        Called with a line for the user.
    scheduler : str, optional
        Address of a scheduler, e.g. ``tcp://host:8786``; by default processes of this machine, one thread each.
    workers : int, optional
        How many of them, by default one per core that this process may use.

    Yields
    ------
    dict of int to str
        `hetbrian.study.outcomes.computed` by point.

    Raises
    ------
    OSError
        If no scheduler answers at the address, or it goes away.
    ImportError
        If its workers have no hetbrian.
    """
    with _quiet(), _connected(scheduler, workers) as client:
        try:
            client.register_plugin(Imported())
        except ImportError as error:
            raise _needed(error) from error
        if "dashboard" in client.scheduler_info()["services"]:
            say(f"Dask dashboard: {client.dashboard_link}")
        yield from _outcomes(client, sources, todo, arguments, say)


def evaluate(sources: Sources, points: list[dict[str, Any]]) -> list[str]:
    """
    Compute points in a worker, the first of them, and more until that took `LONG`.

    Parameters
    ----------
    sources : Sources
        The function.
    points : list of dict
        Its arguments at each point.

    Returns
    -------
    list of str
        See `hetbrian.study.outcomes.computed`.
    """
    if not KEPT.enabled:
        KEPT.enabled = True
        leave_nothing()
        with contextlib.suppress(ValueError):  # outside a worker
            # where Dask removes what a killed worker has left
            tempfile.tempdir = distributed.get_worker().local_directory
        sources.load()
        gc.freeze()  # all that is imported, which Python would look through again and again for what nobody needs
    start, found = time.monotonic(), list[str]()
    for parameters in points:
        found.append(computed(sources.load(), parameters))
        if time.monotonic() - start > LONG:
            break
    return found


@contextmanager
def _connected(scheduler, workers):
    """Yield a Dask client of a local cluster, or of a running scheduler."""
    if scheduler:
        try:
            client = distributed.Client(scheduler, timeout=TIMEOUT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise OSError(
                f"no scheduler answers at {scheduler!r}, expected the address of a running one, as tcp://host:8786: "
                "start 'dask scheduler' there, or leave --scheduler out to use this machine."
            ) from error
        with client:
            yield client
        return
    with (
        dask.config.set(
            {
                # which looks a hundred times a second what the workers do
                "distributed.worker.profile.enabled": False,
                # told after the second death of a process instead of the fourth, since points are tried again alone
                "distributed.scheduler.allowed-failures": 1,
                # a process that starts slowly, on a busy machine, is not taken for lost
                "distributed.deploy.lost-worker-timeout": f"{LOST}s",
                **_memory(),
            }
        ),
        _environment(),
        temporary_folder() as scratch,
        _deaf_loop() as loop,
        distributed.LocalCluster(
            n_workers=workers or CPU_COUNT,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            loop=loop,
            local_directory=str(scratch),
            env={"TMPDIR": str(scratch)},  # Brian2 writes a log as soon as it is imported
            silence_logs="CRITICAL",
            security=True,  # certificates of this run, so that no other user of the machine commands the processes
            memory_limit=0,  # a network's memory is known before it runs; a limit would kill it half-way
        ) as cluster,
        distributed.Client(cluster, timeout=TIMEOUT, set_as_default=False) as client,
    ):
        try:
            yield client
        except (KeyboardInterrupt, GeneratorExit):  # Dask would wait for the points that run
            for process in [nanny.pid for nanny in cluster.workers.values() if nanny.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            raise


def _memory():
    """Return Dask's settings for `MEMORY`, as far as the user's configuration does not say otherwise."""
    chosen = {}
    for name, size in MEMORY.items():
        key = f"distributed.nanny.pre-spawn-environ.{name}"
        chosen[key] = size if dask.config.get(key, TRIM) == TRIM else dask.config.get(key)
    return chosen


@contextmanager
def _environment():
    """Leave the environment as it was: Dask writes there what its processes shall have, and reads it the next time."""
    before = {name: os.environ.get(name) for name in MEMORY}
    for name, value in before.items():
        if value == str(TRIM):  # of a cluster that was here before
            del os.environ[name]
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _deaf_loop():
    """Yield an event loop whose thread has Ctrl-C blocked, as have the processes that it starts: we end them."""
    runner = distributed.utils.LoopRunner()
    resource_tracker.ensure_running()  # which takes the block from the thread that starts it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        runner.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield runner.loop
    finally:
        runner.stop()


def _outcomes(client, sources, todo, arguments, say):
    session, waiting = uuid.uuid4().hex, list(reversed(todo))
    running = distributed.as_completed(loop=client.loop)
    points: dict[str, list[int]] = {}
    task, n_sent = _task(), itertools.count()
    at_once = 1
    suspects: list[int] = []  # were with a process that died, perhaps of another point; each goes once more, alone
    alone = ""

    def send(some):
        key = f"points-{next(n_sent)}-{session}"
        points[key] = some
        packed = pickle.dumps((evaluate, (sources, [arguments(index) for index in some])))
        running.add(client.submit(task, packed, key=key, pure=False))
        return key

    def received(key, texts):
        nonlocal at_once
        some = points.pop(key)
        if not texts and key == alone:
            texts = [failure(RuntimeError("its process died each time it was computed, as for lack of memory"))]
        elif not texts:
            suspects.extend(reversed(some))
            return {}
        rest = some[len(texts) :]
        waiting.extend(reversed(rest))
        if not rest and len(some) == at_once:
            at_once = min(MOST, 2 * at_once)
        elif rest:
            at_once = max(1, min(at_once, len(texts)))
        return dict(zip(some, texts, strict=False))

    n_threads, checked = 1, 0.0

    def look():
        nonlocal n_threads, checked
        if time.monotonic() - checked > LOOK:
            before, n_threads, checked = n_threads, sum(client.nthreads().values()), time.monotonic()
            if client.cluster is not None:
                # Dask starts a process again that dies, but not one that dies while it starts
                client.cluster.scale(len(client.cluster.worker_spec))
            elif before and not n_threads:
                say(f"No worker is connected to {client.scheduler.address!r}; waiting for one.")

    while points or waiting or suspects:
        try:
            look()
            while waiting and len(points) < AHEAD * max(1, n_threads):
                # a share of what is left, so that all processes end at the same time
                share = min(at_once, -(-len(waiting) // (AHEAD * max(1, n_threads))))
                send([waiting.pop() for _ in range(share)])
            if not points:
                alone = send([suspects.pop()])
            while not running.has_ready():
                time.sleep(0.002)
                look()
            batch = [next(running), *running.next_batch(block=False)]
            texts = {future: _result(future) for future in batch}
            running.update([future for future, some in texts.items() if some is None])
        except (OSError, CancelledError) as error:
            raise SchedulerLost(
                f"the scheduler at {client.scheduler.address!r} was lost, expected it to stay: "
                "finished points are kept; start it and run the same command again."
            ) from error
        found: dict[int, str] = {}
        for future, some in texts.items():
            if some is not None:
                found |= received(future.key, some)
        if found:
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
    """
    Return the texts of points, or raise what the sweep cannot go on from.

    None if the result was lost with its process, no text if the process died each time.
    """
    status = future.status
    if status == "finished":
        try:
            return future.result(timeout=LOOK)
        except TimeoutError:  # lost with its process, and computed again
            return None
        except distributed.scheduler.KilledWorker:  # so was that of the next one
            return []
    if status in ("pending", "lost"):
        return None  # Dask computes it again
    error = future.exception() if status == "error" else None
    if isinstance(error, distributed.scheduler.KilledWorker):
        return []
    if isinstance(error, ImportError):
        raise error if isinstance(error, OtherSources) else _needed(error)
    if error is not None:  # what a point raises is a result, see `computed`
        raise error
    raise CancelledError


def _needed(error):
    """Return the error to raise where a worker lacks a module."""
    return ImportError(
        f"a worker cannot import {error.name or error}, expected hetbrian and what the protocol imports: "
        "install them where the workers run."
    )


@contextmanager
def _quiet():
    """Keep what Dask logs about lost connections and results off the screen: what matters of it is raised."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    loggers = [logging.getLogger(name) for name in (*names, "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
