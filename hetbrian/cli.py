"""The command line: run a protocol, report its results, see which devices are available."""

import functools
import platform
import signal
import sys
import time
import types
from pathlib import Path
from typing import Annotated

import brian2
import numpy as np
import typer
from brian2 import BrianLogger, prefs, second
from brian2.units.fundamentalunits import DimensionMismatchError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hetbrian import __version__
from hetbrian._support.checks import choice
from hetbrian._support.compiler import CompilerError
from hetbrian._support.debuglog import leave_no_logs
from hetbrian._support.errors import DivergenceError
from hetbrian._support.files import writable
from hetbrian._support.lines import raised_by, traceback_of_user
from hetbrian._support.progress import duration
from hetbrian.simulation.record import load, save
from hetbrian.study.figure import archived, find_figure, redraw, save_figure
from hetbrian.study.options import changed, described, extra_settings, no_more, options, parse_value, split_setting
from hetbrian.study.protocol import (
    find_protocol,
    generate,
    headline,
    hook,
    load_protocol,
    protocol_of,
    protocols,
    statements,
)
from hetbrian.study.sweeps import OPTIONS, SweepOptions

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Heterogeneous Izhikevich networks that learn, in Brian2.",
)


def _show_version(is_asked: bool):
    """Print versions and end."""
    if is_asked:
        print(f"hetbrian {__version__}, Brian2 {brian2.__version__}, Python {platform.python_version()}")
        raise typer.Exit


@app.callback()
def hetbrian(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show versions and exit.")
    ] = False,
):
    """Heterogeneous Izhikevich networks that learn, in Brian2."""


console = Console(stderr=True)


