"""The processes that compute the points of a sweep: of this machine, or of a running Dask scheduler."""

import logging
import tempfile
from contextlib import contextmanager

from hetbrian._support.optional import CPU_COUNT, distributed

TIMEOUT = 10.0
"""Seconds to wait for a scheduler to answer."""


class SchedulerLost(OSError):
    """The scheduler went away during a sweep."""


class Imported(distributed.WorkerPlugin):
    """Unpacked by a worker when it connects: Brian2 is imported by its main thread, as it has to be."""

    name = "hetbrian"


def needed(error):
    """
    Return the error to raise where a worker lacks a module.

    Parameters
    ----------
    error : ImportError
        What the worker said.

    Returns
    -------
    ImportError
    """
    return ImportError(
        f"a worker cannot import {error.name or error}, expected hetbrian and what the protocol imports: "
        "install them where the workers run."
    )


@contextmanager
def connected(scheduler=None, workers=None):
    """
    Yield a Dask client of a local cluster, or of a running scheduler.

    Parameters
    ----------
    scheduler : str, optional
        Address of a scheduler, e.g. ``tcp://host:8786``; by default processes of this machine, one thread each.
    workers : int, optional
        How many of them, by default one per core that this process may use.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ValueError
        If both are given, or there is less than one worker.
    OSError
        If no scheduler answers at the address.
    ImportError
        If its workers have no hetbrian.
    """
    if scheduler and workers:
        raise ValueError(
            f"scheduler is {scheduler!r} and workers {workers}, expected one of them: a running scheduler has its own."
        )
    with _quiet():
        yield from _clients(scheduler, workers)


def _clients(scheduler, workers):
    """Yield the client of `connected`."""
    if scheduler:
        try:
            client = distributed.Client(scheduler, timeout=TIMEOUT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise OSError(
                f"no scheduler answers at {scheduler!r}, expected the address of a running one, as tcp://host:8786: "
                "start 'dask scheduler' there, or leave --scheduler out to use this machine."
            ) from error
        with client:
            yield _prepared(client)
        return
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}, expected at least 1: leave it out for one per core.")
    n_workers = workers or CPU_COUNT
    with (
        tempfile.TemporaryDirectory(prefix="hetbrian_sweep_", ignore_cleanup_errors=True) as scratch,
        distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=scratch,
            silence_logs="CRITICAL",
            memory_limit=0,  # a network's memory is known before it runs; a limit would kill it half-way
        ) as cluster,
        distributed.Client(cluster, timeout=TIMEOUT, set_as_default=False) as client,
    ):
        yield _prepared(client)


def _prepared(client):
    """Return the client after its workers have imported Brian2."""
    try:
        client.register_plugin(Imported())
    except ImportError as error:
        raise needed(error) from error
    return client


@contextmanager
def _quiet():
    """Keep what Dask logs about lost connections off the screen: what matters of it is raised."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
