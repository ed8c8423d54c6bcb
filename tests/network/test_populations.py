import doctest

import numpy as np
import pytest
from brian2 import (
    Clock,
    DimensionMismatchError,
    Network,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    amp,
    farad,
    ms,
    mV,
    nA,
    nS,
    pA,
    second,
    siemens,
    volt,
)

import hetbrian as hb
from hetbrian.network import populations
from hetbrian.network.connections import random_weights, recurrent
from hetbrian.network.neuron import Izhikevich
from hetbrian.network.populations import population
from hetbrian.network.reset import Reset
from hetbrian.network.shared import AllToAll
from hetbrian.network.synapses import double_exponential, gating, single_exponential
from hetbrian.simulation.program import simulate

CA3, FORCE = Izhikevich.CA3, Izhikevich.FORCE
BIOPHYSICAL = CA3.replace(v_peak=30 * mV, v_reset=-55 * mV).dimensionless()
AFTER = {"when": "end", "order": 3}


def run(duration, *objects):
    Network(*objects).run(duration, namespace={})


def spikes_of(neurons):
    return SpikeMonitor(neurons, when="thresholds", order=1, name=f"{neurons.name}_monitor")


def steps_and_neurons(monitor):
    """Return spikes as (step, neuron), shape (spike, 2)."""
    dt = monitor.clock.dt
    return np.column_stack([np.rint(monitor.t / dt), monitor.i]).astype(int)


def force_network(seed=0, n=40, names=("neurons", "coupling"), synapse=None):
    """Return an active sparse network with every heterogeneity, its synapses and its spikes."""
    rng = np.random.default_rng(seed)
    neurons = population(
        n,
        FORCE,
        synapse or double_exponential(),
        eta=rng.normal(2500, 250, n) * pA,
        g=rng.normal(1, 0.3, n),
        theta=rng.uniform(0, 1, n),
        v=rng.uniform(-65, 25, n) * mV,
        clock=Clock(0.1 * ms, name="clock"),
        name=names[0],
    )
    synapses = recurrent(neurons, 8 * nA, 0.2, rng=rng, name=names[1])
    return neurons, synapses, spikes_of(neurons)


def ca3_network(seed=0, n=40, names=("neurons", "coupling"), v=None):
    """Return an all-to-all network in dimensionless form, its gating variable and its spikes."""
    rng = np.random.default_rng(seed)
    neurons = population(
        n,
        BIOPHYSICAL,
        gating(),
        eta=rng.uniform(0.1, 0.6, n),
        g=rng.uniform(0.8, 1.6, n),
        theta=rng.uniform(0, 1, n),
        v=rng.uniform(0, 0.6, n) if v is None else v,
        clock=Clock(0.02 * BIOPHYSICAL.time_unit, name="clock"),
        name=names[0],
    )
    return neurons, AllToAll(neurons, BIOPHYSICAL, name=names[1]), spikes_of(neurons)


BUILDERS = {"force": (force_network, 20 * ms), "ca3": (ca3_network, 6 * ms)}


def spikes_after(kind, **options):
    builder, duration = BUILDERS[kind]
    objects = builder(**options)
    run(duration, *objects)
    return steps_and_neurons(objects[-1])


def test_docstrings():
    result = doctest.testmod(populations)
    assert result.attempted >= 3 and result.failed == 0


# population


def test_population_holds_what_it_was_given():
    neurons = population(3, FORCE, single_exponential(), eta=[1, 2, 3] * nA, theta=[0.0, 0.5, 1.0])
    assert np.array_equal(neurons.eta[:], [1, 2, 3] * nA)
    assert np.array_equal(neurons.theta[:], [0, 0.5, 1])
    assert (neurons.v[:] == FORCE.v_r).all() and (neurons.w[:] == 0 * amp).all() and (neurons.g[:] == 1).all()
    run(0 * ms, neurons)


