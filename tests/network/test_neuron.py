import doctest
from dataclasses import fields

import numpy as np
import pytest
from brian2 import Clock, DimensionMismatchError, Network, SpikeMonitor, amp, farad, ms, mV, nA, nS, pA, pF, second
from brian2.units.fundamentalunits import get_dimensions
from scipy.integrate import solve_ivp

from hetbrian.network import neuron, population
from hetbrian.network.neuron import Izhikevich
from hetbrian.network.reset import RESETS
from hetbrian.network.shared import AllToAll
from hetbrian.network.synapses import Synapse, gating

CA3, FORCE = Izhikevich.CA3, Izhikevich.FORCE
SETS = {"CA3": CA3, "FORCE": FORCE}
VALUES = [field.name for field in fields(Izhikevich) if field.name != "source"]


def uncoupled(n_neurons, parameters, dt, **options):
    """Return neurons without synapses, and a monitor of the state in which they reach the threshold."""
    coupling = "current" if get_dimensions(parameters.g).is_dimensionless else "conductance"
    synapse = Synapse("none", coupling, "I_syn = 0*eta : {current}")
    neurons = population(n_neurons, parameters, synapse, clock=Clock(dt, name="clock"), **options)
    return neurons, SpikeMonitor(neurons, variables=["v", "w"], when="thresholds", order=1, name="spikes")


def run(duration, *objects):
    Network(*objects).run(duration, namespace={})


def derivative(parameters, current):
    """Return the right-hand side of Eq. 1 in plain numbers (SI)."""
    C, k, v_r, v_t, beta, tau_w = (float(getattr(parameters, n)) for n in ("C", "k", "v_r", "v_t", "beta", "tau_w"))

    def rhs(_, state):
        v, w = state
        return [(k * (v - v_r) * (v - v_t) - w + current) / C, (beta * (v - v_r) - w) / tau_w]

    return rhs


def test_docstrings():
    result = doctest.testmod(neuron)
    assert result.attempted >= 2 and result.failed == 0


def test_parameter_sets_are_the_published_ones():
    published = {
        "CA3": {
            **{"C": 250 * pF, "k": 2.5 * nS / mV, "v_r": -65 * mV, "v_t": -24.6 * mV, "tau_w": 200 * ms},
            **{"beta": -1 * nS, "w_jump": 200 * pA, "E": 0 * mV, "eta": 1267.5 * pA, "g": 200 * nS},
            **{"tau_s": 4 * ms, "v_peak": 12935 * mV, "v_reset": -13065 * mV},
        },
        "FORCE": {
            **{"C": 250 * pF, "k": 2.5 * nS / mV, "v_r": -60 * mV, "v_t": -19.2 * mV, "tau_w": 100 * ms},
            **{"beta": -2 * nS, "w_jump": 200 * pA, "eta": 1000 * pA, "v_peak": 30 * mV, "v_reset": -65 * mV},
        },
    }
    for name, numbers in published.items():
        for key, expected in numbers.items():
            value = getattr(SETS[name], key)
            assert get_dimensions(value) is get_dimensions(expected), (name, key)
            # units multiply decimal numbers by powers of ten that are not binary numbers: a few ulp
            assert float(value) == pytest.approx(float(expected), rel=1e-14), (name, key)
    assert FORCE.g == 1.0 and FORCE.E is FORCE.tau_s is FORCE.s_jump is None


def test_dimensionless_ca3_has_the_published_digits():
    ca3 = CA3.dimensionless()
    unit = ca3.time_unit
    assert round(float(unit / ms), 3) == 1.538
    assert float(unit) == float(CA3.time_unit)
    table = {
        "a": (unit / ca3.tau_w, 0.0077),
        "b": (ca3.beta, -0.0062),
        "alpha": (ca3.v_t, 0.6215),
        "e_r": (ca3.E, 1.0),
        "tau_s": (ca3.tau_s / unit, 2.6),
        "s_jump": (ca3.s_jump, 1.2308),
        "w_jump": (ca3.w_jump, 0.0189),
        "g": (ca3.g, 1.2308),
        "eta": (ca3.eta, 0.12),
        "k": (ca3.k, 1.0),
        "v_r": (ca3.v_r, 0.0),
        "v_peak": (ca3.v_peak, 200.0),
        "v_reset": (ca3.v_reset, -200.0),
    }
    assert {name: round(float(value), 4) for name, (value, _) in table.items()} == {
        name: printed for name, (_, printed) in table.items()
    }


