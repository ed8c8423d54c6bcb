import re

import numpy as np
import pytest
from brian2 import (
    BrianObjectException,
    Clock,
    DimensionMismatchError,
    Hz,
    Network,
    NeuronGroup,
    TimedArray,
    get_device,
    ms,
    prefs,
    run,
    second,
)

from hetbrian._support.errors import DivergenceError
from hetbrian.simulation.guard import Guard
from hetbrian.simulation.program import simulate

DT = 0.1 * ms


def failing(step=25, neuron=3, dt=DT):
    """Return five neurons, one of which is NaN after the given step, without a warning from numpy."""
    slopes = np.zeros((step + 2, 5))
    slopes[step, neuron] = np.nan
    namespace = {"slope": TimedArray(slopes, dt, name="slope"), "ms": ms}
    return NeuronGroup(
        5,
        "dv/dt = slope(t, i)/ms : 1\nu : 1\nw = 2*v : 1",
        method="euler",
        clock=Clock(dt),
        namespace=namespace,
        name="neurons",
    )


def cause(group, guard, duration=10 * ms):
    with pytest.raises(BrianObjectException) as raised:
        Network(group, guard).run(duration, namespace={})
    return raised.value.__cause__


@pytest.mark.parametrize(("every", "seen"), [(0.1, 0.0025), (0.3, 0.0027), (1, 0.003), (2.5, 0.0025)])
def test_stops_at_the_next_look_and_names_time_and_neuron(every, seen):
    group = failing()
    error = cause(group, Guard(group, every=every * ms))
    assert isinstance(error, DivergenceError)
    assert str(error) == (
        f"v of neuron 3 is not finite at t = {seen:g} s, expected finite values: reduce the gains or the time step."
    )
    assert group.t / second == pytest.approx(seen, abs=1e-12)


@pytest.mark.slow
def test_stops_in_cython():
    prefs.codegen.target = "cython"
    group = failing()
    error = cause(group, Guard(group, every=1 * ms))
    assert isinstance(error, DivergenceError)
    assert str(error).startswith("v of neuron 3 is not finite at t = 0.003 s")


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_watches_the_variable_it_is_told_to(value):
    group = failing(step=100)
    group.u = [0, value, 0, 0, value]
    error = cause(group, Guard(group, "u", every=DT))
    assert str(error).startswith("u of neuron 1 is not finite at t = 0 s")


def test_finite_values_run_through():
    group = failing(step=200)
    guard = Guard(group, every=DT)
    Network(group, guard).run(10 * ms, namespace={})
    guard.check()
    assert guard.neuron[:] == -1 and group.t / ms == pytest.approx(10)


def test_check_finds_what_happened_after_the_last_look():
    group = failing(step=25)
    guard = Guard(group, every=2 * ms)
    Network(group, guard).run(3 * ms, namespace={})
    with pytest.raises(DivergenceError, match=r"v of neuron 3 is not finite at t = 0.003 s, expected finite values"):
        guard.check()


def test_in_a_magic_script():
    group = failing()
    guard = Guard(group, every=1 * ms)
    with pytest.raises(BrianObjectException) as raised:
        run(10 * ms)
    assert isinstance(raised.value.__cause__, DivergenceError) and guard.neuron[:] == 3


@pytest.mark.parametrize("variable", ["x", "w", "N", "t"])
def test_unknown_variable(variable):
    message = f"neurons has no variable '{variable}' of one value a neuron, expected one of its own: check the name"
    with pytest.raises(ValueError, match=message):
        Guard(failing(), variable)


def test_a_part_of_a_group_is_refused():
    with pytest.raises(ValueError, match="has no variable 'v' of one value a neuron"):
        Guard(failing()[2:])


@pytest.mark.parametrize("every", [0.25 * ms, 0 * ms, np.inf * ms])
def test_interval_of_other_than_whole_steps(every):
    expected = "(a multiple of the time step|more than 0|one finite number)"
    with pytest.raises(ValueError, match=f"{re.escape(f'every is {every}')}, expected {expected}"):
        Guard(failing(), every=every)


def test_interval_without_unit():
    with pytest.raises(DimensionMismatchError, match="every"):
        Guard(failing(), every=1)


