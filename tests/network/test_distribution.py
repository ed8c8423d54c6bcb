import pickle

import brian2
import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, mV, nA, nS, pA
from numpy.random import default_rng
from scipy import stats

from hetbrian import network
from hetbrian.network import (
    Constant,
    Distribution,
    Empirical,
    Gamma,
    Gaussian,
    LogNormal,
    Lorentzian,
    Truncated,
    Uniform,
)
from hetbrian.network.distribution import exact_repr

# each law beside scipy's, which computes it independently
LAWS = [
    (Lorentzian(0.12, 0.02), stats.cauchy(0.12, 0.02)),
    (Gaussian(-2.0, 3.0), stats.norm(-2, 3)),
    (Uniform(-0.5, 2.0), stats.uniform(-0.5, 2.5)),
    (LogNormal(2.0, 0.7), stats.lognorm(0.7, scale=2)),
    (Gamma(3.0, 2.5), stats.gamma(2.5, scale=3 / 2.5)),
    (Gamma(0.1, 0.4), stats.gamma(0.4, scale=0.1 / 0.4)),
]
NAMES = [repr(law) for law, _ in LAWS]
# 0.1 % level: of the fixed seeds below, a right law fails one in a thousand
LEVEL = 1e-3


@pytest.mark.parametrize(("law", "reference"), LAWS, ids=NAMES)
def test_draws_follow_the_law(law, reference):
    draws = law.draw(5000, default_rng(1))
    assert draws.shape == (5000,)
    assert stats.kstest(draws, reference.cdf).pvalue > LEVEL


@pytest.mark.parametrize(("law", "reference"), LAWS, ids=NAMES)
def test_quantiles_are_the_inverse_cdf_at_j_over_n_plus_1(law, reference):
    grid = law.quantiles(999)
    # scipy's inverse CDFs and ours differ by rounding, magnified at the ends of the grid by at most 1e3
    np.testing.assert_allclose(grid, reference.ppf(np.arange(1, 1000) / 1000), rtol=1e-11, atol=1e-13)
    assert (np.diff(grid) > 0).all()


