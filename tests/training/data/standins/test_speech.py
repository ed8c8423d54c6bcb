import shutil

import numpy as np
import pytest

from hetbrian.training.data.standins import speech
from hetbrian.training.data.standins.speech import COMMANDS, ENGLISH, FEMALE, GERMAN, RATE, VOICES, speak

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def test_there_are_the_words_and_voices_of_the_data_sets():
    assert len(ENGLISH) == len(GERMAN) == 10
    assert len(set(COMMANDS)) == 35
    assert len(set(VOICES)) == 24
    assert set(VOICES) > FEMALE


@needs_espeak
def test_words_are_spoken_without_silence_around_them():
    word = speak("seven", "en-us", "m1")
    assert 0.2 < len(word) / RATE < 0.8
    assert abs(np.sqrt(np.mean(word**2)) - 0.1) < 1e-4
    edge = np.abs(word[: RATE // 100]).max()
    assert edge < 0.1 * np.abs(word).max() and np.abs(word[: RATE // 20]).max() > edge
    slow = speak("seven", "en-us", "m1", speed=100)
    assert len(slow) > 1.2 * len(word)


@needs_espeak
def test_unknown_languages_are_refused():
    with pytest.raises(ValueError, match="espeak-ng did not say 'seven' in 'xx-none'"):
        speak("seven", "xx-none", "m1")


def test_espeak_missing_is_one_sentence(monkeypatch):
    monkeypatch.setattr(speech.shutil, "which", lambda name: None)
    with pytest.raises(ImportError, match=r"^espeak-ng is not installed, expected it on PATH to speak words: [^.]*\.$"):
        speak("one", "en-us", "m1")
