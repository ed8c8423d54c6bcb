"""Layers and delays on recorded speech: accuracy with each setting, and its difference to the first one."""

import numpy as np

from hetbrian.study.claims import Evidence


def draw(dataset, axes=None):
    """
    Draw the accuracy of each training by setting, and differences of the same voices and seed with their 95 % interval.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.speech.compute`, also while it runs.
    axes : array of matplotlib Axes, shape (2,), optional
        Accuracies, differences.

    Returns
    -------
    ndarray of Axes, shape (2,)
    """
    from matplotlib import pyplot

    if axes is None:
        _, axes = pyplot.subplots(1, 2, figsize=(7.4, 0.4 * dataset.sizes["setting"] + 1.4), sharey=True)
    left, right = np.ravel(axes)
    settings = [str(name) for name in dataset.setting.values]
    places = np.arange(len(settings))[::-1]
    accuracy = 100 * dataset.test_accuracy
    for offset, voices in zip(np.linspace(0.2, -0.2, dataset.sizes["voices"]), dataset.voices.values, strict=True):
        values = accuracy.sel(voices=voices).transpose("setting", "seed").values
        rows = np.broadcast_to(offset + places[:, np.newaxis], values.shape)
        left.plot(values.ravel(), rows.ravel(), "o", ms=4, alpha=0.6, mew=0, label=str(voices).replace("+", " and "))
    left.plot(accuracy.mean(("seed", "voices")), places, "|k", ms=16, mew=1.5, label="mean of the row")
    for name, found in differences(dataset).items():
        place = places[settings.index(name)]
        low, high = (end if np.isfinite(end) else found.mean for end in found.interval)
        right.errorbar(found.mean, place, xerr=[[found.mean - low], [high - found.mean]], fmt="|k", capsize=2)
        right.text(high, place, f"  n = {len(found.values)}", va="center", fontsize=8)
    right.axvline(0, color="0.8", lw=0.8, zorder=0)
    left.set_xlabel("accuracy on voices kept apart (%)")
    right.set_xlabel(f"minus {settings[0]} (points, 95 % interval)")
    left.set_yticks(places, settings)
    left.figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return np.ravel(axes)


def differences(dataset):
    """
    Return by how many points the accuracy with each setting differs from that with the first, of equal voices and seed.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.speech.compute`.

    Returns
    -------
    dict of str to Evidence
        By setting, of those with a finished training; a value for each training.
    """
    accuracy = 100 * dataset.test_accuracy
    first, *others = (str(name) for name in dataset.setting.values)
    found = {}
    for name in others:
        gain = (accuracy.sel(setting=name) - accuracy.sel(setting=first)).values.ravel()
        if np.isfinite(gain).any():
            found[name] = Evidence("points", tuple(gain[np.isfinite(gain)]), ">", 0.0)
    return found