def test_population_defaults_to_the_parameter_set():
    neurons = population(2, CA3, gating(), v=[-50, -40] * mV)
    gate = AllToAll(neurons, CA3)
    assert (neurons.eta[:] == CA3.eta).all() and (neurons.g[:] == CA3.g).all() and (neurons.theta[:] == 0).all()
    assert np.array_equal(neurons.v[:], [-50, -40] * mV)
    run(0 * ms, neurons, gate)


def test_feedback_and_drive_are_currents_like_eta():
    # 300 pA arrive as eta, as feedback or as drive: the same trajectory up to the order of the sum
    step = hb.Drive("amplitude*int(t >= 0*ms)", {"amplitude": 0.3 * nA})
    clock = Clock(0.1 * ms, name="clock")
    common = {"clock": clock, "synapse": single_exponential()}
    by_eta = population(1, FORCE, eta=1.5 * nA, name="by_eta", **common)
    by_feedback = population(1, FORCE, eta=1.2 * nA, feedback=True, name="by_feedback", **common)
    by_feedback.I_feedback = 0.3 * nA
    by_drive = population(1, FORCE, eta=1.2 * nA, drive=step, name="by_drive", **common)
    groups = (by_eta, by_feedback, by_drive)
    monitors = [spikes_of(group) for group in groups]
    run(100 * ms, *groups, *monitors)
    assert len(monitors[0].i) > 2
    for group, monitor in zip(groups, monitors, strict=True):
        assert np.array_equal(monitor.t[:], monitors[0].t[:])
        assert float(group.v[0]) == pytest.approx(float(by_eta.v[0]), rel=1e-10)  # rounding over 1000 steps


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_neurons": 0}, "n_neurons is 0, expected an integer of at least 1: give"),
        ({"n_neurons": 2.5}, r"n_neurons is 2\.5, expected an integer of at least 1"),
        ({"eta": [1, 2] * nA}, r"eta has shape \(2,\), expected one value or \(3,\): draw 3 values"),
        ({"theta": np.zeros((3, 1))}, r"theta has shape \(3, 1\), expected one value or \(3,\)"),
        ({"g": [1.0, np.nan, 1.0]}, "g of neuron 1 is nan, expected finite values: check its distribution"),
        ({"v": np.inf * mV}, "v is inf .*, expected finite values"),
        ({"theta": [0.0, 0.0, 1.5]}, r"theta of neuron 2 is 1\.5, expected 0 <= theta <= 1 .* truncate"),
        ({"theta": 0.5, "reset": "mirror"}, "theta is 0.5, expected theta = 0"),
        ({"reset": "full"}, "reset is 'full', expected one of residual, capped, retain, mirror"),
    ],
)
def test_bad_populations_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        population(**{"n_neurons": 3, "parameters": FORCE, "synapse": single_exponential(), **options})


@pytest.mark.parametrize(
    "options, message",
    [
        ({"eta": 1.0}, "eta has the wrong unit, expected A: multiply by it"),
        ({"v": [1, 2, 3] * nA}, "v has the wrong unit, expected V: multiply by it"),
        ({"theta": 1 * mV}, "theta has the wrong unit, expected 1: multiply by it"),
        ({"g": 200 * nS}, "g has the wrong unit, expected 1"),
        ({"synapse": gating()}, "g has the wrong unit, expected S"),
    ],
)
def test_populations_with_wrong_units_are_refused(options, message):
    with pytest.raises(DimensionMismatchError, match=message):
        population(**{"n_neurons": 3, "parameters": FORCE, "synapse": single_exponential(), **options})


# gating


