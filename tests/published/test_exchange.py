"""What a spread is worth in current: where the numbers of the figure come from."""

import matplotlib
import numpy as np
import pytest
import xarray
from brian2 import pA, second

from hetbrian.published.figures import exchange as figure
from hetbrian.published.protocols import exchange
from hetbrian.published.protocols.common.force import WORKS
from hetbrian.simulation.record import load, save

matplotlib.use("Agg")


def dataset(worth=5.0, noise=0.0, n_seeds=10):
    """Return a made-up Dataset in which a spread does as much as a shift that is so many times as large."""
    rng = np.random.default_rng(1)
    names = [
        exchange._name(bias, spread)
        for bias in exchange.BIASES
        for spread in (
            {},
            *({"eta_half_width": value} for value in exchange.ETA_HALF_WIDTHS),
            *({"g_half_width": value} for value in exchange.G_HALF_WIDTHS),
        )
    ]
    coordinates = {"n_neurons": [500], "seed": range(n_seeds), "learning": ["with", "without"], "condition": names}
    data = exchange._described(xarray.Dataset(coords=coordinates))
    shift = data.eta - exchange.RHEOBASE + worth * data.eta_half_width + 0.1 * worth * data.g_half_width
    error = -shift / 250 + noise * xarray.DataArray(
        rng.standard_normal((n_seeds, len(names))), dims=("seed", "condition")
    )
    everywhere = xarray.DataArray(np.ones((1, n_seeds, 2, len(names))), dims=tuple(coordinates))
    return exchange._with_shifts(
        data.assign(
            relative_error=10**error * everywhere, status=everywhere, lifetime=(15 - 14 * (shift < 0)) * everywhere
        )
    )


def test_shifts_are_counted_from_the_same_rheobase_everywhere():
    cell = exchange.Izhikevich.FORCE
    assert exchange.RHEOBASE == figure.RHEOBASE == pytest.approx(float(cell.rheobase_with_adaptation / pA))
    assert float(cell.rheobase / pA) > exchange.RHEOBASE
    assert exchange.RHEOBASE in dataset().eta and exchange.RHEOBASE * pA in exchange.BIASES  # compared as they are


def test_the_shift_that_does_as_much_is_found():
    shifts = exchange.equivalent_shift(dataset(), "eta", resamples=50).sel(n_neurons=500)
    # 500 pA are the largest shift that was measured
    assert np.allclose(shifts.sel(bound="measured"), np.minimum(5 * shifts.half_width, 500))
    assert np.allclose(shifts.sel(bound="low"), shifts.sel(bound="high"))
    coupling = exchange.equivalent_shift(dataset(), "g", resamples=50).sel(n_neurons=500, bound="measured")
    assert np.allclose(coupling, np.minimum(0.5 * coupling.half_width, 500))


def test_the_interval_of_a_shift_covers_it():
    shifts = exchange.equivalent_shift(dataset(noise=0.3), "eta", resamples=400).sel(n_neurons=500)
    inside = (shifts.sel(bound="low") <= 5 * shifts.half_width) & (5 * shifts.half_width <= shifts.sel(bound="high"))
    chosen = shifts.half_width.values <= 50  # the largest shifts lie at the end of the range
    assert inside.values[chosen].mean() >= 0.8 and (shifts.sel(bound="high") > shifts.sel(bound="low")).any()


def test_a_plane_has_the_homogeneous_network_at_half_width_0():
    data = dataset()
    values = figure.plane(data.relative_error, "g")
    assert values.sizes == {"n_neurons": 1, "seed": 10, "learning": 2, "eta": 9, "half_width": 8}
    alone = values.sel(eta=1200.0, half_width=0.0, seed=0, learning="with", n_neurons=500)
    assert float(alone) == pytest.approx(10 ** (-200 / 250))


def test_figure_and_protocol_mean_the_same_by_working_and_by_kinds():
    assert figure.WORKS == WORKS and figure.KINDS == exchange.KINDS


def test_the_figure_has_a_row_for_each_size_and_says_what_it_shows():
    axes = figure.draw(dataset())
    assert axes.shape == (2, 4)
    titles = [axis.get_title(loc=place) for axis in axes.ravel() for place in ("left", "center")]
    assert "a   N = 500, works" in titles and "d   N = 500, lives untrained" in titles
    (legend,) = axes[0, 0].figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["N = 500", "largest measured", "shift = half width", "95 % interval (bootstrap; o: t)"]
    matplotlib.pyplot.close(axes[0, 0].figure)


def test_the_table_has_a_line_for_each_half_width():
    lines = exchange.summary(dataset()).splitlines()
    assert len(lines) == 2 + 7 + 7
    assert lines[2 + 3].startswith("| 500 | eta | 20 | 100% | 100 (100 to 100) | 5 (5 to 5) |")


@pytest.mark.slow
def test_it_computes_at_a_tiny_size_with_and_without_learning(tmp_path):
    sizes = {"n_neurons": (20,), "axis_sizes": (30,), "n_seeds": 2, "biases": (1000, 1500) * pA}
    widths = {"eta_half_widths": (100,) * pA, "g_half_widths": (1000,) * pA}
    times = {"start": 0.05 * second, "stop": 0.1 * second, "duration": 0.4 * second}
    data = exchange.compute(**sizes, **widths, **times, device="numpy")
    save(data, tmp_path / "d.nc")
    data = load(tmp_path / "d.nc")
    assert {**data.sizes}.items() >= {"n_neurons": 2, "seed": 2, "learning": 2, "condition": 6}.items()
    whole, axes = data.sel(n_neurons=20), data.sel(n_neurons=30)
    assert (whole.status == 1).all() and (axes.status == 1).sum() == 2 * 2 * 4
    assert set(axes.condition.values[(axes.status == 1).all(("seed", "learning"))]) == {
        "1000",
        "1500",
        "1000 eta_half_width 100",
        "1000 g_half_width 1000",
    }
    # a network that learns nothing has the output 0: the error of a constant, after the best shift of nothing
    assert np.allclose(whole.sel(learning="without").mse, 0.5, rtol=1e-2)
    assert (whole.lifetime > 0).all() and (whole.lifetime <= 0.4).all()
