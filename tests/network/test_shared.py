"""Shared adaptation: its equation, its spikes, and what it refuses."""

import numpy as np
import pytest
from brian2 import Clock, Network, StateMonitor, TimedArray, defaultclock, ms, mV, nA, pA, second

import hetbrian as hb
from hetbrian.network.drive import Drive
from hetbrian.network.shared import SharedAdaptation


def network(parameters, n_neurons=3, **options):
    neurons = hb.population(n_neurons, parameters, hb.gating(), adaptation="shared", **options)
    return neurons, hb.AllToAll(neurons, parameters), SharedAdaptation(neurons, parameters)


def test_it_follows_the_mean_potential():
    defaultclock.dt = 0.01 * ms
    parameters = hb.Izhikevich.CA3.replace(eta=0 * pA)
    neurons, gating, shared = network(parameters, v=[-66, -64, -60] * mV)
    monitor = StateMonitor(neurons, "v", record=True, when="start")
    Network(neurons, gating, shared, monitor).run(2 * ms, namespace={})
    w = 0.0
    for v in monitor.v_.mean(axis=0):  # Euler's method with the potentials of the step before
        w += 1e-5 * (float(parameters.beta) * (v + 0.065) - w) / 0.2
    np.testing.assert_allclose(shared.w_[0], w, rtol=1e-9)  # rounding of a sum of 200 steps
    assert (neurons.w_ == shared.w_[0]).all()


def test_a_spike_adds_its_share():
    parameters = hb.Izhikevich.CA3.replace(beta=0 * hb.Izhikevich.CA3.beta)
    defaultclock.dt = 1e-3 * ms
    v = np.array([-65.0, -65.0, 12936.0]) * mV  # the last one is above the cutoff
    neurons, gating, shared = network(parameters, v=v)
    Network(neurons, gating, shared).run(defaultclock.dt, namespace={})
    np.testing.assert_allclose(shared.w_[0], 200e-12 / 3, rtol=1e-12)


@pytest.mark.parametrize("device", ["numpy", pytest.param("cython", marks=pytest.mark.long)])
def test_dimensionless_and_dimensional_networks_agree(device):
    def model(rng, parameters, scale):
        clock_step = 1e-3 * hb.Izhikevich.CA3.time_unit
        defaultclock.dt = clock_step
        eta = np.linspace(0.1, 0.5, 20) * scale
        neurons, gating, shared = network(parameters, 20, eta=eta)
        return Network(neurons, gating, shared)

    ca3 = hb.Izhikevich.CA3
    plain, units = (
        hb.simulate(
            model,
            0.05 * second,
            device=device,
            record="s",
            record_dt=ca3.time_unit,
            parameters={"parameters": p},
            scale=x,
        )
        for p, x in ((ca3.dimensionless(), 1.0), (ca3, ca3.scales()["eta"]))
    )
    assert plain.s.max() > 0.01
    np.testing.assert_allclose(plain.s, units.s, rtol=1e-6)  # rounding grows along 32 000 steps


def test_neurons_with_adaptation_of_their_own_are_refused():
    neurons = hb.population(2, hb.Izhikevich.CA3, hb.gating())
    with pytest.raises(ValueError, match="the neurons have adaptation of their own, expected a linked w"):
        SharedAdaptation(neurons, hb.Izhikevich.CA3)


def test_unknown_adaptation_is_refused():
    with pytest.raises(ValueError, match="adaptation is 'common', expected own, shared"):
        hb.population(2, hb.Izhikevich.CA3, hb.gating(), adaptation="common", eta=1 * nA)