def test_gating_stays_between_0_and_1_when_all_neurons_fire_at_once():
    # s_jump = 1.23 > 1: without the bound the first volley would overshoot
    n = 30
    neurons, gate, spikes = ca3_network(n=n, v=np.full(n, 2.0))
    s = StateMonitor(gate, "s", record=True, name="s", **AFTER)
    run(12 * ms, neurons, gate, spikes, s)
    assert (spikes.t[:n] == 0 * second).all()
    assert s.s[0, 0] == 1.0
    assert s.s.min() >= 0.0 and s.s.max() == 1.0
    # and between spikes it decays as Euler does: s (1 - dt/tau_s) per step, to rounding
    ratio = s.s[0, 1:] / s.s[0, :-1]
    quiet = np.setdiff1d(np.arange(1, s.s.shape[1]), steps_and_neurons(spikes)[:, 0]) - 1
    decay = 1 - float(gate.clock.dt / BIOPHYSICAL.tau_s)
    assert len(quiet) > 50 and ratio[quiet] == pytest.approx(np.full(len(quiet), decay), rel=1e-14)


def test_gating_equals_all_to_all_synapses():
    n = 40
    neurons, gate, spikes = ca3_network(n=n)
    mean = StateMonitor(gate, "s", record=True, name="mean", **AFTER)
    start, theta, eta, g = (np.array(getattr(neurons, name)) for name in ("v", "theta", "eta", "g"))
    own = NeuronGroup(
        n,
        """
        dv/dt = (v*(v - v_t) - w + eta + g*s*(E - v))/C : 1
        dw/dt = (beta*v - w)/tau_w : 1
        ds/dt = -s/tau_s : 1
        eta : 1
        g : 1
        theta : 1
        """,
        threshold="v >= v_peak",
        reset="v = v_reset + theta*(v - v_peak); w += w_jump",
        method="euler",
        namespace={**BIOPHYSICAL.namespace, "tau_s": BIOPHYSICAL.tau_s},
        clock=neurons.clock,
        name="own",
    )
    own.v, own.theta, own.eta, own.g = start, theta, eta, g
    pairs = Synapses(
        own, own, on_pre="s_post += jump", namespace={"jump": BIOPHYSICAL.s_jump / n}, clock=neurons.clock, name="pairs"
    )
    pairs.connect()
    own.run_regularly("s = clip(s, 0, 1)", when="after_synapses", clock=neurons.clock, name="bounds")
    per_neuron = StateMonitor(own, "s", record=True, clock=neurons.clock, name="per_neuron", **AFTER)
    run(24 * ms, neurons, gate, spikes, mean, own, pairs, per_neuron)
    assert spikes.num_spikes > 3 * n
    # sums of at most 40 equal jumps and 800 decays, rounded in another order
    assert np.abs(per_neuron.s - mean.s[0]).max() < 1e-13
    assert len(pairs) == n**2
    assert neurons.s == gate.s[0]


def test_gating_needs_one_synapse_per_neuron():
    neurons, gate, spikes = ca3_network(n=25)
    synapses = [item for item in gate.contained_objects if isinstance(item, Synapses)]
    assert [len(item) for item in synapses] == [25]
    run(0 * ms, neurons, gate, spikes)


def test_gating_refuses_a_population_with_other_synapses():
    neurons = population(2, FORCE, single_exponential())
    with pytest.raises(ValueError, match=r"has single_exponential synapses, expected gating: build it with gating\(\)"):
        AllToAll(neurons, CA3)
    run(0 * ms, neurons)


@pytest.mark.parametrize("missing", ["tau_s", "s_jump"])
def test_gating_refuses_parameters_without_synapses(missing):
    neurons = population(2, CA3, gating())
    with pytest.raises(
        ValueError, match=r"has no tau_s and s_jump, expected both: use Izhikevich\.CA3 or replace them"
    ):
        AllToAll(neurons, CA3.replace(**{missing: None}))


# exponential synapses

TAU_R, TAU_D = 2.0, 20.0  # ms
KERNELS = {
    "single": (single_exponential(TAU_D * ms), {TAU_D: 1 / TAU_D}),
    "double": (
        double_exponential(TAU_R * ms, TAU_D * ms),
        {TAU_D: 1 / (TAU_D - TAU_R), TAU_R: -1 / (TAU_D - TAU_R)},
    ),
}
"""Synapse, and the amplitude (1/ms) by time constant (ms) of the response to a spike of weight 1."""


