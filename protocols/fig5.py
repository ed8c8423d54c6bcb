"""Figure 5: learning curves with and without heterogeneity, and what training makes of eta, g and theta.

Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070. Here the parameters that a condition draws are trained too.
"""

from hetbrian.study.claims import markdown
from protocols.common.classification import DATASETS, TOYS, claims, markdown_accuracies, point, trainings

__all__ = ["SMALL", "claims", "compute", "point", "summary"]

SMALL = {"datasets": TOYS, "n_seeds": 2, "n_hidden": 12, "epochs": 3}


def compute(
    seed=1,
    n_seeds=5,
    datasets=DATASETS,
    conditions=("homogeneous", "eta", "g", "theta", "eta+g+theta"),
    preset="strong",
    data_root="",
    held_out=0.1,
    test_share=0.0,
    n_hidden=0,
    epochs=0,
):
    """
    Train the homogeneous network and those whose heterogeneity is trained too.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    datasets, conditions : sequence of str
        Which rows and curves of the figure.
    preset : {"paper", "strong"}
        Settings.
    data_root : str
        Folder of the data sets, by default HETBRIAN_DATA.
    held_out, test_share : float
        Shares of the training samples for validation, and for the test if there is no test split.
    n_hidden, epochs : int
        0 for what the preset says.

    Returns
    -------
    xarray.Dataset
        Over (dataset, condition, seed).
    """
    return trainings(
        datasets,
        conditions,
        range(seed, seed + n_seeds),
        preset=preset,
        trained="own",
        data_root=data_root,
        held_out=held_out,
        test_share=test_share,
        n_hidden=n_hidden,
        epochs=epochs,
    )


def summary(dataset):
    """Return the tables that the command line prints."""
    return f"{markdown_accuracies(dataset)}\n\n{markdown(claims(dataset), verdicts='small' not in dataset.attrs)}"
