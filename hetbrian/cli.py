"""The command line: run a protocol, report its results, see which devices are available."""

import ast
import dataclasses
import difflib
import functools
import importlib.util
import inspect
import sys
import time
import types
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from brian2 import DEFAULT_UNITS, BrianLogger, Quantity, second
from brian2.units.fundamentalunits import DimensionMismatchError, have_same_dimensions
from rich.console import Console
from rich.markup import escape

from hetbrian.files import replacing
from hetbrian.guard import DivergenceError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Heterogeneous Izhikevich networks that learn, in Brian2.",
)
console = Console(stderr=True)

EXPECTED = (
    ValueError,
    OSError,
    ImportError,
    DimensionMismatchError,
    DivergenceError,
    NotImplementedError,
)
"""Errors that tell users what they can do; anything else is our mistake and keeps its traceback."""


def find_protocol(name, folder=None):
    """
    Return the file of a protocol.

    Parameters
    ----------
    name : str
        A path to a Python file, or the name of a file in ``protocols/`` of the checkout we are in.
    folder : path-like, optional
        Where to look from, by default the working directory, and then the checkout that holds hetbrian.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is no protocol; the message lists those that are there.
    """
    if name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise FileNotFoundError(f"{name!r} does not exist, expected a protocol file: check the path.")
        return path.resolve()
    start = Path(folder or Path.cwd()).resolve()
    places = [place / "protocols" for place in (start, *start.parents, Path(__file__).resolve().parents[1])]
    known: dict[str, Path] = {}
    for place in places:
        for path in sorted(place.glob("*.py")):
            if _is_protocol(path):
                known.setdefault(path.stem, path)
    if name in known:
        return known[name]
    if not known:
        raise ValueError(
            f"{name!r} is no protocol here, expected a checkout of hetbrian or a file: "
            "give the path of a protocol, as in 'hetbrian run my_protocol.py'."
        )
    raise ValueError(
        f"{name!r} is no protocol, expected {', '.join(sorted(known))} or a .py file{_did_you_mean(name, known)}"
    )


