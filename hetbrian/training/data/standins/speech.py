"""Spoken words from espeak-ng, in many voices."""

import shutil
import subprocess

import numpy as np

RATE = 22050
"""Hz; sample rate of espeak-ng."""

ENGLISH = tuple("zero one two three four five six seven eight nine".split())
GERMAN = tuple("null eins zwei drei vier fünf sechs sieben acht neun".split())
COMMANDS = tuple(
    "yes no up down left right on off stop go zero one two three four five six seven eight nine bed bird cat dog happy "
    "house marvin sheila tree wow backward follow forward learn visual".split()
)
"""The 35 words of Speech Commands."""

VOICES = tuple(
    "m1 f1 m2 f2 m3 f3 m4 f4 m5 f5 m6 Annie m7 Alicia m8 steph "
    "Andy linda klatt2 anika Michael belinda Lee Andrea".split()
)
"""Variants of espeak-ng's voice: other formants, pitches and breath."""
FEMALE = frozenset("f1 f2 f3 f4 f5 Annie Alicia steph linda anika belinda Andrea".split())
"""Those that are meant to be women."""


def speak(text, language, voice, pitch=50, speed=160):
    """
    Return a spoken word, without silence around it.

    Parameters
    ----------
    text : str
        The word.
    language, voice : str
        As espeak-ng names them: "en-us", "m3".
    pitch : int
        0 to 99.
    speed : int
        Words per minute.

    Returns
    -------
    ndarray of float32, shape (sample,)
        At `RATE`, root mean square 0.1.

    Raises
    ------
    ImportError
        If espeak-ng is not installed.
    ValueError
        If it says nothing, e.g. in an unknown language.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise ImportError(
            "espeak-ng is not installed, expected it on PATH to speak words: "
            "install the package espeak-ng of your system, as in 'apt-get install espeak-ng'."
        )
    options = ["-v", f"{language}+{voice}", "-p", str(pitch), "-s", str(speed), "--stdout"]
    done = subprocess.run([program, *options, text], capture_output=True, check=False)
    # 44 bytes of header; the length in it is unknown to a pipe
    sound = np.frombuffer(done.stdout[44 : len(done.stdout) // 2 * 2], dtype="<i2").astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max(initial=1))
    if done.returncode or not len(loud):
        raise ValueError(
            f"espeak-ng did not say {text!r} in {language!r} ({done.stderr.decode().strip() or 'silence'}), "
            "expected a language and voice that 'espeak-ng --voices' lists: check them."
        )
    sound = sound[max(0, loud[0] - RATE // 50) : loud[-1] + RATE // 25]
    return 0.1 * sound / np.sqrt(np.mean(sound**2))