@pytest.mark.parametrize("name", KERNELS)
def test_one_spike_gives_the_closed_form(name):
    synapse, modes = KERNELS[name]
    largest = []
    for dt in (0.1, 0.05):
        clock = Clock(dt * ms, name="clock")
        neurons = population(2, FORCE, synapse, eta=0 * pA, v=[31, -60] * mV, clock=clock)
        synapses = recurrent(neurons, 1 * pA, 1.0, rng=np.random.default_rng(5))
        spikes = spikes_of(neurons)
        states = StateMonitor(neurons, ["IPSC", "r"], record=True, name="states", **AFTER)
        run(300 * ms, neurons, synapses, spikes, states)
        assert list(spikes.i) == [0] and spikes.t[0] == 0 * second
        t = states.t / ms  # IPSC and r hold the spike from the end of step 0 on
        exact = sum(amplitude * np.exp(-t / tau) for tau, amplitude in modes.items())
        # (1 - x)^n lies below exp(-n x), x = dt/tau, by less than n x^2/(2 - 2 x) exp(-n x) <= x/(2 e (1 - x))
        bound = sum(abs(a) * dt / tau / (2 * np.e * (1 - dt / tau)) for tau, a in modes.items())
        weights = [float(synapses.omega[0, post][0] / pA) for post in (0, 1)]
        assert weights[0] != weights[1]
        shapes = [states.IPSC[post] / pA / weights[post] for post in (0, 1)] + [states.r[0]]
        for shape in shapes:
            error = np.abs(shape - exact).max()
            assert 0.3 * bound < error < bound
            # Euler keeps the integral, omega times 1 ms, but for what is left after 300 ms: 1.2 exp(-15) and less
            assert shape.sum() * dt == pytest.approx(1, abs=4e-7)
        assert (states.r[1] == 0).all()
        largest.append(error)
    # first order in dt; the next order is x = 5 % of it for the rise
    assert largest[0] / largest[1] == pytest.approx(2, rel=0.1)


def test_spikes_of_one_step_add_up_and_reach_r_and_ipsc_together():
    n = 20
    neurons = population(
        n, FORCE, single_exponential(), eta=0 * pA, v=np.full(n, 31) * mV, clock=Clock(0.1 * ms, name="clock")
    )
    synapses = recurrent(neurons, 1 * pA, 1.0, rng=np.random.default_rng(1))
    run(0.1 * ms, neurons, synapses)
    omega = np.zeros((n, n))
    omega[synapses.j[:], synapses.i[:]] = synapses.omega / pA
    assert neurons.r[:] == pytest.approx(np.full(n, 1 / TAU_D), rel=1e-15)
    # 20 terms of mixed sign, rounded: 20 eps of the largest partial sum
    assert np.abs(neurons.IPSC / pA - omega.sum(axis=1) / TAU_D).max() < 1e-15 * np.abs(omega).sum(axis=1).max()


@pytest.mark.parametrize("synapse", [single_exponential(), double_exponential()], ids=["single", "double"])
def test_g_scales_the_row_of_the_weights(synapse):
    def spikes_with(change):
        neurons, synapses, spikes = force_network(synapse=synapse)
        change(neurons, synapses)
        run(20 * ms, neurons, synapses, spikes)
        assert np.array_equal(neurons.I_syn[:], neurons.g[:] * neurons.IPSC[:])
        return steps_and_neurons(spikes).tolist()

    def keep(neurons, synapses):
        pass

    def drop(neurons, synapses):
        neurons.g = 1.0

    def move(neurons, synapses):
        synapses.omega = synapses.omega[:] * neurons.g[:][synapses.j[:]]
        neurons.g = 1.0

    in_g = spikes_with(keep)
    assert len(in_g) > 40
    assert spikes_with(move) == in_g
    assert spikes_with(drop) != in_g


