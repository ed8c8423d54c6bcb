"""
A sound as target, listened to before and after
===============================================

A network learns the loudness of the frequency bands of a sound, then sings it alone. Here the sound is made on the
spot; any WAV file does as well (``hetbrian run song --wav FILE`` does all of this page, at full size).
"""

# %%
# A sound
# -------
# Three chirps that rise, 0.6 s. `sound` reads the file and returns a target: one output for each of eight bands,
# between 0 (40 dB below the loudest) and 1.

import base64
import io
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Hz, kHz, ms, pA, second
from scipy.io import wavfile

import hetbrian as hb
from hetbrian.published import force_network

RATE = 16000
time = np.arange(int(0.6 * RATE)) / RATE
frequency = 900 + 1000 * (time // 0.2) + 2500 * (time % 0.2) / 0.2  # Hz
chirps = np.sin(2 * np.pi * np.cumsum(frequency) / RATE) * np.sin(np.pi * time / 0.2) ** 2
path = Path(tempfile.mkdtemp()) / "chirps.wav"
wavfile.write(path, RATE, (32767 * chirps).astype(np.int16))


def target(dt):
    """Return the target in time steps of dt."""
    return hb.sound(path, n_bands=8, low=500 * Hz, high=8 * kHz, dt=dt, name="song")


class Player:
    """An audio player for the page, as `IPython.display.Audio`."""

    def __init__(self, audio, rate=RATE):
        buffer = io.BytesIO()
        wavfile.write(buffer, rate, (32767 * np.asarray(audio)).astype(np.int16))
        self.data = base64.b64encode(buffer.getvalue()).decode()

    def _repr_html_(self):
        return f'<audio controls src="data:audio/wav;base64,{self.data}"></audio>'


Player(chirps)

# %%
# Learn it
# --------
# Five presentations with learning, then two without. A high-dimensional temporal signal, pulses that follow each other
# through the period, tells the network where in the song it is (Nicola & Clopath 2017).

PERIOD = 0.6 * second


def clock_signal(n_neurons, dt, rng):
    """Return the pulses of one period."""
    return hb.temporal_signal(
        n_pulses=40, period=PERIOD, n_neurons=n_neurons, amplitude=4000 * pA, dt=dt, rng=rng, name="pulses"
    )


run = hb.simulate(
    force_network,
    8 * PERIOD,
    seed=1,
    device="cpp_standalone",
    target=target,
    drive=clock_signal,
    n_neurons=400,
    recurrent_gain=3000 * pA,
    feedback_gain=1000 * pA,
    eta_half_width=100 * pA,
    start=PERIOD,
    stop=6 * PERIOD,
    dt=0.05 * ms,
)

# %%
# Listen
# ------
# What is left of the sound in eight envelopes, made audible with a sine for each band: this is the best that the
# network can do.

period = float(PERIOD / second)


def heard(values, first):
    """Return the sound of one presentation of the envelopes."""
    part = values.isel(time=(run.time >= first * period) & (run.time < (first + 1) * period))
    return hb.resynthesise(np.clip(part.values, 0, 1), dt=1 * ms, low=500 * Hz, high=8 * kHz, rate=RATE * Hz)


Player(heard(run.y, 6))

# %%
# Before learning the output is silent. This is the network during the first presentation, while it learns:

Player(heard(run.z, 1))

# %%
# And this is the network alone, after learning has stopped:

Player(heard(run.z, 6))

# %%
# What was heard, as envelopes: target and output.

figure, axes = plt.subplots(2, 1, figsize=(7, 4), sharex=True, layout="constrained")
for axis, values, title in ((axes[0], run.y, "target"), (axes[1], run.z, "network; it learns between the lines")):
    image = axis.imshow(
        values.values.T, aspect="auto", origin="lower", extent=(0, float(run.time[-1]), 0, 8), vmin=0, vmax=1
    )
    axis.set(ylabel="band", title=title)
    for edge in (1, 6):
        axis.axvline(edge * period, color="white", lw=1)
axes[1].set_xlabel("time (s)")
figure.colorbar(image, ax=axes, label="loudness (1: the loudest, 0: 40 dB below)")
late = run.isel(time=run.time.values >= 6 * period)
correlation = np.corrcoef(late.z.values.ravel(), late.y.values.ravel())[0, 1]
print(f"correlation of output and target after learning: {correlation:.3f}")
plt.show()
