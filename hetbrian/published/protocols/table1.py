"""Table 1: test accuracy of eight kinds of heterogeneity on four event data sets, beside the paper's.

Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070. The data sets lie in ``data_root``, see docs/data.md; real recordings
take their place where they cannot be had (``--datasets nmnist_1000,fsdd_split,fsdd,commands``), and the small size uses
two made-up sets. Each sum of kinds starts from the draws of its parts.
"""

from hetbrian.published.protocols.common.classification import (
    CONDITIONS,
    baselines,
    claims,
    point,
    summary,
    switches,
    trainings,
)
from hetbrian.published.protocols.common.samples import DATASETS, TOYS

__all__ = ["SMALL", "claims", "compute", "point", "summary"]

SMALL = {"datasets": TOYS, "n_seeds": 2, "n_hidden": 12, "epochs": 3}


def compute(
    seed=1,
    n_seeds=5,
    datasets=DATASETS,
    conditions=tuple(CONDITIONS),
    procedure="corrected",
    preset="",
    eta_law="",
    readout_filters=0,
    trained="none",
    data_root="",
    held_out=0.1,
    test_share=0.0,
    n_hidden=0,
    epochs=0,
    with_baselines=True,
):
    """
    Train every condition on every data set with every seed.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    datasets, conditions : sequence of str
        Which columns and rows of the table.
    procedure : {"corrected", "as_published"}
        Whether to do what the paper says or what its scripts do:
        `hetbrian.published.protocols.common.classification.PROCEDURES`.
    preset : {"paper", "strong"}
        Settings, by default those of the procedure.
    eta_law : {"lorentzian", "gaussian"}
        Switch of the procedure: law from which eta is drawn.
    readout_filters : int
        Switch of the procedure: leaky filters in the readout.
    trained : {"none", "own", "preset"}
        Which neuronal parameters are trained, see `hetbrian.published.protocols.common.classification.TRAINED`.
    data_root : str
        Folder of the data sets, by default HETBRIAN_DATA.
    held_out, test_share : float
        Shares of the training samples for validation, and for the test if there is no test split.
    n_hidden, epochs : int
        0 for what the preset says.
    with_baselines : bool
        Whether logistic regression and gated recurrent units learn the same samples; the units take long where a
        sample has thousands of time steps.

    Returns
    -------
    xarray.Dataset
        Over (dataset, condition, seed).
    """
    seeds = range(seed, seed + n_seeds)
    result = trainings(
        datasets,
        conditions,
        seeds,
        procedure=procedure,
        preset=preset,
        eta_law=eta_law,
        readout_filters=readout_filters,
        trained=trained,
        data_root=data_root,
        held_out=held_out,
        test_share=test_share,
        n_hidden=n_hidden,
        epochs=epochs,
    )
    if not with_baselines:
        return result
    preset = switches(procedure, preset=preset)["preset"]
    found = baselines(datasets, seeds, preset=preset, data_root=data_root, test_share=test_share)
    return result.assign(found.data_vars)
