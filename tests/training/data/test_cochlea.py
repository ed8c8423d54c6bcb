import numpy as np
import pytest

from hetbrian.training.data.cochlea import Cochlea

RATE = 22050
COCHLEA = Cochlea()


def tone(frequency, duration=0.3, amplitude=0.1):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(duration * RATE)) / RATE)


def vowel(pitch, formants, duration=0.3):
    """Return a train of pulses through resonances, as a throat makes it."""
    t = np.arange(round(duration * RATE)) / RATE
    harmonics = np.arange(1, int(7000 / pitch))
    loud = sum(1 / (1 + ((harmonics * pitch - formant) / 80) ** 2) for formant in formants)
    return 0.1 * (loud[:, None] * np.cos(2 * np.pi * pitch * harmonics[:, None] * t)).sum(axis=0) / loud.sum()


def test_a_tone_of_amplitude_one_has_an_envelope_of_one():
    for frequency in (200, 1000, 4000):
        envelopes = COCHLEA.envelopes(tone(frequency, amplitude=1), RATE)
        channel = np.abs(COCHLEA.centres - frequency).argmin()
        steady = envelopes[:, 100:250].mean(axis=1)
        assert abs(steady[channel] - 1) < 0.02
        assert abs(steady.argmax() - channel) <= 3


def test_a_channel_has_the_bandwidth_of_the_ear():
    """The gammatone's power at the equivalent bandwidth: area under the squared gain over its peak."""
    channel = 300
    centre = COCHLEA.centres[channel]
    grid = np.linspace(0.5 * centre, 1.5 * centre, 81)
    gains = np.array([COCHLEA.envelopes(tone(f, 0.3, 1), RATE)[channel, 100:250].mean() for f in grid])
    equivalent = np.trapezoid(gains**2, grid)
    assert abs(equivalent / ((centre + 228.8) / 9.265) - 1) < 0.03


def test_formants_of_a_vowel_appear_in_their_channels():
    times, channels = COCHLEA.spikes(vowel(120, (700, 1200, 2600)), RATE, np.random.default_rng(0))
    counts = np.convolve(np.bincount(channels, minlength=700), np.ones(15) / 15, "same")
    near = {formant: np.abs(COCHLEA.centres - formant).argmin() for formant in (1200, 1750, 2600)}
    assert counts[near[1200]] > 1.3 * counts[near[1750]] < counts[near[2600]]
    # the pitch is heard in the channels of high frequencies, as spikes in step with the pulses
    phase = times[(channels > 450) & (times > 0.1)] * 120 * 2 * np.pi
    assert np.abs(np.exp(1j * phase).mean()) > 0.3


def test_onsets_weigh_most_and_silence_is_silent():
    times, _ = COCHLEA.spikes(tone(1000, 0.4), RATE, np.random.default_rng(0))
    early, late = ((times > a) & (times < a + 0.1) for a in (0.0, 0.3))
    assert early.sum() > 1.2 * late.sum()
    assert times.max() < 0.46
    assert len(COCHLEA.spikes(np.zeros(RATE // 2), RATE, np.random.default_rng(0))[0]) == 0


def test_louder_is_more_spikes_within_the_dead_time():
    counts = []
    for amplitude in (0.01, 0.1, 1.0):
        times, channels = COCHLEA.spikes(tone(1000, 0.3, amplitude), RATE, np.random.default_rng(0))
        counts.append(len(times))
        assert (np.diff(times) >= 0).all()
        gaps = np.diff(times[np.lexsort((times, channels))])[np.diff(np.sort(channels)) == 0]
        assert gaps.min() > 0.0019
    assert counts[0] < counts[1] < counts[2]


def test_long_sounds_are_cut_off():
    times, _ = COCHLEA.spikes(tone(1000, 2.0), RATE, np.random.default_rng(0))
    assert 1.38 < times.max() < 1.46


def test_channels_from_high_to_low_are_refused():
    with pytest.raises(ValueError, match=r"low is 500 Hz and high 400, expected low below high: exchange them"):
        Cochlea(low=500.0, high=400.0)
