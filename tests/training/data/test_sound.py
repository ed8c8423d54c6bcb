import numpy as np
import pytest
import soundfile

from hetbrian.training.data.sound import read_sound


@pytest.fixture
def tone():
    return 0.5 * np.sin(np.arange(800) / 9.0)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_both_formats_are_read_and_channels_averaged(tmp_path, tone, ending):
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, np.stack([tone, -0.5 * tone], axis=1), 8000, subtype="PCM_16")
    sound, rate = read_sound(path)
    assert rate == 8000 and sound.dtype == np.float32
    # one step of 16 bits: half of it is rounded, and the rest is that 32767 is written for 1 and 32768 read
    assert np.abs(sound - 0.25 * tone).max() <= 2**-15


def test_a_wav_of_unknown_length_is_read_to_its_end(tmp_path, tone):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone, 8000)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4  # as programs write it to a pipe
    path.write_bytes(content)
    assert len(read_sound(path)[0]) == 800


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path, tone: path.write_bytes(b"no sound at all"), r"a\.wav' is no recording \(.*\), expected a WAV or"),
        (lambda path, tone: path.write_bytes(b""), r"a\.wav' is no recording"),
        (lambda path, tone: cut(path, tone), r"a\.wav' is shorter than its header says, expected a whole recording"),
        (lambda path, tone: soundfile.write(path, tone[:0], 8000), r"a\.wav' is empty, expected a recording: remove"),
        (lambda path, tone: soundfile.write(path, 0 * tone, 8000), r"a\.wav' is silent, expected a recording: remove"),
        (
            lambda path, tone: soundfile.write(path, tone / [*[1] * 799, 0], 8000, subtype="FLOAT"),
            r"a\.wav' holds samples that are not finite, expected a recording: get it again",
        ),
        (lambda path, tone: path.mkdir(), r"a\.wav' is a folder, a pipe or a device, expected a recording"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_no_whole_recording_is_refused(tmp_path, tone, make, message):
    make(tmp_path / "a.wav", tone)
    with pytest.raises(ValueError, match=message):
        read_sound(tmp_path / "a.wav")


@pytest.mark.parametrize("is_between_frames", [True, False])
def test_a_flac_file_that_is_cut_off_is_refused(tmp_path, is_between_frames):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, 20000), 8000)
    content = path.read_bytes()
    path.write_bytes(content[: content.rfind(b"\xff\xf8") if is_between_frames else 20000])
    with pytest.raises(ValueError, match=r"a\.flac' is no recording \(.*\), expected a WAV or FLAC file: convert it"):
        read_sound(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.wav' does not exist, expected a recording: check the path"):
        read_sound(tmp_path / "a.wav")


def cut(path, tone):
    soundfile.write(path, tone, 8000)
    path.write_bytes(path.read_bytes()[:-100])
