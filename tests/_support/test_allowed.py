"""What a parameter may be holds on every way in: constructor, attribute, values of a run, file, before a run."""

import re

import numpy as np
import pytest
from brian2 import BrianObjectException, Clock, Hz, Network, ms, pA, second

import hetbrian as hb
from hetbrian._support.allowed import FINITE, Allowed
from hetbrian.simulation.values import resolve

DT = 0.1 * ms
EVERY_WAY = ("constructor", "attribute", "slice", "values")

FORCE = {
    "forgetting": ((0.0, -1.0, 1.5, np.nan, np.inf), r"forgetting .*expected 0 < forgetting <= 1: give 1 to forget"),
    "initial_P": ((0.0, -1.0, np.nan, np.inf), "initial_P .*expected a finite number above 0: 1 to 10 is usual"),
    "largest_output": ((0.0, -1.0, np.nan), "largest_output .*expected a number above 0: give inf for no limit"),
    "start": ((-1 * ms, np.nan * ms), "start is .*expected a time of 0 s or later"),
    "stop": ((-1 * ms, np.nan * ms, 1 * ms), r"stop (is|1. ms|0.001 s).*expected (a time of 0 s|0 s <= start <= stop)"),
}
CASES = [(name, value, message) for name, (values, message) in FORCE.items() for value in values]
NOT_FINITE = "has the value (nan|inf), expected finite numbers"


def force_network(rng=None, **options):
    neurons = hb.population(
        3, hb.Izhikevich.FORCE, hb.single_exponential(), feedback=True, clock=Clock(DT, name="clock")
    )
    options = {"start": 2 * ms, "stop": 5 * ms, **options}
    return Network(neurons, hb.FORCE(neurons, "1", np.ones(3) * pA, name="force", **options))


def put(way, network, owner, name, value):
    """Set a parameter of a built network."""
    if way == "attribute":
        setattr(network[owner], name, value)
    elif way == "slice":
        getattr(network[owner], name)[:] = value
        network.run(DT, namespace={})
    else:
        resolve(network, {f"{owner}.{name}": value})


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize(("name", "value", "message"), CASES)
def test_a_readout_refuses_what_its_constructor_does(way, name, value, message):
    if way == "values":
        message = f"{message}|{NOT_FINITE}"
    with pytest.raises((ValueError, BrianObjectException)) as raised:
        if way == "constructor":
            force_network(**{name: value})
        else:
            put(way, force_network(), "force", name, value)
    error = raised.value.__cause__ if isinstance(raised.value, BrianObjectException) else raised.value
    assert isinstance(error, ValueError) and re.search(message, str(error)), error


@pytest.mark.parametrize("way", EVERY_WAY[1:])
@pytest.mark.parametrize("name", ["forgetting", "initial_P", "largest_output"])
def test_what_is_allowed_is_taken(way, name):
    network = force_network()
    put(way, network, "force", name, 0.5)
    assert way == "values" or network["force"].variables[name].get_value() == 0.5


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize(
    ("rule", "theta", "message"),
    [
        ("residual", 1.5, "theta .*expected 0 <= theta <= 1 for the reset rule 'residual': truncate"),
        ("capped", 1.0, "theta .*expected 0 <= theta < 1 for the reset rule 'capped'"),
        ("mirror", 0.5, "theta .*expected theta = 0 for the reset rule 'mirror'"),
    ],
)
def test_neurons_refuse_what_their_reset_rule_does_not_allow(way, rule, theta, message):
    def network(values):
        group = hb.population(
            3, hb.Izhikevich.FORCE, hb.single_exponential(), reset=rule, theta=values, clock=Clock(DT)
        )
        return Network(group)

    with pytest.raises((ValueError, BrianObjectException)) as raised:
        if way == "constructor":
            network([0, theta, 0])
        else:
            put(way, network(0.0), "neurons", "theta", [0, theta, 0])
    error = raised.value.__cause__ if isinstance(raised.value, BrianObjectException) else raised.value
    assert re.search(message, str(error)) and "theta of neuron 1 is" in str(error)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"force.start": 6 * ms}, r"start is 6. ms and stop 5. ms, expected 0 s <= start <= stop: exchange them"),
        ({"force.stop": 1 * ms}, r"start is 2. ms and stop 1. ms, expected 0 s"),
        ({"force.start": 8 * ms, "force.stop": 7 * ms}, r"start is 8. ms and stop 7. ms"),
    ],
)
def test_a_value_is_compared_with_those_beside_it(values, expected):
    with pytest.raises(ValueError, match=expected):
        resolve(force_network(), values)
    assert len(resolve(force_network(), {"force.start": 8 * ms, "force.stop": 9 * ms})) == 2


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("forgetting", 2.0, "forgetting in .*readout.npz' of element 0 is 2, expected 0 < forgetting <= 1"),
        ("forgetting", 0.5, "was saved with forgetting = 0.5, expected 1, with which this readout was built"),
        ("initial_P", 3.0, "was saved with initial_P = 3, expected 2, with which this readout was built: build it"),
        ("_weights", np.nan, "_weights in .*readout.npz' of element 0 is nan, expected finite numbers"),
        ("_P", np.inf, "_P in .*readout.npz' of element 0 is inf, expected finite numbers"),
        ("_largest", np.nan, "_largest in .*readout.npz' of element 0 is nan, expected a number of 0 or more"),
        ("_encoder", np.nan, "_encoder in .*readout.npz' of element 0 is nan, expected finite numbers"),
    ],
)
def test_a_loaded_readout_refuses_them_and_stays_as_it_was(entry, value, message, tmp_path):
    path, network = tmp_path / "readout.npz", force_network()
    network["force"].save(path)
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, **{**content, entry: np.full_like(content[entry], value)})
    network["force"].weights = np.ones((1, 3))
    with pytest.raises(ValueError, match=message):
        network["force"].load(path, learn=True)
    assert np.array_equal(network["force"].weights, np.ones((1, 3)))


@pytest.mark.parametrize("way", EVERY_WAY[:3])
@pytest.mark.parametrize("value", [0 * Hz, -1 * Hz, np.nan * Hz])
def test_a_guard_refuses_them(way, value):
    network = force_network()
    with pytest.raises((ValueError, BrianObjectException)) as raised:
        if way == "constructor":
            hb.Guard(network["neurons"], highest_rate=value)
        else:
            network.add(hb.Guard(network["neurons"], name="guard"))
            put(way, network, "guard", "highest_rate", value)
    error = raised.value.__cause__ if isinstance(raised.value, BrianObjectException) else raised.value
    assert re.search("highest_rate .*expected a rate above 0 Hz: give inf.Hz for no limit", str(error))


@pytest.mark.parametrize(("value", "shown"), [([1.0, np.nan], "x of element 1 is nan"), (np.inf, "x is inf")])
def test_the_first_value_outside_is_named(value, shown):
    with pytest.raises(ValueError, match=f"{shown}, expected finite numbers: check where they come from"):
        FINITE.check("x", value)
    with pytest.raises(ValueError, match="x is 'auto', expected 0 < x: give one"):
        Allowed("0 < x", "give one", low=0.0).check("x", "auto")


def test_a_run_with_a_value_that_is_not_allowed_does_not_begin():
    with pytest.raises(ValueError, match=r"forgetting is 2.0, expected 0 < forgetting <= 1"):
        hb.simulate(force_network, 1 * second, device="numpy", values={"force.forgetting": 2.0})
