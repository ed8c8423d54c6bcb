"""Figure 4, a and b, with a background current above the rheobase.

The paper's 1000 pA is the rheobase with adaptation, `Izhikevich.rheobase_with_adaptation`: 40 pA more for all neurons
keep the homogeneous network alive. What is left of the gain from heterogeneity? Zhang & Cui 2025, doi
10.3389/fncom.2025.1661070.
"""

from functools import partial

from brian2 import pA

from protocols.fig4 import SMALL, markdown_fractions, point
from protocols.fig4 import compute as everywhere

__all__ = ["SMALL", "compute", "point", "summary"]

compute = partial(everywhere, panels=("a", "b"), eta=1040 * pA, n_seeds=3)
summary = markdown_fractions