EXPECTED = (
    ValueError,
    OSError,
    ImportError,
    DimensionMismatchError,
    CompilerError,
    DivergenceError,
    NotImplementedError,
)
"""Errors that tell users what they can do; others show the user's lines, or keep the traceback of our mistake."""


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def run(
    context: typer.Context,
    protocol: Annotated[
        str | None, typer.Argument(help="Name of a figure or table (fig3), or your own protocol file; none lists all.")
    ] = None,
    small: Annotated[bool, typer.Option(help="Use the protocol's small size.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="name=value; units as in Brian2.")] = None,
    seed: Annotated[int | None, typer.Option(help="Root seed.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for Dataset and figure, by default out/NAME.")] = None,
    codegen_only: Annotated[
        Path | None, typer.Option(help="Write the project of the first network into this folder and run nothing.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Sweep on a running Dask scheduler, as tcp://host:8786.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Sweep on so many processes, by default one per core; 0: in this one, without Dask."),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Compute points that failed again.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Redraw the figure of a sweep while it runs.")] = False,
    help_: Annotated[bool, typer.Option("--help", help="Show this message, and options of the protocol.")] = False,
):
    """Compute a protocol and draw its figure. Any option of the protocol can also be given as --NAME VALUE."""
    if help_:
        print(context.get_help())
    if protocol is None:
        if not help_:
            _list_protocols()
        return
    module = load_protocol(find_protocol(protocol))
    if help_:
        _list_options(module)
        return
    settings = [*(set_ or []), *extra_settings(context.args)]
    arguments = options(module, small, seed, settings)
    if codegen_only is not None:
        project = generate(module, arguments, codegen_only)
        console.print(f"wrote {project}; its README.md says how to build and run it")
        return
    name = module.__name__.rpartition(".")[2]
    folder = writable(out or Path("out") / name, "choose another --out")
    started = time.perf_counter()
    draw = hook(module, "draw") or find_figure(name)
    swept = OPTIONS.get()
    if callable(getattr(module, "point", None)):
        redrawn = redraw(draw, folder / name) if watch and draw is not None else None
        swept = SweepOptions(folder / "sweep", scheduler, workers, retry_failed, redrawn)
    elif scheduler or workers is not None or retry_failed or watch:
        raise ValueError(
            f"{name} does not sweep, expected a protocol with a function point: "
            "leave --scheduler, --workers, --retry-failed and --watch out."
        )
    token = OPTIONS.set(swept)
    try:
        dataset = module.compute(**arguments)
    finally:
        OPTIONS.reset(token)
    if small:
        dataset = dataset.assign_attrs(small=1)  # figures say so, and nothing is decided by it
    written = [folder / f"{name}.nc"]
    save(dataset, written[0])
    if draw is not None:
        written += save_figure(draw, dataset, folder / name)
    write, summary = hook(module, "write"), hook(module, "summary")
    if write is not None:
        written += write(dataset, folder)
    if summary is not None:
        text = summary(dataset)
        Console().print(text, markup=False, soft_wrap=isinstance(text, str))  # lines of Markdown stay whole
    console.print(f"{time.perf_counter() - started:.0f} s; wrote " + ", ".join(str(path) for path in written))


def _list_protocols():
    """Print the protocols that can be called by name."""
    table = Table("protocol", "what it computes", caption="hetbrian run NAME --help shows the options of one")
    for name, path in protocols().items():
        table.add_row(name, escape(headline(path)))
    Console().print(table)


def _list_options(module):
    """Print the options of a protocol."""
    table = Table(
        "option", "default", "--small", "what it is", title=f"Options of {module.__name__.rpartition('.')[2]}"
    )
    for name, *texts in described(module):
        table.add_row(f"--{name}", *map(escape, texts))
    Console().print(table)


@app.command()
def compare(
    model: Annotated[str, typer.Argument(help="FILE.py:FUNCTION; FUNCTION(rng, ...) returns a Network.")],
    duration: Annotated[str, typer.Option(help="How long to run.")] = "100*ms",
    group: Annotated[str, typer.Option(help="Name of the group to export.")] = "neurons",
    inputs: Annotated[list[str] | None, typer.Option("--input", help="Variable that Brian2 sets from outside.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="name=value of the model; units as in Brian2.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Root seed.")] = 0,
    precision: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
):
    """Run a group in Brian2 and its torch module, and tell where they part."""
    from hetbrian.torch.comparison import compare_model

    file, _, function = model.partition(":")
    function = function or "model"
    module = load_protocol(find_protocol(file), function)
    build = functools.partial(getattr(module, function), np.random.default_rng(seed))
    arguments = options(types.SimpleNamespace(compute=build, __name__=model), settings=set_ or ())
    length = parse_value("duration", duration, 1 * second)
    Console().print(str(compare_model(build(**arguments), length, group, inputs or (), precision)), highlight=False)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="nmnist, dvs128, shd or ssc.")],
    het: Annotated[str | None, typer.Option(help="What differs between neurons: eta,g,theta or none.")] = None,
    trainable: Annotated[
        str | None, typer.Option(help="Trained beside the weights: eta,g,theta,tau_w or none.")
    ] = None,
    preset: Annotated[str, typer.Option(help="paper or strong.")] = "strong",
    data_root: Annotated[Path | None, typer.Option(help="Folder of the data, by default HETBRIAN_DATA.")] = None,
    held_out: Annotated[float, typer.Option(help="Share of speakers or samples for validation, or 0.")] = 0.1,
    test_share: Annotated[float, typer.Option(help="Share of the training split to test, if there is no other.")] = 0.0,
    test_speakers: Annotated[str, typer.Option(help="Speakers to test, as a,b, in place of the test split.")] = "",
    seed: Annotated[int, typer.Option(help="Root seed.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints and results, by default out/train-DATASET.")
    ] = None,
    accelerator: Annotated[str, typer.Option(help="cpu, gpu or what else Lightning knows.")] = "cpu",
    devices: Annotated[int, typer.Option(help="How many of them.")] = 1,
    strategy: Annotated[str, typer.Option(help="Lightning's strategy for several devices, as ddp.")] = "auto",
    precision: Annotated[str, typer.Option(help="32-true, 64-true, bf16-mixed or 16-mixed.")] = "32-true",
):
    """Train a recurrent layer on event data; settings of preset, neuron, binning as --NAME VALUE. Goes on in --out."""
    from hetbrian.training import PRESETS, experiment
    from hetbrian.training.data import BINNINGS

    settings = PRESETS[choice(preset, "preset", PRESETS)]
    binning = BINNINGS[preset][choice(dataset, "the data set", BINNINGS[preset])]
    texts = dict(split_setting(setting) for setting in extra_settings(context.args))
    neuron = changed(settings.neuron, texts)
    settings, binning = changed(settings, texts), changed(binning, texts)
    no_more(texts, settings, neuron, binning)
    named = {name: tuple(filter(None, text.replace("none", "").split(","))) for name, text in
             (("het", het), ("trainable", trainable)) if text is not None}  # fmt: skip
    folder = writable(out or Path("out") / f"train-{dataset}", "choose another --out")
    started = time.perf_counter()
    result = experiment.train(
        dataset,
        data_root,
        preset=settings.replace(neuron=neuron, **named),
        binning=binning,
        held_out=held_out,
        test_share=test_share,
        test_speakers=_listed(test_speakers),
        seed=seed,
        folder=folder,
        accelerator=accelerator,
        devices=devices,
        strategy=strategy,
        precision=precision,
    )
    save(result, folder / "training.nc")
    console.print(
        f"test accuracy {float(result.test_accuracy):.1%} after {result.sizes['epoch']} epochs and "
        f"{time.perf_counter() - started:.0f} s; wrote {folder}/training.nc, history.csv, last.ckpt",
        soft_wrap=True,
    )


def _listed(names):
    """Return names that are divided by commas."""
    return tuple(name.strip() for name in names.split(",") if name.strip())


@app.command()
def figure(
    name: Annotated[str, typer.Argument(help="Name of a figure or table (fig3).")],
    data: Annotated[
        Path | None, typer.Option(help="Its Dataset, by default the archived one, figures/data/NAME.nc.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for PNG and PDF.")] = Path("out"),
):
    """Draw a figure from data that were computed before, and print its table."""
    module = load_protocol(find_protocol(name))
    draw = hook(module, "draw") or find_figure(name)
    if draw is None:
        raise ValueError(f"{name} draws no figure, expected a protocol with one: choose another.")
    dataset = load(data or archived(name))
    written = save_figure(draw, dataset, writable(out, "choose another --out") / Path(name).stem)
    if (summary := hook(module, "summary")) is not None:
        text = summary(dataset)
        Console().print(text, markup=False, soft_wrap=isinstance(text, str))
    console.print("wrote " + ", ".join(str(path) for path in written))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder with the results of protocols.")] = Path("out"),
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    protocols: Annotated[
        Path | None, typer.Option(help="Your folder of protocols, whose files decide claims; by default hetbrian's.")
    ] = None,
):
    """Write one page with every figure, the claims with their verdicts, settings, versions and seeds."""
    from hetbrian.study.report import collect, write

    written = write(collect(folder, functools.partial(protocol_of, folder=protocols)), out, statements(protocols))
    console.print(f"wrote {written}; it opens offline in any browser", soft_wrap=True)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def make_data(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="nmnist, dvs128, shd or ssc; or speech, from recordings of yours.")],
    out: Annotated[Path, typer.Option(help="Folder of data sets; a folder named as tonic wants it is made in it.")],
    train: Annotated[int | None, typer.Option(help="Training samples.")] = None,
    validation: Annotated[int | None, typer.Option(help="Validation samples, of ssc.")] = None,
    test: Annotated[int | None, typer.Option(help="Test samples.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same samples.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", "--workers", min=1, help="Samples that are made at once.")] = 1,
    wav: Annotated[Path | None, typer.Option(help="speech: folder of WAV and FLAC files.")] = None,
    layout: Annotated[str, typer.Option(help="speech: shd (two splits) or ssc (three).")] = "shd",
    pattern: Annotated[
        str, typer.Option(help="speech: where file names have both, as '{label}/{speaker}_*'.")
    ] = "{label}_{speaker}_*",
    test_speakers: Annotated[str, typer.Option(help="speech: who is tested, as a,b; by default a fifth, drawn.")] = "",
    validation_speakers: Annotated[str, typer.Option(help="speech: the same for the validation of ssc.")] = "",
    test_files: Annotated[str, typer.Option(help="speech: tested files in place of speakers, as '*_[0-4]'.")] = "",
):
    """Make a stand-in for a data set, or turn recorded speech into spikes (settings of the cochlea as --NAME VALUE)."""
    from hetbrian.training.data.standins.make import make_stand_in

    given = {"train": train, "validation": validation, "test": test}
    sizes = {split: size for split, size in given.items() if size is not None}
    settings = dict(split_setting(setting) for setting in extra_settings(context.args))
    if name != "speech":
        if wav is not None or settings:
            wrong = ", ".join(f"--{option}" for option in settings) or "--wav"
            raise ValueError(f"{wrong} is given for {name}, which is made up, expected it for 'speech': leave it out.")
        written = make_stand_in(name, out, sizes, seed, jobs)
        console.print(f"wrote {written}; it is a stand-in, as its STAND-IN.txt says", soft_wrap=True)
        return
    from hetbrian.training.data.cochlea import Cochlea
    from hetbrian.training.data.conversion import make_speech

    if wav is None or sizes:
        raise ValueError("speech is made of all recordings of a folder, expected --wav FOLDER and no sizes: give it.")
    cochlea = changed(Cochlea(), settings)
    no_more(settings, cochlea)
    who = {"test_speakers": _listed(test_speakers), "validation_speakers": _listed(validation_speakers)}
    written = make_speech(
        wav, out, layout=layout, pattern=pattern, **who, test_files=test_files, cochlea=cochlea, seed=seed, workers=jobs
    )
    console.print(f"wrote {written}; train on it with 'hetbrian train {layout} --data-root {out}'", soft_wrap=True)


