"""Which of its arrays a C++ standalone program writes when it ends."""

from typing import Any

from brian2 import Equations, Network, Synapses

from hetbrian._support.allowed import Limited
from hetbrian.simulation.guard import Guard
from hetbrian.simulation.record import Recorder


def choose_results(device: Any) -> None:
    """
    Let a program write those arrays only that ``HETBRIAN_RESULTS`` names, if it names any.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device, after ``network.run``.
    """
    lines = []
    for variable, name in sorted(device.arrays.items(), key=lambda item: item[1]):
        file = device.get_array_filename(variable)
        if variable in device.dynamic_arrays_2d:
            lines.append(f'results.write("{file}", brian::{device.dynamic_arrays_2d[variable]});')
        elif variable in device.dynamic_arrays:
            array = f"brian::{device.dynamic_arrays[variable]}"
            lines.append(f'results.write("{file}", {array}.data(), {array}.size());')
        else:
            lines.append(f'results.write("{file}", brian::{name}, {variable.size});')
    code = "\n".join(
        [
            'const char *names = std::getenv("HETBRIAN_RESULTS");',
            "if (names && *names)",
            "{",
            "const hetbrian::Results results(brian::results_dir, names);",
            *lines,
            "std::cout.flush();",
            "std::_Exit(0);  // nothing is left to tidy up but memory",
            "}",
        ]
    )
    device.insert_code("before_end", code)


def needed(device: Any, network: Network, recorder: Recorder) -> str:
    """
    Return the arrays that are read after a run, for ``HETBRIAN_RESULTS``: all but private ones and synapses.

    Of synapses those with a differential equation are read: Brian2 looks whether they are finite. P and what belongs to
    it are gigabytes in a large network. An object outside hetbrian that checks itself after the run may read anything,
    so that everything is written.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device.
    network : brian2.Network
        Its network.
    recorder : Recorder
        What is recorded of it.

    Returns
    -------
    str
        Names of files, with a comma behind each; empty for all.
    """
    checked = [item for item in network.objects if hasattr(item, "check")]
    if any(not type(item).__module__.startswith("hetbrian.") for item in checked):
        return ""
    read = {owner.variables.get(entry.variable) for owner, entry in recorder.found.values()}
    read |= {owner.variables.get("_weights") for owner, entry in recorder.found.values() if entry.variable == "weights"}
    read |= {item.variables["_watched"] for item in checked if isinstance(item, Guard)}
    read |= {
        variable
        for item in network.objects
        if isinstance(item, Limited)
        for variable in item.limited_variables().values()
    }
    read |= {item.variables[name] for item in checked for name in getattr(item, "checks", ())}
    synaptic = {
        variable for item in network.objects if isinstance(item, Synapses) for variable in item.variables.values()
    }
    files = []
    for variable in device.arrays:
        is_left = (variable.name.startswith("_") and variable.size != 1) or (variable in synaptic and variable.dynamic)
        if variable in read or not is_left or _is_integrated(variable):
            files.append(f"{device.get_array_filename(variable)},")
    return "".join(files)


def _is_integrated(variable: Any) -> bool:
    """Return whether a variable has a differential equation that is integrated in each time step."""
    equations = getattr(variable.owner, "equations", None)
    return isinstance(equations, Equations) and variable.name in equations.diff_eq_names
