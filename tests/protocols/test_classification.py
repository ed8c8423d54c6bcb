"""Table 1 and figure 5, small, and what their claims are made of."""

import matplotlib
import numpy as np
import pytest
import xarray
from brian2 import ms

from figures import fig5 as drawn5
from figures import table1 as drawn1
from hetbrian.training.baseline import logistic_accuracy, pooled_counts
from hetbrian.training.data.binning import Binning
from protocols import fig5, table1
from protocols.common import classification
from protocols.common.classification import CONDITIONS, DATASETS, claims, markdown_accuracies, toy

matplotlib.use("Agg")
BINNING = Binning(20, 10 * ms)


def table(gains):
    """Return a Dataset of three seeds in which a condition's gain, in points, is ``gains(dataset, condition)``."""
    shape = (4, 8, 3)
    accuracy = np.zeros(shape)
    for i in range(len(DATASETS)):
        for j, condition in enumerate(CONDITIONS):
            accuracy[i, j] = 0.6 + 0.01 * (gains(i, CONDITIONS[condition]) + np.array([-0.1, 0, 0.1]))
    names = ("dataset", "condition", "seed")
    coordinates = {"dataset": list(DATASETS), "condition": list(CONDITIONS), "seed": [1, 2, 3]}
    return xarray.Dataset({"test_accuracy": (names, accuracy)}, coordinates, {"preset": "strong", "trained": "none"})


def verdicts(data):
    return {claim.name: claim.verdict for claim in claims(data)}


def test_claims_follow_from_accuracies():
    def paper(complexity, kinds):
        return min(len(kinds), 1) * (1.0 + complexity) + 0.01 * len(kinds)

    assert verdicts(table(paper)) == {"S1": "reproduced", "S2": "reproduced", "S3": "reproduced"}
    assert verdicts(table(lambda complexity, kinds: 2.0 * len(kinds) ** 2)) == {
        "S1": "reproduced",
        "S2": "not",
        "S3": "not",
    }
    assert verdicts(table(lambda complexity, kinds: -1.0 * ("g" in kinds)))["S1"] == "not"
    assert verdicts(table(lambda complexity, kinds: 1.0 * ("g" in kinds)))["S1"] == "not"
    assert "| homogeneous | 60.0 +- 0.1 (3) |" in markdown_accuracies(table(paper))
    assert claims(table(paper).drop_sel(condition="homogeneous")) == []


def test_a_missing_seed_is_left_out():
    data = table(lambda complexity, kinds: 1.0 * len(kinds))
    data.test_accuracy[0, 1, 2] = np.nan
    (first,) = [claim for claim in claims(data) if claim.name == "S1"]
    assert [len(item.values) for item in first.evidence[:2]] == [2, 3]
    assert "(2) | 61.0" in markdown_accuracies(data)
    assert drawn1.draw(data)[0].get_title() == "nmnist"


def test_unknown_conditions_are_refused():
    with pytest.raises(ValueError, match="a condition is 'alpha', expected homogeneous, eta, g"):
        fig5.compute(conditions=("alpha",))


def test_a_point_trains_what_its_condition_draws():
    settings = {"preset": "strong", "data_root": "", "held_out": 0.2, "test_share": 0.0, "n_hidden": 8, "epochs": 2}
    found = {
        trained: classification.point("order", "theta", 1, trained=trained, **settings) for trained in ("none", "own")
    }
    for name in ("eta", "g"):
        assert np.array_equal(found["own"][name][1], found["own"][f"{name}_start"][1])
    assert np.array_equal(found["none"]["theta"][1], found["none"]["theta_start"][1])
    assert not np.array_equal(found["own"]["theta"][1], found["own"]["theta_start"][1])
    assert np.ptp(found["own"]["theta_start"][1]) > 0.1 and found["own"]["validation_accuracy"][1].shape == (2,)


def test_counts_decide_one_toy_and_order_the_other():
    """Logistic regression on counts sees the first and is blind for the second."""
    scores = {}
    for name in ("counts", "order"):
        training, test = (toy(name, rng) for rng in np.random.default_rng(0).spawn(2))
        scores[name] = logistic_accuracy(training, test, BINNING)
    assert scores["counts"] > 0.9 and scores["order"] == pytest.approx(1 / 3, abs=0.2)
    counts = pooled_counts(test, Binning(20, 10 * ms, pool=5))
    assert counts.shape == (60, 4) and counts**2 == pytest.approx(15 * np.ones((60, 4)))


@pytest.mark.slow
def test_small_sizes_compute_and_draw():
    few = {"n_seeds": 1, "conditions": ("homogeneous", "eta+g+theta")}
    for protocol, figure in ((fig5, drawn5), (table1, drawn1)):
        data = protocol.compute(**{**protocol.SMALL, **few})
        assert (data.status == 1).all() and "| homogeneous |" in protocol.summary(data)
        before = data.copy(deep=True)
        axes = np.atleast_2d(figure.draw(data))
        assert data.identical(before) and axes[0, -1].get_xlabel()
    assert axes.shape == (1, 2) and axes[0, 0].get_title() == "counts"
    matplotlib.pyplot.close("all")