@pytest.mark.parametrize("name", SETS)
def test_dimensionless_and_back(name):
    original = SETS[name]
    there = original.dimensionless()
    back = there.dimensional(like=original)
    assert there.is_dimensionless and not back.is_dimensionless
    for key in VALUES:
        before, after = getattr(original, key), getattr(back, key)
        if before is None:
            assert after is None
            continue
        assert get_dimensions(after) is get_dimensions(before), key
        # v -> 1 + v/|v_r| loses an ulp of 1 where v is near v_r, i.e. 2e-16 of |v_r| = 65 mV
        assert float(after) == pytest.approx(float(before), rel=1e-14, abs=1e-16), key
    assert there.dimensionless() is there
    assert original.dimensional(like=original) is original


BIOPHYSICAL = CA3.replace(v_peak=30 * mV, v_reset=-55 * mV)


def heterogeneous(n_neurons):
    """Return eta, g, theta and the initial v of an all-to-all network, in dimensionless numbers."""
    rng = np.random.default_rng(3)
    ranges = {"eta": (0.1, 0.6), "g": (0.8, 1.6), "theta": (0, 1), "v": (0, 0.6)}
    return {name: rng.uniform(*ends, n_neurons) for name, ends in ranges.items()}


def all_to_all_spikes(parameters, steps, dt, *, eta, g, theta, v):
    """Run the network in the form of the parameters; return the step and neuron of each spike, and s."""
    dt = dt * parameters.time_unit
    if not parameters.is_dimensionless:
        scales = parameters.scales()
        eta, g, v = eta * scales["eta"], g * scales["g"], (v - 1) * scales["v_r"]
    clock = Clock(dt, name="clock")
    neurons = population(len(v), parameters, gating(), eta=eta, g=g, theta=theta, v=v, clock=clock)
    gate = AllToAll(neurons, parameters)
    spikes = SpikeMonitor(neurons, when="thresholds", order=1, name="spikes")
    run(steps * dt, neurons, gate, spikes)
    return list(zip(np.rint(spikes.t / dt).tolist(), spikes.i[:].tolist(), strict=True)), gate.s[0]


@pytest.mark.parametrize("parameters, steps, dt", [(BIOPHYSICAL, 3000, 0.02), (CA3, 10000, 0.001)])
def test_both_forms_give_the_same_spikes(parameters, steps, dt):
    values = heterogeneous(40)
    without, s_without = all_to_all_spikes(parameters.dimensionless(), steps, dt, **values)
    with_units, s_with = all_to_all_spikes(parameters, steps, dt, **values)
    assert len(without) > 40
    assert with_units == without
    # s sees only the spikes; the two forms round its decay 1e4 times
    assert s_with == pytest.approx(s_without, rel=1e-12)


@pytest.mark.parametrize("name", ["eta", "g", "theta"])
def test_each_heterogeneity_moves_the_spikes(name):
    values = heterogeneous(40)
    homogeneous = {**values, name: np.full(40, values[name].mean())}
    different, same = (all_to_all_spikes(BIOPHYSICAL, 1000, 0.02, **v)[0] for v in (values, homogeneous))
    assert len(same) > 20 and different != same


