"""Figure 4, a and b, with a background current above the rheobase.

The paper's 1000 pA is the rheobase with adaptation, `Izhikevich.rheobase_with_adaptation`: 40 pA more for all neurons
keep the homogeneous network alive. What is left of the gain from heterogeneity? Zhang & Cui 2025, doi
10.3389/fncom.2025.1661070.
"""

from functools import partial

from brian2 import pA, second

from hetbrian.published.protocols.fig4 import compute as everywhere
from hetbrian.published.protocols.fig4 import markdown_fractions, point

__all__ = ["SMALL", "compute", "point", "summary"]

SMALL = {
    "n_neurons": 200,
    "n_seeds": 1,
    "recurrent_gains": (1000, 9000) * pA,
    "feedback_gains": (9000,) * pA,
    "start": 0.2 * second,
    "stop": 0.6 * second,
    "duration": 1.0 * second,
}

compute = partial(everywhere, panels=("a", "b"), eta=1040 * pA, n_seeds=3)
summary = markdown_fractions