def load_protocol(path, function="compute"):
    """
    Import a protocol file.

    Parameters
    ----------
    path : Path
        The file. Its folder and, in a checkout, the folder above become importable.
    function : str
        The function that it must have.

    Returns
    -------
    module

    Raises
    ------
    ValueError
        If the module has no such function.
    """
    for folder in (path.parent.parent, path.parent):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    package = "protocols." if path.parent.name == "protocols" else ""
    spec = importlib.util.spec_from_file_location(f"{package}{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, function, None)):
        result = "an xarray Dataset" if function == "compute" else "a brian2 Network"
        raise ValueError(
            f"{path.name} has no function {function}, expected one that returns {result}: define {function}()."
        )
    return module


def parse_value(name, text, default):
    """
    Return the value of an option, of the same kind and unit as its default.

    Parameters
    ----------
    name, text : str
        The option and what was typed, e.g. ``recurrent_gain`` and ``2000*pA``.
    default : Any
        The default value; None and strings take the text as it is, several strings are divided by commas.

    Returns
    -------
    Any

    Raises
    ------
    ValueError
        If the text is no such value.
    DimensionMismatchError
        If it has another unit.
    """
    if default is None or isinstance(default, (str, Path)):
        return text
    if isinstance(default, (tuple, list)) and default and all(isinstance(item, str) for item in default):
        return tuple(item.strip() for item in text.split(",") if item.strip())
    try:
        value = _evaluate(ast.parse(text, mode="eval").body)
    except (SyntaxError, KeyError, TypeError) as error:
        raise ValueError(
            f"{name} is {text!r}, expected a value like {default!r}: write numbers and units, e.g. 2000*pA."
        ) from error
    if isinstance(default, (tuple, list)):
        return tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not have_same_dimensions(value, default):
        raise DimensionMismatchError(
            f"{name} is {text}, expected the unit of {default!r}: multiply by it",
            getattr(value, "dim", Quantity(1).dim),
            getattr(default, "dim", Quantity(1).dim),
        )
    if isinstance(default, bool):
        return bool(value)
    if isinstance(default, int) and not float(value).is_integer():
        raise ValueError(f"{name} is {text}, expected a whole number like {default}: round it.")
    return int(value) if isinstance(default, int) else value


def options(module, small=False, seed=None, settings=()):
    """
    Return the arguments of a protocol's ``compute``.

    Parameters
    ----------
    module : module
        The protocol.
    small : bool
        Whether to start from its ``SMALL`` size.
    seed : int, optional
        Its ``seed``.
    settings : iterable of str
        ``name=value`` texts.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there is no such option or the text is no value of it.
    """
    known = inspect.signature(module.compute).parameters
    chosen: dict[str, Any] = {}
    if small:
        if not hasattr(module, "SMALL"):
            raise ValueError(f"{module.__name__} has no small size, expected a dict SMALL in it: leave --small out.")
        chosen.update(module.SMALL)
    given = dict(_split(setting) for setting in settings)
    if seed is not None:
        given["seed"] = str(seed)
    for name, text in given.items():
        if name not in known:
            raise ValueError(
                f"{name!r} is no option of {module.__name__}, expected one of {', '.join(known)}"
                f"{_did_you_mean(name, known)}"
            )
        default = known[name].default
        chosen[name] = parse_value(name, text, None if default is inspect.Parameter.empty else default)
    missing = [
        name for name, parameter in known.items() if parameter.default is inspect.Parameter.empty and name not in chosen
    ]
    if missing:
        raise ValueError(f"{module.__name__} needs {missing[0]}, expected a value for it: add --{missing[0]} VALUE.")
    return chosen


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    protocol: Annotated[str, typer.Argument(help="Name of a figure or table (fig3), or your own protocol file.")],
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
    workers: Annotated[int | None, typer.Option(help="Sweep on so many processes, by default one per core.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Compute points that failed again.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Redraw the figure of a sweep while it runs.")] = False,
):
    """Compute a protocol and draw its figure. Any option of the protocol can also be given as --NAME VALUE."""
    module = load_protocol(find_protocol(protocol))
    settings = [*(set_ or []), *_extra(context.args)]
    arguments = options(module, small, seed, settings)
    if codegen_only is not None:
        _generate(module, arguments, codegen_only)
        return
    name = module.__name__.rpartition(".")[2]
    folder = out or Path("out") / name
    _check_writable(folder)
    started = time.perf_counter()
    draw = _hook(module, "draw") or _figure(name)
    if callable(getattr(module, "point", None)):
        _sweep_options(folder / "sweep", scheduler, workers, retry_failed, _redraw(draw, folder / name, watch))
    elif scheduler or workers or retry_failed or watch:
        raise ValueError(
            f"{name} does not sweep, expected a protocol with a function point: "
            "leave --scheduler, --workers, --retry-failed and --watch out."
        )
    dataset = module.compute(**arguments)
    from hetbrian.recording import save

    written = [folder / f"{name}.nc"]
    save(dataset, written[0])
    if draw is not None:
        written += _draw(draw, dataset, folder / name)
    write, summary = _hook(module, "write"), _hook(module, "summary")
    if write is not None:
        written += write(dataset, folder)
    if summary is not None:
        text = summary(dataset)
        Console().print(text, markup=False, soft_wrap=isinstance(text, str))  # lines of Markdown stay whole
    console.print(f"{time.perf_counter() - started:.0f} s; wrote " + ", ".join(str(path) for path in written))


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
    from hetbrian.compare import compare_model

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
    from hetbrian import experiment
    from hetbrian.recording import save

    settings = experiment.choose(experiment.PRESETS, "preset", preset)
    binning = experiment.choose(experiment.BINNINGS[preset], "the data set", dataset)
    texts = dict(_split(setting) for setting in _extra(context.args))
    neuron = _changed(settings.neuron, texts)
    settings, binning = _changed(settings, texts), _changed(binning, texts)
    if texts:
        known = [item.name for part in (settings, neuron, binning) for item in dataclasses.fields(part)]
        name = next(iter(texts))
        raise ValueError(f"{name!r} is no setting, expected one of {', '.join(known)}{_did_you_mean(name, known)}")
    named = {name: tuple(filter(None, text.replace("none", "").split(","))) for name, text in
             (("het", het), ("trainable", trainable)) if text is not None}  # fmt: skip
    folder = out or Path("out") / f"train-{dataset}"
    _check_writable(folder)
    started = time.perf_counter()
    result = experiment.train(
        dataset,
        data_root,
        preset=settings.replace(neuron=neuron, **named),
        binning=binning,
        held_out=held_out,
        test_share=test_share,
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


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder with the results of protocols.")] = Path("out"),
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
):
    """Write one page with every figure, the claims with their verdicts, settings, versions and seeds."""
    from hetbrian.report import collect, write

    console.print(f"wrote {write(collect(folder, _protocol_of), out)}; it opens offline in any browser", soft_wrap=True)


