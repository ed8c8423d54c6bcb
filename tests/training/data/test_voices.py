import itertools
import os

import pytest

from hetbrian.training.data.voices import divided, voices

WORDS, SPEAKERS = ("no", "yes"), ("ann", "bob", "eve", "tom")


def recorded(folder, speakers=SPEAKERS, name="{}_{}_{}.wav", words=WORDS, n=3):
    for word, speaker, number in itertools.product(words, speakers, range(n)):
        path = folder / name.format(word, speaker, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("{}_{}_{}.wav", "{label}_{speaker}_*"),
        ("{}/{}_nohash_{}.FLAC", "{label}/{speaker}_nohash_*"),
        ("deep/er/{1}/{0}-{2}.wav", "{speaker}/{label}-*"),
        ("take.{2}/{1}.{0}.wav", "*/{speaker}.{label}"),
    ],
)
def test_labels_and_speakers_are_where_the_pattern_says(tmp_path, name, pattern):
    found = voices(recorded(tmp_path, name=name), pattern)
    assert {(voice.label, voice.speaker) for voice in found} == set(itertools.product(WORDS, SPEAKERS))
    assert len(found) == 24 and [voice.path for voice in found] == sorted(voice.path for voice in found)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{label}_*", r"the pattern is '\{label\}_\*', expected \{label\} and \{speaker\} once each: write"),
        ("{label}_{speaker}_{take}", r"the pattern is .* expected \{label\} and \{speaker\} once each"),
        ("{label}_{label}_{speaker}", r"the pattern is .* once each"),
        ("{label}/{speaker}_*", r"'no_ann_0' does not fit the pattern .*, expected a name with label and speaker"),
    ],
)
def test_a_pattern_that_fits_no_name_is_refused(tmp_path, pattern, message):
    with pytest.raises(ValueError, match=message):
        voices(recorded(tmp_path), pattern)


def test_a_folder_without_recordings_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"has no \.wav or \.flac file, expected recordings: check --wav"):
        voices(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none' is not there, expected a folder of recordings: check --wav"):
        voices(tmp_path / "none")


@pytest.mark.parametrize("has_validation", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_nobody_speaks_in_two_splits(tmp_path, has_validation, seed):
    found = voices(recorded(tmp_path))
    splits = divided(found, has_validation=has_validation, seed=seed)
    who = [{voice.speaker for voice in members} for members in splits.values()]
    assert list(splits) == (["train", "validation", "test"] if has_validation else ["train", "test"])
    assert set().union(*who) == set(SPEAKERS) and sum(map(len, who)) == 4  # disjoint
    assert sum(map(len, splits.values())) == len(found)
    assert splits == divided(found, has_validation=has_validation, seed=seed)


def test_speakers_that_are_named_are_tested(tmp_path):
    found = voices(recorded(tmp_path))
    splits = divided(found, has_validation=True, test_speakers=("eve", "ann"), validation_speakers=("tom",))
    assert [sorted({voice.speaker for voice in members}) for members in splits.values()] == [
        ["bob"],
        ["tom"],
        ["ann", "eve"],
    ]


def test_files_that_are_named_are_tested_whoever_speaks(tmp_path):
    splits = divided(voices(recorded(tmp_path)), test_files="*_[01]")
    assert {voice.name[-1] for voice in splits["test"]} == {"0", "1"} and len(splits["test"]) == 16
    assert {voice.name[-1] for voice in splits["train"]} == {"2"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test_speakers": ("eva",)}, "a speaker of test is 'eva', expected ann, bob, eve, tom"),
        ({"validation_speakers": ("x",)}, "a speaker of validation is 'x', expected ann"),
        ({"test_speakers": ("eve", "eve")}, "the speaker 'eve' is named twice, expected once: leave one out"),
        ({"test_speakers": ("eve",), "validation_speakers": ("eve",)}, "the speaker 'eve' is named twice"),
        ({"test_speakers": ("eve",), "test_files": "*"}, r"test_speakers is eve beside test_files '\*', expected one"),
        ({"test_speakers": SPEAKERS}, r"the train split \(nobody\) has no recording of 'no', expected every label"),
        ({"test_files": "no_*"}, r"the train split \(ann, .*\) has no recording of 'no', expected every label in each"),
        ({"test_files": "x"}, r"the test split \(nobody\) has no recording of 'no'"),
    ],
)
def test_splits_that_cannot_be_made_are_refused(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        divided(voices(recorded(tmp_path)), **settings)


def test_one_speaker_is_too_few_unless_recordings_are_tested(tmp_path):
    found = voices(recorded(tmp_path, ("ann",)))
    with pytest.raises(ValueError, match=r"are of 1 speaker \(ann\), expected at least 2, so that no voice"):
        divided(found)
    assert len(divided(found, test_files="*_0")["train"]) == 4
    with pytest.raises(ValueError, match=r"are of 2 speakers \(ann, bob\), expected at least 3"):
        divided(voices(recorded(tmp_path, ("ann", "bob"))), has_validation=True)


def test_a_recording_is_a_regular_file_whose_name_is_text(tmp_path):
    recorded(tmp_path)
    odd = tmp_path / os.fsdecode(b"no_ann_\xff.wav")
    odd.touch()
    with pytest.raises(
        ValueError, match=r"no_ann_.*' is no text in UTF-8, or has signs .*, expected the name of a rec"
    ):
        voices(tmp_path)
    odd.unlink()
    (tmp_path / "no_ann_9.wav").symlink_to("no_ann_9.wav")
    with pytest.raises(
        OSError, match=r"no_ann_9.wav' cannot be read \(Too many levels of symbolic links\), expected a re"
    ):
        voices(tmp_path)
    (tmp_path / "no_ann_9.wav").unlink()
    os.mkfifo(tmp_path / "no_ann_9.wav")
    with pytest.raises(ValueError, match=r"no_ann_9.wav' is a folder, a pipe or a device, expected a recording"):
        voices(tmp_path)
