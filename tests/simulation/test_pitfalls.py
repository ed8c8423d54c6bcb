"""Silent traps of code generation that a user can fall into (docs/traps.md): each is refused, or does not matter."""

import os
import re

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, StateMonitor, Synapses, TimedArray, get_device, linked_var, ms, second
from brian2.codegen.runtime.cython_rt.extension_manager import cython_extension_manager
from brian2.core.base import BrianObjectException

import hetbrian as hb
from hetbrian.simulation.pitfalls import refuse_pitfalls
from hetbrian.simulation.program import Program

DT = 0.1 * ms


def leaky(n=2, dt=DT, name="neurons", equations="dv/dt = -v/(10*ms) : 1\nvalue : 1"):
    return NeuronGroup(n, equations, method="exact", clock=Clock(dt, name=f"clock_{name}"), namespace={}, name=name)


def with_slow_monitor(rng=None):
    neurons = leaky()
    return Network(neurons, StateMonitor(neurons, "v", record=True, dt=1 * ms, name="slow"))


def test_two_time_steps_are_refused_where_a_standalone_program_would_mix_them_up():
    message = "the network has the time steps 0.0001 s, 0.001 s and runs to 65. s, but cpp_standalone mixes up their"
    with pytest.raises(NotImplementedError, match=re.escape(message)):
        refuse_pitfalls(with_slow_monitor(), "cpp_standalone", 65 * second)
    for device, end in (("cpp_standalone", 60 * second), ("runtime", 65 * second)):
        refuse_pitfalls(with_slow_monitor(), device, end)
    refuse_pitfalls(Network(leaky()), "cpp_standalone", 65 * second)


def test_simulate_refuses_two_time_steps_before_it_compiles():
    with pytest.raises(NotImplementedError, match="record with SampledMonitor"):
        hb.simulate(with_slow_monitor, 65 * second, device="cpp_standalone", record=())


def test_a_sum_with_a_time_step_of_its_own_is_refused():
    """Brian2 updates it with the clock of its target: this one would be computed ten times as often as it says."""
    neurons = leaky()

    def summing(dt):
        synapses = Synapses(
            neurons, neurons, "w : 1\nvalue_post = w*v_pre : 1 (summed)", clock=Clock(dt), namespace={}, name="sums"
        )
        synapses.connect()
        return Network(neurons, synapses)

    message = "sums sums value_post every 100. us, the time step of neurons, and not every 1. ms as they say"
    with pytest.raises(ValueError, match=re.escape(message)):
        refuse_pitfalls(summing(1 * ms), "runtime", 1 * second)
    refuse_pitfalls(summing(DT), "runtime", 1 * second)


def test_names_that_brian2cuda_takes_for_lists_of_spikes_are_refused():
    network = Network(leaky(equations="dv/dt = -v/(10*ms) : 1\nworkspace : 1"))
    with pytest.raises(ValueError, match="neurons has a variable 'workspace', which brian2cuda takes for a list of sp"):
        refuse_pitfalls(network, "cuda_standalone", 1 * second)
    refuse_pitfalls(network, "cpp_standalone", 1 * second)


def test_a_name_of_the_calling_function_is_no_part_of_a_model():
    """Brian2 would read it there, and another caller would get another network."""

    def model(rng):
        neurons = NeuronGroup(1, "dv/dt = (level - v)/(10*ms) : 1", method="euler", clock=Clock(DT), name="neurons")
        return Network(neurons)

    level = 3.0
    with pytest.raises(Exception, match="neurons") as raised:
        hb.simulate(model, 1 * ms, device="numpy", record="v")
    assert "level" in str(raised.value.__cause__) and level == 3.0


@pytest.mark.standalone
def test_values_travel_in_files_with_small_letters(monkeypatch):
    """brian2cuda lowers what it is given, path and all, and would not find a file named after E."""

    def model(rng):
        return Network(leaky(equations="dv/dt = -v/(10*ms) : 1\nE : 1", name="Neurons"))

    with Program(model, 1 * ms, device="cpp_standalone", record=()) as program:
        given = []
        run = get_device().run
        monkeypatch.setattr(
            get_device(),
            "run",
            lambda *args, run_args, **kwds: given.extend(run_args) or run(*args, run_args=run_args, **kwds),
        )
        program.run({"Neurons.E": np.array([1.0, 2.0])})
    (argument,) = given
    _, _, value = argument.partition("=")
    assert value == value.lower() and "/" in value


@pytest.mark.standalone
def test_objects_of_an_older_project_are_not_linked(tmp_path, monkeypatch):
    """The makefiles do not rebuild an object when only a header of it has changed."""
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "cache"))
    project = tmp_path / "project"
    project.mkdir()
    for name in ("main", "network", "objects"):
        path = project / f"{name}.o"
        path.write_bytes(b"of another program")
        os.utime(path, (4e9, 4e9))  # newer than any source

    def model(rng):
        neurons = leaky()
        neurons.v = 1
        return Network(neurons)

    run = hb.simulate(model, 5 * ms, device="cpp_standalone", directory=project, record="v")
    assert run.v[-1, 0].item() == pytest.approx(np.exp(-0.41), rel=1e-12)  # the sample at 4 ms, after its step


@pytest.mark.parametrize("values", [{}, {"group.k": 1}])
def test_a_variable_that_is_linked_to_a_group_that_is_gone_is_refused(values):
    def model(rng, keep):
        clock = Clock(0.1 * ms, name="clock")
        leaf = NeuronGroup(3, "x : 1", clock=clock, namespace={}, name="leaf")
        group = NeuronGroup(3, "x : 1 (linked)\nk : 1", clock=clock, namespace={}, name="group")
        group.x = linked_var(leaf, "x")
        return Network(group, leaf) if keep else Network(group)

    options = {"device": "numpy", "record": (), "values": values}
    hb.simulate(model, 1 * ms, **options, parameters={"keep": True})
    with pytest.raises(
        ValueError, match="'x' of group is linked to a group that is gone, expected one that the network"
    ):
        hb.simulate(model, 1 * ms, **options, parameters={"keep": False})


@pytest.mark.slow
def test_code_that_cython_cannot_compile_stops_the_run(capfd):
    """Brian2 prints the error and runs the network without the synapses; here a loop has an `i` of its own."""

    def model(rng):
        clock = Clock(1 * ms, name="clock")
        table = TimedArray(np.ones((10, 2)), dt=1 * ms)
        source = NeuronGroup(2, "v : 1", threshold="True", reset="", clock=clock, name="source")
        target = NeuronGroup(1, "x : 1", clock=clock, name="target")
        path = Synapses(source, target, "late : integer (constant)", on_pre="x_post += table(t - late*dt, i)",
                        clock=clock, namespace={"table": table}, name="path")  # fmt: skip
        path.connect()
        return Network(source, target, path)

    options = {"record": {"target.x": True}}
    found = hb.simulate(model, 5 * ms, device="numpy", **options)
    assert float(found["target.x"].isel(time=-1).item()) == 10  # of two synapses in five steps
    with pytest.raises(BrianObjectException) as raised:
        hb.simulate(model, 5 * ms, device="cython", **options)
    assert re.match(
        r"Cython could not compile code of the network \(its error is printed above\), expected code that it can",
        str(raised.value.__cause__),
    )
    capfd.readouterr()  # what Cython prints
    assert "create_extension" not in vars(cython_extension_manager)
