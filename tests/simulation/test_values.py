import re

import numpy as np
import pytest
from brian2 import (
    Clock,
    DimensionMismatchError,
    Network,
    NeuronGroup,
    Synapses,
    TimedArray,
    get_device,
    linked_var,
    ms,
    mV,
    pA,
    second,
    set_device,
)

import hetbrian as hb
from hetbrian.simulation.values import len_of, refuse_used, resolve, timed_arrays, used_by_initialisations

DT = 0.1 * ms


@pytest.fixture
def network():
    """Return a FORCE network of three neurons and two outputs, with a synapse and a timed array."""
    group = hb.population(
        3, hb.Izhikevich.FORCE, hb.single_exponential(), feedback=True, clock=Clock(DT, name="clock"), name="neurons"
    )
    synapses = Synapses(group, group, "omega : 1", on_pre="r_post += 0*omega", clock=group.clock, name="recurrent")
    synapses.connect(i=[0, 1], j=[1, 2])
    target = hb.Target(np.zeros((4, 2)), DT, periodic=True, name="waves")
    force = hb.FORCE(group, target, np.ones((3, 2)) * pA, every=DT, name="force")
    leaf = NeuronGroup(1, "x : 1", clock=group.clock, namespace={}, name="leaf")
    other = NeuronGroup(3, "x : 1 (linked)", clock=group.clock, namespace={}, name="other")
    other.x = linked_var(leaf, "x")
    return Network(group, synapses, force, leaf, other)


def resolved(network, key, value):
    """Return key, name of what is set and values of one."""
    ((key, (target, values)),) = resolve(network, {key: value}).items()
    return key, target.name, values.tolist()


def test_names_views_and_timed_arrays(network):
    neurons, target = network["neurons"], network["force"].target
    eta = [1.0, 2.0, 3.0] * pA
    for key in ("neurons.eta", "eta", neurons.eta):
        assert resolved(network, key, eta) == ("neurons.eta", "eta", np.asarray(eta).tolist())
    assert resolved(network, "neurons.v", -60 * mV) == ("neurons.v", "v", [-0.06])
    assert resolved(network, "recurrent.omega", [1, 2]) == ("recurrent.omega", "omega", [1.0, 2.0])
    assert resolved(network, "force.every", 0.5 * ms) == ("force._every", "_every", [5])
    assert resolved(network, "force.start", 5 * ms) == ("force.start", "start", [0.005])
    for key in ("waves.values", target):
        assert resolved(network, key, np.ones((4, 2))) == ("waves.values", "waves", [1.0] * 8)
    assert timed_arrays(network) == {"waves": target}
    assert len_of(network["recurrent"].variables["omega"]) == 2


def test_weights_and_encoder_have_the_shapes_of_the_attributes(network):
    weights = np.arange(6.0).reshape(2, 3)
    assert resolved(network, "force.weights", weights) == ("force._weights", "_weights", weights.ravel().tolist())
    _, _, encoder = resolved(network, "force.encoder", weights.T * pA)
    assert encoder == (weights.ravel() * float(pA)).tolist()


BAD = {
    "unknown object": ("neuron.eta", 1, "is no variable of this network.*did you mean 'neurons.eta'"),
    "unknown variable": ("neurons.etta", 1, "is no variable of this network.*did you mean 'neurons.eta'"),
    "no dot": ("etta", 1, r"'etta' is no variable of this network, expected 'object.variable': check the names"),
    "short": ("rate", 1, "'neurons.rate' is no variable of this network, expected 'object.variable'"),
    "no step": ("force.every", 0.25 * ms, r"every is .*250. us.*, expected a multiple of the time step"),
    "subgroup": ("neurons_subgroup.eta", 1 * pA, "belongs to a part of a group, expected a variable of the whole"),
    "read-only": ("neurons.i", 1, "cannot be set, because it is read-only or belongs to another object"),
    "of another": ("other.x", 1, "cannot be set, because it is read-only or belongs to another object"),
    "size": ("neurons.eta", [1, 2] * pA, r"has shape \(2,\), expected one value or \(3,\): give one for each element"),
    "synapses": ("recurrent.omega", [1, 2, 3], r"has shape \(3,\), expected one value or \(2,\)"),
    "matrix": ("neurons.eta", np.ones((1, 3)) * pA, r"has shape \(1, 3\), expected one value or \(3,\)"),
    "timed array": ("waves.values", np.ones(4), r"has shape \(4,\), expected one value or \(4, 2\)"),
    "infinite": ("neurons.theta", [0, np.inf, 0], "has the value inf, expected finite numbers, which a program can re"),
    "nan": ("neurons.theta", np.nan, "has the value nan, expected finite numbers"),
    "masked": (
        "neurons.theta",
        np.ma.array([0.1, 0.2, 0.3], mask=[0, 1, 0]),
        "has masked entries, expected numbers alone",
    ),
    "code": ("neurons.theta", "rand()", r"'neurons.theta' is 'rand\(\)', expected numbers: code cannot be set"),
    "weights": ("force.weights", np.ones((1, 3)), r"weights has shape \(1, 3\), expected \(2, 3\)"),
    "another key": (3, 1, "a key is a int, expected 'object.variable', a variable of a group or a TimedArray: name"),
}


