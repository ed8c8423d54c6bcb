"""
The bifurcation diagram beside the network
==========================================

The mean field of a heterogeneous population says where along the background current it is quiet, bursts in synchrony,
or fires asynchronously. Here its diagram is drawn with networks on top.
"""

# %%
# The mean field
# --------------
# Equilibria, their stability and Hopf points come from closed forms, without any library. Limit cycles are followed by
# the engine of the extra: ``pip install 'hetbrian[bifurcation]'``.

import matplotlib.pyplot as plt
import numpy as np

import hetbrian as hb
from hetbrian.analysis import limit_cycles
from hetbrian.analysis.meanfield import MeanField
from hetbrian.published.models.ca3 import ca3_network, heterogeneity

LOW, HIGH = 0.0, 0.3
meanfield = MeanField.CA3  # half width of the background current 0.02
points = meanfield.equilibria(LOW, HIGH)
hopf = points.isel(point=points.kind.values == "hopf").sortby("eta")
print("Hopf points at eta =", np.round(hopf.eta.values, 5))
cycles = limit_cycles(meanfield.field, "eta", LOW, HIGH, hopf.isel(point=0), max_step=0.02)

# %%
# The network
# -----------
# Equations 1 to 3 with the same numbers, N = 200. `Program` compiles it once; each current is a value of a run. The
# network's own adaptation makes it differ from the mean field by some per cent, whatever its size (:doc:`/meanfield`).

N, STEP = 200, 4e-3  # a shorter step, 1e-3, for numbers that count
etas = (0.03, 0.1, 0.15, 0.25)
rates = []
with hb.Program(
    ca3_network,
    600 * meanfield.time_unit,
    device="cpp_standalone",
    record="rate",
    record_dt=2 * meanfield.time_unit,
    n_neurons=N,
    dt=STEP,
) as program:
    for eta in etas:
        drawn = heterogeneity(meanfield.replace(eta=eta)).quantiles(N, np.random.default_rng(0))["eta"]
        run = program.run({"neurons.eta": drawn})
        settled = run.rate.values[run.sizes["time"] // 3 :]
        smooth = np.convolve(settled, np.ones(5) / 5, "valid")
        rates.append((smooth.min(), settled.mean(), smooth.max()))

# %%
# Lines: mean field, solid where stable; between the Hopf points its cycles, lowest and highest rate. Bars: the
# network's lowest, mean and highest rate, over ten units of time.

figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
stable = points.stable.values.astype(bool)
rate = np.asarray(meanfield.rate(points.r.values))
for part, style, label in ((stable, "-", "stable equilibrium"), (~stable, ":", "unstable equilibrium")):
    axis.plot(np.where(part, points.eta, np.nan), rate, style, color="C0", label=label)
order = cycles.stable.values.astype(bool)
for name in ("r_min", "r_max"):
    axis.plot(
        cycles.eta[order], np.asarray(meanfield.rate(cycles[name].values[order])), color="C1", label="stable cycle"
    )
axis.plot(hopf.eta, np.asarray(meanfield.rate(hopf.r.values)), "ko", label="Hopf point")
low, mean, high = np.array(rates).T
axis.errorbar(etas, mean, (mean - low, high - mean), fmt="s", color="C3", capsize=3, label=f"network, N = {N}")
axis.set(
    xlabel="mean background current eta (dimensionless)",
    ylabel="population rate (Hz)",
    xlim=(LOW, HIGH),
    ylim=(0, 120),
    title=f"mean field, and networks of {N} neurons",
)
handles, labels = axis.get_legend_handles_labels()
axis.legend(
    *zip(*{label: (handle, label) for handle, label in zip(handles, labels, strict=True)}.values(), strict=True)
)
plt.show()
