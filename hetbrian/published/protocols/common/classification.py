"""Train one network of one condition on one data set: what figure 5 and table 1 share."""

import numpy as np
import xarray

from hetbrian._support.checks import choice
from hetbrian.published.protocols.common.samples import (
    DATASETS,
    RECORDED,
    TOYS,
    binned,
    enough_epochs,
    folds,
    is_published,
    recordings,
)
from hetbrian.published.protocols.common.statements import claim, per_seed
from hetbrian.study.claims import Evidence, markdown
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep
from hetbrian.training import PRESETS, fit, gru_accuracy, logistic_accuracy
from hetbrian.training.baseline import shuffled
from hetbrian.training.preset import KINDS

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

PROCEDURES = {
    "as_published": {"preset": "paper", "eta_law": "gaussian", "readout_filters": 2},
    "corrected": {"preset": "strong", "eta_law": "lorentzian", "readout_filters": 1},
}
"""What the authors' public scripts do, and what the paper says of the same: eta from a Gaussian that is cut to
(0, 2 eta) or from a Lorentzian, and two filters in the readout, a synapse and a membrane that both decay by 0.995 a
step of 0.5 ms, or a membrane alone. Each is a setting of `hetbrian.training.Preset`; ``corrected`` has the stronger
preset too, see docs/training.md."""

PUBLISHED = {
    "nmnist": "90.0 0.3, 90.7 0.2, 90.5 0.1, 90.4 0.2, 91.1 0.4, 91.2 0.1, 90.9 0.3, nan nan",
    "dvs128": "71.0 0.7, 73.1 0.7, 72.2 0.4, 72.5 0.5, 73.5 0.2, 73.0 0.5, 73.6 0.7, 73.5 0.8",
    "shd": "65.0 0.8, 68.9 0.5, 67.0 0.4, 67.2 1.0, 68.5 0.4, 69.1 0.5, 69.0 0.4, nan nan",
    "ssc": "44.0 0.5, 48.5 0.8, 46.0 0.5, 47.0 0.4, 48.5 0.4, 48.0 0.2, 48.3 0.3, nan nan",
}
"""Table 1 of the paper: mean and standard deviation of the test accuracy in %, in the order of `CONDITIONS`. Three
cells are not in the text that we have; 73.6 is from a sentence of its discussion."""

BASELINES = {
    "logistic_accuracy": "logistic regression on spike counts",
    "gru_accuracy": "gated recurrent units",
    "complexity": "points that they lose without the times of spikes",
}
"""What stands below the conditions in table 1."""

TRAINED = ("none", "own", "preset")
"""Which neuronal parameters are trained: none, those that the condition draws, or those of the preset."""