@app.command()
def make_data(
    name: Annotated[str, typer.Argument(help="nmnist, dvs128, shd or ssc.")],
    out: Annotated[Path, typer.Option(help="Folder of data sets; a folder named as tonic wants it is made in it.")],
    train: Annotated[int | None, typer.Option(help="Training samples.")] = None,
    validation: Annotated[int | None, typer.Option(help="Validation samples, of ssc.")] = None,
    test: Annotated[int | None, typer.Option(help="Test samples.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same samples.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Samples that are made at once.")] = 1,
):
    """Make a stand-in for a data set, in its file format: real digits, spoken words, moving arms."""
    from hetbrian.standins import make

    sizes = {"train": train, "validation": validation, "test": test}
    written = make(name, out, {split: size for split, size in sizes.items() if size is not None}, seed, jobs)
    console.print(f"wrote {written}; it is a stand-in, as its STAND-IN.txt says", soft_wrap=True)


@app.command()
def check_data(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets, by default those that are there.")] = None,
    data_root: Annotated[Path | None, typer.Option(help="Folder of data sets, by default HETBRIAN_DATA.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Let tonic download what is missing.")] = False,
):
    """Read every file of data sets, verify checksums of archives, and tell what is there."""
    from rich.table import Table

    from hetbrian.datasets import check

    table = Table("data set", "split", "samples", "classes", "speakers", "events a sample", "checksum")
    for row in check(names, data_root, download):
        table.add_row(*row)
    Console().print(table)


@app.command()
def devices():
    """Tell which Brian2 devices work here, and why not."""
    from rich.table import Table

    from hetbrian.devices import survey

    table = Table("device", "works here", "remark")
    for finding in survey():
        table.add_row(finding.device, "yes" if finding.works else "no", finding.remark)
    Console().print(table)