def test_gating_with_a_filtered_activity():
    assert gating().on_spike == "" and "dr/dt" not in gating().equations
    neurons = population(1, CA3, gating(tau_r=10 * ms), v=20000 * mV, clock=Clock(0.001 * ms, name="clock"))
    run(0.005 * ms, neurons, AllToAll(neurons, CA3))
    # one spike in the first step adds ms/tau_r, which decays by (1 - dt/tau_r) in each of the four that follow
    assert neurons.r_[0] == pytest.approx(0.1 * (1 - 0.0001) ** 4, rel=1e-12)
    with pytest.raises(DimensionMismatchError, match=r"tau_r is .*, expected a quantity in s: check its unit"):
        gating(tau_r=10)


def test_synapses_lead_from_sender_to_receiver():
    neurons = population(300, FORCE, single_exponential(), clock=Clock(0.1 * ms, name="clock"))
    synapses = recurrent(neurons, 5 * nA, 0.1, rng=np.random.default_rng(4))
    pre, post, weights = random_weights(300, 5 * nA, 0.1, np.random.default_rng(4))
    assert np.array_equal(synapses.i[:], pre) and np.array_equal(synapses.j[:], post)
    assert np.array_equal(synapses.omega[:], weights)
    run(0 * ms, neurons, synapses)


@pytest.mark.parametrize(
    "factory, times, message",
    [
        (gating, {"tau_r": 0 * ms}, "tau_r is 0.* s, expected more than 0: give a positive value"),
        (single_exponential, {"tau_d": 0 * ms}, "tau_d is 0.* s, expected more than 0: give a positive value"),
        (double_exponential, {"tau_r": -2 * ms}, "tau_r is -2. ms, expected more than 0"),
        (double_exponential, {"tau_d": np.inf * ms}, "tau_d is inf .*, expected one finite number"),
    ],
)
def test_times_that_are_not_positive_are_refused(factory, times, message):
    with pytest.raises(ValueError, match=message):
        factory(**times)


@pytest.mark.parametrize("factory", [single_exponential, double_exponential])
def test_times_without_unit_are_refused(factory):
    with pytest.raises(DimensionMismatchError, match=r"tau_d is .*, expected a quantity in s: check its unit"):
        factory(tau_d=20.0)


# sparse weights


def test_several_networks_have_the_synapses_that_each_has_alone_and_no_others():
    gains = [1, 2, 3] * nA
    neurons = population(90, FORCE, single_exponential())
    synapses = recurrent(neurons, gains, 0.2, rng=[np.random.default_rng(k) for k in range(3)])
    first = 0
    for k, gain in enumerate(gains):
        pre, post, weights = random_weights(30, gain, 0.2, np.random.default_rng(k))
        last = first + pre.size
        assert np.array_equal(synapses.i[first:last], pre + 30 * k)
        assert np.array_equal(synapses.j[first:last], post + 30 * k)
        assert np.array_equal(synapses.omega[first:last] / nA, weights / nA)
        first = last
    assert first == len(synapses) > 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gain": [1, 2] * nA}, r"gain has shape \(2,\), expected one value or \(3,\): one for each network"),
        ({"rng": []}, r"rng is \[\], expected a numpy Generator, or one for each network, in a list"),
        ({"rng": [1]}, "an entry of rng is 1, expected a numpy Generator"),
        ({"rng": [np.random.default_rng(0)] * 4}, "neurons has 90 neurons of 4 networks, expected as many in each"),
        ({"gain": [1, 2, 3] * mV}, "gain .* unit|gain is .*expected"),
    ],
)
def test_networks_that_do_not_fit_their_synapses_are_refused(options, message):
    neurons = population(90, FORCE, single_exponential())
    rngs = [np.random.default_rng(k) for k in range(3)]
    with pytest.raises((ValueError, TypeError, DimensionMismatchError), match=message):
        recurrent(neurons, **{"gain": 1 * nA, "rng": rngs, **options})


