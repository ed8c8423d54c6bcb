"""The ablation: its rows, what decides a claim in each, and its figure."""

import itertools

import matplotlib
import numpy as np
import pytest
import xarray

from hetbrian._support.errors import DivergenceError
from hetbrian.published.protocols import ablation
from hetbrian.published.protocols.common.procedure import QUIRKS

matplotlib.use("Agg")


def made_up(*, seed, repaired, readouts, record, **parameters):
    """Return errors of 0.1, but of 0.4 for thinned activity in regime I and where all have one current and one g."""
    rng = np.random.default_rng([seed, len(repaired)])
    errors = np.full((len(ablation.READOUTS), 2), np.nan)
    for row, (name, fixed) in enumerate(ablation.READOUTS.items()):
        if name in readouts:
            bad = parameters.get("eta") == 0.04 or not {"eta_half_width", "g_half_width"} & set(parameters)
            errors[row] = (0.4 if bad and "thinning" not in fixed else 0.1) * rng.uniform(0.999, 1.001)
    found = dict.fromkeys(("mse_train", "mse_test", "degrees_of_freedom"), (("readout", "target"), errors * [1.0, 0.5]))
    return xarray.Dataset(found, {"readout": list(ablation.READOUTS), "target": ["y1", "y2"]}).assign(rate=1.0)


@pytest.fixture
def dataset(monkeypatch):
    """Return an ablation of made-up errors."""
    monkeypatch.setattr(ablation, "point", made_up)
    return ablation.compute(**{**ablation.SMALL, "n_seeds": 6})


def test_every_quirk_is_repaired_alone_or_in_the_path_and_all_at_its_end():
    fixed = {
        row: {*ablation.NETWORKS[network][0], *ablation.READOUTS[readout]}
        for row, (network, readout) in ablation.ROWS.items()
    }
    assert all(readout in ablation.NETWORKS[network][1] for network, readout in ablation.ROWS.values())
    alone = {quirk for row, quirks in fixed.items() if row.startswith("only") for quirk in quirks}
    # neither can be repaired alone: trials that start alike are the same, and the step is that of all rows
    assert alone == set(QUIRKS) - {"trials", "step"}
    assert not fixed["as published"] and fixed["+ trials: corrected"] == set(QUIRKS)
    path = list(ablation.ROWS)[list(ablation.ROWS).index("thinning") :]
    assert all(fixed[before] < fixed[after] for before, after in itertools.pairwise(path))


def test_claims_say_what_each_repair_decides(dataset):
    verdicts = {(claim.name, claim.setting): claim.verdict for claim in ablation.claims(dataset)}
    assert len(verdicts) == 4 * len(ablation.ROWS)
    assert verdicts["R2", "as published"] == "reproduced" and verdicts["R3", "as published"] == "reproduced"
    assert verdicts["R2", "only thinning"] != "reproduced" and verdicts["R3", "only thinning"] == "not"
    assert verdicts["R2", "only start"] == "reproduced"
    decided = ablation.deciding(dataset)
    rows = decided["R3", "relative error, homogeneous", ">"]
    assert rows["only thinning"] == "fails" and "only start" not in rows and rows["+ trials: corrected"] == "fails"
    assert "| R2 | only thinning |" in ablation.summary(dataset)


def test_errors_of_a_row_are_those_of_its_network_and_readout(dataset):
    row = ablation.rows(dataset).sel(row="+ start")
    there = dataset.sel(network="start", readout="all")
    np.testing.assert_array_equal(row.mse_train, there.mse_train)
    # relative to the mean squares of y1 and y2 over whole periods
    expected = (there.mse_test / xarray.DataArray([0.5, 0.25], dims="target")).mean("target")
    np.testing.assert_allclose(row.relative_test, expected, rtol=1e-3)


def diverges(*, seed, **given):
    """Raise an error at seed 2."""
    if seed == 2:
        raise (DivergenceError if "eta_half_width" in given else ValueError)("v of neuron 3 is not finite")
    return made_up(seed=seed, **given)


def test_a_network_that_diverges_has_the_error_of_no_output_and_one_that_fails_otherwise_has_none(monkeypatch):
    monkeypatch.setattr(ablation, "point", diverges)
    errors = ablation.rows(ablation.compute(**ablation.SMALL)).sel(row="as published", seed=2)
    np.testing.assert_allclose(errors.relative_train.sel(condition="regime II"), 1.0)
    assert np.isnan(errors.relative_train.sel(condition="homogeneous"))


def test_the_figure_has_a_mark_for_every_quantity_of_every_row(dataset):
    before = dataset.copy(deep=True)
    axes = ablation.draw(dataset)
    assert dataset.identical(before)
    marks = [sum(line.get_marker() == "o" and len(line.get_xdata()) == 1 for line in axis.lines) for axis in axes]
    n_rows = len(ablation.ROWS)
    assert marks == [2 * n_rows, 2 * n_rows, 3 * n_rows, 2 * n_rows]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(ablation.ROWS)
    matplotlib.pyplot.close("all")


def test_a_point_fits_only_the_readouts_of_its_network():
    given = {"n_neurons": 10, "settle": 5.0, "record": 25.0, "dt": 4e-3, "device": "numpy"}
    found = ablation.point(seed=1, repaired=("start",), readouts=("as published", "all"), eta_half_width=0.05, **given)
    fitted = np.isfinite(found.mse_train.sel(target="y1"))
    assert found.readout.values[fitted].tolist() == ["as published", "all"]
    assert found.mse_train.sizes == {"readout": len(ablation.READOUTS), "target": 2}
