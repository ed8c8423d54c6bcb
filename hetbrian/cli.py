"""The command line: run a protocol, report its results, see which devices are available."""

import functools
import inspect
import platform
import time
import types
from pathlib import Path
from typing import Annotated

import brian2
import numpy as np
import typer
from brian2 import BrianLogger, Network, prefs, second
from rich.table import Table

from hetbrian import __version__
from hetbrian._support.checks import choice, did_you_mean, returned, shown
from hetbrian._support.consoles import plain
from hetbrian._support.ending import end_well
from hetbrian._support.files import writable
from hetbrian._support.leftovers import leave_nothing
from hetbrian._support.progress import duration
from hetbrian._support.stop import Stop
from hetbrian.datacli import data
from hetbrian.simulation.record import load, save
from hetbrian.simulation.watching import WATCH
from hetbrian.study.figure import RunPicture, archived, find_figure, redraw, refusing_others, save_figure
from hetbrian.study.helptext import options_table, protocol_table, protocols_table
from hetbrian.study.options import (
    changed,
    described,
    described_settings,
    extra_settings,
    listed,
    no_more,
    options,
    parse_value,
    split_setting,
)
from hetbrian.study.protocol import (
    called,
    computed,
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
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Heterogeneous Izhikevich networks that learn, in Brian2.",
)


def _protocol_names(incomplete: str) -> list[tuple[str, str]]:
    """Return what the Tab key offers for a protocol."""
    return [(name, headline(path)) for name, path in protocols().items() if name.startswith(incomplete)]


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


console = plain(stderr=True)