def test_random_weights_have_the_published_statistics():
    n, p = 700, 0.1  # not a multiple of the block
    pre, post, weights = random_weights(n, 5 * nA, p, np.random.default_rng(11))
    m = len(pre)
    sigma = 5 / (p * np.sqrt(n))  # nA
    plain = weights / nA
    # each within 4 standard errors of a binomial fraction, a mean and a standard deviation
    assert abs(m / n**2 - p) < 4 * np.sqrt(p * (1 - p)) / n
    assert abs(plain.mean()) < 4 * sigma / np.sqrt(m)
    assert abs(plain.std() - sigma) < 4 * sigma / np.sqrt(2 * m)
    for index in (pre, post):
        assert index.dtype == np.int32 and index.min() == 0 and index.max() == n - 1
        degrees = np.bincount(index, minlength=n)
        # variance of 700 binomial counts: standard error of a variance, 4 of them
        assert abs(degrees.var() / (n * p * (1 - p)) - 1) < 4 * np.sqrt(2 / n)
    pairs = pre.astype(np.int64) * n + post
    assert (np.diff(pairs) > 0).all()  # sorted by sender, then receiver, and no pair twice


@pytest.mark.parametrize("n", [1, 300, 900])
def test_random_weights_are_those_of_the_whole_matrix_drawn_at_once(n):
    """In blocks of rows, the stream is the same."""
    rng = np.random.default_rng(9)
    pre, post = np.nonzero(rng.random((n, n)) < 0.1)
    found_pre, found_post, weights = random_weights(n, 2 * nA, 0.1, np.random.default_rng(9))
    assert np.array_equal(found_pre, pre) and np.array_equal(found_post, post)
    expected = rng.standard_normal(pre.size) / (0.1 * np.sqrt(n)) * (2 * nA)
    assert np.array_equal(weights, expected) and weights.dim is expected.dim


def test_random_weights_depend_on_the_generator_alone():
    first, same, other = (random_weights(300, 1 * nA, 0.1, np.random.default_rng(s)) for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first[2][:100], other[2][:100])
    doubled = random_weights(300, 2 * nA, 0.1, np.random.default_rng(1))
    assert np.array_equal(doubled[0], first[0]) and np.array_equal(doubled[2], 2 * first[2])


def test_probability_1_connects_every_pair():
    pre, post, _ = random_weights(7, 1 * nA, 1, np.random.default_rng(0))
    assert np.array_equal(pre, np.repeat(np.arange(7), 7)) and np.array_equal(post, np.tile(np.arange(7), 7))


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"rng": 3}, TypeError, r"rng is 3, expected a numpy Generator: give numpy.random.default_rng\(seed\)"),
        ({"gain": np.nan * nA}, ValueError, "gain is nan A, expected one finite number: check its value"),
        ({"probability": 0}, ValueError, "probability is 0, expected 0 < p <= 1: give the fraction of pairs"),
        ({"probability": 1.1}, ValueError, "probability is 1.1, expected 0 < p <= 1"),
        ({"probability": np.nan}, ValueError, "probability is nan, expected 0 < p <= 1"),
        ({"gain": 1.0}, DimensionMismatchError, r"gain is 1\.0, expected a quantity in A: check its unit"),
    ],
)
def test_bad_weights_are_refused(options, error, message):
    good = {"n_neurons": 5, "gain": 1 * nA, "probability": 0.1, "rng": np.random.default_rng(0)}
    with pytest.raises(error, match=message):
        random_weights(**{**good, **options})


def test_sparse_synapses_refuse_a_gating_population():
    neurons = population(2, CA3, gating())
    with pytest.raises(ValueError, match=r"has gating synapses, expected single_exponential\(\) .* with AllToAll"):
        recurrent(neurons, 1 * nA, rng=np.random.default_rng(0))


@pytest.mark.parametrize("n", [1, 3])
def test_a_network_without_any_synapse_runs(n):
    neurons = population(n, FORCE, double_exponential(), v=31 * mV, clock=Clock(0.1 * ms, name="clock"))
    synapses = recurrent(neurons, 1 * nA, 1e-9, rng=np.random.default_rng(0))
    spikes = spikes_of(neurons)
    run(1 * ms, neurons, synapses, spikes)
    assert len(synapses) == 0 and spikes.num_spikes == n
    assert (neurons.IPSC[:] == 0 * amp).all() and (neurons.r[:] > 0).all()


