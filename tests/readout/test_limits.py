"""What stops learning: a target that is not finite, outputs out of all proportion, an activity of nothing."""

import numpy as np
import pytest
from brian2 import Clock, Hz, Network, NeuronGroup, TimedArray, ms, nan, second
from brian2.utils.logger import BrianLogger, catch_logs

import hetbrian as hb
from hetbrian.published import force_network
from hetbrian.readout import limits

DEVICES = [
    "numpy",
    "reference",
    pytest.param("cython", marks=pytest.mark.slow),
    pytest.param("cpp_standalone", marks=pytest.mark.standalone),
]
WARNINGS = pytest.mark.filterwarnings("ignore:(invalid value|divide by zero) encountered in log:RuntimeWarning")


def scaled(rng, unit=1.0, target="sin(2*pi*50*Hz*t)", reference=False, initial_P=2.0, n=20, **options):
    """Return leaky neurons whose activity counts ``unit`` times spikes per ms, and a readout that drives them."""
    group = NeuronGroup(
        n,
        "dv/dt = (I + I_feedback - v)/(10*ms) : 1\ndr/dt = -r/(20*ms) : 1\nI : 1\nI_feedback : 1",
        threshold="v > 1",
        reset="v = 0; r += unit/20",
        refractory=2 * ms,
        method="euler",
        clock=Clock(0.1 * ms, name="clock"),
        namespace={"ms": ms, "unit": unit},
        name="neurons",
    )
    group.I = np.linspace(1.1, 2, n)
    force = hb.FORCE(
        group,
        target,
        rng.uniform(-1, 1, n),
        start=options.pop("start", 50 * ms),
        every=1 * ms,
        initial_P=initial_P,
        namespace={"Hz": Hz, "nan": nan, "second": second},
        reference=reference,
        name="force",
        **options,
    )
    return Network(group, force)


def run(device, duration=150 * ms, record=("z", "force.initial_P"), **options):
    reference, device = device == "reference", device.replace("reference", "numpy")
    return hb.simulate(scaled, duration, device=device, record=record, reference=reference, parameters=options)


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.standalone)])
def test_a_stop_beyond_the_end_is_said_once(device, monkeypatch):
    monkeypatch.setattr(BrianLogger, "_log_messages", set())  # what was said before
    with catch_logs() as logs:
        for _ in range(2):
            run(device, 100 * ms, stop=200 * ms)
        run(device, 100 * ms, stop=100 * ms)
        run(device, 100 * ms)
        hb.simulate(scaled, 100 * ms, device=device, values={"force.stop": 90 * ms})
    said = [text for level, name, text in logs if name.endswith(".unfinished")]
    assert said == [
        "force learns from 0.05 s to 0.2 s and the run ended at 0.1 s: nothing in it shows what was learned; run "
        "longer, stop learning earlier, or leave stop out if it goes on."
    ]


@pytest.mark.parametrize("device", DEVICES)
def test_an_activity_in_hertz_stops_with_the_time_and_the_scale(device):
    with pytest.raises(
        hb.DivergenceError, match=r"the output of force is .* at t = 0.07 s, more than 1000 times its la"
    ):
        run(device, unit=1000.0)  # the 20th update after 50 ms is the first that is looked at
    assert np.abs(run(device).z).max() < 10


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({}, "check the scale, as initial_P = 2 is too much for the size of this activity"),
        (
            {"initial_P": "auto"},
            "reduce the gains of the network or give less than initial_P = .*, which 'auto' found, or",
        ),
        (
            {"forgetting": 0.9},
            "'auto' finds.*, or forget less than 0.9 does, with which P grows where the activity does no",
        ),
    ],
)
def test_what_is_advised_is_not_what_was_done(options, advice):
    with pytest.raises(hb.DivergenceError, match=advice):
        run("numpy", largest_output=1e-3, **options)


@pytest.mark.parametrize("device", DEVICES)
def test_auto_gives_the_same_network_whatever_the_unit(device):
    first, second_one = (run(device, unit=unit, initial_P="auto") for unit in (1.0, 1024.0))
    # 1024 is a power of two: all digits are the same
    assert np.array_equal(first.z, second_one.z) and np.abs(first.z).max() > 0.1
    ratio = first["force.initial_P"] / second_one["force.initial_P"]
    assert ratio == 1024.0**2


def test_auto_is_the_inverse_squared_length_of_the_first_activity():
    found = run("numpy", record={"neurons.r": True, "force.initial_P": True}, initial_P="auto")
    length = (found["neurons.r"].sel(time=0.05, method="nearest").values ** 2).sum()
    assert found["force.initial_P"].item() == pytest.approx(limits.INITIAL_SHARE / length, rel=1e-12)