def test_rheobase_and_the_time_to_the_first_spike():
    # without w, C v' = k (v - v_m)^2 + I - I_rheobase, solved by an arctangent
    parameters = FORCE.replace(beta=0 * nS, w_jump=0 * pA)
    assert float(parameters.rheobase / pA) == pytest.approx(2.5 * 40.8**2 / 4, rel=1e-13)  # rounding
    dt, duration = 0.01 * ms, 200 * ms
    C, k, v_r, v_t, v_peak = (float(getattr(parameters, n)) for n in ("C", "k", "v_r", "v_t", "v_peak"))
    v_m = (v_r + v_t) / 2

    def first_passage(excess):
        root = np.sqrt(k / excess)
        exact = C / np.sqrt(k * excess) * (np.arctan((v_peak - v_m) * root) - np.arctan((v_r - v_m) * root))
        # Euler solves v' = f - dt f f'/2 + O(dt^2), which takes dt/2 ln f longer
        slope = k * np.array([(v_r - v_m) ** 2, (v_peak - v_m) ** 2]) + excess
        return exact + float(dt) / 2 * np.log(slope[1] / slope[0])

    low, high = 1e-14, 1e-9  # A; bisection for the excess current that takes the whole run
    for _ in range(60):
        middle = np.sqrt(low * high)
        low, high = (low, middle) if first_passage(middle) < float(duration) else (middle, high)
    just_above = high / float(parameters.rheobase)
    assert just_above < 0.01
    excess = np.array([-1e-9, 0.98 * just_above, 1.02 * just_above, 0.1, 0.5, 2.0])
    neurons, spikes = uncoupled(len(excess), parameters, dt, eta=parameters.rheobase * (1 + excess))
    run(duration, neurons, spikes)
    assert (spikes.count[:2] == 0).all() and (spikes.count[2:] > 0).all()
    # what does not fire stays below the unstable equilibrium that the fold leaves
    assert float(neurons.v[0]) < v_m
    for index, expected in enumerate(excess[2:] * float(parameters.rheobase), start=2):
        # a spike at t was found in v(t + dt), up to one step late; O(dt^2) terms add dt f' = 1 % of a step
        late = (spikes.t[spikes.i == index][0] + dt) / dt - first_passage(expected) / float(dt)
        assert -0.1 < late <= 1.1, index


def reference_spikes(parameters, current, duration):
    """Integrate Eqs. 1-2 between events to 1e-10 with theta = 0; return spike times and w just before."""
    v_peak, v_reset, w_jump = (float(getattr(parameters, n)) for n in ("v_peak", "v_reset", "w_jump"))

    def reaches_peak(_, state):
        return state[0] - v_peak

    reaches_peak.terminal, reaches_peak.direction = True, 1.0
    start, state, times, before = 0.0, [float(parameters.v_r), 0.0], [], []
    while True:
        solution = solve_ivp(
            derivative(parameters, current),
            (start, duration),
            state,
            method="DOP853",
            events=reaches_peak,
            rtol=1e-10,
            atol=[1e-14, 1e-22],
        )
        if solution.status != 1:
            return np.array(times), np.array(before)
        start, w = solution.t[-1], solution.y[1, -1]
        times.append(start)
        before.append(w)
        state = [v_reset, w + w_jump]


def test_f_i_curve_and_adaptation_against_an_event_driven_solution():
    currents = np.array([900.0, 1100.0, 1500.0, 2500.0, 5000.0]) * pA
    dt, duration = 0.05 * ms, 200 * ms
    neurons, spikes = uncoupled(len(currents), FORCE, dt, eta=currents, method="rk4")
    run(duration, neurons, spikes)
    counts = []
    for index, current in enumerate(currents):
        times, before = reference_spikes(FORCE, float(current), float(duration))
        mine = spikes.i == index
        n = int(mine.sum())
        assert 0 <= len(times) - n <= 1  # a spike in the last step may come too late
        counts.append(n)
        late = (spikes.t[mine] + dt - times[:n] * second) / dt
        # every reset waits for the end of its step: after n spikes at most n steps; rk4's own error is 1e-3 steps
        assert (late > -0.01).all() and (late < np.arange(1, n + 1)).all(), current
        # within that delay w moves by at most its largest slope, (|beta| 90 mV + w)/tau_w
        slope = (180 * pA + np.abs(before[:n]) * amp) / FORCE.tau_w
        assert (np.abs(spikes.w[mine] - before[:n] * amp) <= np.arange(1, n + 1) * dt * slope).all(), current
    assert counts[0] == 0 and counts == sorted(counts) and counts[-1] > 15
    # adaptation: w_jump lengthens the intervals, so that the comparison above has seen it
    intervals = np.diff(spikes.t[spikes.i == 3] / ms)
    assert intervals[-1] > 1.3 * intervals[0]


