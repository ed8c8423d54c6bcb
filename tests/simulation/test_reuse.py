import numpy as np
import pytest
from brian2 import get_device, ms, pA

from hetbrian.published.models.force import force_network, force_values
from hetbrian.simulation.reuse import KEPT, reused

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
    with opened(stop=31 * ms) as other:
        assert other is not first
    with opened() as again:
        assert again is not first


@pytest.mark.standalone
@pytest.mark.parametrize("device", ["numpy", "cpp_standalone"])
def test_a_worker_keeps_the_program_for_other_seeds(worker, device):
    import hetbrian as hb

    size = {**SIZE, "record": ("z", "spikes")}
    with reused(force_network, 40 * ms, seed=1, device=device, **size) as first:
        first.run()
    with reused(force_network, 40 * ms, seed=2, device=device, **size) as second:
        found = second.run()
    assert second is first and found.attrs["seed"] == 2
    KEPT.close()
    expected = hb.simulate(force_network, 40 * ms, seed=2, device=device, **size)
    assert found.spike_time.size and all(np.array_equal(found[name], expected[name]) for name in found.variables)


@pytest.mark.standalone
def test_a_seed_that_needs_another_program_gets_one(worker):
    def model(rng):
        return force_network(rng, **{**SIZE, "dt": (0.1 if rng.random() < 0.6 else 0.2) * ms})

    with reused(model, 40 * ms, seed=1, device="cpp_standalone", record="v") as first:
        first.run()  # 0.51
    with reused(model, 40 * ms, seed=0, device="cpp_standalone", record="v") as second:
        run = second.run()  # 0.64
    assert second is not first and float(second.network["neurons"].clock.dt) == 2e-4 and run.attrs["seed"] == 0


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