def main():
    """Run the command line; errors of the user end in one sentence."""
    BrianLogger.suppress_hierarchy("brian2.core.base.unused_brian_object")  # objects that an error leaves behind
    try:
        app(standalone_mode=True)
    except EXPECTED as error:
        # escaped: the [bifurcation] in what to install is no style
        console.print(f"[bold red]Error:[/] {escape(str(error).strip())}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt as stopped:
        console.print(escape(str(stopped) or "Stopped; nothing was written."), highlight=False, soft_wrap=True)
        sys.exit(130)


def _changed(settings, texts):
    """Return settings with the values that texts give, and take these texts away."""
    changes = {}
    for item in dataclasses.fields(settings):
        default = getattr(settings, item.name)
        if item.name in texts and isinstance(default, (int, float, str, Quantity)):
            changes[item.name] = parse_value(item.name, texts.pop(item.name), default)
    return dataclasses.replace(settings, **changes)


def _generate(module, arguments, folder):
    """Write the project of the protocol's first network."""
    from hetbrian.program import CODEGEN_ONLY, Generated

    CODEGEN_ONLY.set(folder)
    try:
        module.compute(**arguments)
    except Generated as generated:
        console.print(f"wrote {generated}; its README.md says how to build and run it")
    else:
        raise ValueError(
            f"{module.__name__} simulated no network, expected one to generate code for: leave --codegen-only out."
        )
    finally:
        CODEGEN_ONLY.set(None)


def _sweep_options(folder, scheduler, workers, retry_failed, watch):
    """Tell the sweep of a protocol where and how to run."""
    from hetbrian.sweep import OPTIONS, SweepOptions

    OPTIONS.set(SweepOptions(folder, scheduler, workers, retry_failed, watch))


def _redraw(draw, stem, watch):
    """Return what redraws a figure from a Dataset, or None."""
    return (lambda dataset: _draw(draw, dataset, stem, (".png",))) if watch and draw is not None else None


def _protocol_of(name):
    """Return the protocol of a result, or None if it is not here."""
    try:
        return load_protocol(find_protocol(name))
    except (ValueError, ImportError):
        return None


def _is_protocol(path):
    """Return whether a file defines ``compute``, without running it."""
    return not path.name.startswith("_") and "\ndef compute(" in path.read_text(encoding="utf-8", errors="replace")


def _hook(module, name):
    """Return a protocol's function of a Dataset, or None; star imports bring others of the same name."""
    found = getattr(module, name, None)
    if not inspect.isfunction(found) or next(iter(inspect.signature(found).parameters), None) != "dataset":
        return None
    return found


def _did_you_mean(name, known):
    near = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {near[0]!r}?" if near else ": check the spelling."


def _split(setting):
    """Return name and value of ``name=value``."""
    name, equals, value = setting.partition("=")
    if not equals or not name:
        raise ValueError(f"--set got {setting!r}, expected name=value: write --set seed=3, say.")
    return name.strip().replace("-", "_"), value.strip()


def _extra(arguments):
    """Return ``--name value`` and ``--name=value`` arguments as ``name=value`` texts."""
    settings, rest = [], list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("--"):
            raise ValueError(f"{argument!r} is not expected here, expected --NAME VALUE: put -- names before values.")
        if "=" in argument:
            settings.append(argument[2:])
        elif rest:
            settings.append(f"{argument[2:]}={rest.pop(0)}")
        else:
            raise ValueError(f"{argument} has no value, expected {argument} VALUE: give one.")
    return settings


def _evaluate(node):
    """Return the value of an expression of numbers, units, * / ** + - and sequences; nothing else runs."""
    operations = {
        ast.Mult: lambda a, b: a * b,
        ast.Div: lambda a, b: a / b,
        ast.Pow: lambda a, b: a**b,
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
    }
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, bool, str)):
        return node.value
    if isinstance(node, ast.Name):
        return DEFAULT_UNITS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left), _evaluate(node.right)
        left, right = (np.asarray(side) if isinstance(side, tuple) else side for side in (left, right))
        return operations[type(node.op)](left, right)
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(_evaluate(item) for item in node.elts)
    raise TypeError(ast.dump(node))


def _check_writable(folder):
    """Refuse a folder that cannot be written before anything is computed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".hetbrian"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(
            f"{str(folder)!r} cannot be written ({error.strerror}), expected a folder of yours: choose another --out."
        ) from error


def _figure(name):
    """Return ``draw`` of figures/NAME.py in the protocol's checkout, or None."""
    try:
        spec = importlib.util.find_spec(f"figures.{name}")
    except ModuleNotFoundError:
        return None
    if spec is None:
        return None
    return importlib.import_module(f"figures.{name}").draw


def _draw(draw, dataset, stem, suffixes=(".png", ".pdf")):
    """Write the figure, by default as PNG and PDF, and return their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.style.context(_styles()):
        axes = np.atleast_1d(np.asarray(draw(dataset), dtype=object)).ravel()
        figure = axes[0].figure
        paths = [stem.with_suffix(suffix) for suffix in suffixes]
        for path in paths:
            with replacing(path, "choose another --out") as temporary:  # a viewer may be looking
                figure.savefig(temporary)
        pyplot.close(figure)
    return paths


def _styles():
    """Return the style file of the protocol's checkout, if there is one."""
    spec = importlib.util.find_spec("figures")
    folders = list(spec.submodule_search_locations or []) if spec else []
    return [str(path) for folder in folders for path in Path(folder).glob("*.mplstyle")]