@pytest.mark.parametrize("method, order", [("euler", 1), ("heun", 1), ("rk2", 2), ("rk4", 4)])
def test_order_of_convergence_below_threshold(method, order):
    # Brian2's heun is the stochastic scheme, whose drift is a step of Euler
    current, duration = 800 * pA, 16 * ms
    exact = solve_ivp(
        derivative(FORCE, float(current)),
        (0, float(duration)),
        [float(FORCE.v_r), 0.0],
        method="DOP853",
        rtol=1e-13,
        atol=1e-24,
    ).y[:, -1]
    errors = []
    for dt in (0.5 * ms, 0.25 * ms, 0.125 * ms):
        neurons, spikes = uncoupled(1, FORCE, dt, eta=current, method=method)
        run(duration, neurons, spikes)
        assert spikes.num_spikes == 0
        errors.append(np.abs([float(neurons.v[0]), float(neurons.w[0])] - exact))
    measured = np.log2(np.divide(errors[:-1], errors[1:]))
    # the next order of the error expansion is dt f' = 0.1 of the leading one at the largest step
    assert np.abs(measured - order).max() < 0.15


@pytest.mark.parametrize("form", ["dimensional", "dimensionless"])
@pytest.mark.parametrize("rule", RESETS)
def test_reset_is_exact(rule, form):
    # with a huge C the step leaves v as it is to the last bit, so that the threshold can be met exactly
    parameters = FORCE if form == "dimensional" else FORCE.dimensionless()
    parameters = parameters.replace(C=1e30 * (farad if form == "dimensional" else second))
    v_r, v_peak, v_reset, w_jump = (float(getattr(parameters, n)) for n in ("v_r", "v_peak", "v_reset", "w_jump"))
    scale = float(FORCE.scales()["v_r"]) if form == "dimensional" else 1.0
    volts, amps = (1 * mV / 1e-3, 1 * amp) if form == "dimensional" else (1.0, 1.0)
    v = v_peak + np.array([0.0, 0.01, 0.3, 7.0, 0.5]) * scale
    v[4] = np.nextafter(v_peak, -1.0)
    theta = np.zeros(5) if rule == "mirror" else np.array([0.3, 0.0, 0.7, 0.999, 0.9])
    neurons, spikes = uncoupled(5, parameters, 0.04 * ms, theta=theta, v=v * volts, reset=rule)
    neurons.w = np.linspace(-1, 1, 5) * w_jump * amps
    run(0.04 * ms, neurons, spikes)
    assert list(spikes.i) == [0, 1, 2, 3]  # v = v_peak fires, the float below it does not
    assert np.array_equal(spikes.v_[:], v[:4])
    # the same operations in the same order: equal to the last bit
    expected = {
        "residual": v_reset + theta * (v - v_peak),
        "capped": v_reset + theta * np.minimum(v - v_peak, v_peak - v_reset),
        "retain": v_reset + theta * (v - v_reset),
        "mirror": 2 * v_r - v,
    }[rule]
    assert np.array_equal(neurons.v_[:4], expected[:4])
    assert np.array_equal(neurons.w_[:4], spikes.w_[:] + w_jump)
    assert neurons.v_[4] == v[4]


def rates(reset, theta, dt):
    """Return the mean firing rates (Hz) of neurons with theta = 0 and with the given one, eta = 1.5-3 nA."""
    n = 150
    eta = np.tile(np.linspace(1.5, 3, n), 2) * nA  # many phases on the grid, so that dt averages out
    theta = np.repeat([0.0, theta], n)
    neurons, spikes = uncoupled(2 * n, FORCE, dt, eta=eta, theta=theta, reset=reset)
    run(200 * ms, neurons, spikes)
    trains = spikes.spike_trains()
    rate = np.array([(len(trains[i]) - 1) / float(trains[i][-1] - trains[i][0]) for i in range(2 * n)])
    return rate[:n].mean(), rate[n:].mean()


def test_residual_theta_vanishes_with_the_time_step_and_retain_does_not():
    steps = 0.08 * ms / np.array([1, 2, 4])
    effect = {
        (rule, theta): np.array([np.subtract(*rates(rule, theta, dt)[::-1]) for dt in steps])
        for rule, theta in (("residual", 1.0), ("retain", 0.3))
    }
    residual, retain = effect["residual", 1.0], effect["retain", 0.3]
    assert (residual > 0).all() and (retain > 0).all()
    # first order in dt; the grid samples 150 phases, which leaves about 5 % of scatter in each effect
    assert np.log2(residual[:-1] / residual[1:]) == pytest.approx([1, 1], abs=0.25)
    # the O(dt) error of Euler is common to both halves and cancels to about a percent
    assert retain == pytest.approx(np.full(3, retain[-1]), rel=0.05)
    assert retain[-1] > 4 * residual[-1]


