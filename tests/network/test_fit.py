import brian2
import numpy as np
import pytest
from brian2 import ms, nA, nS, pA
from numpy.random import default_rng
from scipy import stats

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

# each law, and the standard errors of its two parameters from n values, times sqrt(n): from the Fisher information
LAWS = [
    (Lorentzian(0.12, 0.02), (0.02 * 2**0.5, 0.02 * 2**0.5)),
    (Gaussian(-2.0, 3.0), (3.0, 3.0 / 2**0.5)),
    (LogNormal(20.0, 0.5), (20 * 0.5, 0.5 / 2**0.5)),
    # Var(mean) = mean^2/shape; Var(shape) = 1/(trigamma(shape) - 1/shape)
    (Gamma(90.0, 3.0), (90 / 3**0.5, (0.3949340668 - 1 / 3) ** -0.5)),
]


@pytest.mark.parametrize(("law", "errors"), LAWS, ids=[type(law).__name__ for law, _ in LAWS])
def test_parameters_are_recovered_and_the_family_is_picked(law, errors):
    n = 4000
    fits = Distribution.fit(law.draw(n, default_rng(1)))
    best = fits[0].distribution
    assert type(best) is type(law)
    for found, true, error in zip(best._parameters().values(), law._parameters().values(), errors, strict=True):
        assert abs(found - true) < 4 * error / n**0.5  # 4 standard errors: of a right fit 6 in 1e5 miss
    assert fits[0].distance < 1.63 / n**0.5  # the 1 % level of Kolmogorov's distribution
    assert [fit.aic for fit in fits] == sorted(fit.aic for fit in fits) and fits[1].aic > fits[0].aic + 10


def test_uniform_is_between_the_extremes():
    values = Uniform(-1.0, 3.0).draw(500, default_rng(2))
    best = Distribution.fit(values)[0].distribution
    assert isinstance(best, Uniform)
    # the maximum likelihood estimate in closed form, up to one rounding of the width
    assert (best.low, best.high) == pytest.approx((values.min(), values.max()), rel=1e-12)


def test_likelihood_and_aic_are_those_of_scipy_in_si_units():
    values = LogNormal(100.0, 0.6).draw(300, default_rng(3))
    for number, unit in ((1.0, 1), (1e-12, pA)):
        for fit in Distribution.fit(values * unit):
            reference = {
                Lorentzian: lambda law: stats.cauchy(float(law.centre), float(law.half_width)),
                Gaussian: lambda law: stats.norm(float(law.mean), float(law.standard_deviation)),
                Uniform: lambda law: stats.uniform(float(law.low), float(law.high) - float(law.low)),
                LogNormal: lambda law: stats.lognorm(law.sigma, scale=float(law.median)),
                Gamma: lambda law: stats.gamma(law.shape, scale=float(law.mean) / law.shape),
            }[type(fit.distribution)](fit.distribution)
            if isinstance(fit.distribution, Uniform):  # scipy's rounding may leave the largest value outside
                reference = stats.uniform(values.min() * number, np.ptp(values) * number * (1 + 1e-12))
            assert fit.log_likelihood == pytest.approx(reference.logpdf(values * number).sum(), rel=1e-6)
            assert fit.aic == 4 - 2 * fit.log_likelihood
            assert fit.distance == pytest.approx(stats.kstest(values * number, reference.cdf).statistic, abs=1e-6)


@pytest.mark.parametrize("unit", [pA, ms, nS])
def test_the_unit_of_the_values_is_that_of_the_law(unit):
    values = Gamma(50.0, 3.0).draw(200, default_rng(4))
    plain, units = Distribution.fit(values), Distribution.fit(values * unit)
    assert [type(fit.distribution) for fit in plain] == [type(fit.distribution) for fit in units]
    for a, b in zip(plain, units, strict=True):
        assert b.distribution.dimensions is unit.dim
        # AIC changes by the same number for all laws; the optimiser stops at relative distances
        assert b.aic - units[0].aic == pytest.approx(a.aic - plain[0].aic, abs=1e-6)
    mean = units[0].distribution.mean
    assert brian2.get_dimensions(mean) is unit.dim and float(mean / unit) == pytest.approx(values.mean(), rel=1e-6)