def test_a_factor_scales_the_jump_of_s_in_its_time():
    dt = 0.01 * ms
    parameters = hb.Izhikevich.CA3.dimensionless().replace(tau_s=1000 * second)  # hardly any decay
    jumps = []
    for factor in (None, Drive("twice(t)", {"twice": TimedArray([2.0, 1.0], dt=2 * dt)})):
        neurons = hb.population(4, parameters, hb.gating(), v=[199, 0, 0, 0], clock=Clock(dt), name="neurons")
        gating = hb.AllToAll(neurons, parameters, factor=factor)
        Network(neurons, gating).run(dt, namespace={})
        jumps.append(float(gating.s_[0]))
    assert jumps[0] > 0 and jumps[1] == pytest.approx(2 * jumps[0], rel=1e-12)


@pytest.mark.parametrize("factor", ["twice(t)", 2.0])
def test_a_factor_that_is_no_drive_is_refused(factor):
    parameters = hb.Izhikevich.CA3
    neurons = hb.population(2, parameters, hb.gating())
    with pytest.raises(TypeError, match=r"factor is .*, expected a Drive: give what pulses returns, say"):
        hb.AllToAll(neurons, parameters, factor=factor)


FIELD, SIZE = hb.MeanField.CA3, 50


def several(_, numbers, shared=False):
    """Return CA3 networks of these numbers, of other gains and seeds, as one."""
    parameters, rngs = FIELD.neuron(200.0, -200.0), [np.random.default_rng(number) for number in numbers]
    neurons = hb.population(
        SIZE * len(rngs),
        parameters,
        hb.gating(),
        eta=np.concatenate([hb.Lorentzian(0.2, 0.02).draw(SIZE, rng) for rng in rngs]),
        g=np.repeat([1 + 0.1 * number for number in numbers], SIZE),
        v=np.concatenate([rng.uniform(-1, 1, SIZE) for rng in rngs]),
        adaptation="shared" if shared else "own",
        clock=Clock(1e-3 * FIELD.time_unit, name="clock"),
    )
    groups = [hb.AllToAll(neurons, parameters, networks=len(rngs))]
    groups += [SharedAdaptation(neurons, parameters, networks=len(rngs))] if shared else []
    return Network(neurons, *groups)


@pytest.mark.parametrize(
    ("device", "count", "shared"),
    [
        ("runtime", 3, False),
        ("runtime", 3, True),
        pytest.param("cpp_standalone", 8, False, marks=[pytest.mark.long, pytest.mark.standalone]),
        pytest.param("cpp_standalone", 8, True, marks=[pytest.mark.slow, pytest.mark.standalone]),
    ],
)
def test_each_of_several_networks_has_its_own_shared_variables_and_is_as_alone(device, count, shared):
    names = ("spikes", "gating.s", *(("adaptation.w",) if shared else ()))
    options = {"device": device, "record": names, "record_dt": FIELD.time_unit, "shared": shared}
    found, n_spikes = hb.simulate(several, 10 * FIELD.time_unit, numbers=tuple(range(count)), **options), []
    for k in range(count):
        alone = hb.simulate(several, 10 * FIELD.time_unit, numbers=(k,), **options)
        own = found.spike_neuron.values // SIZE == k
        assert np.array_equal(found.spike_time[own], alone.spike_time)
        assert np.array_equal(found.spike_neuron[own] - SIZE * k, alone.spike_neuron)
        for name in names[1:]:
            values, expected = found[name].values[:, k], alone[name].values.ravel()
            # fast math: a compiler orders the terms of w in a group of one otherwise than in a group of eight
            rounding = 1e-12 if (device, name) == ("cpp_standalone", "adaptation.w") else 0
            assert np.abs(values - expected).max() <= rounding * np.abs(expected).max() and expected.any()
        n_spikes.append(int(own.sum()))
    assert min(n_spikes) > 50 and len(set(n_spikes)) > 2  # they are different networks


def test_networks_of_other_sizes_are_refused():
    parameters = hb.Izhikevich.CA3
    neurons = hb.population(5, parameters, hb.gating(), adaptation="shared")
    for kind in (hb.AllToAll, SharedAdaptation):
        with pytest.raises(ValueError, match="neurons has 5 neurons of 2 networks, expected as many in each"):
            kind(neurons, parameters, networks=2)
