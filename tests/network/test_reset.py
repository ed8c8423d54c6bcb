import numpy as np
import pytest
from brian2 import Clock, Network, StateMonitor, ms, pA
from scipy.integrate import quad

import hetbrian as hb
from hetbrian.network import Izhikevich, Reset, population, single_exponential
from hetbrian.network.reset import RESETS

CA3 = Izhikevich.CA3.dimensionless()
NEGATIVE = Reset("negative", "v = v_reset - theta*v_peak", highest_theta=0.25, depends_on_dt=False)


def after(rule, v, theta, neuron):
    """Return what the rule's statement makes of a potential."""
    names = {name: float(getattr(neuron, name)) for name in ("v_r", "v_t", "v_peak", "v_reset")}
    return eval(rule.statement.removeprefix("v = "), {"clip": np.clip, "v": v, "theta": theta, **names})


@pytest.mark.parametrize("v_reset", [-200.0, 190.0])
@pytest.mark.parametrize("dt", [1e-3, 1e-7])
@pytest.mark.parametrize("rule", RESETS.values(), ids=RESETS)
def test_mean_potential_is_the_mean_of_the_statement_over_overshoots(rule, dt, v_reset):
    neuron, theta = CA3.replace(v_reset=v_reset), 0.7 * rule.highest_theta
    longest = dt * 200.0**2
    bend = min(longest, 200.0 - v_reset)  # where `capped` bends
    parts = [(0, bend), (bend, longest)]
    whole = sum(quad(lambda x: after(rule, 200.0 + x, theta, neuron), *part)[0] for part in parts)
    # the quadrature is exact for pieces of straight lines, up to the rounding of potentials of 200
    assert rule.mean_potential(neuron, theta, dt) == pytest.approx(whole / longest, rel=1e-10)
    assert rule.mean_potential(neuron, theta) == pytest.approx(after(rule, 200.0, theta, neuron), rel=1e-10)
    assert rule.mean_potential(neuron, [0.0, theta], dt).shape == (2,)


@pytest.mark.parametrize("v_reset", [-200.0, 39.2])  # 39.2 is where `capped` caps: overshoots go up to 1.6
@pytest.mark.parametrize("rule", RESETS.values(), ids=RESETS)
def test_mean_potential_is_that_of_euler_steps(rule, v_reset):
    neuron, theta, dt = CA3.replace(v_peak=40.0, v_reset=v_reset), 0.7 * rule.highest_theta, 1e-3
    v = 1 / (1 / 40 + np.linspace(0.05, 0.1, 10_000))  # evenly spread in time before the spike of v' = v^2
    while (below := v < 40).any():
        v[below] += dt * v[below] ** 2
    found = np.mean(after(rule, v, theta, neuron))
    no_overshoot = after(rule, 40.0, theta, neuron)
    # overshoots are uniform up to the relative dt v_peak = 0.04
    assert found - no_overshoot == pytest.approx(rule.mean_potential(neuron, theta, dt) - no_overshoot, rel=0.04)


def test_without_an_overshoot_theta_does_nothing_where_the_rule_says_so():
    for name, rule in RESETS.items():
        effect = rule.mean_potential(CA3, 0.5 * rule.highest_theta) - rule.mean_potential(CA3, 0.0)
        assert rule.depends_on_dt == (effect == 0 and name != "mirror")


def test_theta_below_threshold():
    limits = {name: rule.theta_below_threshold(CA3) for name, rule in RESETS.items()}
    below = np.nextafter(1, 0)
    # 0.621538 is v_t; `retain` starts at v_reset + theta (v_peak - v_reset)
    retain = pytest.approx((0.62153846 + 200) / 400, rel=1e-9)
    assert limits == {"residual": 1.0, "capped": below, "retain": retain, "mirror": 0.0}


def test_a_mean_that_is_not_linear_in_theta_tells_no_range():
    square = Reset(
        "square", "v = v_reset*(1 - theta**2)", mean=lambda v_reset, *others: v_reset * (1 - others[-1] ** 2)
    )
    with pytest.raises(ValueError, match="mean of the reset rule 'square' is not linear in theta, expected it to be"):
        square.theta_below_threshold(CA3)


def test_statements_and_the_jump_of_w_are_the_reset_of_a_population():
    for name, rule in RESETS.items():
        assert Reset.of(name) is rule and Reset.of(rule) is rule
        given = {"reset": name, "clock": Clock(1 * ms, name="clock")}
        own = population(2, CA3, hb.gating(), **given, name="own").event_codes["spike"]
        shared = population(2, CA3, hb.gating(), adaptation="shared", **given, name="shared").event_codes["spike"]
        assert own == f"{rule.statement}\nw += w_jump" and shared == rule.statement
    assert "v_peak" not in RESETS["retain"].statement


def test_unknown_reset_rule_is_refused():
    with pytest.raises(
        ValueError, match="reset is 'full', expected one of residual, capped, retain, mirror: choose one"
    ):
        Reset.of("full")


@pytest.mark.parametrize(
    "rule, allowed, refused, message",
    [
        ("residual", [0.0, 1.0], 1.01, r"theta of neuron 2 is 1\.01, expected 0 <= theta <= 1 .*'residual': truncate"),
        ("residual", [0.5, 0.5], -0.1, r"theta of neuron 2 is -0\.1, expected 0 <= theta <= 1"),
        ("residual", [0.5, 0.5], np.nan, "theta of neuron 2 is nan, expected 0 <= theta <= 1"),
        ("capped", [0.0, 0.5], 1.0, "theta of neuron 2 is 1, expected 0 <= theta < 1 .*'capped'"),
        ("retain", [0.0, np.nextafter(1, 0)], 1.0, "theta of neuron 2 is 1, expected 0 <= theta < 1 .*'retain'"),
        ("mirror", [0.0, 0.0], 0.5, r"theta of neuron 2 is 0\.5, expected theta = 0 .*'mirror'"),
        (NEGATIVE, [0.0, 0.25], 0.3, r"theta of neuron 2 is 0\.3, expected 0 <= theta <= 0\.25 .*'negative'"),
    ],
)
def test_theta_outside_the_range_of_the_rule_is_refused(rule, allowed, refused, message):
    rule = Reset.of(rule)
    rule.check(allowed)
    rule.check(allowed[0])
    with pytest.raises(ValueError, match=message):
        rule.check([*allowed, refused])


def test_a_rule_of_ones_own():
    parameters = Izhikevich.FORCE.replace(eta=3000 * pA)
    given = {"reset": NEGATIVE, "theta": [0.0, 0.2], "clock": Clock(0.04 * ms, name="clock")}
    neurons = population(2, parameters, single_exponential(), **given)
    potential = StateMonitor(neurons, "v", record=True, name="potential")
    Network(neurons, potential).run(40 * ms, namespace={})
    # -65 mV and -65 - 0.2*30 mV, where every spike leads
    assert np.asarray(potential.v.min(axis=1)) == pytest.approx([-0.065, -0.071], abs=1e-9)
    with pytest.raises(ValueError, match=r"the reset rule 'negative' has no mean, expected one: give Reset\(mean="):
        NEGATIVE.mean_potential(CA3, 0.1)
