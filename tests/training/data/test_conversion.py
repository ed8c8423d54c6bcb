import itertools
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import tonic.datasets

from hetbrian.training.data import conversion
from hetbrian.training.data.cochlea import Cochlea
from hetbrian.training.data.conversion import Parts, make_speech
from hetbrian.training.data.datasets import is_stand_in, load, speaker_names
from hetbrian.training.data.voices import voices

RATE = 8000
COCHLEA = Cochlea(n_channels=40, high=3900.0)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Return a folder of tones: the label is their pitch, the speaker their loudness and length."""
    folder = tmp_path_factory.mktemp("recorded")
    for label, pitch in (("high", 2000.0), ("low", 400.0)):
        for number, speaker in enumerate(("ann", "bob", "eve")):
            for take in range(2):
                t = np.arange(1200 + 300 * number + 100 * take) / RATE
                ending = "flac" if take else "wav"
                soundfile.write(
                    folder / f"{label}_{speaker}_{take}.{ending}",
                    (0.1 + 0.2 * number) * np.sin(2 * np.pi * pitch * t),
                    RATE,
                )
    return folder


def test_silence_around_a_word_tells_no_class(recorded, tmp_path):
    """A room that is 40 dB softer, half a second before and after, leaves the spikes where they were."""
    rng = np.random.default_rng(0)
    wide, long = tmp_path / "wide", tmp_path / "longer"
    for folder, rest in ((wide, 0), (long, RATE // 2)):
        folder.mkdir()
        for path in sorted(recorded.iterdir()):
            sound, rate = soundfile.read(path)
            room = 0.01 * sound.std() * rng.standard_normal(len(sound) + 2 * rest)
            room[rest : rest + len(sound)] += sound
            soundfile.write(folder / path.name, room, rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    found = {}
    for folder in (wide, long):
        for trim in (25.0, 0.0):
            make_speech(folder, folder / f"{trim}", test_speakers=["eve"], cochlea=COCHLEA, trim=trim)
            found[folder, trim] = load("shd", "train", folder / f"{trim}")
            note = (folder / f"{trim}" / "SHD" / "STAND-IN.txt").read_text()
            assert ("silence at both ends is cut off 25 dB below the loudest" if trim else "is kept") in note
    late = {
        key: [np.quantile(recordings.times[begin:end], 0.9) for begin, end in itertools.pairwise(recordings.begin)]
        for key, recordings in found.items()
    }
    np.testing.assert_allclose(late[wide, 25.0], late[long, 25.0], atol=0.011)  # a frame of 10 ms may begin elsewhere
    assert np.all(np.array(late[long, 0.0]) > np.array(late[long, 25.0]) + 0.4)


def test_the_top_channel_is_not_above_what_was_recorded(recorded, tmp_path):
    assert conversion.fitting(voices(recorded)) == Cochlea(high=3900.0)
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "a_ann_0.wav", np.ones(100), 44100)
    assert conversion.fitting(voices(tmp_path / "in")) == Cochlea()
    (tmp_path / "in" / "a_ann_1.wav").write_text("none")
    with pytest.raises(ValueError, match=r"a_ann_1.wav' is no recording"):
        conversion.fitting(voices(tmp_path / "in"))


@pytest.mark.parametrize("layout", ["shd", "ssc"])
def test_tonic_reads_what_was_made(recorded, tmp_path, layout):
    target = make_speech(recorded, tmp_path, layout=layout, test_speakers=["eve"], cochlea=COCHLEA)
    assert target == tmp_path / layout.upper() and [path.name for path in tmp_path.iterdir()] == [layout.upper()]
    splits = {"shd": [{"train": True}, {"train": False}], "ssc": [{"split": "train"}, {"split": "test"}]}[layout]
    for options, speakers in zip(splits, ([0, 1], [2]), strict=True):
        found = getattr(tonic.datasets, layout.upper())(str(tmp_path), **options)
        assert set(found._speaker) <= set(speakers)
        assert [key.decode() for key in found.classes] == ["high", "low"]
        channels = {int(label): np.median(events["x"]) for events, label in found}
        for label, pitch in ((0, 2000), (1, 400)):
            # a compressed response is no peak: its middle lies within the width of a filter
            assert abs(COCHLEA.centres[int(channels[label])] / pitch - 1) < 0.3


def test_own_recordings_are_no_published_data_set(recorded, tmp_path):
    make_speech(recorded, tmp_path, test_files="*_1", cochlea=COCHLEA)
    assert is_stand_in("shd", tmp_path)
    training = load("shd", "train", tmp_path)
    assert training.shape == (40,) and len(training) == 6 and speaker_names("shd", tmp_path) == ["ann", "bob", "eve"]
    note = (tmp_path / "SHD" / "STAND-IN.txt").read_text()
    assert "not SHD: spikes of 40 channels from 60 to 3900 Hz" in note and "train: 6 of ann, bob, eve" in note


def test_spikes_are_those_of_the_cochlea_for_recordings_of_one_loudness(recorded, tmp_path):
    make_speech(recorded, tmp_path, test_speakers=["eve"], cochlea=COCHLEA, seed=3)
    training = load("shd", "train", tmp_path)
    (number,) = (n for n, voice in enumerate(voices(recorded)) if voice.name == "low_bob_0")
    sound = soundfile.read(recorded / "low_bob_0.wav", dtype="float32")[0]
    sound = 0.1 * sound / np.sqrt(np.mean(sound.astype(float) ** 2))
    times, units = COCHLEA.spikes(sound, RATE, np.random.default_rng([3, number]))
    at = 6  # of train: high_ann_0, high_ann_1, high_bob_0, high_bob_1, low_ann_0, low_ann_1, low_bob_0
    events = slice(*training.begin[at : at + 2])
    assert training.channels[events].size == len(units) > 100
    # half precision: 2**-11 of the time, below half a second
    assert np.abs(training.times[events] - times).max() < 2**-12 + 1e-6


def test_an_interrupted_conversion_goes_on_with_the_same_bytes(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "PART", 3)
    whole = make_speech(recorded, tmp_path / "whole", test_speakers=["eve"], cochlea=COCHLEA)
    made, make = [], Parts.make

    def dies(self, part):
        if part == 2:
            raise KeyboardInterrupt
        made.append(part)
        make(self, part)

    monkeypatch.setattr(Parts, "make", dies)
    with pytest.raises(KeyboardInterrupt):
        make_speech(recorded, tmp_path / "again", test_speakers=["eve"], cochlea=COCHLEA)
    assert not (tmp_path / "again" / "SHD").exists() and made == [0, 1]
    (tmp_path / "again" / "SHD.unfinished" / "000001.npz").write_bytes(b"damaged")
    monkeypatch.setattr(Parts, "make", lambda self, part: made.append(part) or make(self, part))
    again = make_speech(recorded, tmp_path / "again", test_speakers=["eve"], cochlea=COCHLEA)
    assert made == [0, 1, 1, 2, 3]
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["SHD"]
    assert contents(again) == contents(whole)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_several_processes_and_a_kill_give_the_same_bytes(recorded, tmp_path):
    """The one that is killed takes its workers with it."""
    whole = make_speech(recorded, tmp_path / "whole", test_speakers=["eve"], cochlea=COCHLEA)
    script = (
        "import sys\n"
        "from hetbrian.training.data import conversion\n"
        "from hetbrian.training.data.cochlea import Cochlea\n"
        "conversion.PART = 2\n"  # in the workers too, which read this file again
        "if __name__ == '__main__':\n"
        "    conversion.make_speech(sys.argv[1], sys.argv[2], test_speakers=['eve'],\n"
        "                           cochlea=Cochlea(n_channels=40, high=3900.0), workers=2)\n"
    )
    (tmp_path / "convert.py").write_text(script)
    command = [sys.executable, str(tmp_path / "convert.py"), str(recorded), str(tmp_path / "again")]
    unfinished = tmp_path / "again" / "SHD.unfinished"
    process = subprocess.Popen(command, start_new_session=True)
    while not (unfinished / "plan.json").exists() and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "again" / "SHD").exists()
    assert subprocess.run(command, check=False).returncode == 0
    assert contents(tmp_path / "again" / "SHD") == contents(whole)


def test_what_an_error_left_is_no_obstacle(recorded, tmp_path):
    with pytest.raises(ValueError, match=r"has 8000 samples a second, expected at least 15000 for a top"):
        make_speech(recorded, tmp_path, cochlea=Cochlea())
    assert make_speech(recorded, tmp_path, cochlea=COCHLEA).exists()


def test_other_settings_are_not_mixed_with_what_is_unfinished(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "PART", 3)
    parts = Parts(
        conversion._unfinished(tmp_path / "SHD.unfinished", voices(recorded), COCHLEA, 25.0, 0), [], COCHLEA, 25.0, 0
    )
    (parts.folder / "000000.npz").touch()
    with pytest.raises(ValueError, match=r"unfinished' holds an unfinished conversion of other recordings or settings"):
        make_speech(recorded, tmp_path, cochlea=COCHLEA, seed=1)


def test_a_folder_that_is_there_is_left_alone(recorded, tmp_path):
    (tmp_path / "SHD").mkdir()
    with pytest.raises(FileExistsError, match=r"SHD' is there already, expected a new folder: remove it"):
        make_speech(recorded, tmp_path)


def test_a_damaged_recording_is_named(tmp_path, recorded):
    for path in recorded.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "low_bob_0.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"low_bob_0\.wav' is no recording"):
        make_speech(tmp_path, tmp_path / "out", cochlea=COCHLEA)
    assert not (tmp_path / "out" / "SHD").exists()


def test_a_recording_that_is_refused_leaves_nothing_unless_others_are_converted(recorded, tmp_path):
    shutil.copytree(recorded, tmp_path / "in")
    (tmp_path / "in" / "high_ann_0.wav").write_text("none")
    with pytest.raises(ValueError, match=r"high_ann_0.wav' is no recording"):
        make_speech(tmp_path / "in", tmp_path / "out", cochlea=COCHLEA)
    assert os.listdir(tmp_path / "out") == []