@pytest.mark.parametrize(("key", "value", "message"), BAD.values(), ids=BAD)
def test_bad_values(network, key, value, message):
    with pytest.raises(ValueError, match=message):
        resolve(network, {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("neurons.theta", [[0.1, 0.2], [0.3]]),
        ("neurons.eta", [[1 * pA, 2 * pA], [3 * pA]]),
        ("neurons.theta", None),
        ("neurons.theta", [0.1, None, 0.2]),
        ("neurons.theta", [0.1, 0.2j, 0.3]),
    ],
)
def test_what_is_no_array_of_numbers(network, key, value):
    with pytest.raises(TypeError, match=f"'{key}' is .*, expected real numbers: give an array of them"):
        resolve(network, {key: value})


@pytest.fixture
def typed():
    """Return a network with an integer, a boolean, a single-precision and a double-precision variable."""
    group = NeuronGroup(
        2,
        "k : integer\nb : boolean\nx : 1\nu : 1",
        dtype={"x": np.float32},
        clock=Clock(DT),
        namespace={},
        name="cells",
    )
    return Network(group)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("k", 1.7, "has the value 1.7, expected numbers that int32 can hold: round or scale it"),
        ("k", [1, 2**33 + 5], "has the value 8589934597, expected numbers that int32 can hold"),
        ("k", 1e300, r"has the value 1e\+300, expected numbers that int32 can hold"),
        ("k", np.uint64(2**64 - 1), "has the value 18446744073709551615, expected numbers that int32"),
        ("b", 0.5, "has the value 0.5, expected True or False"),
        ("b", [True, 2], "has the value 2, expected True or False"),
        ("x", 1e300, r"has the value 1e\+300, expected numbers that float32 can hold"),
    ],
)
def test_values_that_the_type_of_a_variable_cannot_hold(typed, name, value, message):
    with pytest.raises(ValueError, match=f"'cells.{name}' {message}"):
        resolve(typed, {f"cells.{name}": value})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("k", 3.0, [3]),
        ("k", [-(2**31), 2**31 - 1], [-(2**31), 2**31 - 1]),
        ("k", True, [1]),
        ("b", [0.0, 1], [False, True]),
        ("b", np.True_, [True]),
        ("x", 0.1, [float(np.float32(0.1))]),
        ("u", [True, 2], [1.0, 2.0]),
    ],
)
def test_values_that_the_type_of_a_variable_can_hold(typed, name, value, expected):
    assert resolved(typed, f"cells.{name}", value) == (f"cells.{name}", name, expected)


def test_one_variable_under_two_names_is_refused(network):
    message = "{} and {} are the same variable, expected one of them: leave out the other"
    neurons, target = network["neurons"], network["force"].target
    for one, other, names in (
        ("theta", "neurons.theta", ("'theta'", "'neurons.theta'")),
        (neurons.theta, "theta", ("'neurons.theta'", "'theta'")),
        ("weights", "force.weights", ("'weights'", "'force.weights'")),
        (target, "waves.values", ("'waves.values'", "'waves.values'")),
    ):
        with pytest.raises(ValueError, match=message.format(*names)):
            resolve(network, {one: np.ones((2, 3)) if "weights" in names[0] else 0, other: 0})


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("force._every", "set 'force.every'"),
        ("force._weights", "set 'force.weights'"),
        ("force._P", "set what it is derived from"),
        ("neurons._spikespace", "set what it is derived from"),
    ],
)
def test_private_variables_are_refused(network, key, advice):
    with pytest.raises(ValueError, match=f"'{key}' is private, expected a variable without leading .*: {advice}"):
        resolve(network, {"force.start": 2 * ms, key: 5})


def test_public_names_of_private_variables_are_known(network):
    with pytest.raises(ValueError, match=r"'force.evry' is no variable of this network.*did you mean 'force.every'\?"):
        resolve(network, {"force.evry": 1 * ms})


@pytest.mark.parametrize("key", ["neurons.eta", "force.encoder", "force.start", "force.every", "waves.values"])
def test_bad_units(network, key):
    with pytest.raises(DimensionMismatchError, match=re.escape(key.removeprefix("force."))):
        resolve(network, {key: 1 * mV})


def test_a_subgroup_itself_is_refused(network):
    part = network["neurons"][1:]
    with pytest.raises(ValueError, match="belongs to a part of a group"):
        resolve(network, {part.eta: 1 * pA})


def test_what_an_initialisation_has_read_is_refused_and_what_it_writes_is_not():
    set_device("cpp_standalone", build_on_run=False)
    group = NeuronGroup(3, "v : 1\nu : 1\nother : 1", clock=Clock(DT, name="clock"), namespace={}, name="neurons")
    group.v = "2*u + i"
    ramp = TimedArray([1.0, 2.0], DT, name="ramp")
    group.namespace["ramp"] = ramp
    network = Network(group)
    network.run(1 * ms, namespace={})
    used = used_by_initialisations(get_device())
    for key in ("neurons.v", "neurons.other", "ramp.values"):
        refuse_used(get_device(), resolve(network, {key: 1}), used)
    with pytest.raises(
        ValueError, match=r"'neurons.u' is read by an initialisation of neurons before.*compute what depends on it in"
    ):
        refuse_used(get_device(), resolve(network, {"neurons.u": 1}), used)
    assert float(network.t / second) == pytest.approx(1e-3)