@pytest.mark.parametrize(("law", "reference"), LAWS, ids=NAMES)
def test_cdf_is_that_of_the_law(law, reference):
    x = np.linspace(-5, 5, 101)
    # rounding of values between 0 and 1
    np.testing.assert_allclose(law._cdf(x), reference.cdf(x), rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_lorentzian_grid_in_closed_form(size):
    j = np.arange(1, size + 1)
    expected = 1.2308 + 0.2 * np.tan(np.pi / 2 * (2 * j - size - 1) / (size + 1))
    # rounding, magnified by the slope of the tangent at the ends, (N + 1)^2/pi^2
    np.testing.assert_allclose(Lorentzian(1.2308, 0.2).quantiles(size), expected, rtol=1e-12)


def test_moments_of_the_parametrisation():
    # the midpoint error of 1e5 quantiles: their tails, where F^-1 is unbounded, miss of the order of 1e-4
    assert Gamma(3.0, 4.0).quantiles(100_000).mean() == pytest.approx(3.0, rel=1e-3)
    assert Gamma(3.0, 4.0).quantiles(100_000).std() == pytest.approx(3.0 / 2, rel=1e-3)
    assert LogNormal(2.0, 0.5).quantiles(100_000).mean() == pytest.approx(2 * np.exp(0.125), rel=1e-3)
    assert Gaussian(1.0, 0.3).quantiles(100_000).std() == pytest.approx(0.3, rel=1e-3)


def test_units_go_through():
    law = Lorentzian(1000 * pA, 0.05 * brian2.nA)
    draws = law.draw(10, default_rng(0))
    assert brian2.get_dimensions(draws) is pA.dim and brian2.get_dimensions(law.quantiles(3)) is pA.dim
    # one rounding for each conversion of units
    np.testing.assert_allclose(draws / pA, Lorentzian(1000, 50).draw(10, default_rng(0)), rtol=1e-14)
    assert brian2.get_dimensions(Gamma(5 * nS, 2.0).quantiles(2)) is nS.dim
    assert type(Gaussian(1.0, 0.1).draw(3, default_rng(0))) is np.ndarray
    assert brian2.get_dimensions(Uniform(0, 5 * mV).quantiles(2)) is mV.dim  # a plain 0 has any unit


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: Lorentzian(1 * pA, 1 * mV),
            "Lorentzian: half_width = 1. mV, expected the unit of the other",
        ),
        (lambda: Gaussian(1 * pA, 0.1), "Gaussian: standard_deviation = 0.1, expected the unit of the other"),
        (lambda: Uniform(1, 2 * pA), "Uniform: low = 1, expected the unit of the other"),
        (lambda: LogNormal(1 * pA, 1 * pA), "LogNormal: sigma = 1. pA, expected a number without unit"),
        (lambda: Gamma(1 * pA, 2 * Hz), "Gamma: shape = 2. Hz, expected a number without unit"),
        (
            lambda: Gaussian(0 * pA, 1 * pA).truncated(-1 * mV, 1 * mV),
            "low = -1. mV, expected the unit of Gauss",
        ),
        (lambda: Gaussian(0 * pA, 1 * pA).truncated(-1 * pA, 1), "high = 1, expected the unit of Gauss"),
    ],
)
def test_mixed_units_are_refused(build, message):
    with pytest.raises(DimensionMismatchError, match=message):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Lorentzian(np.nan, 1), "Lorentzian: centre = nan, expected one finite number"),
        (lambda: Lorentzian(0, np.inf), "Lorentzian: half_width = inf, expected one finite number"),
        (lambda: Constant([1.0, 2.0] * pA), "Constant: value = .*, expected one finite number"),
        (lambda: Lorentzian(0 * pA, -20 * pA), r"half_width = -20.0 \* pamp, expected 0 or more"),
        (lambda: Gaussian(0, -1), "standard_deviation = -1, expected 0 or more"),
        (lambda: Uniform(1, 1), "low = 1, expected less than high = 1"),
        (lambda: LogNormal(0, 1), "median = 0, expected more than 0"),
        (lambda: LogNormal(1, -1), "sigma = -1, expected 0 or more"),
        (lambda: Gamma(-1, 1), "mean = -1, expected more than 0"),
        (lambda: Gamma(1, 0), "shape = 0, expected more than 0"),
        (lambda: Gaussian(0, 1).truncated(2, 1), "Truncated: low = 2, expected less than high = 1"),
        (lambda: Gaussian(0, 1).truncated(np.nan, 1), "low = nan, expected one number"),
        (lambda: Gaussian(0, 1).truncated(0, [1, 2]), r"high = \[1, 2\], expected one number"),
        (lambda: Gaussian(0, 1).truncated(6, 7), "with probability 9.9e-10, expected at least 1e-06; widen"),
        (lambda: Uniform(0, 1).truncated(2, 3), "with probability 0, expected"),
        (lambda: Gamma(1, 1).truncated(-2, -1), "with probability 0, expected"),
        (lambda: Constant(1).truncated(1, 2), "with probability 0, expected"),
        (lambda: Empirical([]), r"Empirical: values has shape \(0,\), expected at least 1 measured values in one dim"),
        (lambda: Empirical(3 * pA), r"values has shape \(\), expected at least 1 measured"),
        (
            lambda: Empirical([1, np.nan]),
            r"Empirical: values\[1\] is nan, expected finite numbers: leave such cells out",
        ),
        (
            lambda: Empirical([1, 2]).truncated(2, 3),
            r"Truncated: Empirical\(values=\[1\.0, 2\.0\].* with probability 0",
        ),
        (lambda: Empirical(range(1000)).truncated(-2, -1), r"Empirical\(values=.{60,90} \.\.\. falls between"),
        (lambda: Gaussian(0, 1).quantiles(0), "size is 0, expected an integer of at least 1: give"),
        (lambda: Gaussian(0, 1).draw(-3, default_rng(0)), "size is -3, expected an integer of at least 1"),
    ],
)
def test_bad_values_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("rng", [None, 42, np.random, np.random.RandomState(1)])
def test_only_a_generator_is_a_source_of_randomness(rng):
    with pytest.raises(TypeError, match=r"expected a numpy Generator: give numpy\.random\.default_rng"):
        Gaussian(0, 1).draw(3, rng)


@pytest.mark.parametrize("size", [10.0, "10", (2, 3)])
def test_size_is_an_integer(size):
    with pytest.raises(ValueError, match=r"size is .*, expected an integer of at least 1"):
        Gaussian(0, 1).quantiles(size)


def test_truncated_needs_a_law():
    with pytest.raises(TypeError, match="distribution is 3, expected a Distribution"):
        Truncated(3, 0, 1)


