"""Our cochlea beside lauscher, the model that made SHD (Cramer et al. 2022), on the same words at 70 places."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from hetbrian.training.data.cochlea import Cochlea

WORDS = ("seven", "two", "six", "zero")
PLACES, STEP = 70, 0.005

# resonance of lauscher's membrane at its places, Sieroka et al. 2006: stiffness 1e9 exp(-3 place) - 3500, mass 0.05;
# the response to a tone is greatest at 0.9 of it (all 70 places: 0.885 to 0.915)
RESONANCE = 0.9 * np.sqrt((1e9 * np.exp(-3 * np.linspace(0, 3.5, PLACES)) - 3500) / 0.05) / (2 * np.pi)
SHARED = (RESONANCE > 70) & (RESONANCE < 7000)
"""Places where both cochleas have channels."""


@pytest.fixture(scope="module")
def heard():
    """Return a histogram of both, of shape (place, time), for each word."""
    cochlea = Cochlea(high=7800.0)
    place = np.abs(np.log(cochlea.centres[:, None] / RESONANCE)).argmin(axis=1)
    share = np.bincount(place, minlength=PLACES)[:, None].clip(1)
    edges = np.arange(PLACES + 1), np.arange(0, 0.6, STEP)
    found = {}
    with np.load(Path(__file__).parent / "heard" / "lauscher.npz") as file:
        for word in WORDS:
            sound = file[f"{word}_sound"].astype(float)
            # lauscher fades every recording in and out over its whole length
            sound = 0.1 * sound / np.sqrt(np.mean(sound**2)) * np.hanning(len(sound))
            times, channels = cochlea.spikes(sound, 16000, np.random.default_rng(0))
            ours = np.histogram2d(place[channels], times, edges)[0] / share  # spikes of one channel at each place
            theirs = np.histogram2d(file[f"{word}_units"], file[f"{word}_times"], edges)[0]
            found[word] = ours[SHARED], theirs[SHARED]
    return found


def alike(ours, theirs):
    """Return how two maps correlate, after smoothing by 1.5 places and 10 ms: the widths of lauscher's filters."""
    return np.corrcoef(*(gaussian_filter(item, (1.5, 2)).ravel() for item in (ours, theirs)))[0, 1]


@pytest.mark.parametrize("word", WORDS)
def test_a_channel_fires_as_often_as_theirs(heard, word):
    """Found: 0.79 to 1.05 of theirs. Theirs vary by 5 % with the seed; our narrower filters catch less of a hiss."""
    ours, theirs = (item.sum() for item in heard[word])
    assert 0.7 < ours / theirs < 1.2


@pytest.mark.parametrize("word", WORDS)
def test_the_same_channels_fire(heard, word):
    """Found: 0.72 to 0.83; 1 is out of reach, because theirs are 2.5 times as wide."""
    rates = [gaussian_filter1d(item.sum(axis=1), 1.5) for item in heard[word]]
    assert np.corrcoef(*rates)[0, 1] > 0.65


@pytest.mark.parametrize("word", WORDS)
def test_they_fire_at_the_same_time(heard, word):
    """No shift by a bin of 5 ms or more makes them fit better."""
    ours, theirs = (gaussian_filter1d(item.sum(axis=0), 2) for item in heard[word])
    fits = {shift: np.corrcoef(np.roll(ours, shift), theirs)[0, 1] for shift in range(-10, 11)}
    assert max(fits, key=fits.__getitem__) == 0 and fits[0] > 0.9


def test_each_word_is_most_like_itself(heard):
    for word in WORDS:
        fits = {other: alike(heard[word][0], heard[other][1]) for other in WORDS}
        assert max(fits, key=fits.__getitem__) == word and fits[word] > 0.7
