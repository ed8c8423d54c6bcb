"""Intervals stay the times that were given, whatever the clock, and random ones are the same on every device."""

import ctypes
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from brian2 import (
    BrianObjectException,
    Clock,
    DimensionMismatchError,
    Network,
    NeuronGroup,
    StateMonitor,
    TimedArray,
    defaultclock,
    ms,
    mV,
    second,
)

import hetbrian as hb
from hetbrian.codegen.interval import MODULUS, MULTIPLIER, N_QUANTILES


def neurons(clock=None, n=3):
    return NeuronGroup(
        n,
        "dv/dt = (2 - v)/(10*ms) : 1\ndr/dt = -r/(20*ms) : 1",
        threshold="v > 1",
        reset="v = 0; r += 1",
        method="euler",
        clock=defaultclock if clock is None else clock,
        namespace={"ms": ms},
        name="neurons",
    )


def n_updates(force):
    return int(force.variables["n_updates"].get_value()[0])


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("late", [0.04, 0.2])
def test_a_time_step_that_changes_before_the_run_changes_no_interval(late, reference):
    defaultclock.dt = 0.1 * ms
    group = neurons()
    force = hb.FORCE(group, "sin(t/ms)", every=0.8 * ms, reference=reference)
    samples, guard = hb.SampledMonitor(force, "z", True, every=2 * ms), hb.Guard(group, every=1 * ms)
    defaultclock.dt = late * ms
    Network(group, force, samples, guard).run(80 * ms, namespace={})
    assert n_updates(force) == 100 and float(force.every) == float(0.8 * ms)
    assert np.allclose(samples.t / ms, np.arange(0, 80, 2), atol=1e-9) and float(samples.every) == float(2 * ms)
    assert float(guard.every) == float(1 * ms) and guard.variables["_every"].get_value() == round(1 / late)


def test_a_time_step_that_changes_between_two_runs_changes_no_interval():
    defaultclock.dt = 0.1 * ms
    group = neurons()
    force = hb.FORCE(group, "0.1", every=0.8 * ms)
    network = Network(group, force)
    network.run(80 * ms, namespace={})
    defaultclock.dt = 0.05 * ms
    network.run(80 * ms, namespace={})
    assert n_updates(force) == 200


def test_an_interval_that_the_new_time_step_does_not_divide_is_refused():
    defaultclock.dt = 0.1 * ms
    group = neurons()
    force = hb.FORCE(group, "0.1", every=0.8 * ms)
    defaultclock.dt = 0.3 * ms
    with pytest.raises(BrianObjectException) as raised:
        Network(group, force).run(3 * ms, namespace={})
    assert "every is 0.8 ms, expected a multiple of the time step 300. us" in str(raised.value.__cause__)


def test_a_periodic_target_of_another_time_step_is_refused_and_one_of_time_is_followed():
    defaultclock.dt = 0.1 * ms
    group = neurons()
    force = hb.FORCE(group, hb.sine(dt=0.1 * ms, name="wave"), every=0.8 * ms)
    held = hb.FORCE(group, TimedArray(np.arange(10.0), 1 * ms), every=0.8 * ms, name="held")
    y = StateMonitor(held, "y", record=True)
    defaultclock.dt = 0.05 * ms
    with pytest.raises(BrianObjectException) as raised:
        Network(group, force).run(1 * ms, namespace={})
    assert "target has the time step 100. us, expected that of the source, 50. us" in str(raised.value.__cause__)
    Network(group, held, y).run(5 * ms, namespace={})
    assert np.array_equal(y.y[0, 1:], np.repeat(np.arange(5.0), 20)[:-1])  # recorded before the step


LAW = hb.Gamma(0.8 * ms, shape=1)


def updates(law=LAW, seed=1, duration=400, dt=0.1, stops=(), **options):
    """Return the steps in which a readout learns."""
    group = neurons(Clock(dt * ms, name="clock"))
    force = hb.FORCE(group, "0.1", every=law, rng=np.random.default_rng(seed), name="force", **options)
    counts = StateMonitor(force, "n_updates", record=True, when="end", order=3, name="counts")
    network = Network(group, force, counts)
    for part in np.diff([0, *stops, duration]):
        network.run(part * ms, namespace={})
    return np.flatnonzero(np.diff(counts.n_updates[0], prepend=0))


