"""A standalone program in its folder, which runs with the numbers of one draw of the network after another."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, Synapses, get_device
from brian2.core.names import Nameable

from hetbrian._support.variables import own_arrays
from hetbrian.simulation import standalone
from hetbrian.simulation.externals import copy_header, externalise, set_in, write_files
from hetbrian.simulation.record import Recorder
from hetbrian.simulation.results import choose_results, needed
from hetbrian.simulation.structure import Structure, digest
from hetbrian.simulation.values import refuse_used, resolve, timed_arrays, used_by_initialisations
from hetbrian.simulation.wiring import ENDS, refuse_kept, wired

Assemble = Callable[[int], tuple[Network, Recorder]]

OF_NETWORK = (
    "arrays", "dynamic_arrays", "dynamic_arrays_2d", "zero_arrays", "arange_arrays", "array_cache", "defaultclock",
)  # fmt: skip
"""What a device holds for the objects of a network; all else is about the code."""


class Compiled:
    """
    The program of a network on the active standalone device; `build` it before it runs.

    Parameters
    ----------
    name : {"cpp_standalone", "cuda_standalone"}
        The active device.
    seed : int
        Root seed of the network.
    assemble : callable
        ``assemble(seed)`` returns a network, with what watches it, and what records it.
    prepare : callable
        ``prepare(network)`` lets Brian2 generate the code of its run.
    """

    def __init__(self, name: str, seed: int, assemble: Assemble, prepare: Callable[[Network], None]) -> None:
        self.device: Any = get_device()
        self.is_cuda = name == "cuda_standalone"
        self.seed: int | None = seed
        self._assemble = assemble
        self._dt = self.device.defaultclock.dt
        with _no_names_taken():
            self.network, self.recorder = assemble(seed)
            self._files = externalise(self.device, self.is_cuda)
            self._structure = Structure(self.network, self.device, self._files)
            with _readings(self.device) as self._read:
                prepare(self.network)
        externalise(self.device, self.is_cuda)
        self._used = used_by_initialisations(self.device)
        found = {name: self.device.array_cache.get(variable) for variable, name in self.device.arrays.items()}
        self._prepared = {
            name: values for name, values in found.items() if digest(values) != self._structure.values.get(name)
        }
        if not self.is_cuda:
            choose_results(self.device)
        self._needed = needed(self.device, self.network, self.recorder)
        self._remember_sizes()

    def build(self, folder: Path, is_kept: bool = True, is_compiled: bool = True) -> None:
        """
        Generate the project and put its program there.

        Parameters
        ----------
        folder : Path
            The project.
        is_kept : bool
            Whether results stay there.
        is_compiled : bool
            Whether there shall be a program; else only its sources.

        Raises
        ------
        RuntimeError
            If the compiler fails.
        """
        self.folder, self.is_kept = Path(folder), is_kept
        if not self.is_cuda:
            copy_header(self.device, self.folder)
        self._written = write_files(self.folder, self._files, {})
        standalone.build(self.device, self.folder, is_compiled, self.is_cuda)
        self.device.static_arrays = self._files = {}  # they are in the folder

    def draw(self, seed: int) -> str:
        """
        Let the network of another seed take the place of the one before, if only numbers differ.

        Parameters
        ----------
        seed : int
            Root seed.

        Returns
        -------
        str
            What else differs, and the network before is kept; empty if nothing does.
        """
        before = dict(vars(self.device))
        try:
            with _no_names_taken():
                self.device.reinit()
                self.device.activate(build_on_run=False)
                self.device.defaultclock.dt = self._dt
                network, recorder = self._assemble(seed)
                files = externalise(self.device, self.is_cuda)
                structure = Structure(network, self.device, files)
            for item in network.sorted_objects:
                item._network = network.id  # as Brian2 does when it prepares a run
            drawn = {name: getattr(self.device, name) for name in OF_NETWORK}
            files |= self.device.static_arrays
        finally:
            vars(self.device).clear()
            vars(self.device).update(before)
        different = self._structure.difference(structure, self._read)
        if different:
            return different
        files |= {f"{name}_values": array.values.ravel() for name, array in timed_arrays(network).items()}
        written, self._written, self.seed = self._written, {}, None  # until all of it is written
        self._written = written | write_files(self.folder, files, written)
        vars(self.device).update(drawn)
        for variable, name in drawn["arrays"].items():
            if name in self._prepared:
                self.device.array_cache[variable] = self._prepared[name]
        self.device.networks = {network}
        self.device.clocks = dict.fromkeys(item.clock for item in network.sorted_objects)
        network.t_ = self.network.t_
        self.network, self.recorder, self.seed = network, recorder, seed
        self._remember_sizes()
        return ""

    @contextmanager
    def ran(self, values: Mapping[Any, Any], noise: int, is_shown: bool, is_all_read: bool) -> Iterator[None]:
        """
        Run the program, and keep its results until they are read.

        Parameters
        ----------
        values : dict
            See `hetbrian.simulation.values.resolve`.
        noise : int
            Seed of Brian2's random numbers.
        is_shown : bool
            Whether the program shows how far it is.
        is_all_read : bool
            Whether any array may be read afterwards.

        Raises
        ------
        ValueError, DimensionMismatchError
            If a value does not fit, before anything runs.
        RuntimeError
            If the program fails.
        """
        is_all = self.is_cuda or self.is_kept or is_all_read
        # overwritten by the next run: file systems search long for a place where thousands of files were just removed
        results = "results" if self.is_kept else "all" if is_all else "needed"
        for variable, size in self._sizes.items():
            variable.size = size  # the run before may have recorded less
        self.device.array_cache.update(self._counts)  # and have had other synapses
        try:
            arguments, is_wired = self._arguments(values, self.folder / results)
            given = {"HETBRIAN_SEED": str(noise), "HETBRIAN_RESULTS": "" if is_all else self._needed}
            given |= {"HETBRIAN_PARENT": str(os.getpid()), "HETBRIAN_WIRING": f"{results}/" if is_wired else ""}
            for name in given:
                os.environ.pop(name, None)  # Brian2 would say that it overwrites what it has set itself
            self.device.run_environment_variables.update(given)
            self.device.run(
                directory=str(self.folder), results_directory=results, with_output=is_shown, run_args=arguments
            )
            yield
        finally:
            if is_all and not self.is_kept:  # or a later run, which writes less, could be taken for this one
                shutil.rmtree(self.folder / results, ignore_errors=True)

    def _remember_sizes(self) -> None:
        """Note the sizes of what a run makes longer, and how many synapses there are."""
        self._sizes = {variable: variable.size for variable in self.device.dynamic_arrays_2d}
        n_synapses = [item.variables["N"] for item in self.network.objects if isinstance(item, Synapses)]
        self._counts = {variable: self.device.array_cache.get(variable) for variable in n_synapses}

    def _arguments(self, values: Mapping[Any, Any], folder: Path) -> tuple[list[str], bool]:
        """Return the program's arguments, with arrays in files that go with the results, and whether `_wire` wrote."""
        resolved = resolve(self.network, values)
        folder.mkdir(exist_ok=True)
        is_wired = self._wire(resolved, folder)
        refuse_used(self.device, resolved, self._used)
        arguments = []
        for number, (key, (target, value)) in enumerate(sorted(resolved.items())):
            if target.name in ENDS.values():
                continue
            if value.size == 1:
                arguments.append(f"{key}={value.item()!r}")
            else:  # a relative name in small letters: brian2cuda lowers all of it
                (folder / f"value_{number}").unlink(missing_ok=True)  # see `write_files`
                value.tofile(folder / f"value_{number}")
                arguments.append(f"{key}={folder.name}/value_{number}")
        return arguments, is_wired

    def _wire(self, resolved: Mapping[str, tuple[Any, np.ndarray]], folder: Path) -> bool:
        """Write other synapses where the program looks for them, and return whether there are some."""
        found = list(wired(self.network, resolved))
        for stale in (path for name in ENDS if found for path in folder.glob(f"*.{name}")):  # of the run before
            stale.unlink()
        for synapses, ends in found:
            name = synapses.name
            if self.is_cuda or f"{name}.i" not in self._written:
                reason = "Brian2CUDA makes" if self.is_cuda else "code of the program makes"
                raise ValueError(
                    f"'{name}.i' cannot be set, because {reason} these synapses; expected a C++ program and synapses "
                    "that are connected once, from arrays: run another seed, or build a network with these."
                )
            arrays = (self.device.arrays[variable] for variable in own_arrays(synapses).values())
            reader = next((self._used[array] for array in arrays if array in self._used), None)
            if reader is not None:
                raise ValueError(
                    f"'{name}.i' cannot be set, because an initialisation of {reader} reads these synapses before the "
                    "values of a run are set; expected values from arrays: compute them in Python, and give them too."
                )
            is_set = set_in(self.device, synapses)
            refuse_kept(synapses, resolved, is_set.__contains__)
            for variable, is_whole in is_set.items():
                if not is_whole:
                    raise ValueError(
                        f"'{name}.i' cannot be set, because the model sets some values of {variable.name!r} alone; "
                        "expected all at once: set them in Python, and give them as one array."
                    )
            for key, neurons in ends.items():
                neurons.tofile(folder / f"{name}.{key}")
            self.device.array_cache[synapses.variables["N"]] = np.array([ends["i"].size], dtype=np.int32)
        return bool(found)


@contextmanager
def _readings(device: Any) -> Iterator[set[str]]:
    """Collect the names of arrays whose values are asked for."""
    read: set[str] = set()
    get_value = device.get_value

    def noted(variable: Any, access_data: bool = True) -> Any:
        read.add(device.arrays.get(variable, variable.name))
        return get_value(variable, access_data)

    device.get_value = noted
    try:
        yield read
    finally:
        del device.get_value


@contextmanager
def _no_names_taken() -> Iterator[None]:
    """Let objects have the names that they would have if there were no others; Brian2 numbers those of one name."""
    known = Nameable.__instances__()
    hidden = list(known)
    known.clear()
    try:
        yield
    finally:
        known.update(reference for reference in hidden if reference() is not None)
