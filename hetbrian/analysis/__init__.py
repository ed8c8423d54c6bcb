"""Numbers from activity (scores) and from equations (mean field, bifurcations)."""

from hetbrian.analysis.activity import exponential_activity, gaussian_activity
from hetbrian.analysis.asynchronous import asynchronous_state, firing_rate, mean_reset, time_saved
from hetbrian.analysis.bifurcations import equilibria
from hetbrian.analysis.curves import fold_curve, hopf_curve
from hetbrian.analysis.cycles import limit_cycles
from hetbrian.analysis.meanfield import MeanField
from hetbrian.analysis.score import best_shift_mse, correlation, force_scores, log_mse, mse
from hetbrian.analysis.shooting import limit_cycle
from hetbrian.analysis.state import (
    active_fraction,
    degrees_of_freedom,
    dimensionality,
    firing_rates,
    is_diverged,
    is_silent,
    synchrony,
)
from hetbrian.analysis.vectorfield import VectorField

__all__ = [
    "MeanField", "VectorField", "active_fraction", "asynchronous_state", "best_shift_mse", "correlation",
    "degrees_of_freedom", "dimensionality", "equilibria", "exponential_activity", "firing_rate", "firing_rates",
    "fold_curve", "force_scores", "gaussian_activity", "hopf_curve", "is_diverged", "is_silent", "limit_cycle",
    "limit_cycles", "log_mse", "mean_reset", "mse", "synchrony", "time_saved",
]  # fmt: skip