def test_one_kind_and_values_that_are_not_positive():
    values = default_rng(5).normal(0, 1, 200)
    assert [type(fit.distribution) for fit in Gaussian.fit(values)] == [Gaussian]
    kinds = {type(fit.distribution) for fit in Distribution.fit(values)}
    assert kinds == {Lorentzian, Gaussian, Uniform}
    assert Lorentzian.fit([-3.0, 0.0, 0.0, 5.0])[0].distribution.half_width > 0  # a median of 0 is no scale


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            Distribution,
            [1.0, 2.0],
            r"values has shape \(2,\), expected at least 3 measured values in one dimension: give",
        ),
        (Distribution, np.ones((3, 3)), r"values has shape \(3, 3\), expected at least 3"),
        (Distribution, [1, np.inf, 2] * pA, r"values\[1\] is inf, expected finite numbers: leave such cells out"),
        (Distribution, [2, 2, 2], "values are all 2, expected values that differ: take Constant for one value"),
        (
            Gamma,
            [1, 0, 2],
            r"values start at 0, expected positive ones for Gamma: call Distribution\.fit\(values\), which",
        ),
        (Constant, [1, 3, 2], r"Constant has no fit, expected one of Lorentzian, .*Gamma: call Distribution\.fit\(val"),
        (Truncated, [1, 3, 2], "Truncated has no fit, expected one of"),
    ],
)
def test_what_cannot_be_fitted_is_refused(kind, values, message):
    with pytest.raises(ValueError, match=message):
        kind.fit(values)


def test_empirical_draws_are_a_bootstrap_of_the_sample():
    values = [10.0, 20.0, 20.0, 40.0]
    law = Empirical(values * pA)
    draws = law.draw(4000, default_rng(6)) / pA
    found, counts = np.unique(np.asarray(draws).round(9), return_counts=True)
    assert found.tolist() == [10, 20, 40]
    assert stats.chisquare(counts, [1000, 2000, 1000]).pvalue > 1e-3
    assert np.array_equal(law.draw(4000, default_rng(6)), law.draw(4000, default_rng(6)))
    assert law.values is not values and Empirical(values).values is values


@pytest.mark.parametrize("interpolate", [False, True])
def test_empirical_quantiles_are_those_of_numpy_and_undo_the_cdf(interpolate):
    values = default_rng(7).lognormal(0, 1, 37)
    law = Empirical(values, interpolate=interpolate)
    grid = law.quantiles(200)
    method = "linear" if interpolate else "inverted_cdf"
    np.testing.assert_allclose(grid, np.quantile(values, np.arange(1, 201) / 201, method=method), rtol=1e-14)
    p = np.linspace(0.01, 0.99, 50)
    round_trip = law._cdf(law._inverse_cdf(p))
    assert np.allclose(round_trip, p, rtol=1e-12) if interpolate else (round_trip >= p - 1e-12).all()
    assert grid.min() >= values.min() and grid.max() <= values.max()
    assert len(np.unique(grid)) == (200 if interpolate else 37)


@pytest.mark.parametrize("interpolate", [False, True])
def test_empirical_with_equal_values_has_jumps_and_can_be_truncated(interpolate):
    law = Empirical([0, 1, 1, 1, 2], interpolate=interpolate)
    assert law._cdf(1) == (0.75 if interpolate else 0.8) and law._cdf(-1) == 0 and law._cdf(2) == law._cdf(9) == 1
    low, high = 0.5, 1.5
    draws = law.truncated(low, high).draw(200, default_rng(8))
    assert draws.min() > low and draws.max() <= high
    assert law.truncated(0.5, 3).quantiles(3).tolist() == ([1, 1, 1.125] if interpolate else [1, 1, 1])


def test_empirical_keeps_its_sample_to_itself():
    values = np.array([1.0, 2.0, 3.0])
    law = Empirical(values * nA)
    values[:] = 100
    assert law.quantiles(3) / nA == pytest.approx([1, 2, 3])
    with pytest.raises(ValueError, match=r"Empirical: values has masked entries, expected numbers alone: leave those"):
        Empirical(np.ma.array([1.0, 2.0, 999.0], mask=[0, 0, 1]))