def test_auto_finds_about_the_published_value_for_its_network():
    """P(0) = 2 is published for N = 2000; sum r^2 is 0.08 to 0.18 at N = 1000, see docs/force.md."""
    n_neurons = 1000
    options = {"n_neurons": n_neurons, "initial_P": "auto", "start": 600 * ms, "stop": 601 * ms, "dt": 0.1 * ms}
    found = []

    def network(rng, initial_P, **rest):
        whole = force_network(rng, **rest)
        group = whole["neurons"]
        force = hb.FORCE(group, "0.1", start=rest["start"], stop=rest["stop"], initial_P=initial_P, name="auto")
        return Network(*whole.objects, force)

    hb.simulate(
        network,
        601 * ms,
        device="numpy",
        record=(),
        finish=lambda net: found.append(float(net["auto"].initial_P[:])),
        parameters=options,
    )
    assert found[0] == pytest.approx(1 / 0.123, rel=0.6)


@pytest.mark.parametrize("device", DEVICES)
def test_auto_needs_spikes_before_learning(device):
    with pytest.raises(
        hb.DivergenceError, match=r"the activity that force learns from is 0 at its first update, t = 0"
    ):
        run(device, initial_P="auto", start=0 * ms)


@WARNINGS
@pytest.mark.parametrize("device", DEVICES)
def test_a_target_that_stops_being_finite_stops_the_run_with_its_time(device):
    message = r"the target of force is nan for output 0 at t = 0.07 s, expected finite numbers while it learns: repair"
    with pytest.raises(hb.DivergenceError, match=message):
        run(device, target="0.1*log(0.0695 - t/second)")


@WARNINGS
def test_a_target_may_be_anything_while_nothing_is_learnt():
    assert np.isfinite(run("numpy", target="0.1*log(t/(20*ms))", start=10 * ms).z).all()


@pytest.mark.parametrize("shape", [(30,), (30, 2)])
def test_a_timed_array_that_is_not_finite_is_refused_with_its_time(shape):
    values = np.zeros(shape)
    values[7] = np.nan
    group = hb.population(3, hb.Izhikevich.FORCE, hb.single_exponential(), clock=Clock(0.1 * ms))
    for make in (hb.FORCE, hb.RLS):
        with pytest.raises(
            ValueError, match=r"target is not finite at t = 0.0035 s, expected finite numbers: repair the"
        ):
            make(group, TimedArray(values, 0.5 * ms))


def test_the_limit_can_be_switched_off_by_the_constructor_and_by_the_values_of_a_run():
    assert np.abs(run("numpy", unit=1000.0, largest_output=np.inf).z).max() > 1e6
    found = hb.simulate(
        scaled, 150 * ms, device="numpy", values={"force.largest_output": 1e300}, parameters={"unit": 1000.0}
    )
    assert np.abs(found.z).max() > 1e6


@pytest.mark.parametrize(
    ("z", "y", "n_updates", "largest", "expected"),
    [
        ([3.0], [1.0], 100, 0.0, 0),
        ([-1001.0], [1.0], 100, 0.0, limits.OUTPUT),
        ([-1001.0], [1.0], 100, 2.0, 0),  # beside the largest so far
        ([-1001.0], [1.0], limits.FIRST - 1, 0.0, 0),
        ([0.0, 1001.0], [1.0, 0.0], limits.FIRST, 0.0, limits.OUTPUT),
        ([np.nan], [1.0], 100, 0.0, limits.OUTPUT),
        ([1e9], [0.0], 100, 0.0, 0),  # nothing to compare with
        ([1e9], [1.0], 100, np.inf, 0),  # read from a file that does not know its target
        ([0.0], [np.inf], 0, 0.0, limits.TARGET),
        ([0.0, 0.0], [0.0, np.nan], 0, 0.0, limits.TARGET),
    ],
)
def test_what_is_trouble(z, y, n_updates, largest, expected):
    so_far = np.array([largest])
    assert limits.trouble(np.array(z), np.array(y), 1000.0, n_updates, so_far) == expected
    assert expected == limits.TARGET or so_far[0] == max(largest, np.abs(y).max())


def test_a_reference_of_another_kind_is_refused():
    group = hb.population(3, hb.Izhikevich.FORCE, hb.single_exponential(), clock=Clock(0.1 * ms))
    for wrong in ("yes", 3, hb.FORCE):
        with pytest.raises(
            ValueError, match=r"reference is .*, expected True, False or a subclass of ReadoutOperation"
        ):
            hb.FORCE(group, "1", reference=wrong)
