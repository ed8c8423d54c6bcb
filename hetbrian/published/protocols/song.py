"""A heterogeneous network learns a recorded song and sings it: its band envelopes, then sound.

As Nicola & Clopath 2017 (doi 10.1038/s41467-017-01827-3) with the song of a zebra finch, here for any WAV file.
"""

from functools import partial

import numpy as np
from brian2 import Hz, ms, pA

import hetbrian as hb
from hetbrian.published.protocols.common.replay import learn_and_replay, summary_table
from hetbrian.readout.audio import upper_edge

SIZE = "1 run of 14 times the recording: once to settle, 10 times to learn, 3 times to sing"
"""What ``--help`` says of how much is computed."""


def compute(
    wav,
    seed=1,
    n_bands=16,
    low=500 * Hz,
    high=None,
    presentations=10,
    replays=3,
    n_neurons=1000,
    recurrent_gain=3000 * pA,
    feedback_gain=1000 * pA,
    eta_half_width=100 * pA,
    n_pulses=100,
    pulse_amplitude=4000 * pA,
    device="runtime",
    dt=0.04 * ms,
):
    """
    Learn the envelopes of a sound in ``n_bands`` bands.

    Parameters
    ----------
    wav : path-like
        A WAV file.
    seed : int
        Root seed.
    n_bands : int
        Bands between ``low`` and ``high``, one output each.
    low : Quantity [hertz]
        Lower edge of the bands.
    high : Quantity [hertz], optional
        Upper edge; by default 8 kHz, or half the sample rate of the recording if that is less.
    presentations, replays, n_pulses, pulse_amplitude, device, dt
        See `hetbrian.published.protocols.common.replay.learn_and_replay`.
    n_neurons, recurrent_gain, feedback_gain, eta_half_width
        See `hetbrian.published.force_network`.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.published.protocols.common.replay.learn_and_replay`.
    """
    high = upper_edge(wav) if high is None else high
    print(f"{n_bands} bands from {low} to {high}")
    dataset = learn_and_replay(
        partial(_sound, wav, n_bands, low, high),
        presentations=presentations,
        replays=replays,
        n_pulses=n_pulses,
        pulse_amplitude=pulse_amplitude,
        seed=seed,
        device=device,
        dt=dt,
        n_neurons=n_neurons,
        recurrent_gain=recurrent_gain,
        feedback_gain=feedback_gain,
        eta_half_width=eta_half_width,
    )
    dataset.attrs |= {"low": float(low), "high": float(high)}
    return dataset


def _sound(wav, n_bands, low, high, dt):
    return hb.sound(wav, n_bands=n_bands, low=low, high=high, dt=dt, name="song")


def summary(dataset):
    """Return the table that the command line prints."""
    return summary_table(dataset, "Song learned by FORCE")


def write(dataset, folder):
    """Write what is heard before and after learning: target.wav and replay.wav."""
    from scipy.io import wavfile

    late = dataset.isel(time=dataset.time.values >= dataset.attrs["learning_stop"])
    step = float(late.time[1] - late.time[0]) * 1000 * ms
    rate = 44100
    paths = []
    for name, signal in (("target", late.y.values), ("replay", late.z.values)):
        audio = hb.resynthesise(
            np.clip(signal, 0, 1),
            dt=step,
            low=dataset.attrs["low"] * Hz,
            high=dataset.attrs["high"] * Hz,
            rate=rate * Hz,
        )
        paths.append(folder / f"{name}.wav")
        wavfile.write(paths[-1], rate, (32767 * audio).astype(np.int16))
    return paths
