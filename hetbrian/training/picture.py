"""The picture of a training: learning curves, confusion matrix, hidden spikes, parameters before and after."""

from typing import Any

import numpy as np
import xarray

from hetbrian._support.arguments import checked
from hetbrian.network.heterogeneity import PARAMETERS
from hetbrian.plot import distribution, heat_map, raster
from hetbrian.plot.inputs import a_dataset, some_axes
from hetbrian.plot.style import COLOURS, styled

CURVES = {
    "loss": {"loss": "training", "validation_loss": "validation", "epoch_test_loss": "test"},
    "accuracy (%)": {
        "training_accuracy": "training",
        "validation_accuracy": "validation",
        "epoch_test_accuracy": "test",
    },
}
"""Variables of each panel over epochs, and what they are called."""

SPLITS = {"training": "0.5", "validation": COLOURS["eta"], "test": COLOURS["g"]}
"""Colour of each split."""


@checked(dataset=a_dataset, axes=some_axes)
@styled
def draw(dataset: xarray.Dataset, axes: Any = None) -> np.ndarray:
    """
    Draw what a training measured.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.training.fit`.
    axes : array of Axes, shape (7,), optional
        Loss, accuracy, decisions, hidden spikes, and eta, g and theta.

    Returns
    -------
    ndarray of Axes, shape (7,)

    Raises
    ------
    ValueError
        If the Dataset is none of a training.
    """
    missing = [name for name in ("loss", "training_accuracy", "spike_time") if name not in dataset]
    if missing:
        raise ValueError(f"dataset has no {missing[0]!r}, expected what hetbrian.training.fit returns: train again.")
    axes = _axes() if axes is None else np.ravel(np.asarray(axes, dtype=object))
    if len(axes) != 7:
        raise ValueError(f"axes has {len(axes)} of them, expected 7: leave it out for a new figure.")
    epochs = 1 + np.arange(dataset.sizes["epoch"])
    for axis, (text, variables) in zip(axes, CURVES.items(), strict=False):
        for name, split in variables.items():
            if name in dataset:
                values = dataset[name].values * (100 if "accuracy" in name else 1)
                axis.plot(epochs, values, color=SPLITS[split], label=split, marker="." if len(epochs) < 30 else "")
        axis.set(xlabel="epoch", ylabel=text)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylim(0, 100)
    _decisions(axes[2], dataset)
    raster(dataset, axes[3])
    said, true = dataset.attrs["sample_decision"], dataset.attrs["sample_label"]
    axes[3].lines[0].set_markersize(3)  # few steps
    axes[3].set_title(f"first sample: {true}\ndecided: {said}", fontweight="normal")
    for axis, name in zip(axes[4:], PARAMETERS, strict=True):
        distribution(
            dataset, {"before": f"{name}_start", "after": name}, axis, n_bins=20, colour=COLOURS[name], tails=0
        )
        axis.set_xlabel(name)
    return axes


def _decisions(axis, dataset):
    """Draw which share of each class got which decision."""
    if "confusion" not in dataset:
        axis.set_axis_off()
        axis.text(0.5, 0.5, "no test samples", ha="center", transform=axis.transAxes, color="0.4")
        return
    counts = dataset.confusion
    share = (counts / counts.sum("decision").clip(min=1)).to_dataset(name="share")
    n_classes = share.sizes["label"]
    written = ".0%" if n_classes <= 12 else None  # beyond, numbers are larger than cells
    heat_map(share, "share", "decision", "label", axis, even=True, written=written, colours="Blues", limits=(0, 1))
    axis.invert_yaxis()
    axis.tick_params("x", rotation=90)
    for texts in axis.texts:
        texts.set_fontsize(5.5)
        if texts.get_text() == "0%":
            texts.set_visible(False)
    axis.tick_params(labelsize=7 if n_classes <= 12 else 4.5)
    axis.set_title(f"test accuracy {float(dataset.test_accuracy):.1%}")


def _axes():
    """Return seven panels of a new figure."""
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(10.5, 6.6), layout="constrained")
    grid = figure.add_gridspec(3, 12)
    places = [grid[0, :4], grid[1, :4], grid[:2, 4:8], grid[:2, 8:], grid[2, :4], grid[2, 4:8], grid[2, 8:]]
    return np.array([figure.add_subplot(place) for place in places])