def test_equations_have_the_units_of_the_form():
    assert CA3.equations().dimensions["g"] is nS.dim
    assert FORCE.equations("current").dimensions["g"].is_dimensionless
    assert CA3.equations().dimensions["v"] is mV.dim and CA3.equations().dimensions["w"] is pA.dim
    assert all(CA3.dimensionless().equations().dimensions[name].is_dimensionless for name in ("v", "w", "eta", "g"))


def test_namespace_names_what_the_set_has():
    assert "E" in CA3.namespace and "E" not in FORCE.namespace
    assert set(FORCE.namespace) == {"C", "k", "v_r", "v_t", "v_peak", "v_reset", "beta", "tau_w", "w_jump"}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"v_t": np.nan * mV}, "v_t is nan V, expected a finite number: check the parameter set"),
        ({"g": np.inf}, "g is inf, expected a finite number"),
        ({"v_r": None}, "v_r is None, expected a finite number: check the parameter set"),
        ({"v_peak": None, "v_r": ""}, "v_r is '', expected a finite number: check the parameter set"),
        ({"s_jump": 10**400}, "s_jump is 1000.*, expected a finite number"),
        ({"C": -1 * pF}, r"C is -1\. pF, expected a positive value: check its sign"),
        ({"k": 0 * nS / mV}, "k is 0.*, expected a positive value"),
        ({"tau_w": 0 * ms}, "tau_w is 0.*, expected a positive value"),
        ({"tau_s": -4 * ms}, r"tau_s is -4\. ms, expected a positive value"),
        ({"v_reset": 40 * mV}, r"v_reset is 40\. mV and v_peak 30\. mV, expected v_reset < v_peak: exchange them"),
        ({"v_reset": 30 * mV}, "expected v_reset < v_peak"),
    ],
)
def test_bad_values_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        FORCE.replace(**changes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"k": 2.5 * nS}, r"k is 2\.5 nS, expected the unit siemens / volt: give all parameters with units"),
        ({"v_t": -20.0}, r"v_t is -20\.0, expected the unit volt"),
        ({"v_r": -60 * nA}, r"v_r is -60\. nA, expected the unit volt"),
        ({"C": 1.0}, r"C is 1\.0, expected the unit farad"),
        ({"w_jump": 200 * nS}, r"w_jump is .*, expected the unit amp"),
        ({"beta": -2.0}, r"beta is -2\.0, expected the unit siemens"),
        ({"tau_s": 4 * mV}, r"tau_s is 4\. mV, expected the unit second"),
        ({"v_r": 0.0}, r"C is 250\. pF, expected the unit second"),
    ],
)
def test_units_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DimensionMismatchError, match=message):
        FORCE.replace(**changes)


def test_units_in_a_dimensionless_set_are_refused():
    with pytest.raises(DimensionMismatchError, match=r"eta is 1\. nA, expected the unit 1: give all parameters"):
        FORCE.dimensionless().replace(eta=1 * nA)


def test_scales_of_a_dimensionless_set_are_unknown():
    plain = CA3.dimensionless()
    with pytest.raises(ValueError, match=r"like is a dimensionless set, expected one with units: pass Izhikevich\.CA3"):
        plain.dimensional(like=plain)


def test_at_the_rheobase_with_adaptation_the_resting_states_meet():
    cell = FORCE
    current = cell.rheobase_with_adaptation
    assert float(current / pA) == pytest.approx(1000, rel=1e-12) and float(cell.rheobase / pA) == pytest.approx(1040.4)
    for factor, n_roots in ((0.999, 2), (1.001, 0)):
        k, b, v_r, v_t, rest = (float(x) for x in (cell.k, cell.beta, cell.v_r, cell.v_t, factor * current))
        roots = np.roots([k, -k * (v_r + v_t) - b, k * v_r * v_t + b * v_r + rest])
        assert np.isreal(roots).sum() == n_roots
