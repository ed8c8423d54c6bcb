"""Figure 5: test accuracy after each epoch, with and without heterogeneity, on four event data sets.

Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070. Here the parameters that a condition draws are trained too; what
becomes of them, which is ours, is drawn by `hetbrian.published.protocols.trained`. Real recordings take the place of
data sets that cannot be had, as for table 1.
"""

from hetbrian.published.protocols.common.classification import claims, point, summary, trainings
from hetbrian.published.protocols.common.samples import DATASETS, TOYS

__all__ = ["SMALL", "claims", "compute", "point", "summary"]

SMALL = {"datasets": TOYS, "n_seeds": 2, "n_hidden": 12, "epochs": 3}


def compute(
    seed=1,
    n_seeds=5,
    datasets=DATASETS,
    conditions=("homogeneous", "eta", "g", "theta", "eta+g+theta"),
    procedure="corrected",
    preset="",
    eta_law="",
    readout_filters=0,
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
    procedure : {"corrected", "as_published"}
        Whether to do what the paper says or what its scripts do:
        `hetbrian.published.protocols.common.classification.PROCEDURES`.
    preset : {"paper", "strong"}
        Settings, by default those of the procedure.
    eta_law : {"lorentzian", "gaussian"}
        Switch of the procedure: law from which eta is drawn.
    readout_filters : int
        Switch of the procedure: leaky filters in the readout.
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
        procedure=procedure,
        preset=preset,
        eta_law=eta_law,
        readout_filters=readout_filters,
        trained="own",
        data_root=data_root,
        held_out=held_out,
        test_share=test_share,
        n_hidden=n_hidden,
        epochs=epochs,
    )