# what must not change the result


def test_the_order_of_objects_does_not_depend_on_what_ran_before():
    alone = {(kind, seed): spikes_after(kind, seed=seed) for kind in BUILDERS for seed in range(3)}
    assert all(len(spikes) > 20 for spikes in alone.values())
    networks = {}
    for number in range(24):  # object_10 sorts before object_9
        kind, seed = ("force", "ca3")[number % 2], number // 2 % 3
        names = (f"object_{number}", f"object_{number + 1}")
        networks[number] = kind, seed, BUILDERS[kind][0](seed=seed, names=names)
    for number, (kind, seed, objects) in networks.items():
        run(BUILDERS[kind][1], *objects)
        assert np.array_equal(steps_and_neurons(objects[-1]), alone[kind, seed]), number


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
def test_names_do_not_matter(kind, names):
    assert np.array_equal(spikes_after(kind, names=names), spikes_after(kind))


@pytest.mark.parametrize("kind", BUILDERS)
def test_names_in_the_calling_function_do_not_matter(kind):
    builder, duration = BUILDERS[kind]
    objects = builder()
    C, k, v_r, v_t, v_peak = 1 * farad, 1 * siemens / volt, 1 * volt, 2 * volt, 3 * volt  # noqa: F841
    v_reset, beta, tau_w, w_jump, E = -1 * volt, 1 * siemens, 1 * second, 1 * amp, 9 * volt  # noqa: F841
    tau_d, tau_r, tau_s, jump, omega, eta, g, theta, s = 3 * second, 2 * second, 1 * second, 5, 6, 7, 8, 9, 10  # noqa: F841
    ms, I_ext, I_syn, I_feedback, IPSC, h, r, h_r = 1 * second, 1, 2, 3, 4, 5, 6, 7  # noqa: F841
    Network(*objects).run(duration)
    assert np.array_equal(steps_and_neurons(objects[-1]), spikes_after(kind))


@pytest.mark.parametrize("kind", BUILDERS)
def test_the_seed_decides_the_spikes(kind):
    first = spikes_after(kind, seed=1)
    assert np.array_equal(spikes_after(kind, seed=1), first)
    assert not np.array_equal(spikes_after(kind, seed=2), first)


@pytest.mark.standalone
def test_all_to_all_coupling_gives_the_same_spikes_in_standalone():
    """The gating group contains its synapses, which standalone devices look for only at the top."""
    parameters = Izhikevich.CA3

    def model(rng):
        neurons = population(
            50,
            parameters,
            gating(),
            eta=parameters.eta * rng.uniform(0.5, 2.0, 50),
            clock=Clock(2e-3 * parameters.time_unit, name="clock"),
        )
        return Network(neurons, AllToAll(neurons, parameters))

    runs = [
        simulate(model, 30 * ms, device=device, record=("spikes", "s"), record_dt=2 * parameters.time_unit)
        for device in ("numpy", "cpp_standalone")
    ]
    assert runs[0].sizes["spike"] > 50
    assert np.array_equal(runs[0].spike_neuron, runs[1].spike_neuron)
    assert np.array_equal(runs[0].spike_time, runs[1].spike_time)
    assert runs[0].s.values.max() > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"synapse": hb.single_exponential},
            r"synapse is single_exponential, expected a Synapse: call what makes it, as",
        ),
        (
            {"parameters": hb.Izhikevich},
            "parameters is Izhikevich, expected a Izhikevich: give a parameter set, as Izhi",
        ),
        ({"drive": hb.Drive}, "drive is .*Drive.*, expected a Drive: call what makes it, with its numbers"),
        ({"drive": 3 * pA}, "drive is 3. pA, expected a Drive"),
    ],
)
def test_what_was_not_called_is_refused(options, message):
    options = {"parameters": hb.Izhikevich.FORCE, "synapse": hb.single_exponential(), **options}
    with pytest.raises(TypeError, match=message):
        hb.population(3, **options)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("v = v_resett", "has 'v_resett', expected names that the neurons know: did you mean 'v_reset'"),
        ("v = v_reset + kappa*w", "has 'kappa', expected names that the neurons know: write its value"),
        ("v = v_reset; w = q*w", "has 'q', expected names that the neurons know: write its value"),
    ],
)
def test_a_reset_with_names_that_the_neurons_do_not_know_is_refused(statement, message):
    with pytest.raises(ValueError, match=f"the statement '.*' of the reset rule 'mine' {message}"):
        hb.population(3, hb.Izhikevich.FORCE, hb.single_exponential(), reset=Reset("mine", statement))
    hb.population(
        3,
        hb.Izhikevich.FORCE,
        hb.single_exponential(),
        reset=Reset("other", "v = v_reset + theta*clip(v, 0*mV, r*mV)"),
    )


