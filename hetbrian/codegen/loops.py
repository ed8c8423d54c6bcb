"""Loops of a time step in which templates of ours take the place of Brian2's, in programs that hetbrian builds."""

from brian2 import Network, get_device, prefs
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.groups.neurongroup import Thresholder
from brian2.synapses.synapses import SynapticPathway

from hetbrian.codegen.codeobjects import CPPNativeCodeObject


def use_own_loops(network: Network) -> None:
    """
    Let our templates make the thresholds and synapses of a network in C++ standalone: the same results, bit for bit.

    What has a code object class of its own keeps it; on another device, or with Brian2's threads, everything does.

    Parameters
    ----------
    network : brian2.Network
        Before its run is prepared, in a program that hetbrian builds.
    """
    if (
        get_device().code_object_class(None) is not CPPStandaloneCodeObject
        or prefs.devices.cpp_standalone.openmp_threads
    ):
        return
    for runner in network.sorted_objects:
        if getattr(runner, "codeobj_class", None) is not None:
            continue
        if isinstance(runner, Thresholder):
            runner.template, runner.codeobj_class = "threshold_in_blocks", CPPNativeCodeObject
        elif isinstance(runner, SynapticPathway):
            name = runner.eventspace_name
            runner.template, runner.codeobj_class = "synapses_from_spikes", CPPNativeCodeObject
            runner.needed_variables = [*runner.needed_variables, name]
            runner.template_kwds = {**runner.template_kwds, "eventspace_variable": runner.source.variables[name]}
