"""Let a heterogeneous network learn a periodic signal with many outputs and replay it on its own."""

import numpy as np
from brian2 import second

import hetbrian as hb
from hetbrian.analysis import correlation
from hetbrian.published.models.force import force_network


def learn_and_replay(
    target,
    *,
    presentations,
    replays,
    n_pulses,
    pulse_amplitude,
    seed,
    device,
    dt,
    **parameters,
):
    """
    Train on repeated presentations, stop learning, and score every replay.

    Parameters
    ----------
    target : callable
        ``target(dt)`` returns a periodic Target.
    presentations, replays : int
        Periods with and, afterwards, without learning; one period settles the network before.
    n_pulses : int
        Pulses per period of the high-dimensional temporal signal that tells the network the time; 0 for none.
    pulse_amplitude : Quantity [amp]
        Its amplitude.
    seed : int
        Root seed.
    device : str
        Brian2 device.
    dt : Quantity [second]
        Time step.
    **parameters
        Of `hetbrian.published.force_network`.

    Returns
    -------
    xarray.Dataset
        ``z`` and ``y`` over (time, output) of the last presentation and the replays, ``correlation`` over
        (replay, output).

    Raises
    ------
    ValueError
        If presentations or replays is below 1.
    """
    for name, value in (("presentations", presentations), ("replays", replays)):
        if value < 1:
            raise ValueError(f"{name} is {value}, expected at least 1: the network has to hear and to sing.")
    signal = target(dt)
    period = signal.period

    def drive(n_neurons, dt, rng):
        return hb.temporal_signal(
            n_pulses=n_pulses, period=period, n_neurons=n_neurons, amplitude=pulse_amplitude, dt=dt, rng=rng
        )

    start, stop = period, (1 + presentations) * period
    duration = stop + replays * period
    run = hb.simulate(
        force_network,
        duration,
        seed=seed,
        device=device,
        progress=True,
        record=("z", "y", "spikes"),
        target=target,
        drive=drive if n_pulses else None,
        start=start,
        stop=stop,
        dt=dt,
        **parameters,
    )
    rate = run.sizes["spike"] / (parameters["n_neurons"] * float(duration))
    run = run.drop_dims("spike")
    run = run.assign_coords(output=list(signal.output_names))
    time, length = run.time.values, float(period / second)
    table = np.full((replays, run.sizes["output"]), np.nan)
    for replay in range(replays):
        begin = float(stop / second) + replay * length
        part = run.isel(time=(time >= begin) & (time < begin + length))
        table[replay] = correlation(part.z.values, part.y.values)
    kept = run.isel(time=time >= float((stop - period) / second))
    kept["correlation"] = (("replay", "output"), table, {"long_name": "correlation of replay and target"})
    kept.attrs |= {
        "period": length,
        "learning_stop": float(stop / second),
        "learning_seconds": float((stop - start) / second),
        "rate": rate,
    }
    return kept


def summary_table(dataset, title):
    """Return a rich table: correlation of each replay with the target."""
    from rich.table import Table

    table = Table(title=title)
    for name in ("replay", "mean correlation", "worst output"):
        table.add_column(name, justify="right")
    for replay in range(dataset.sizes["replay"]):
        values = dataset.correlation.isel(replay=replay)
        worst = int(np.nanargmin(values.values))  # an output that never sounds has no correlation
        table.add_row(
            str(replay + 1),
            f"{float(values.mean()):.3f}",
            f"{float(values[worst]):.3f} ({dataset.output.values[worst]})",
        )
    table.caption = (
        f"{dataset.attrs['learning_seconds']:.1f} s of learning in {dataset.attrs['duration']:.1f} s of simulation, "
        f"mean rate {dataset.attrs['rate']:.1f} Hz"
    )
    return table
