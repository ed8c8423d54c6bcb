"""What the pages to ask show of each network: its run, if the protocol kept that, and the errors of all seeds."""

from hetbrian.plot.asked import Runs

WITHOUT = "the outputs of these runs were not kept"


def runs(dataset, names):
    """
    Return what `hetbrian.published.protocols.common.traces.of_one_seed` kept of each network.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a sweep.
    names : sequence of str
        Its axes but the seed; the last one runs fastest.

    Returns
    -------
    hetbrian.plot.asked.Runs or None
        None if the Dataset has no outputs.
    str
        What is said of that.
    """
    if "z" not in dataset:
        return None, WITHOUT
    z, fired = (dataset[name].stack(cell=names) for name in ("z", "fired"))
    found = Runs(
        dataset.time.values,
        z.transpose("cell", "time", "output").values,
        dataset.y.transpose("time", "output").values,
        fired.transpose("cell", "time").values,
        stop=dataset.attrs["learning_stop"],
    )
    return found, f"below: seed {dataset.attrs['traced']}, around the end of learning"


def by_seed(errors):
    """Return the error of each seed as text."""
    found = errors.dropna("seed")
    return f"{', '.join(f'{value:.2g}' for value in found.values)} (seeds {', '.join(map(str, found.seed.values))})"


def summed(errors):
    """Return median and range of the errors of the seeds as text."""
    low, middle, high = (float(value) for value in (errors.min(), errors.median(), errors.max()))
    return f"{middle:.2g} ({low:.2g} to {high:.2g})"