WITH_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""For commands whose options depend on an argument; their --help shows these too."""


@app.command(context_settings=WITH_OPTIONS)
def run(
    context: typer.Context,
    protocol: Annotated[
        str | None,
        typer.Argument(
            help="Name of a figure or table (fig3), or your own protocol file; none lists all.",
            autocompletion=_protocol_names,
        ),
    ] = None,
    small: Annotated[bool, typer.Option(help="Use the protocol's small size.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="name=value; units as in Brian2.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Root seed.")] = None,
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
    watch: Annotated[
        bool, typer.Option("--watch", help="Redraw a picture while it runs: the sweep's figure, or a run's output.")
    ] = False,
    help_: Annotated[bool, typer.Option("--help", help="Show this message, and options of the protocol.")] = False,
):
    """Compute a protocol and draw its figure. Any option of the protocol can also be given as --NAME VALUE."""
    if help_:
        print(context.get_help())
    if protocol is None:
        if not help_:
            plain().print(protocols_table())
        return
    module = load_protocol(find_protocol(protocol))
    if help_:
        plain().print(protocol_table(module))
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
    draw = find_figure(module)
    swept = OPTIONS.get()
    is_sweep = callable(getattr(module, "point", None))
    if is_sweep:
        redrawn = redraw(draw, folder / name) if watch and draw is not None else None
        swept = SweepOptions(folder / "sweep", scheduler, workers, retry_failed, redrawn)
    elif scheduler or workers is not None or retry_failed:
        raise ValueError(
            f"{name} does not sweep, expected a protocol with a function point: "
            "leave --scheduler, --workers and --retry-failed out."
        )
    picture = RunPicture(folder / "watch") if watch and not is_sweep else None
    token, watched = OPTIONS.set(swept), WATCH.set(picture)
    try:
        dataset = computed(module, arguments)
    finally:
        OPTIONS.reset(token)
        WATCH.reset(watched)
    if picture is not None and not picture.paths:
        console.print(f"--watch drew nothing: {name} ran no network in this process")
    if small:
        dataset = dataset.assign_attrs(small=1)  # figures say so, and nothing is decided by it
    written = [folder / f"{name}.nc"]
    save(dataset, written[0])
    written += picture.paths if picture is not None else []
    if draw is not None:
        written += save_figure(draw, dataset, folder / name)
    write, summary = hook(module, "write"), hook(module, "summary")
    if write is not None:
        written += returned(write(dataset, folder), (list, tuple), called(module, "write"), "a list of paths")
    if summary is not None:
        text = summary(dataset)
        plain().print(text, soft_wrap=isinstance(text, str))  # lines of Markdown stay whole
    console.print(f"{time.perf_counter() - started:.0f} s; wrote " + ", ".join(str(path) for path in written))


@app.command(context_settings=WITH_OPTIONS)
def compare(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(help="Name of a published network (force_network), or your FILE.py:FUNCTION(rng, ...)."),
    ] = None,
    duration: Annotated[str, typer.Option(help="How long to run.")] = "100*ms",
    group: Annotated[str, typer.Option(help="Name of the group to export.")] = "neurons",
    inputs: Annotated[list[str] | None, typer.Option("--input", help="Variable that Brian2 sets from outside.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="name=value of the model; units as in Brian2.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 0,
    precision: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    help_: Annotated[bool, typer.Option("--help", help="Show this message, and options of the network.")] = False,
):
    """Run a group in Brian2 and its torch module, and tell where they part. Options of the network as --NAME VALUE."""
    if help_:
        print(context.get_help())
    if model is None:
        if not help_:
            raise ValueError("compare got no network, expected one: write hetbrian compare force_network, say.")
        return
    build = functools.partial(_network(model), np.random.default_rng(seed))
    network = types.SimpleNamespace(compute=build, __name__=model)
    if help_:
        plain().print(options_table(f"Options of {model}", described(network)))
        return
    from hetbrian.torch.comparison import compare_model

    arguments = options(network, settings=[*(set_ or []), *extra_settings(context.args)])
    length = parse_value("duration", duration, 1 * second)
    built = returned(build(**arguments), Network, called(network, "the model"), "a brian2 Network")
    plain().print(str(compare_model(built, length, group, inputs or (), precision)), highlight=False)


def _network(model):
    """Return the function that builds a network: a published one by its name, or one in a file."""
    from hetbrian import published

    file, _, function = model.partition(":")
    if file.endswith(".py"):
        function = function or "model"
        return getattr(load_protocol(find_protocol(file), function), function)
    public = {name: getattr(published, name) for name in published.__all__}
    known = {name: item for name, item in public.items() if inspect.signature(item).return_annotation is Network}
    if model not in known:
        raise ValueError(
            f"{shown(model)} is no network, expected {', '.join(known)} or FILE.py:FUNCTION{did_you_mean(model, known)}"
        )
    return known[model]


@app.command(context_settings=WITH_OPTIONS)
def train(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="nmnist, dvs128, shd or ssc.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="name=value; units as in Brian2.")] = None,
    het: Annotated[str | None, typer.Option(help="What differs between neurons: eta,g,theta or none.")] = None,
    trainable: Annotated[
        str | None, typer.Option(help="Trained beside the weights: eta,g,theta,tau_w or none.")
    ] = None,
    preset: Annotated[str, typer.Option(help="paper or strong.")] = "strong",
    data_root: Annotated[Path | None, typer.Option(help="Folder of the data, by default HETBRIAN_DATA.")] = None,
    held_out: Annotated[float, typer.Option(help="Share of speakers or samples for validation, or 0.")] = 0.1,
    test_share: Annotated[float, typer.Option(help="Share of the training split to test, if there is no other.")] = 0.0,
    test_speakers: Annotated[str, typer.Option(help="Speakers to test, as a,b, in place of the test split.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints and results, by default out/train-DATASET.")
    ] = None,
    accelerator: Annotated[str, typer.Option(help="cpu, gpu or what else Lightning knows.")] = "cpu",
    devices: Annotated[int, typer.Option(help="How many of them.")] = 1,
    strategy: Annotated[str, typer.Option(help="Lightning's strategy for several devices, as ddp.")] = "auto",
    precision: Annotated[str, typer.Option(help="32-true, 64-true, bf16-mixed or 16-mixed.")] = "32-true",
    playback: Annotated[
        int, typer.Option(min=0, help="So many test samples are played to the trained layer in Brian2, and compared.")
    ] = 0,
    playback_devices: Annotated[str, typer.Option(help="Brian2's devices for it.")] = "numpy,cpp_standalone",
    help_: Annotated[bool, typer.Option("--help", help="Show this message, and settings of the data set.")] = False,
):
    """Train a recurrent layer on event data; settings of preset, neuron, binning as --NAME VALUE. Goes on in --out."""
    if help_:
        print(context.get_help())
    if dataset is None:
        if not help_:
            raise ValueError("train got no data set, expected one: write hetbrian train shd, say.")
        return
    from hetbrian.training import PRESETS, agreement, experiment, picture
    from hetbrian.training.data import BINNINGS
    from hetbrian.training.preset import UNREAD

    settings = PRESETS[choice(preset, "preset", PRESETS)]
    binning = BINNINGS[preset][choice(dataset, "the data set", BINNINGS[preset])]
    if help_:
        title = f"Settings of the preset {preset} for {dataset}"
        parts = described_settings(settings, settings.neuron, binning, without=UNREAD)
        plain().print(options_table(title, parts))
        return
    texts = dict(split_setting(setting) for setting in [*(set_ or []), *extra_settings(context.args)])
    neuron = changed(settings.neuron, texts, without=UNREAD)
    settings, binning = changed(settings.replace(neuron=neuron), texts), changed(binning, texts)
    no_more(texts, settings, neuron, binning, without=UNREAD)
    named = {name: tuple(filter(None, text.replace("none", "").split(","))) for name, text in
             (("het", het), ("trainable", trainable)) if text is not None}  # fmt: skip
    folder = writable(out or Path("out") / f"train-{dataset}", "choose another --out")
    started = time.perf_counter()
    result = experiment.train(
        dataset,
        data_root,
        preset=settings.replace(**named),
        binning=binning,
        held_out=held_out,
        test_share=test_share,
        test_speakers=listed(test_speakers),
        seed=seed,
        folder=folder,
        accelerator=accelerator,
        devices=devices,
        strategy=strategy,
        precision=precision,
        playback=playback,
        playback_devices=listed(playback_devices),
    )
    save(result, folder / "training.nc")
    save_figure(picture.draw, result, folder / "training", (".png",))
    console.print(
        f"test accuracy {float(result.test_accuracy):.1%} after {result.sizes['epoch']} epochs and "
        f"{time.perf_counter() - started:.0f} s; wrote {folder}/training.nc, training.png, history.csv, last.ckpt",
        soft_wrap=True,
    )
    if playback:
        plain().print(agreement.summary(result), highlight=False, soft_wrap=True)


@app.command()
def figure(
    name: Annotated[str, typer.Argument(help="Name of a figure or table (fig3).", autocompletion=_protocol_names)],
    data: Annotated[Path | None, typer.Option(help="Its Dataset, by default the archived one.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for PNG and PDF.")] = Path("out"),
):
    """Draw a figure from data that were computed before, and print its table."""
    module = load_protocol(find_protocol(name))
    draw = find_figure(module)
    if draw is None:
        raise ValueError(f"{name} draws no figure, expected a protocol with one: choose another.")
    path = data or archived(name)
    dataset = load(path)
    folder, summary = writable(out, "choose another --out"), hook(module, "summary")
    with refusing_others(dataset, path, Path(name).stem):
        text = None if summary is None else summary(dataset)
        written = save_figure(draw, dataset, folder / Path(name).stem)
    if summary is not None:
        plain().print(text, soft_wrap=isinstance(text, str))
    console.print("wrote " + ", ".join(str(path) for path in written))


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="A new folder, whose name the study gets.")],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Begin with a copy of a published protocol (fig3); hetbrian run lists them.",
            autocompletion=_protocol_names,
        ),
    ] = None,
):
    """Write a study of your own: model, protocol, figure, test and README, which run at once and are to be edited."""
    from hetbrian._new import write_study

    first, *others = write_study(folder, from_)
    console.print(f"wrote {first} and {', '.join(path.name for path in others)}", soft_wrap=True)
    console.print(f"next: hetbrian run {first} --small", soft_wrap=True)


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


app.add_typer(data, name="data")


@app.command()
def cache(
    limit: Annotated[str | None, typer.Option(help="How large it may be from now on, as 5GB.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything that no process uses.")] = False,
):
    """Show what is cached (programs and what they are made of, prepared recordings), limit it or clear it."""
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
        plain().print(table)
    total, most = (kept.shown_size(size) for size in (sum(entry.size for entry in found), kept.most()))
    said = f"{total} of at most {most} in {kept.cache_folder()}; what was used least recently goes first"
    if limit is not None or clear:
        said = f"removed {len(removed)}, {kept.shown_size(sum(entry.size for entry in removed))}; {said}"
    if clear and found:
        said += "; what is left is in use"
    console.print(said, highlight=False, soft_wrap=True)


@app.command()
def devices(
    check: Annotated[bool, typer.Option("--check", help="Run all that uses a GPU, and keep what was found.")] = False,
    minutes: Annotated[float, typer.Option(help="How long the checks may take.")] = 15.0,
    out: Annotated[Path, typer.Option(help="Folder for gpu.json and gpu.md.")] = Path("out") / "gpu",
):
    """Tell which Brian2 devices work here, and why not; or check a GPU."""
    if check:
        from hetbrian._gpu.__main__ import check as check_gpu

        raise typer.Exit(check_gpu(minutes, out))
    from hetbrian.simulation.survey import find_devices

    table = Table("device", "works here", "remark")
    for finding in find_devices():
        table.add_row(finding.device, "yes" if finding.works else "no", finding.remark)
    plain().print(table)


def main(stop: Stop | None = None) -> None:
    """Run the command line; errors of the user end in one sentence."""
    stop = stop or Stop()
    stop.listen()  # Brian2 puts a handler of its own in front when it is imported
    prefs.logging.display_brian_error_message = False
    BrianLogger.suppress_hierarchy("brian2.core.base.unused_brian_object")  # objects that an error leaves behind

    def command():
        leave_nothing()
        app(standalone_mode=True)

    end_well(command, console, stop)
