"""Train one network of one condition on one data set: what figure 5 and table 1 share."""

import numpy as np
from brian2 import ms

from hetbrian._support.checks import choice
from hetbrian.study.claims import Evidence
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep
from hetbrian.training import PRESETS, fit, logistic_accuracy
from hetbrian.training.data import BINNINGS, Binning, Recordings, splits
from hetbrian.training.preset import KINDS
from protocols.common.force import per_seed
from protocols.common.statements import claim

CONDITIONS = {
    "homogeneous": (),
    "eta": ("eta",),
    "g": ("g",),
    "theta": ("theta",),
    "eta+g": ("eta", "g"),
    "eta+theta": ("eta", "theta"),
    "g+theta": ("g", "theta"),
    "eta+g+theta": ("eta", "g", "theta"),
}
"""What differs between neurons: the rows of table 1."""

DATASETS = ("nmnist", "dvs128", "shd", "ssc")
"""By temporal complexity, in the order of the paper."""

TOYS = ("counts", "order")
"""Two made-up sets: classes differ in how often channels fire, or only in when. Also by temporal complexity."""

TRAINED = ("none", "own", "preset")
"""Which neuronal parameters are trained: none, those that the condition draws, or those of the preset."""


def toy(name, rng, n_samples=60, n_channels=20, n_classes=3):
    """
    Return made-up recordings of 0.2 s.

    Parameters
    ----------
    name : {"counts", "order"}
        Whether classes differ in the channels that fire, or only in the order in which all of them do.
    rng : Generator
        Draws the samples; the classes are always the same.
    n_samples, n_channels, n_classes : int
        Sizes.

    Returns
    -------
    Recordings
    """
    of_class = np.random.default_rng(7)
    labels = np.arange(n_samples) % n_classes
    if name == "counts":
        rates = of_class.uniform(0, 6, (n_classes, n_channels))[labels]
        counts = rng.poisson(rates)
        samples = [np.repeat(np.arange(n_channels), row) for row in counts]
        times = [rng.uniform(0, 0.2, len(row)) for row in samples]
    else:
        onsets = np.array([of_class.permutation(n_channels) for _ in range(n_classes)]) / n_channels * 0.16
        samples = [np.repeat(np.arange(n_channels), 3) for _ in labels]
        times = [onsets[k][row] + rng.uniform(0, 0.03, len(row)) for k, row in zip(labels, samples, strict=True)]
    orders = [np.argsort(row) for row in times]
    return Recordings(
        np.concatenate([row[order] for row, order in zip(times, orders, strict=True)]).astype(np.float32),
        np.concatenate([row[order] for row, order in zip(samples, orders, strict=True)]).astype(np.int32),
        np.concatenate([[0], np.cumsum([len(row) for row in times])]),
        labels,
        None,
        (n_channels,),
        tuple(str(k) for k in range(n_classes)),
    )


def recordings(dataset, data_root, held_out, test_share, seed):
    """Return training, validation and test samples of a data set or a toy."""
    if dataset not in TOYS:
        return splits(dataset, data_root, held_out=held_out, test_share=test_share, seed=seed)
    of_training, of_test = np.random.default_rng(3).spawn(2)
    training, test = toy(dataset, of_training), toy(dataset, of_test)
    if not held_out:
        return training, None, test
    return *training.split(held_out, np.random.default_rng([seed, 2])), test


def binned(dataset, preset):
    """Return how recordings of a data set or a toy become events."""
    return Binning(20, 10 * ms) if dataset in TOYS else BINNINGS[choice(preset, "preset", BINNINGS)][dataset]


def point(dataset, condition, seed, preset, trained, data_root, held_out, test_share, n_hidden, epochs):
    """
    Return what one training measured.

    Parameters
    ----------
    dataset : str
        One of `DATASETS` or `TOYS`.
    condition : str
        A key of `CONDITIONS`.
    seed : int
        Root seed.
    preset : {"paper", "strong"}
        Settings.
    trained : {"none", "own", "preset"}
        See `TRAINED`.
    data_root : str
        Folder of the data sets.
    held_out, test_share : float
        Shares of the training samples, see `hetbrian.training.data.splits`.
    n_hidden, epochs : int
        Of the layer and the training, 0 for what the preset says.

    Returns
    -------
    dict
        Test accuracy, curves over epochs, and eta, g, theta before and after.
    """
    settings, kinds = PRESETS[choice(preset, "preset", PRESETS)], CONDITIONS[condition]
    sizes = {name: value for name, value in (("n_hidden", n_hidden), ("epochs", epochs)) if value}
    trainable = {"none": (), "own": kinds, "preset": settings.trainable}
    settings = settings.replace(het=kinds, trainable=trainable[choice(trained, "trained", trainable)], **sizes)
    binning = binned(dataset, preset)
    training, validation, test = recordings(dataset, data_root, held_out, test_share, seed)
    # the toys are too small for a compiled time loop to pay
    result = fit(
        settings,
        binning,
        training,
        validation=validation,
        test=test,
        seed=seed,
        progress=False,
        is_fused=dataset not in TOYS,
    )
    found = {"test_accuracy": ((), float(result.test_accuracy), {"long_name": "test accuracy"})}
    for name in ("loss", "training_accuracy", "validation_accuracy", "rate"):
        if name in result:
            found[name] = (("epoch",), _padded(result[name].values, settings.epochs), {"long_name": LABELS[name]})
    for name in KINDS:
        for variable in (f"{name}_start", name):
            found[variable] = (("neuron",), result[variable].values, {"long_name": name})
    return found


