"""No readout, and no state of a network, takes what learning cannot have made."""

import numpy as np
import pytest
from brian2 import ms, pA

import hetbrian as hb
from hetbrian._support.files import save_arrays
from hetbrian.codegen.waiting import CAPACITY, COUNTS
from hetbrian.published import force_network
from hetbrian.readout.entries import check_P

SIZE, OPTIONS = 6, {"n_neurons": 6, "dt": 0.1 * ms, "start": 0 * ms, "stop": 6 * ms, "eta": 2000 * pA}


def network():
    return force_network(np.random.default_rng(1), **OPTIONS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a readout and a state after some updates, by what loads them, as arrays."""
    folder = tmp_path_factory.mktemp("saved")

    def keep(found):
        found["force"].save(folder / "readout.npz")
        hb.save_state(found, folder / "state.npz")

    hb.simulate(lambda rng: network(), 8 * ms, device="numpy", record=(), finish=keep)
    content = {}
    for name in ("readout", "state"):
        with np.load(folder / f"{name}.npz") as file:
            content[name] = dict(file)
    assert content["readout"]["n_updates"] == 8 and content["readout"]["_P"].max() == 2
    return content


def load(kind, content, path, found=None):
    found = found or network()
    save_arrays(path, content["format"], {name: item for name, item in content.items() if name != "format"})
    if kind == "readout":
        found["force"].load(path)
    else:
        hb.load_state(found, path)
    return found


def refused_by(message, kind, content, folder):
    found = network()
    before = found["force"].n_updates[:], found["neurons"].v_[:].copy(), found["force"].stop[:]
    with pytest.raises(ValueError, match=message) as raised:
        load(kind, content, folder / "a.npz", found)
    assert "a.npz'" in str(raised.value) and "\n" not in str(raised.value)
    after = found["force"].n_updates[:], found["neurons"].v_[:], found["force"].stop[:]
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True)) and found.t == 0 * ms


def counts(**values):
    return np.array([values.get(name, 0) for name in COUNTS], dtype=np.int32)


def corner(value):
    P = np.eye(SIZE)
    P[0, 1] = value
    return P


WRONG = {
    "negative P": ("_P", np.full(SIZE**2, -1.0), "has -1 on its diagonal at 0, expected 0 or more, as of an inverse"),
    "negative diagonal": ("_P", np.diag([1.0] * (SIZE - 1) + [-0.1]).ravel(), "has -0.1 on its diagonal at 5"),
    "huge P": ("_P", np.full(SIZE**2, 1e300), r"has entries up to 1e\+300, expected at most 1.34e\+154"),
    "asymmetric P": ("_P", corner(0.5).ravel(), "is not symmetric, expected an inverse correlation"),
    "large P_ij": ("_P", (corner(3.0) + corner(3.0).T).ravel() / 2, "entries larger than its diagonal allows"),
    "short P": ("_P", np.ones(4), "_P in .* has 4 values, expected 36 or more"),
    "P of integers": ("_P", np.eye(SIZE, dtype=int).ravel(), "_P in .* is of type int64, expected floating-point"),
    "flat P": ("_P", np.eye(SIZE), r"_P in .* has the shape \(6, 6\), expected 1 axis"),
    "n_updates": ("n_updates", np.array([-7]), "n_updates in .* is -7, expected an integer from 0"),
    "initial_P": ("initial_P", np.array([-1.0]), "initial_P in .* is -1, expected a finite number of 0 or more"),
    "forgetting": ("forgetting", np.array([0.0]), "forgetting in .* of element 0 is 0, expected 0 < forgetting <= 1"),
    "largest": ("_largest", np.array([-1.0]), "_largest in .* is -1, expected a number of 0 or more, or infinity"),
    "scale": ("_scale", np.zeros(1), "_scale in .* of element 0 is 0, expected a finite number above 0"),
    "waiting": ("_counts", counts(waiting=CAPACITY - 1), "_counts in .* has 95 for waiting, expected at most 94"),
    "stride": ("_counts", counts(stride=8), "_counts in .* has 8 for stride, expected at most 0"),
    "dense": ("_counts", counts(dense=2), "_counts in .* has 2 for dense, expected at most 1"),
    "negative counts": ("_counts", counts() - 1, "_counts in .* of element 0 is -1, expected an integer from 0"),
    "few counts": ("_counts", counts()[:2], "_counts in .* has 2 values, expected 6 or more"),
}


def test_updates_that_wait_leave_room_for_the_next_one(saved, tmp_path):
    """And for the one that is pending in the file, if any: it joins them when the next step begins."""
    assert saved["readout"]["_gain"].any()
    content = {**saved["readout"], "_counts": counts(waiting=CAPACITY), "_gain": np.zeros(1)}
    refused_by("_counts in .* has 96 for waiting, expected at most 95", "readout", content, tmp_path)


@pytest.mark.parametrize("kind", ["readout", "state"])
@pytest.mark.parametrize(("name", "value", "message"), WRONG.values(), ids=WRONG)
def test_what_no_learning_makes_is_refused_and_changes_nothing(kind, name, value, message, saved, tmp_path):
    owner = "" if kind == "readout" else "force."
    content = {**saved[kind], f"{owner}{name}": value}
    refused_by(message.replace(" is -", "(?: of element 0)? is -"), kind, content, tmp_path)


STATE = {
    "time": ("time", np.array(True), "time in .* is of type bool, expected floating-point numbers"),
    "negative time": ("time", np.array(-1.0), "time in .* is -1.0, expected a finite number of 0 or more"),
    "interval": ("force._every", np.array([-1]), "force._every in .* is -1, expected an integer from 1"),
    "output": ("force.z", np.array([np.nan]), "force.z in .* is nan, expected finite numbers"),
    "feedback": ("neurons.I_feedback", np.full(SIZE, np.nan), "neurons.I_feedback in .* is nan, expected numbers"),
    "potential": ("neurons.v", np.full(SIZE, np.inf), "neurons.v in .* is inf, expected finite numbers"),
    "parameter": ("neurons.eta", np.full(SIZE, np.nan), "neurons.eta in .* is nan, expected numbers"),
    "theta": (
        "neurons.theta",
        np.full(SIZE, 2.0),
        "a.npz' cannot be loaded, because theta of neuron 0 .*expected 0 <= theta <= 1",
    ),
    "flat": ("neurons.v", np.zeros((SIZE, 1)), r"neurons.v in .* has the shape \(6, 1\), expected 1 axis"),
    "likeness": ("likeness", np.array(1.0), "likeness in .* is of type float64, expected text"),
    "no JSON": ("likeness", np.array("{"), "likeness in .* is '{', expected hashes by name as JSON"),
    "no names": ("likeness", np.array("[1]"), "likeness in .* is .*1.*, expected hashes by name as JSON"),
}


@pytest.mark.parametrize(("name", "value", "message"), STATE.values(), ids=STATE)
def test_what_no_state_has_is_refused_and_changes_nothing(name, value, message, saved, tmp_path):
    content = {**saved["state"], name: value}
    refused_by(message.replace(" is ", "(?: of element 0)? is "), "state", content, tmp_path)


@pytest.mark.parametrize("rule", [np.nan, 1j, "", np.datetime64("2020"), np.array(["prior"]), np.zeros(0)])
def test_a_rule_is_a_known_text(rule, saved, tmp_path):
    with pytest.raises(ValueError, match=r"rule in '.*a.npz' (is|has) .*, expected .*: save it again"):
        load("readout", {**saved["readout"], "rule": np.array(rule)}, tmp_path / "a.npz")


@pytest.mark.parametrize("kind", ["readout", "state"])
def test_what_was_saved_loads(kind, saved, tmp_path):
    found = load(kind, saved[kind], tmp_path / "a.npz")["force"]
    owner = "" if kind == "readout" else "force."
    assert np.array_equal(found.weights.ravel(), saved[kind][f"{owner}_weights"]) and found.n_updates == 8


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("forgetting", [1.0, 0.99])
def test_no_learning_is_taken_for_damage_by_its_roundings(dtype, forgetting):
    """Few inputs that hardly differ: P gets as small against P(0), and as wrong, as it can."""
    rng, size, n_updates = np.random.default_rng(0), 5, 3000
    P, one = (2 * np.eye(size)).astype(dtype), rng.random(size).astype(dtype)
    for _ in range(n_updates):
        x = 100 * (one + dtype(1e-3) * rng.random(size).astype(dtype))
        c = P @ x
        P = ((P - np.outer(c / (dtype(forgetting) + x @ c), c)) / dtype(forgetting)).astype(dtype)
    assert np.isfinite(P).all()
    content = {"_P": P.ravel(), "n_updates": [n_updates], "forgetting": [forgetting], "initial_P": [2.0]}
    check_P("a.npz", content, size)