def test_a_device_without_templates_is_refused(monkeypatch):
    class Other:
        pass

    group = failing()
    monkeypatch.setattr(type(get_device()), "code_object_class", lambda self, *args, **kwargs: Other)
    with pytest.raises(NotImplementedError, match="the device generates code as Other, expected one of NumpyCodeObj"):
        Guard(group)


def firing(rate, n=4, dt=0.1, **options):
    """Return neurons that fire at a rate, together, as long as it fits the time step, and their guard."""
    steps = round(1e3 / rate / dt)
    group = NeuronGroup(
        n,
        "v : 1",
        threshold=f"t_in_timesteps % {steps} == 0",
        reset="",
        clock=Clock(dt * ms, name="clock"),
        namespace={},
    )
    return Network(group, Guard(group, name="guard", **options))


DEVICES = [
    "numpy",
    pytest.param("cython", marks=pytest.mark.slow),
    pytest.param("cpp_standalone", marks=pytest.mark.standalone),
]


def run_firing(device, duration=250 * ms, **options):
    return simulate(lambda rng: firing(**options), duration, device=device, record=())


@pytest.mark.parametrize("device", DEVICES)
def test_a_rate_that_no_neuron_holds_stops_the_run_and_names_rate_and_time(device):
    message = (
        r"neurongroup\w* fires at 5000 Hz, the mean of its neurons in 100. ms before t = 0.0999 s, expected at most "
    )
    with pytest.raises(DivergenceError, match=message + "1000 Hz: reduce the gains or the time step"):
        run_firing(device, rate=5000)
    run_firing(device, rate=1000)
    with pytest.raises(DivergenceError, match=r"fires at 100 Hz, .* expected at most 99 Hz"):
        run_firing(device, rate=100, highest_rate=99 * Hz)


def test_the_limit_of_the_rate_can_be_switched_off_by_the_models_own_guard_and_by_the_values_of_a_run():
    run_firing("numpy", rate=5000, highest_rate=np.inf * Hz)

    def unguarded(rng):
        network = firing(rate=5000)
        return Network(*(item for item in network.objects if not isinstance(item, Guard)))

    with pytest.raises(DivergenceError, match="fires at 5000 Hz"):
        simulate(unguarded, 150 * ms, device="numpy", record=())
    names = []
    keep = lambda network: names.extend(item.name for item in network.objects if isinstance(item, Guard))  # noqa: E731
    values = {f"guard_{unguarded_name}.highest_rate": 1e9 * Hz for unguarded_name in ["cells"]}

    def named(rng):
        network = unguarded(rng)
        next(iter(network.objects))._name = "cells"
        return network

    simulate(named, 150 * ms, device="numpy", record=(), values=values, finish=keep)
    assert names == ["guard_cells"]


def test_spikes_are_counted_over_whole_windows_across_runs():
    network = firing(rate=2000)
    for part in (33, 50):
        network.run(part * ms, namespace={})
    with pytest.raises(BrianObjectException) as raised:
        network.run(33 * ms, namespace={})
    assert "fires at 2000 Hz" in str(raised.value.__cause__)
    short = firing(rate=2000)
    short.run(99 * ms, namespace={})
    short["guard"].check()


def test_a_group_without_spikes_has_no_rate():
    group = NeuronGroup(2, "v : 1", clock=Clock(DT), namespace={})
    guard = Guard(group, highest_rate=1e-9 * Hz)
    Network(group, guard).run(250 * ms, namespace={})
    guard.check()
    assert guard.rate[:] == 0 * Hz


@pytest.mark.parametrize("target", ["numpy", "cython"])
def test_a_group_without_spikes_is_watched_for_its_values_alone(target):
    prefs.codegen.target = target
    group = NeuronGroup(2, "dv/dt = v/ms : 1", events={"high": "v > 10"}, method="exact", clock=Clock(DT))
    group.v = [0, np.inf]
    with pytest.raises(BrianObjectException) as raised:
        Network(group, Guard(group)).run(1 * ms, namespace={"ms": ms})
    assert str(raised.value.__cause__).startswith("v of neuron 1 is not finite at t = 0 s")