@app.command()
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
    Console().print(table)


@app.command()
def cache(
    limit: Annotated[str | None, typer.Option(help="How large it may be from now on, as 5GB.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything that no process uses.")] = False,
):
    """Show what is cached (programs, libraries, headers, prepared recordings), limit it or clear it."""
    from hetbrian._support import cache as kept

    removed: list[kept.Entry] = []
    if limit is not None:
        size = kept.parse_size(limit, "--limit")
        kept.set_most(size)
        removed += kept.limit(size)
    if clear:
        removed += kept.clear()
    found = kept.entries()
    table = Table("kind", "number", "size", "last used", "unused for at most")
    for kind, number, size, latest, earliest in kept.summaries(found):
        ages = ("now" if latest < 1 else f"{duration(latest)} ago", duration(earliest))
        table.add_row(kind, str(number), kept.shown_size(size), *ages)
    if found:
        Console().print(table)
    total, most = (kept.shown_size(size) for size in (sum(entry.size for entry in found), kept.most()))
    said = f"{total} of at most {most} in {kept.cache_folder()}; what was used least recently goes first"
    if limit is not None or clear:
        said = f"removed {len(removed)}, {kept.shown_size(sum(entry.size for entry in removed))}; {said}"
    if clear and found:
        said += "; what is left is in use"
    console.print(escape(said), highlight=False, soft_wrap=True)


