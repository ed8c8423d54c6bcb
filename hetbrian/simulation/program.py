"""A network that is built once on a device and run with many values, or once."""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import brian2
import numpy as np
from brian2 import (
    BrianObjectException,
    Network,
    NeuronGroup,
    Quantity,
    TimedArray,
    get_device,
    ms,
    second,
)
from brian2.core.variables import ArrayVariable

from hetbrian._support.checks import check_units, nearest, no_network_operations
from hetbrian._support.errors import DivergenceError, NetworkError
from hetbrian._support.provenance import provenance
from hetbrian.simulation import cuda, project, standalone
from hetbrian.simulation.checkpoint import check_resumed, load_state
from hetbrian.simulation.device import activated
from hetbrian.simulation.guard import Guard
from hetbrian.simulation.names import free_name
from hetbrian.simulation.pitfalls import refuse_pitfalls
from hetbrian.simulation.record import RECORD, Recorder
from hetbrian.simulation.values import refuse_used, resolve

if TYPE_CHECKING:
    import xarray as xr

Device = Literal["runtime", "numpy", "cython", "cpp_standalone", "cuda_standalone"]
DEVICES = get_args(Device)
"""``numpy`` and ``cython`` are the runtime device with that code generation target."""

GUARD_INTERVAL = 10 * ms
"""About how often a run looks whether its potentials are finite, in whole time steps."""

CODEGEN_ONLY: ContextVar[Path | None] = ContextVar("codegen_only", default=None)
"""Folder that ``hetbrian run --codegen-only`` names: the next program is written there instead of run."""

STANDALONE_REPORT = r"""
fprintf(stderr, "\r%3.0f %% simulated, about %.0f s left   ", 100*completed,
        completed > 0 ? elapsed*(1 - completed)/completed : 0.0);
if (completed >= 1) fprintf(stderr, "\n");
"""


Model = Callable[..., Network]
Record = str | Iterable[str] | Mapping[str, Any]
Folder = str | os.PathLike[str]


OPTION_LIKE = 0.8
"""Likeness from which a keyword is taken for a misspelt option; "reset" and "resume" have 0.73."""


class Generated(Exception):
    """A project was written instead of run; the message is its folder."""


