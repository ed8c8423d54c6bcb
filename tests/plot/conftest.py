"""Pictures are drawn without a screen, and closed."""

import matplotlib
import pytest


@pytest.fixture(autouse=True)
def no_screen():
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")