@pytest.mark.parametrize("law", [Lorentzian(0.12, 0.02), Gaussian(1, 2), LogNormal(2, 0.5), Gamma(1, 3)])
def test_draws_depend_on_the_seed_alone(law):
    for each in (law, law.truncated(0, 3)):
        first = each.draw(50, default_rng(7))
        assert (first == each.draw(50, default_rng(7))).all()
        assert (first != each.draw(50, default_rng(8))).all()
        assert (each.quantiles(50) == each.quantiles(50)).all()


@pytest.mark.parametrize(
    "law", [Lorentzian(5 * pA, 0 * pA), Gaussian(5 * pA, 0), LogNormal(5 * pA, 0), Constant(5 * pA)]
)
def test_zero_width_gives_every_neuron_the_centre(law):
    for each in (law, law.truncated(0 * pA, 10 * pA)):
        assert (each.quantiles(4) == 5 * pA).all()
        assert (each.draw(4, default_rng(0)) == 5 * pA).all()


@pytest.mark.parametrize(("law", "reference"), LAWS, ids=NAMES)
def test_truncated_draws_and_quantiles(law, reference):
    low, high = 0.05, 0.3
    below, up_to = reference.cdf(low), reference.cdf(high)
    truncated = law.truncated(low, high)
    draws = truncated.draw(5000, default_rng(2))
    assert draws.shape == (5000,) and draws.min() > low and draws.max() <= high
    assert stats.kstest(draws, lambda x: (reference.cdf(x) - below) / (up_to - below)).pvalue > LEVEL
    grid = truncated.quantiles(99)
    # rounding of the CDF near its bounds, divided by the probability kept, above 1e-3 for all laws
    np.testing.assert_allclose(grid, reference.ppf(below + np.arange(1, 100) / 100 * (up_to - below)), rtol=1e-9)


def test_truncation_in_one_direction_units_and_twice():
    positive = Gaussian(0 * mV, 2 * mV).truncated(0, np.inf * mV)
    # the half-normal median
    assert positive.quantiles(1)[0] / mV == pytest.approx(2 * stats.halfnorm.median(), rel=1e-12)
    twice = Gaussian(0, 1).truncated(-2, 2).truncated(0, 5)
    once = Gaussian(0, 1).truncated(0, 2)
    # the same law through one more rounding of the CDF
    np.testing.assert_allclose(twice.quantiles(20), once.quantiles(20), rtol=1e-12)
    assert stats.kstest(twice.draw(2000, default_rng(3)), once._cdf).pvalue > LEVEL


def test_rejection_works_at_its_least_probability():
    rare = Lorentzian(0, 1).truncated(1e5, np.inf)  # probability 3.2e-6: some 1e6 draws for three values
    assert (rare.draw(3, default_rng(4)) > 1e5).all()


@pytest.mark.parametrize(
    "law",
    [
        Lorentzian(1267.5 * pA, 1 / 3 * pA),
        Gaussian(np.float64(0.1), 0.2),
        Uniform(low=-1, high=2),
        LogNormal(2.5 * nS / mV, 0.3),
        Gamma(0.1 * mV, 3),
        Constant(0 * mV),
        Empirical([0.1 + 0.2, 1e-3, 7] * nA),
        Empirical((1, 2, 3.5), interpolate=True).truncated(1, 3),
        Lorentzian(200 * nS, 20 * nS).truncated(0, 400 * nS),
        Gaussian(0 * mV, 1 * mV).truncated(-brian2.inf * mV, 0.1 * mV),
    ],
)
def test_repr_and_pickle_rebuild(law):
    namespace = {"inf": np.inf, **vars(brian2), **vars(network)}
    for copy in (eval(repr(law), namespace), pickle.loads(pickle.dumps(law))):
        assert isinstance(copy, Distribution) and repr(copy) == repr(law)
        assert (copy.quantiles(7) == law.quantiles(7)).all()


def test_arguments_are_stored_unchanged():
    centre, half_width = 1000 * pA, 100 * pA
    law = Lorentzian(centre, half_width)
    assert law.centre is centre and law.half_width is half_width
    truncated = law.truncated(0, centre)
    assert truncated.distribution is law and truncated.high is centre
    with pytest.raises(AttributeError, match="cannot assign"):
        law.centre = 0


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-300, 5, True, np.float64(1 / 3), -65 * mV, 1 / 3 * nS, 7e-30 * pA])
def test_exact_repr_is_exact(value):
    again = eval(exact_repr(value), vars(brian2))
    assert brian2.get_dimensions(again) is brian2.get_dimensions(value) and float(again) == float(value)