LABELS = {
    "loss": "loss",
    "training_accuracy": "training accuracy",
    "validation_accuracy": "validation accuracy",
    "rate": "spikes per neuron and time step",
}


def _padded(values, n):
    """Return values of the epochs that there were, nan for those after an early stop."""
    return np.concatenate([values, np.full(n - len(values), np.nan)])


def trainings(datasets, conditions, seeds, **settings):
    """
    Train every condition on every data set with every seed.

    Parameters
    ----------
    datasets, conditions : sequence of str
        Of `DATASETS` or `TOYS`, and of `CONDITIONS`.
    seeds : iterable of int
        Root seeds.
    **settings
        Of `point`, the same for all.

    Returns
    -------
    xarray.Dataset
        Over (dataset, condition, seed).
    """
    for value in conditions:
        choice(value, "a condition", CONDITIONS)
    grid = Grid(dataset=tuple(datasets), condition=tuple(conditions), seed=seeds)
    return sweep(point, grid, parameters=settings)


def logistic(datasets, seeds, *, preset, data_root, test_share):
    """
    Return the test accuracy of logistic regression on spike counts, what any network has to beat.

    It has the training and the validation samples, as it needs none to stop.

    Parameters
    ----------
    datasets : sequence of str
        Of `DATASETS` or `TOYS`.
    seeds : iterable of int
        Root seeds; they differ only where a share of the training samples is tested.
    preset, data_root, test_share
        As in `point`.

    Returns
    -------
    xarray.DataArray
        Over (dataset, seed).
    """
    seeds = list(seeds)
    grid = Grid(dataset=tuple(datasets), seed=seeds if test_share else seeds[:1])
    parameters = {"preset": preset, "data_root": data_root, "test_share": test_share}
    found = sweep(logistic_point, grid, parameters=parameters, name="logistic").logistic_accuracy
    if not test_share:
        found = found.isel(seed=[0] * len(seeds)).assign_coords(seed=seeds)
    return found.assign_attrs(units="1")


def logistic_point(dataset, seed, preset, data_root, test_share):
    """Return what `logistic` does for one data set and seed."""
    training, _, test = recordings(dataset, data_root, 0, test_share, seed)
    return {"logistic_accuracy": logistic_accuracy(training, test, binned(dataset, preset))}


def claims(dataset):
    """
    Return S1, S2 and S3, as far as their conditions and data sets are there.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `trainings`.

    Returns
    -------
    list of hetbrian.study.claims.Claim
    """
    accuracy = 100 * dataset.test_accuracy
    conditions = [str(name) for name in dataset.condition.values]
    if "homogeneous" not in conditions:
        return []
    gain = accuracy - accuracy.sel(condition="homogeneous", drop=True)  # the same seed draws the same weights
    singles = [name for name in conditions if len(CONDITIONS[name]) == 1]
    sums = [name for name in conditions if len(CONDITIONS[name]) > 1 and set(CONDITIONS[name]) <= set(singles)]
    names = [str(name) for name in dataset.dataset.values]
    rows: dict = {"S1": [], "S2": [], "S3": []}
    for name in names:
        of = gain.sel(dataset=name)
        for kind in singles:
            text = f"{name}: accuracy with {kind} minus homogeneous (points)"
            rows["S1"].append((text, of.sel(condition=kind), ">", 0.0))
        for kinds in sums:
            alone = sum(of.sel(condition=kind, drop=True) for kind in CONDITIONS[kinds])
            text = f"{name}: gain by {kinds} minus the sum of the gains by each (points)"
            rows["S2"].append((text, of.sel(condition=kinds, drop=True) - alone, "<", 0.0))
    ordered = [name for name in (*DATASETS, *TOYS) if name in names]
    if len(ordered) > 1 and singles:
        mean = gain.sel(dataset=ordered, condition=singles).mean("condition")
        rank = np.arange(len(ordered)) - (len(ordered) - 1) / 2
        slope = (mean * rank[:, None]).sum("dataset") / (rank**2).sum()
        text = f"mean gain by one source, rise per step along {', '.join(ordered)} (points)"
        rows["S3"].append((text, slope, ">", 0.0))
    setting = f"{dataset.attrs['preset']}, trained: {dataset.attrs['trained']}"
    return [
        claim(name, tuple(Evidence(text, per_seed(values), *bound) for text, values, *bound in found), setting)
        for name, found in rows.items()
        if found
    ]


def markdown_accuracies(dataset):
    """
    Return test accuracies as Markdown: mean and standard deviation over seeds in %.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `trainings`.

    Returns
    -------
    str
    """
    names = [str(name) for name in dataset.dataset.values]
    lines = [f"| heterogeneity | {' | '.join(names)} |", "|" + "---|" * (1 + len(names))]
    rows = {str(condition): dataset.test_accuracy.sel(condition=condition) for condition in dataset.condition.values}
    if "logistic_accuracy" in dataset:
        rows["logistic regression on spike counts"] = dataset.logistic_accuracy
    for condition, of in rows.items():
        cells = []
        for name in names:
            values = 100 * of.sel(dataset=name).dropna("seed").values
            spread = values.std(ddof=1) if len(values) > 1 else 0.0
            cells.append(f"{values.mean():.1f} +- {spread:.1f} ({len(values)})" if len(values) else "none")
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return "\n".join(lines)
