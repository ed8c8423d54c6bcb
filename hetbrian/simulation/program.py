"""A network that is built once on a device and run with many values, or once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import brian2
import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    Quantity,
    get_device,
    ms,
    second,
)
from brian2.core.variables import ArrayVariable

from hetbrian._support.arguments import checked, of, one_of, optional, quantity
from hetbrian._support.checks import file_path, flag, function, no_network_operations, positive, stream_seed
from hetbrian._support.provenance import provenance
from hetbrian.codegen.loops import use_own_loops
from hetbrian.simulation import cuda, project, standalone
from hetbrian.simulation.checkpoint import check_resumed, load_state
from hetbrian.simulation.compiled import Compiled
from hetbrian.simulation.device import activated
from hetbrian.simulation.duration import DURATION, check_steps
from hetbrian.simulation.guard import Guard
from hetbrian.simulation.memory import check_memory
from hetbrian.simulation.names import free_name, full_name
from hetbrian.simulation.parameters import checked_parameters
from hetbrian.simulation.pitfalls import refuse_pitfalls
from hetbrian.simulation.record import RECORD, Recorder
from hetbrian.simulation.running import STANDALONE_REPORT, reporting, run
from hetbrian.simulation.values import apply, name_of, refuse_other_synapses, resolve
from hetbrian.simulation.watching import WATCH, Watcher

if TYPE_CHECKING:
    import xarray as xr

Device = Literal["runtime", "numpy", "cython", "cpp_standalone", "cuda_standalone"]
DEVICES = get_args(Device)
"""``numpy`` and ``cython`` are the runtime device with that code generation target."""

GUARD_INTERVAL = 10 * ms
"""About how often a run looks whether its potentials are finite, in whole time steps."""

CODEGEN_ONLY: ContextVar[Path | None] = ContextVar("codegen_only", default=None)
"""Folder that ``hetbrian run --codegen-only`` names: the next program is written there instead of run."""


Model = Callable[..., Network]
Record = str | Iterable[str] | Mapping[str, Any]
Folder = str | os.PathLike[str]


class Generated(Exception):
    """A project was written instead of run; the message is its folder."""


class Program:
    r"""
    A network built once on a device, to be run many times with other values; a context manager.

    On a standalone device the first line generates and compiles, and each `run` starts the program with
    its values in some hundredths of a second; on the runtime device each `run` builds the network again.
    The results are those of a network that was built with the values, and of another seed those of one that was
    built with that. Not for what changes the sources: equations, time step, duration, numbers of neurons.

    Parameters
    ----------
    model : callable
        ``model(rng, **parameters)`` returns a brian2 Network. It is called after the device is set and
        draws every random number from ``rng``, so that all devices simulate the same network.
    duration : Quantity [second]
        Simulated time.
    seed : int
        Root seed.
    record : iterable of str, or dict of str to index
        What to record, ``"object.variable"``, or a short name of `hetbrian.simulation.names.REGISTRY`: see
        `hetbrian.simulation.record.Recorder`. Nothing else is monitored.
    record_dt : Quantity [second], optional
        Sampling interval of time series; by default 1 ms, or the multiple of the time step that is nearest to it.
    device : {"runtime", "numpy", "cython", "cpp_standalone", "cuda_standalone"}
        Brian2 device; ``numpy`` and ``cython`` are the runtime device with that code generation target,
        ``runtime`` takes the one that ``prefs.codegen.target`` names.
    directory : path-like, optional
        Where the standalone project is generated and kept; by default a temporary folder.
    resume : path-like, optional
        A file of `hetbrian.simulation.checkpoint.save_state`: the network goes on from there, time included.
    progress : bool
        Whether to show progress and the time left on stderr.
    parameters : dict, optional
        Passed to the model and kept as provenance.
    **keywords
        More of them, where no option has the same name.

    Raises
    ------
    ValueError
        If the duration is not positive, a name is unknown, or may be that of an option or of a parameter.
    TypeError
        If the model does not return a Network.
    RuntimeError
        If the standalone device holds objects that were built outside the model, or CUDA cannot run here.
    NotImplementedError
        If the network holds a network operation, or two time steps and runs beyond 64 s, and the device is standalone.

    Examples
    --------
    >>> from brian2 import Clock, Network, NeuronGroup, ms
    >>> def model(rng):
    ...     leaky = "dv/dt = -v/tau : 1\ntau : second"
    ...     clock = Clock(0.1*ms, name="clock")
    ...     neurons = NeuronGroup(2, leaky, method="exact", clock=clock, namespace={}, name="neurons")
    ...     neurons.v, neurons.tau = 1, 10*ms
    ...     return Network(neurons)
    >>> with Program(model, 10*ms, device="numpy", record="v") as program:
    ...     late = [program.run({"neurons.tau": tau}).v[-1, 0].item() for tau in (5*ms, 20*ms)]
    >>> [round(v, 3) for v in late]  # exp(-9.1 ms/tau) after the step that begins at 9 ms, the last sample
    [0.162, 0.634]
    """

    @checked(
        model=function,
        duration=DURATION,
        seed=stream_seed,
        record_dt=optional(quantity(second, positive)),
        device=one_of(*DEVICES),
        directory=file_path,
        resume=file_path,
        progress=flag,
        parameters=of(Mapping, advice="write {'gain': 3.0}, say"),
    )
    def __init__(
        self,
        model: Model,
        duration: Quantity,
        *,
        seed: int = 0,
        record: Record = RECORD,
        record_dt: Quantity | None = None,
        device: Device = "runtime",
        directory: Folder | None = None,
        resume: Folder | None = None,
        progress: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        self.model, self.duration, self.seed = model, duration, seed
        self.parameters = checked_parameters(model, dict(parameters or {}), keywords, (Program, simulate))
        self.record, self.record_dt = record, record_dt
        self.device, self.directory, self.resume, self.progress = device, directory, resume, progress
        self.network: Any = None
        self._compiled: Compiled | None = None
        self._provenance: dict[str, str] = {}
        self._exit = ExitStack()

    @property
    def is_standalone(self) -> bool:
        """Bool : whether a program is compiled."""
        return self.device in standalone.SEED

    def __enter__(self) -> Self:
        folder = CODEGEN_ONLY.get()
        if folder is not None:
            raise Generated(self.generate(folder))
        if not self.is_standalone:
            return self
        if WATCH.get() is not None:
            raise ValueError(
                f"device is {self.device!r}, whose program shows nothing before it ends, expected runtime, numpy or "
                "cython to watch a run: choose one of them, as in --device runtime, or leave --watch out."
            )
        if self.device == "cuda_standalone":
            cuda.require()
        with ExitStack() as stack:
            folder = stack.enter_context(activated(self.device, self.directory))
            self._compiled = Compiled(self.device, self.seed, self._assembled, self._prepare)
            self._compiled.build(folder, is_kept=self.directory is not None)
            self.network = self._compiled.network
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self.network = self._compiled = None  # their names are free for the next program
        self._exit.close()

    @checked(
        values=of(Mapping, advice="write {'gain': 3.0}, say"),
        seed=stream_seed,
        noise=stream_seed,
        finish=function,
    )
    def run(
        self,
        values: Mapping[Any, Any] | None = None,
        *,
        seed: int | None = None,
        noise: int | None = None,
        finish: Callable[[Network], object] | None = None,
    ) -> xr.Dataset:
        """
        Run the network with other values, or that of another seed, and return what was recorded.

        Another seed draws the model's random numbers again: connections, weights, potentials, encoders. A standalone
        program reads them from files, so that nothing is generated or compiled, and the results are those of
        ``simulate(..., seed=seed)``, bit for bit. That nothing but numbers differs is found by comparing all that
        Brian2 makes its code of (`hetbrian.simulation.structure`).

        Parameters
        ----------
        values : dict, optional
            What differs from the network that the model built, ``{"neurons.eta": array*pA}``: see
            `hetbrian.simulation.values.resolve`.
        seed : int, optional
            Root seed, by default that of the program.
        noise : int, optional
            Seed of the random numbers that Brian2 draws itself while the network runs, by default ``seed``.
        finish : callable, optional
            ``finish(network)`` is called after the run, e.g. to save a trained readout.

        Returns
        -------
        xarray.Dataset
            See `hetbrian.simulation.record`; attributes hold versions, seed, parameters, device and git revision.

        Raises
        ------
        ValueError
            If a value does not fit, or the network of the seed needs another program, before anything runs.
        TypeError
            If a value is no number and no array of numbers.
        DimensionMismatchError
            If a value has the wrong unit.
        DivergenceError
            If the state left the finite numbers; the message says when and which neuron.
        RuntimeError
            If the program is not open.
        """
        seed = self.seed if seed is None else seed
        noise = seed if noise is None else noise
        if self.resume is not None:
            refuse_other_synapses(values or {})
        if not self.is_standalone:
            with activated(self.device, None):
                brian2.seed(noise)
                self.network, recorder = self._assembled(seed)
                apply(self.network, resolve(self.network, values or {}))
                watcher = Watcher(WATCH.get(), lambda: recorder.sampled(**self._described(seed)))
                with reporting(self.progress, watcher) as report:
                    run(self.network, self.duration, report=report, report_period=1 * second)
                return self._finished(recorder, seed, noise, values, finish)
        different = self._draw(seed)
        if different:
            raise ValueError(
                f"seed {seed} draws another {different!r} than seed {self.seed}, not only other numbers, expected a "
                "network that the same program can simulate: open a Program of its own, or use simulate."
            )
        compiled = self._compiled
        assert compiled is not None
        is_all_read = finish is not None or self.resume is not None  # to see whether the state was this network's
        with compiled.ran(values or {}, noise, self.progress, is_all_read):
            return self._finished(compiled.recorder, seed, noise, values, finish)

    @checked(
        seed=stream_seed,
    )
    def holds(self, seed: int) -> bool:
        """
        Return whether this program serves the network of a seed, which becomes that of `run`.

        Parameters
        ----------
        seed : int
            Root seed.

        Returns
        -------
        bool
        """
        if self.is_standalone and self._draw(seed):
            return False
        self.seed = seed
        return True

    def _draw(self, seed):
        """Let the compiled program have the numbers of a seed; return what else differs, or an empty string."""
        if self._compiled is None:
            raise RuntimeError("the program is not open, expected a context: write 'with Program(...) as program:'.")
        different = "" if seed == self._compiled.seed else self._compiled.draw(seed)
        self.network = self._compiled.network
        return different

    @checked(
        folder=file_path,
    )
    def generate(self, folder: Folder) -> Path:
        """
        Write the project into a folder, with a README, for a machine that has not this one's Python.

        It is compiled where the compiler is there; nothing runs.

        Parameters
        ----------
        folder : path-like
            Where to write; made if it does not exist.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ValueError
            If the device is not a standalone one, or the folder holds something else.
        RuntimeError
            If the compiler fails.
        """
        folder = Path(folder)
        if not self.is_standalone:
            raise ValueError(
                f"device is {self.device!r}, expected cpp_standalone or cuda_standalone to generate a project: "
                "choose one of them, as in --device cpp_standalone."
            )
        project.check_folder(folder)
        with activated(self.device, folder):
            compiled = Compiled(self.device, self.seed, self._assembled, self._prepare)
            return project.write(compiled, self.device, self.duration, folder)

    def _assembled(self, seed):
        """Return the network of a seed, with what watches it, and what records it."""
        network = self.model(np.random.default_rng(seed), **self.parameters)
        if not isinstance(network, Network):
            raise TypeError(
                f"model returned a {type(network).__name__}, expected a brian2 Network: return Network(...) from it."
            )
        if self.is_standalone:
            no_network_operations(network, self.device)
        guarded = {id(item.source) for item in network if isinstance(item, Guard) and item.variable == "v"}
        for item in sorted(network, key=lambda item: item.name):
            v = item.variables.get("v") if isinstance(item, NeuronGroup) else None
            if isinstance(v, ArrayVariable) and v.size == len(item) and id(item) not in guarded:
                steps = max(1, round(float(GUARD_INTERVAL / item.clock.dt)))
                name = free_name(network, f"guard_{item.name}")
                network.add(Guard(item, every=steps * item.clock.dt, name=name))
        check_steps(network, self.duration)
        recorder = Recorder(network, self.record, self.record_dt)
        if self.resume is not None:
            load_state(network, self.resume)
        refuse_pitfalls(network, self.device, network.t + self.duration)
        check_memory(network, cuda.free_bytes() if self.device == "cuda_standalone" else None)
        return network, recorder

    def _prepare(self, network):
        """Let the standalone device generate the code of the run."""
        get_device().insert_code("main", standalone.SEED[self.device])
        use_own_loops(network)
        run(network, self.duration, report=STANDALONE_REPORT if self.progress else None, report_period=1 * second)

    def _finished(self, recorder, seed, noise, values, finish):
        """Return the Dataset after a run that did not diverge."""
        for item in sorted(self.network.objects, key=lambda item: item.name):
            if hasattr(item, "check"):
                item.check()
        if self.resume is not None:
            check_resumed(self.network, [full_name(self.network, name_of(key)) for key in values or {}])
        if finish is not None:
            finish(self.network)
        given = {"values": {name_of(key): _shown(value) for key, value in values.items()}} if values else {}
        if noise != seed:
            given["noise"] = noise
        self._provenance = self._provenance or provenance()  # which asks git, for longer than a small network runs
        return recorder.dataset(**self._described(seed), **given, **self._provenance)

    def _described(self, seed):
        """Return what is said of a run of a seed."""
        return {
            "seed": seed,
            "duration": float(self.duration),
            "device": self.device,
            "parameters": {name: str(value) for name, value in self.parameters.items()},
            "model": f"{self.model.__module__}.{getattr(self.model, '__qualname__', repr(self.model))}",
        }


def _shown(value):
    """Return a value as text for the provenance: numbers in full, of arrays the shape."""
    return str(value) if np.ndim(value) == 0 else f"array of shape {np.shape(value)}"


@checked(
    values=of(Mapping, advice="write {'gain': 3.0}, say"),
    finish=function,
)
def simulate(
    model: Model,
    duration: Quantity,
    *,
    seed: int = 0,
    record: Record = RECORD,
    record_dt: Quantity | None = None,
    device: Device = "runtime",
    directory: Folder | None = None,
    resume: Folder | None = None,
    progress: bool = False,
    values: Mapping[Any, Any] | None = None,
    finish: Callable[[Network], object] | None = None,
    parameters: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> xr.Dataset:
    """
    Build a network on a device, run it and return what was recorded.

    A standalone program is compiled once for all networks that differ only in numbers: see `Program`, which
    runs one network with many values, and `hetbrian.simulation.standalone.build`.

    Parameters
    ----------
    model, duration, seed, record, record_dt, device, directory, resume, progress, parameters, **keywords
        As of `Program`.
    values, finish
        As of `Program.run`.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.simulation.record`; attributes hold versions, seed, parameters, device and git revision.

    Raises
    ------
    ValueError, TypeError, RuntimeError, NotImplementedError, DivergenceError
        As `Program` and `Program.run`.
    DimensionMismatchError
        If a time or value has the wrong unit.
    """
    options = {"directory": directory, "resume": resume, "progress": progress, "parameters": parameters, **keywords}
    with Program(model, duration, seed=seed, record=record, record_dt=record_dt, device=device, **options) as program:
        return program.run(values, finish=finish)
