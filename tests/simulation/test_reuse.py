import numpy as np
import pytest
from brian2 import get_device, ms, pA

from hetbrian.simulation.reuse import KEPT, reused
from models.force import force_network, force_values

SIZE = {"n_neurons": 40, "start": 2 * ms, "stop": 30 * ms, "dt": 0.1 * ms, "recurrent_gain": 500 * pA, "eta": 1500 * pA}


@pytest.fixture
def worker(monkeypatch):
    monkeypatch.setattr(KEPT, "enabled", True)
    yield
    KEPT.close()


def opened(seed=1, **changes):
    return reused(force_network, 40 * ms, seed=seed, device="numpy", **{**SIZE, **changes})


def test_outside_a_worker_a_program_is_closed_at_the_end():
    with opened() as program:
        assert program.run().z.size
    assert KEPT.program is None and program.network is None


def test_a_worker_keeps_the_program_until_another_is_asked_for(worker):
    with opened() as first:
        pass
    with opened() as second:
        assert second is first
    for changes in ({"seed": 2}, {"stop": 31 * ms}):
        with opened(**changes) as other:
            assert other is not first
    with opened() as again:
        assert again is not first


@pytest.mark.standalone
def test_a_program_that_does_not_open_leaves_none(worker, monkeypatch):
    def broken(rng, **parameters):
        raise ValueError("no network")

    with pytest.raises(ValueError, match="no network"), reused(broken, 1 * ms, device="cpp_standalone"):
        pass
    assert KEPT.program is None and type(get_device()).__name__ == "RuntimeDevice"


def test_arguments_without_a_definite_form_are_not_kept_for_others(worker):
    with opened(target=lambda dt: __import__("hetbrian").sine(dt=dt)) as first:
        pass
    with opened(target=lambda dt: __import__("hetbrian").sine(dt=dt)) as second:
        assert second is not first


@pytest.mark.standalone
def test_values_turn_one_program_into_any_network_of_the_grid(worker):
    """All of G, Q and heterogeneity are values of one program, which gives the spikes of a network built with them."""
    import hetbrian as hb

    gains = {"recurrent_gain": 800 * pA, "feedback_gain": 300 * pA}
    spread = {"eta": 1500 * pA, "eta_half_width": 50 * pA, "g_half_width": 400 * pA, "theta": 0.05}
    size = {key: value for key, value in SIZE.items() if key not in ("recurrent_gain", "eta")}
    built = {"device": "cpp_standalone", "record": ("z", "spikes"), "seed": 3}
    with reused(force_network, 200 * ms, recurrent_gain=500 * pA, **built, **size) as program:
        values = force_values(np.random.default_rng(3), 40, built_gain=500 * pA, **gains, **spread)
        found = program.run(values)
    KEPT.close()
    expected = hb.simulate(force_network, 200 * ms, **built, **size, **gains, **spread)
    assert found.spike_time.size > 100 and np.array_equal(found.spike_time, expected.spike_time)
    assert np.array_equal(found.spike_neuron, expected.spike_neuron)
    assert np.abs(found.z - expected.z).max() < 1e-9  # g G/G0 rounds another way than omega G