def point(
    dataset,
    condition,
    seed,
    preset,
    eta_law,
    readout_filters,
    trained,
    data_root,
    held_out,
    test_share,
    n_hidden,
    epochs,
):
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
    eta_law, readout_filters : str, int
        Of the preset, see `PROCEDURES`.
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
        Test accuracy, curves over epochs, eta, g, theta before and after, and whether the data are the paper's.
    """
    settings, kinds = PRESETS[choice(preset, "preset", PRESETS)], CONDITIONS[condition]
    sizes = {name: value for name, value in (("n_hidden", n_hidden), ("epochs", epochs)) if value}
    trainable = {"none": (), "own": kinds, "preset": settings.trainable}
    settings = settings.replace(
        het=kinds,
        trainable=trainable[choice(trained, "trained", trainable)],
        eta_law=eta_law,
        readout_filters=readout_filters,
        **sizes,
    )
    binning = binned(dataset, preset)
    training, validation, test = recordings(dataset, data_root, held_out, test_share, seed)
    # the toys are too small for a compiled time loop to pay
    result = fit(
        settings.replace(epochs=enough_epochs(dataset, preset, settings.epochs)),
        binning,
        training,
        validation=validation,
        test=test,
        seed=seed,
        progress=False,
        is_fused=dataset not in TOYS,
        is_test_followed=True,
    )
    found = {
        "is_original": float(is_published(dataset, data_root, test_share)),
        "test_accuracy": ((), float(result.test_accuracy), {"long_name": "test accuracy"}),
    }
    for name in LABELS:
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
    "epoch_test_accuracy": "test accuracy after each epoch",
    "rate": "spikes per neuron and time step",
}


def _padded(values, n):
    """Return values of the epochs that there were, nan for those that were not needed."""
    return np.concatenate([values, np.full(n - len(values), np.nan)])


def switches(procedure, **given):
    """
    Return what a procedure means.

    Parameters
    ----------
    procedure : str
        A key of `PROCEDURES`.
    **given
        Its settings that somebody chose otherwise; empty ones and 0 leave those of the procedure.

    Returns
    -------
    dict
        ``preset``, ``eta_law`` and ``readout_filters``.
    """
    chosen = PROCEDURES[choice(procedure, "procedure", PROCEDURES)]
    return chosen | {name: value for name, value in given.items() if value}


def trainings(datasets, conditions, seeds, *, procedure, preset, eta_law, readout_filters, **settings):
    """
    Train every condition on every data set with every seed.

    Parameters
    ----------
    datasets, conditions : sequence of str
        Of `DATASETS` or `TOYS`, and of `CONDITIONS`.
    seeds : iterable of int
        Root seeds.
    procedure, preset, eta_law, readout_filters
        See `switches`.
    **settings
        Of `point`, the same for all.

    Returns
    -------
    xarray.Dataset
        Over (dataset, condition, seed), with ``paper_accuracy`` and ``paper_spread`` of `PUBLISHED`, as shares of 1,
        where the data are the paper's.
    """
    for value in conditions:
        choice(value, "a condition", CONDITIONS)
    parts = tuple(part for name in datasets for part in folds(name))
    grid = Grid(seed=seeds, dataset=parts, condition=tuple(conditions))  # the first seed of all comes first
    chosen = switches(procedure, preset=preset, eta_law=eta_law, readout_filters=readout_filters)
    return sweep(point, grid, view=_view, parameters=settings | chosen).assign_attrs(procedure=procedure)


def _view(dataset):
    """Return what is looked at: data sets whose folds are one, beside the paper's."""
    return _beside_the_paper(_merged(dataset).transpose("dataset", "condition", "seed", ...))


def _merged(dataset):
    """
    Return a Dataset in which the folds of a data set are one.

    Values are means over all of its folds, missing while one is, and parameters of neurons those of the first fold;
    ``fold_accuracy`` has the test accuracy of each.
    """
    names = [str(name) for name in dataset.dataset.values]
    of = [name.partition("/")[0] for name in names]
    kept = list(dict.fromkeys(of))
    if kept == names:
        return dataset
    where = {name: [k for k, other in enumerate(of) if other == name] for name in kept}
    means = [_mean(dataset.isel(dataset=where[name])) for name in kept]
    merged = xarray.concat(means, xarray.DataArray(kept, dims="dataset", name="dataset"))
    if "error" in dataset:
        errors = [dataset.error.isel(dataset=where[name]).max("dataset") for name in kept]
        merged["error"] = xarray.concat(errors, merged.dataset)
    if "test_accuracy" in dataset:
        apart = [dataset.test_accuracy.isel(dataset=where[name]).rename(dataset="fold") for name in kept]
        apart = [item.assign_coords(fold=1 + np.arange(item.sizes["fold"])) for item in apart]
        merged["fold_accuracy"] = xarray.concat(apart, merged.dataset, join="outer")
    return merged.assign_attrs(dataset.attrs)


def _mean(parts):
    """Return what stands for the folds of a data set."""
    first = parts.isel(dataset=0, drop=True)
    of_neurons = {name: first[name] for name in first if "neuron" in first[name].dims}
    return parts.mean("dataset", skipna=False, keep_attrs=True).assign(of_neurons)


def _beside_the_paper(dataset):
    """Return the Dataset with the published accuracies of data sets that are the paper's; a stand-in has none."""
    rows = {name: np.array([cell.split() for cell in text.split(",")], float) / 100 for name, text in PUBLISHED.items()}
    names, where = dataset.dataset.values, [list(CONDITIONS).index(name) for name in dataset.condition.values]
    nothing = np.full((len(CONDITIONS), 2), np.nan)
    cells = np.array([rows.get(str(name), nothing)[where] for name in names])
    cells[~_are_original(dataset)] = np.nan
    return dataset.assign(
        paper_accuracy=(("dataset", "condition"), cells[..., 0], {"long_name": "test accuracy in the paper"}),
        paper_spread=(("dataset", "condition"), cells[..., 1], {"long_name": "its standard deviation"}),
    )


