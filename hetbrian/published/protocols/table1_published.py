"""Table 1 by the procedure of the authors' scripts, on a thousand real samples of N-MNIST.

Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070. Nothing bounds the gradient in that procedure, and where it is not
finite a training ends, which the Dataset has by condition and seed (``status`` and ``error``).
"""

from functools import partial

from hetbrian.published.protocols.common.classification import point, summary
from hetbrian.published.protocols.common.samples import TOYS
from hetbrian.published.protocols.table1 import compute as everywhere

__all__ = ["SMALL", "compute", "point", "summary"]

SMALL = {"datasets": TOYS[:1], "n_seeds": 2, "n_hidden": 12, "epochs": 2}

compute = partial(
    everywhere,
    datasets=("nmnist_1000",),
    conditions=("homogeneous", "eta", "g", "theta", "eta+g+theta"),
    procedure="as_published",
    with_baselines=False,
)
