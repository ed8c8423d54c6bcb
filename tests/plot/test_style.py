"""How pictures look: one style for new figures, the user's for theirs; colours that differ for everyone."""

import itertools

import matplotlib
import numpy as np
import pytest
import xarray
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from hetbrian.plot import distribution
from hetbrian.plot.diagram import DYNAMICS
from hetbrian.plot.labels import label
from hetbrian.plot.style import COLOURS

DATA = xarray.Dataset({"eta": ("neuron", np.arange(5.0))})

DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
"""What eyes without green cones see of linear red, green and blue: Machado et al. 2009, doi 10.1109/TVCG.2009.113."""


def test_a_new_figure_has_our_style_and_leaves_that_of_the_user_alone():
    before = dict(matplotlib.rcParams)
    (axis,) = distribution(DATA, "eta")
    assert not axis.spines["top"].get_visible() and axis.figure.get_constrained_layout()
    assert axis.xaxis.label.get_size() == 9 and dict(matplotlib.rcParams) == before


def test_axes_of_the_user_keep_their_style():
    (axis,) = distribution(DATA, "eta", pyplot.subplots()[1])
    assert axis.spines["top"].get_visible()


def seen(colour):
    """Return what deuteranopes see of a colour, in linear light."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.clip(DEUTERANOPIA @ linear, 0, 1)


def apart(first, other):
    return np.linalg.norm(seen(first) - seen(other))


@pytest.mark.parametrize(
    "colours", [[COLOURS[name] for name in ("eta", "g", "theta")], [look["color"] for look in DYNAMICS.values()]]
)
def test_colours_differ_without_green_cones_too(colours):
    distances = [apart(first, other) for first, other in itertools.combinations(colours, 2)]
    assert min(distances) > 2 * apart("tab:green", "tab:red")  # which they mix up


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"long_name": "rate", "units": "Hz"}, "rate (Hz)"),
        ({"units": "1"}, "mean value"),
        ({"units": "namp"}, "mean value (nA)"),
        ({"units": "second"}, "mean value (s)"),
        ({}, "mean value"),
    ],
)
def test_labels_are_names_with_units(attributes, expected):
    assert label(xarray.DataArray([1.0], name="mean_value", attrs=attributes)) == expected