class Program:
    r"""
    A network built once on a device, to be run many times with other values; a context manager.

    On a standalone device the first line generates and compiles, and each `run` starts the program with
    its values in some hundredths of a second; on the runtime device each `run` builds the network again.
    The results are those of a network that was built with the values. The random numbers of the model are
    drawn once, from ``seed``; give arrays to `run` for another draw. Not for values that change the
    sources: equations, time step, duration, sizes, which neurons are connected.

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
    record_dt : Quantity [second]
        Sampling interval of time series.
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

    @check_units(duration=second, record_dt=second)
    def __init__(
        self,
        model: Model,
        duration: Quantity,
        *,
        seed: int = 0,
        record: Record = RECORD,
        record_dt: Quantity = 1 * ms,
        device: Device = "runtime",
        directory: Folder | None = None,
        resume: Folder | None = None,
        progress: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        if not 0 < float(duration) < np.inf:
            raise ValueError(f"duration is {duration}, expected a positive time: give it in seconds.")
        if device not in DEVICES:
            raise ValueError(f"device is {device!r}, expected one of {', '.join(DEVICES)}: choose one of them.")
        self.model, self.duration, self.seed = model, duration, seed
        self.parameters = _parameters(model, dict(parameters or {}), keywords)
        self.record, self.record_dt = record, record_dt
        self.device, self.directory, self.resume, self.progress = device, directory, resume, progress
        self.network: Any = None
        self._recorder: Any = None
        self._folder: Path | None = None
        self._n_runs, self._sizes = 0, dict[Any, Any]()
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
        if self.device == "cuda_standalone":
            cuda.require()
        with ExitStack() as stack:
            self._folder = stack.enter_context(activated(self.device, self.directory))
            self._assemble()
            self._prepare()
            standalone.build(get_device(), self._folder)
            self._sizes = {variable: variable.size for variable in get_device().dynamic_arrays_2d}
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self.network = self._recorder = self._folder = None  # their names are free for the next program
        self._exit.close()

    def run(
        self,
        values: Mapping[Any, Any] | None = None,
        *,
        seed: int | None = None,
        finish: Callable[[Network], object] | None = None,
    ) -> xr.Dataset:
        """
        Run the network with other values and return what was recorded.

        Parameters
        ----------
        values : dict, optional
            What differs from the network that the model built, ``{"neurons.eta": array*pA}``: see
            `hetbrian.simulation.values.resolve`.
        seed : int, optional
            Seed of Brian2's own random numbers, by default the root seed; the model's are drawn already.
        finish : callable, optional
            ``finish(network)`` is called after the run, e.g. to save a trained readout.

        Returns
        -------
        xarray.Dataset
            See `hetbrian.simulation.record`; attributes hold versions, seed, parameters, device and git revision.

        Raises
        ------
        ValueError
            If a value does not fit, before anything runs.
        DivergenceError
            If the state left the finite numbers; the message says when and which neuron.
        RuntimeError
            If the program is not open.
        """
        seed = self.seed if seed is None else seed
        if not self.is_standalone:
            with activated(self.device, None):
                brian2.seed(seed)
                self._assemble()
                for target, value in resolve(self.network, values or {}).values():
                    if isinstance(target, TimedArray):
                        target.values[...] = value.reshape(target.values.shape) if value.size > 1 else value
                    else:
                        target.get_value()[:] = value
                with _bar(self.progress) as report:
                    _run(self.network, self.duration, report=report, report_period=1 * second)
                return self._finished(seed, values, finish)
        if self._folder is None:
            raise RuntimeError("the program is not open, expected a context: write 'with Program(...) as program:'.")
        self._n_runs += 1
        results = f"run_{self._n_runs}" if self.directory is None else "results"
        for variable, size in self._sizes.items():
            variable.size = size  # the run before may have recorded less
        try:
            arguments = self._arguments(values or {}, self._folder / results)
            get_device().run_environment_variables["HETBRIAN_SEED"] = str(seed)
            get_device().run(
                directory=str(self._folder), results_directory=results, with_output=self.progress, run_args=arguments
            )
            return self._finished(seed, values, finish)
        finally:
            if self.directory is None:
                shutil.rmtree(self._folder / results, ignore_errors=True)

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
            self._assemble()
            self._prepare()
            return project.write(get_device(), self.device, self.network, self.duration, self.seed, folder)

    def _assemble(self):
        """Build the network and what watches and records it."""
        self.network = self.model(np.random.default_rng(self.seed), **self.parameters)
        if not isinstance(self.network, Network):
            raise TypeError(
                f"model returned a {type(self.network).__name__}, expected a brian2 Network: "
                "return Network(...) from it."
            )
        if self.is_standalone:
            no_network_operations(self.network, self.device)
        guarded = {id(item.source) for item in self.network if isinstance(item, Guard) and item.variable == "v"}
        for item in sorted(self.network, key=lambda item: item.name):
            v = item.variables.get("v") if isinstance(item, NeuronGroup) else None
            if isinstance(v, ArrayVariable) and v.size == len(item) and id(item) not in guarded:
                steps = max(1, round(float(GUARD_INTERVAL / item.clock.dt)))
                name = free_name(self.network, f"guard_{item.name}")
                self.network.add(Guard(item, every=steps * item.clock.dt, name=name))
        self._recorder = Recorder(self.network, self.record, self.record_dt)
        if self.resume is not None:
            load_state(self.network, self.resume)
        refuse_pitfalls(self.network, self.device, self.network.t + self.duration)

    def _prepare(self):
        """Let the standalone device generate the code of the run."""
        get_device().insert_code("main", standalone.SEED[self.device])
        report = STANDALONE_REPORT if self.progress else None
        _run(self.network, self.duration, report=report, report_period=1 * second)
        standalone.externalise(get_device())

    def _arguments(self, values, folder):
        """Return the program's arguments, with arrays in files that are removed with the results."""
        resolved = resolve(self.network, values)
        refuse_used(get_device(), resolved)
        folder.mkdir(exist_ok=True)
        arguments = []
        for number, (key, (_, value)) in enumerate(sorted(resolved.items())):
            if value.size == 1:
                arguments.append(f"{key}={value.item()!r}")
            else:  # a relative name in small letters: brian2cuda lowers all of it
                value.tofile(folder / f"value_{number}")
                arguments.append(f"{key}={folder.name}/value_{number}")
        return arguments

    def _finished(self, seed, values, finish):
        """Return the Dataset after a run that did not diverge."""
        for item in sorted(self.network.objects, key=lambda item: item.name):
            if hasattr(item, "check"):
                item.check()
        if self.resume is not None:
            check_resumed(self.network, [str(key) for key in values or {}])
        if finish is not None:
            finish(self.network)
        given = {"values": {str(key): _shown(value) for key, value in values.items()}} if values else {}
        return self._recorder.dataset(
            seed=seed,
            duration=float(self.duration),
            device=self.device,
            parameters={name: str(value) for name, value in self.parameters.items()},
            model=f"{self.model.__module__}.{getattr(self.model, '__qualname__', repr(self.model))}",
            **given,
            **provenance(),
        )


