"""Draw how the effect of the reset coefficient theta depends on the time step, for two reset rules."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Clock, Hz, Network, SpikeMonitor, ms, nA, prefs, second

import hetbrian as hb

HERE = Path(__file__).parent
STEPS = 0.04 * ms / np.array([1, 2, 4])
THETA = {"residual": np.linspace(0, 1, 11), "retain": np.linspace(0, 0.5, 11)}
CURRENTS = np.linspace(1.95, 2.05, 60) * nA  # means over the phase at which v meets the grid of time steps


def firing_rates(reset, dt, duration=1 * second):
    """
    Return the mean firing rate of uncoupled neurons, one for each theta.

    Parameters
    ----------
    reset : {"residual", "retain"}
        Reset rule.
    dt : Quantity [second]
        Time step.
    duration : Quantity [second]
        Simulated time; the first 0.3 s are adaptation and are left out.

    Returns
    -------
    Quantity [hertz], shape (n_theta,)
    """
    theta = THETA[reset]
    neurons = hb.population(
        len(theta) * len(CURRENTS),
        hb.Izhikevich.FORCE,
        hb.single_exponential(),
        eta=np.tile(CURRENTS, len(theta)),
        theta=np.repeat(theta, len(CURRENTS)),
        reset=reset,
        clock=Clock(dt, name="clock"),
    )
    spikes = SpikeMonitor(neurons, when="thresholds", order=1, name="spikes")
    Network(neurons, spikes).run(duration, namespace={})
    trains = (times[times > 0.3 * second] for times in spikes.spike_trains().values())
    rates = [(len(times) - 1) / float(times[-1] - times[0]) for times in trains]
    return np.reshape(rates, (len(theta), -1)).mean(axis=1) * Hz


def draw(rates):
    """
    Draw the rates.

    Parameters
    ----------
    rates : dict of (str, int) to Quantity [hertz], shape (n_theta,)
        Rates by reset rule and index of the time step.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.0, 3.0), layout="constrained")
    formulas = {
        "residual": r"$v \leftarrow v_{reset} + \theta\,(v - v_{peak})$",
        "retain": r"$v \leftarrow v_{reset} + \theta\,(v - v_{reset})$",
    }
    colours = plt.get_cmap("viridis")([0.0, 0.45, 0.8])
    for axis, (reset, formula) in zip(axes, formulas.items(), strict=True):
        for index, (dt, marker) in enumerate(zip(STEPS, "osD", strict=True)):
            axis.plot(
                THETA[reset],
                rates[reset, index] / Hz,
                marker=marker,
                color=colours[index],
                label=f"{float(dt / ms):g} ms",
            )
        axis.set_title(f"{reset}: {formula}")
        axis.set_xlabel(r"Reset coefficient $\theta$")
        axis.set_ylabel("Firing rate (Hz)")
    axes[0].legend(title="Time step")
    return figure


def main():
    """Simulate and write the figure beside this file."""
    prefs.codegen.target = "numpy"
    plt.switch_backend("Agg")
    plt.style.use(HERE.parent / "hetbrian" / "plot" / "hetbrian.mplstyle")
    rates = {(reset, index): firing_rates(reset, dt) for reset in THETA for index, dt in enumerate(STEPS)}
    for (reset, index), values in rates.items():
        print(f"{reset}, dt = {STEPS[index]}: {values[0]:.2f} to {values[-1]:.2f}")
    draw(rates).savefig(HERE / "theta_and_the_time_step.png", dpi=160)


if __name__ == "__main__":
    main()
