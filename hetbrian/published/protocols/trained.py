"""Training loss, validation accuracy, and eta, g and theta before and after training, of the runs of figure 5; ours.

``hetbrian figure trained --data out/fig5/fig5.nc`` draws it from them.
"""

from hetbrian.published.protocols.common.classification import point, summary
from hetbrian.published.protocols.fig5 import SMALL, compute

__all__ = ["SMALL", "compute", "point", "summary"]