def _are_original(dataset):
    """Return which data sets are those of the paper in every run that is there, shape (dataset,)."""
    if "is_original" not in dataset:  # no run has ended yet
        return np.zeros(dataset.sizes["dataset"], dtype=bool)
    found = dataset.is_original.transpose("dataset", ...).values.reshape(dataset.sizes["dataset"], -1)
    return np.array([np.isfinite(row).any() and bool((row[np.isfinite(row)] == 1).all()) for row in found])


def baselines(datasets, seeds, *, preset, data_root, test_share):
    """
    Return what networks are measured by: classifiers that do not spike, and what the time of spikes is worth to one.

    They have the training and the validation samples, as they need none to stop.

    Parameters
    ----------
    datasets : sequence of str
        Of `DATASETS`, `TOYS` or `RECORDED`.
    seeds : iterable of int
        Root seeds.
    preset, data_root, test_share
        As in `point`.

    Returns
    -------
    xarray.Dataset
        Over (dataset, seed): ``logistic_accuracy`` and ``gru_accuracy`` on the test samples, and ``complexity``, by how
        much the second falls if times are dealt out anew within each sample, in training and test.
    """
    parts = tuple(part for name in datasets for part in folds(name))
    parameters = {"preset": preset, "data_root": data_root, "test_share": test_share}
    grid = Grid(seed=seeds, dataset=parts)
    found = _merged(sweep(baseline_point, grid, parameters=parameters, name="baselines"))
    return found[["logistic_accuracy", "gru_accuracy", "complexity"]].transpose("dataset", "seed")


def baseline_point(dataset, seed, preset, data_root, test_share):
    """Return what `baselines` does for one data set and seed."""
    training, _, test = recordings(dataset, data_root, 0, test_share, seed)
    binning = binned(dataset, preset)
    rng = np.random.default_rng([seed, 6])
    gru = gru_accuracy(training, test, binning, seed=seed)
    timeless = gru_accuracy(shuffled(training, rng), shuffled(test, rng), binning, seed=seed)
    return {
        "logistic_accuracy": ((), logistic_accuracy(training, test, binning), {"long_name": "test accuracy"}),
        "gru_accuracy": ((), gru, {"long_name": "test accuracy"}),
        "complexity": ((), gru - timeless, {"long_name": "accuracy that is lost without the times of spikes"}),
    }


def claims(dataset):
    """
    Return S1, S2 and S3, of the paper's own data sets and of real recordings apart; of toys none.

    S2 is of those that are there, S1 and S3 of all four of the paper's, and of at least three recorded ones. How
    complex the paper's are is the order in which it names them; for S3 of recorded ones `baselines` measures it.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `trainings`, with what `baselines` found if there is any.

    Returns
    -------
    list of hetbrian.study.claims.Claim
    """
    if "homogeneous" not in dataset.condition.values:
        return []
    paper = [str(name) for name in dataset.dataset.values[_are_original(dataset)]]
    order = {name: float(place) for place, name in enumerate(DATASETS)}
    found = _claims(dataset, paper, set(paper) == set(DATASETS), order, "")
    there = [str(name) for name in dataset.dataset.values if name in RECORDED]
    measured = {}
    if "complexity" in dataset:
        measured = {name: 100 * float(dataset.complexity.sel(dataset=name).mean()) for name in there}
    which = f"of real recordings ({', '.join(there)}), not the paper's; "
    return found + _claims(dataset, there, len(there) >= 3, measured, which)