@app.command()
def devices():
    """Tell which Brian2 devices work here, and why not."""
    from hetbrian.simulation.survey import find_devices

    table = Table("device", "works here", "remark")
    for finding in find_devices():
        table.add_row(finding.device, "yes" if finding.works else "no", finding.remark)
    Console().print(table)


class _Stop:
    """Stop at once for Ctrl-C or for a request to end; Brian2 would end the simulation early, as if it were whole."""

    number = 0

    def __call__(self, number, frame):
        self.number = number
        raise KeyboardInterrupt

    def say(self, error):
        """Return what to tell of an error that came from it, as of a compiler that was stopped too."""
        while error is not None:
            if isinstance(error, KeyboardInterrupt) and str(error):
                return str(error)
            error = error.__cause__ or error.__context__
        return "Stopped; nothing was written."


def main():
    """Run the command line; errors of the user end in one sentence."""
    stop = _Stop()
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too where a shell lets background jobs ignore it
        signal.signal(number, stop)
    prefs.logging.display_brian_error_message = False
    BrianLogger.suppress_hierarchy("brian2.core.base.unused_brian_object")  # objects that an error leaves behind
    try:
        leave_no_logs()
        app(standalone_mode=True)
    except BaseException as error:
        if stop.number:
            console.print(escape(stop.say(error)), highlight=False, soft_wrap=True)
            sys.exit(128 + stop.number)
        if isinstance(error, SystemExit):
            raise
        if not isinstance(error, EXPECTED) or raised_by(error) == "user":
            lines = traceback_of_user(error)
            if not lines:
                raise
            console.print(escape(lines), highlight=False, soft_wrap=True)
            sys.exit(1)
        # escaped: the [bifurcation] in what to install is no style
        console.print(f"[bold red]Error:[/] {escape(str(error).strip())}", highlight=False, soft_wrap=True)
        sys.exit(1)
