"""Run with ``pytest``: what has to hold of the study, at its small size."""

import matplotlib
import mystudy
import numpy as np
import pytest

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def dataset():
    """Return the small size."""
    return mystudy.compute(**mystudy.SMALL)


def test_every_variable_has_numbers(dataset):
    """A point that failed would be NaN."""
    numbers = [variable for variable in dataset.data_vars.values() if variable.dtype.kind == "f"]
    assert numbers and not [variable.name for variable in numbers if variable.isnull().all()]
    assert "status" not in dataset or (dataset.status == 1).all()


@pytest.mark.skipif(not hasattr(mystudy, "draw"), reason="the study has no figure")
def test_the_figure_shows_something(dataset):
    """On each of its axes."""
    assert all(axis.has_data() for axis in np.ravel(mystudy.draw(dataset)))