def _shown(value):
    """Return a value as text for the provenance: numbers in full, of arrays the shape."""
    return str(value) if np.ndim(value) == 0 else f"array of shape {np.shape(value)}"


def _run(network, duration, **options):
    """Run a network; a divergence that Brian2 has wrapped comes out as it was raised."""
    try:
        network.run(duration, namespace={}, **options)
    except BrianObjectException as error:
        if isinstance(error.__cause__, (DivergenceError, NetworkError, NotImplementedError)):
            raise error.__cause__ from None
        raise


@contextmanager
def _bar(shown):
    """Yield Brian2's report callback for a progress bar with the time left, or None."""
    if not shown:
        yield None
        return
    from hetbrian._support.progress import Bar

    with Bar(1.0, text="simulating") as bar:
        yield lambda elapsed, completed, start, duration: bar.show(completed, f"{completed:.0%} simulated")


def _parameters(model: Model, parameters: dict[str, Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """Return what the model is called with; what could be an option of ours too has to stand in ``parameters``."""
    options = {*inspect.signature(Program).parameters, *inspect.signature(simulate).parameters} - {"keywords"}
    for name in sorted(parameters.keys() & keywords.keys()):
        raise ValueError(f"{name!r} is in parameters and a keyword too, expected one of them: leave out the keyword.")
    if "rng" in parameters.keys() | keywords.keys():
        raise ValueError("'rng' is what simulate gives the model itself, expected no other: give seed=... instead.")
    named = {item.name for item in inspect.signature(model).parameters.values() if item.kind is not item.VAR_KEYWORD}
    for name in sorted(options & named - parameters.keys()):
        raise ValueError(
            f"{name!r} is an option of simulate and a parameter of the model, expected to know which is meant: "
            f"give the model's as parameters={{{name!r}: ...}}, or rename it."
        )
    for name in sorted(keywords.keys() - named):
        near = nearest(name, options, OPTION_LIKE)
        if near is not None:
            raise ValueError(
                f"{name!r} is no option of simulate and no parameter that the model names, expected an option, or the "
                f"model's as parameters={{{name!r}: ...}}: did you mean {near!r}?"
            )
    return parameters | keywords


def simulate(
    model: Model,
    duration: Quantity,
    *,
    seed: int = 0,
    record: Record = RECORD,
    record_dt: Quantity = 1 * ms,
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