def _claims(dataset, names, are_all, complexity, which):
    """Return the claims of some data sets: S1 and S3 only if they are all that it takes, S3 with their complexity."""
    accuracy = 100 * dataset.test_accuracy
    conditions = [str(name) for name in dataset.condition.values]
    gain = accuracy - accuracy.sel(condition="homogeneous", drop=True)  # the same seed draws the same weights
    singles = [name for name in conditions if len(CONDITIONS[name]) == 1]
    sums = [name for name in conditions if len(CONDITIONS[name]) > 1 and set(CONDITIONS[name]) <= set(singles)]
    rows: dict = {"S1": [], "S2": [], "S3": []}
    for name in names:
        of = gain.sel(dataset=name)
        for kind in singles if are_all else ():
            text = f"{name}: accuracy with {kind} minus homogeneous (points)"
            rows["S1"].append((text, of.sel(condition=kind), ">", 0.0))
        for kinds in sums:
            alone = sum(of.sel(condition=kind, drop=True) for kind in CONDITIONS[kinds])
            text = f"{name}: gain by {kinds} minus the sum of the gains by each (points)"
            rows["S2"].append((text, of.sel(condition=kinds, drop=True) - alone, "<", 0.0))
    if are_all and complexity and singles:
        mean = gain.sel(dataset=list(complexity), condition=singles).mean("condition")
        rank = np.array(list(complexity.values())) - np.mean(list(complexity.values()))
        slope = (mean * xarray.DataArray(rank, dims="dataset")).sum("dataset", skipna=False) / (rank**2).sum()
        text = f"mean gain by one source, rise per step along {', '.join(DATASETS)} (points)"
        if which:
            text = "mean gain by one source, rise per point of accuracy that a GRU loses without the times of spikes"
        rows["S3"].append((text, slope, ">", 0.0))
    setting = f"{which}{dataset.attrs['procedure']}, {dataset.attrs['preset']}, trained: {dataset.attrs['trained']}"
    return [
        claim(name, tuple(Evidence(text, per_seed(values), *bound) for text, values, *bound in found), setting)
        for name, found in rows.items()
        if found
    ]


def markdown_accuracies(dataset):
    """
    Return test accuracies as Markdown: mean and standard deviation over seeds in %, and those of the paper.

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
    rows |= {text: dataset[name] for name, text in BASELINES.items() if name in dataset}
    for condition, of in rows.items():
        cells = []
        for name in names:
            values = 100 * of.sel(dataset=name).dropna("seed").values
            spread = values.std(ddof=1) if len(values) > 1 else 0.0
            cells.append(f"{values.mean():.1f} +- {spread:.1f} ({len(values)})" if len(values) else "none")
            if condition in CONDITIONS and np.isfinite(
                published := 100 * dataset.paper_accuracy.sel(dataset=name, condition=condition).item()
            ):
                deviation = 100 * dataset.paper_spread.sel(dataset=name, condition=condition).item()
                cells[-1] += f"; paper {published:.1f} +- {deviation:.1f}"
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return "\n".join(lines)


def markdown_folds(dataset):
    """
    Return the test accuracy of each fold as Markdown: mean over seeds in %, or nothing where there are none.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `trainings`.

    Returns
    -------
    str
    """
    if "fold_accuracy" not in dataset:
        return ""
    conditions = [str(condition) for condition in dataset.condition.values]
    lines = [f"| fold | {' | '.join(conditions)} |", "|" + "---|" * (1 + len(conditions))]
    for name in map(str, dataset.dataset.values):
        accuracy = 100 * dataset.fold_accuracy.sel(dataset=name).mean("seed")
        for fold, part in enumerate(folds(name)):
            if part != name:
                cells = [f"{float(accuracy.isel(fold=fold).sel(condition=key)):.1f}" for key in conditions]
                lines.append(f"| {part} | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(dataset):
    """
    Return what the command line prints: accuracies, folds, then the claims that these data can decide, or why none.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `trainings`.

    Returns
    -------
    str
    """
    decided = claims(dataset)
    missing = sorted(set(DATASETS) - set(dataset.dataset.values[_are_original(dataset)]), key=DATASETS.index)
    said = [text for text in (markdown_accuracies(dataset), markdown_folds(dataset)) if text]
    if decided:
        said.append(markdown(decided, verdicts="small" not in dataset.attrs))
    if missing:
        said.append(f"S1 and S3 need all of the paper's data sets; not here, or not whole: {', '.join(missing)}.")
    return "\n\n".join(said)