@pytest.mark.parametrize("reference", [False, True])
def test_intervals_follow_their_law_from_the_seed(reference):
    found = updates(reference=reference)
    assert np.array_equal(found, updates()) and np.array_equal(found, updates(stops=(33.3, 100)))
    assert not np.array_equal(found, updates(seed=2))
    state, steps, at = int(np.random.default_rng(1).integers(1, MODULUS)), [], 0
    table = np.maximum(1, np.rint(LAW.quantiles(N_QUANTILES) / (0.1 * ms)))
    while at < 4000:
        steps.append(at)
        state = MULTIPLIER * state % MODULUS
        at += int(table[state * N_QUANTILES // 2**31])
    assert found.tolist() == steps


def test_the_mean_and_the_spread_are_those_of_the_law():
    gaps = np.diff(updates(duration=4000))
    # 5000 draws of an exponential law: a standard error of 1.4 %, 0.2 % of the quantiles, 0.1 % of whole steps
    assert gaps.mean() == pytest.approx(8, rel=0.05) and gaps.std() == pytest.approx(8, rel=0.08) and gaps.min() == 1
    even = np.diff(updates(hb.Uniform(0.5 * ms, 1.1 * ms), duration=1000))
    assert set(even) == set(range(5, 12))


def test_learning_begins_at_its_start_and_ticks_do_not_depend_on_it():
    all_of_them = updates()
    some = updates(start=100 * ms, stop=200 * ms)
    assert np.array_equal(some, all_of_them[(all_of_them >= 1000) & (all_of_them < 2000)]) and some.size > 50


def test_another_time_step_draws_the_same_times():
    assert np.allclose(0.05 * updates(dt=0.05)[:50], 0.1 * updates()[:50], atol=0.1 * 50)


def test_a_time_step_that_changes_between_two_runs_keeps_the_time_of_the_next():
    defaultclock.dt = 0.1 * ms
    group = neurons()
    force = hb.FORCE(group, "0.1", every=LAW, rng=np.random.default_rng(1), name="force")
    network = Network(group, force)
    network.run(40 * ms, namespace={})
    after = force.variables["_next"].get_value().item()
    defaultclock.dt = 0.05 * ms
    until = after * 0.1 * ms - network.t
    network.run(until, namespace={})
    assert force.variables["_next"].get_value() == 2 * after
    before = n_updates(force)
    network.run(0.05 * ms, namespace={})
    assert n_updates(force) == before + 1 and force.variables["_next"].get_value() > 2 * after


def test_a_state_goes_on_with_the_same_intervals(tmp_path):
    def network():
        group = neurons(Clock(0.1 * ms, name="clock"))
        force = hb.FORCE(group, "0.1", every=LAW, rng=np.random.default_rng(1), name="force")
        return Network(group, force, StateMonitor(force, "n_updates", record=True, when="end", order=3, name="counts"))

    first, second_half = network(), network()
    first.run(150 * ms, namespace={})
    hb.save_state(first, tmp_path / "state.npz")
    hb.load_state(second_half, tmp_path / "state.npz")
    second_half.run(250 * ms, namespace={})
    counts = np.append(first["counts"].n_updates[0], second_half["counts"].n_updates[0])
    assert np.array_equal(np.flatnonzero(np.diff(counts, prepend=0)), updates())


def whole_network(rng):
    group = neurons(Clock(0.1 * ms, name="clock"))
    group.r = rng.uniform(0, 1, 3)
    return Network(group, hb.FORCE(group, "sin(t/(9*ms))", every=LAW, rng=rng, namespace={"ms": ms}, name="force"))


@pytest.mark.parametrize(
    "device",
    [pytest.param("cython", marks=pytest.mark.slow), pytest.param("cpp_standalone", marks=pytest.mark.standalone)],
)
def test_a_compiled_run_that_stops_and_goes_on_learns_at_the_same_times_as_numpy(device, tmp_path):
    options = {"record": ("force.n_updates", "weights"), "record_dt": 0.1 * ms, "seed": 3}
    whole = hb.simulate(whole_network, 120 * ms, device="numpy", **options)
    keep = lambda network: hb.save_state(network, tmp_path / "state.npz")  # noqa: E731
    first = hb.simulate(whole_network, 50 * ms, device=device, finish=keep, **options)
    second_half = hb.simulate(whole_network, 70 * ms, device=device, resume=tmp_path / "state.npz", **options)
    counts = np.append(first["force.n_updates"], second_half["force.n_updates"])
    assert np.array_equal(counts, whole["force.n_updates"]) and counts[-1] > 100
    assert np.abs(second_half.weights - whole.weights).max() < 1e-12  # sums in another order, see test_force


@pytest.mark.standalone
def test_the_kernel_draws_as_python_does(tmp_path):
    header = files("hetbrian.codegen") / "kernels" / "intervals.h"
    source = tmp_path / "tick.cpp"
    source.write_text(
        f'#include "{header}"\nextern "C" void tick(long step, int* next, int* every, int* draw, int* table, long n)'
        "{ hetbrian::tick(step, next, every, draw, table, n); }"
    )
    subprocess.run(["g++", "-O2", "-shared", "-fPIC", str(source), "-o", str(tmp_path / "tick.so")], check=True)
    tick, found = ctypes.CDLL(str(tmp_path / "tick.so")).tick, []
    table = np.maximum(1, np.rint(LAW.quantiles(N_QUANTILES) / (0.1 * ms))).astype(np.int32)
    draw = ctypes.c_int(int(np.random.default_rng(1).integers(1, MODULUS)))
    after, every = ctypes.c_int(0), ctypes.c_int(1)
    for step in range(4000):
        if step == after.value:
            found.append(step)
        pointers = [ctypes.byref(item) for item in (after, every, draw)]
        tick(ctypes.c_long(step), *pointers, table.ctypes.data_as(ctypes.c_void_p), ctypes.c_long(N_QUANTILES))
    assert found == updates().tolist()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"every": LAW}, ValueError, r"every is the law Gamma.* and rng None, expected the generator that draws from"),
        ({"every": LAW, "rng": 1}, TypeError, "rng is 1, expected a numpy Generator"),
        ({"every": hb.Gaussian(1 * ms, 1 * ms), "rng": "good"}, ValueError, "expected a law of times above 0 s: trunc"),
        ({"every": hb.Uniform(1.0, 2.0), "rng": "good"}, DimensionMismatchError, "every has the wrong unit"),
        ({"every": hb.Constant(1 * mV), "rng": "good"}, DimensionMismatchError, "every has the wrong unit"),
        ({"every": hb.Constant(1e9 * second), "rng": "good"}, ValueError, r"expected fewer than 2\^31 time steps"),
        ({"every": 1e9 * second}, ValueError, r"every is 1\. Gs, expected fewer than 2\^31 time steps of 100"),
    ],
)
def test_bad_intervals(options, error, message):
    options = {**options, **({"rng": np.random.default_rng(1)} if options.get("rng") == "good" else {})}
    with pytest.raises(error, match=message):
        hb.FORCE(neurons(Clock(0.1 * ms)), "1", **options)


def test_an_interval_stays_of_its_kind():
    group = neurons(Clock(0.1 * ms))
    random = hb.FORCE(group, "1", every=LAW, rng=np.random.default_rng(1), name="random")
    fixed = hb.FORCE(group, "1", name="fixed")
    assert random.every is LAW and random.is_random and not fixed.is_random
    random.every = hb.Constant(0.3 * ms)
    assert set(random.variables["_intervals"].get_value()) == {3}
    with pytest.raises(
        ValueError, match=r"every is 1\. \* msecond, expected a law as at first: build the readout with what"
    ):
        random.every = 1 * ms
    with pytest.raises(ValueError, match=r"every is Gamma.*, expected one time as at first"):
        fixed.every = LAW
    with pytest.raises(ValueError, match="every is drawn from a law, expected no value of it: build the network with"):
        random.run_value("every", 1 * ms)
