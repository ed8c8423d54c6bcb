"""The command line of event data: ``hetbrian data make`` and ``hetbrian data check``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hetbrian._support.consoles import plain
from hetbrian.study.options import changed, extra_settings, listed, no_more, parse_value, split_setting

data = typer.Typer(no_args_is_help=True, help="Event data: make stand-ins, check what is there.")


@data.command("make", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def make_data(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="nmnist, dvs128, shd or ssc; or speech or gestures, from recordings of yours.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of data sets; a folder named as tonic wants it is made in it.")],
    train: Annotated[int | None, typer.Option(help="Training samples.")] = None,
    validation: Annotated[int | None, typer.Option(help="Validation samples, of ssc.")] = None,
    test: Annotated[int | None, typer.Option(help="Test samples.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same samples.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", "--workers", min=1, help="Samples that are made at once.")] = 1,
    wav: Annotated[Path | None, typer.Option(help="speech: folder of WAV and FLAC files.")] = None,
    clips: Annotated[Path | None, typer.Option(help="gestures: folder of .bs2 files and labels.csv.")] = None,
    part: Annotated[str, typer.Option(help="gestures: duration of a sample, as '0.1*second'.")] = "0.1*second",
    layout: Annotated[str, typer.Option(help="speech: shd (two splits) or ssc (three).")] = "shd",
    pattern: Annotated[
        str, typer.Option(help="speech: where file names have both, as '{label}/{speaker}_*'.")
    ] = "{label}_{speaker}_*",
    test_speakers: Annotated[str, typer.Option(help="speech: who is tested, as a,b; by default a fifth, drawn.")] = "",
    validation_speakers: Annotated[str, typer.Option(help="speech: the same for the validation of ssc.")] = "",
    test_files: Annotated[str, typer.Option(help="speech: tested files in place of speakers, as '*_[0-4]'.")] = "",
    trim: Annotated[
        float, typer.Option(help="speech: dB below the loudest at which silence is cut off both ends; 0 keeps it.")
    ] = 25.0,
):
    """Make a stand-in for a data set, or samples of recordings of yours.

    Speech becomes spikes of a cochlea, whose settings are given as --NAME VALUE; clips of an event camera are cut
    into parts.
    """
    from hetbrian.training.data.standins.make import make_stand_in

    given = {"train": train, "validation": validation, "test": test}
    sizes = {split: size for split, size in given.items() if size is not None}
    if name != "gestures" and clips is not None:
        raise ValueError(f"--clips is given for {name}, expected it for 'gestures': leave it out.")
    if name == "gestures":
        _gestures(clips, out, part, [*sizes, *context.args, *(["--wav"] if wav is not None else [])])
        return
    settings = dict(split_setting(setting) for setting in extra_settings(context.args))
    if name != "speech":
        if wav is not None or settings:
            wrong = ", ".join(f"--{option}" for option in settings) or "--wav"
            raise ValueError(f"{wrong} is given for {name}, which is made up, expected it for 'speech': leave it out.")
        written = make_stand_in(name, out, sizes, seed, jobs)
        plain(stderr=True).print(f"wrote {written}; it is a stand-in, as its STAND-IN.txt says", soft_wrap=True)
        return
    from hetbrian.training.data.conversion import fitting, make_speech
    from hetbrian.training.data.voices import voices

    if wav is None or sizes:
        raise ValueError("speech is made of all recordings of a folder, expected --wav FOLDER and no sizes: give it.")
    cochlea = changed(fitting(voices(wav, pattern)), settings)
    no_more(settings, cochlea)
    plain(stderr=True).print(f"{cochlea.n_channels} channels from {cochlea.low:g} to {cochlea.high:g} Hz")
    who = {"test_speakers": listed(test_speakers), "validation_speakers": listed(validation_speakers)}
    written = make_speech(
        wav,
        out,
        layout=layout,
        pattern=pattern,
        **who,
        test_files=test_files,
        cochlea=cochlea,
        trim=trim,
        seed=seed,
        workers=jobs,
    )
    plain(stderr=True).print(
        f"wrote {written}; train on it with 'hetbrian train {layout} --data-root {out}'", soft_wrap=True
    )


def _gestures(clips, out, part, more):
    """Cut clips into samples."""
    from brian2 import second

    from hetbrian.training.data.clips import make_gestures

    if clips is None or more:
        raise ValueError("gestures are made of all clips of a folder, expected --clips FOLDER and no sizes: give it.")
    written = make_gestures(clips, out, part=parse_value("part", part, 1 * second))
    plain(stderr=True).print(
        f"wrote {written}; train on it with 'hetbrian train dvs128 --data-root {out} --held-out 0'", soft_wrap=True
    )


@data.command("check")
def check_data(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets, by default those that are there.")] = None,
    data_root: Annotated[Path | None, typer.Option(help="Folder of data sets, by default HETBRIAN_DATA.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Let tonic download what is missing.")] = False,
):
    """Read every file of data sets, verify checksums of archives, and tell what is there."""
    from hetbrian.training.data.datasets import check

    table = Table("data set", "split", "samples", "classes", "speakers", "events a sample", "checksum")
    for row in check(names, data_root, download):
        table.add_row(*row)
    plain().print(table)