@pytest.mark.parametrize("rule", [["capped"], 3, None, np.ones(2)])
def test_a_reset_of_another_kind_is_refused(rule):
    with pytest.raises(ValueError, match=r"reset is .*, expected one of residual, capped, retain, mirror: choose one"):
        hb.population(3, hb.Izhikevich.FORCE, hb.single_exponential(), reset=rule)


@pytest.mark.parametrize(("held", "method"), [(("v",), "exponential_euler"), (("eta",), "euler")])
def test_what_cannot_be_held_is_refused(held, method):
    with pytest.raises(ValueError, match=f"held is {held[0]} and method '{method}', expected some of v, w and 'euler'"):
        population(2, Izhikevich.CA3.dimensionless(), gating(), held=held, method=method)


def test_a_parameter_that_each_neuron_has_of_its_own_is_the_same_constant():
    parameters, names = Izhikevich.FORCE, ("C", "beta", "tau_w", "w_jump", "tau_d")
    given = parameters.namespace | {"tau_d": 20 * ms}
    potentials = []
    for own in ((), names):
        neurons = population(3, parameters, single_exponential(), own=own, clock=Clock(0.05 * ms))
        assert all((name in neurons.variables) == (name in own) for name in names)
        assert all(np.all(getattr(neurons, name) == given[name]) for name in own)
        neurons.eta, neurons.IPSC = 3 * parameters.rheobase, 50 * pA
        Network(neurons).run(20 * ms)
        potentials.append(np.array(neurons.v / mV))
    # the order of the products may differ by the last bit, which 400 steps make more of
    assert np.abs(potentials[1] - potentials[0]).max() < 1e-9
    assert np.abs(potentials[0] - parameters.v_r / mV).min() > 1  # it has moved


def test_each_neuron_follows_the_parameter_of_its_own():
    neurons = population(2, Izhikevich.FORCE, single_exponential(), own=("C",), clock=Clock(0.05 * ms))
    neurons.C = [1, 2] * Izhikevich.FORCE.C
    neurons.eta = 2000 * pA
    Network(neurons).run(0.05 * ms)
    moved = np.array((neurons.v - Izhikevich.FORCE.v_r) / mV)
    assert moved[0] == pytest.approx(2 * moved[1], rel=1e-9) and moved[1] > 0  # one step: eta dt/C


def test_a_parameter_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"an entry of own is 'tau', expected C, k, v_r, v_t, .*tau_d"):
        population(3, Izhikevich.FORCE, single_exponential(), own=("tau",))


@pytest.mark.parametrize("given", [-280, "v", (1,)])
def test_names_of_variables_are_names(given):
    for name in ("held", "own"):
        with pytest.raises(TypeError, match=f"{name} is .*, expected names of variables"):
            hb.population(3, hb.Izhikevich.FORCE, hb.single_exponential(), **{name: given})
