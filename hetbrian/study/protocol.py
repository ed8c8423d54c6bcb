"""Protocol files: find them, import them, and turn words into their options."""

import ast
import contextlib
import dataclasses
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import xarray
from brian2 import DEFAULT_UNITS, Quantity
from brian2.units.fundamentalunits import DimensionMismatchError, have_same_dimensions

from hetbrian._support.checks import did_you_mean
from hetbrian._support.files import replacing
from hetbrian.simulation.program import CODEGEN_ONLY, Generated

CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds hetbrian."""


def find_protocol(name: str, folder: str | Path | None = None) -> Path:
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
    known: dict[str, Path] = {}
    for place in _places(folder):
        for path in sorted(place.glob("*.py")):
            if not path.name.startswith("_"):
                known.setdefault(path.stem, path)
    if name in known:
        return known[name]
    if not known:
        raise ValueError(
            f"{name!r} is no protocol here, expected a checkout of hetbrian or a file: "
            "give the path of a protocol, as in 'hetbrian run my_protocol.py'."
        )
    raise ValueError(
        f"{name!r} is no protocol, expected {', '.join(sorted(known))} or a .py file{did_you_mean(name, known)}"
    )


def _places(folder: str | Path | None = None) -> list[Path]:
    """Return where protocols may be: around a folder, by default the working directory, then beside hetbrian."""
    start = Path(folder or Path.cwd()).resolve()
    return [place / "protocols" for place in (start, *start.parents, CHECKOUT)]


def archived(name: str) -> Path:
    """
    Return the file with the archived data of a figure, ``figures/data/NAME.nc`` of the checkout we are in.

    Parameters
    ----------
    name : str
        Name of the protocol.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If there is none; the message lists those that are there.
    """
    known: dict[str, Path] = {}
    for place in _places():
        for path in sorted((place.parent / "figures" / "data").glob("*.nc")):
            known.setdefault(path.stem, path)
    if name in known:
        return known[name]
    raise FileNotFoundError(
        f"{name!r} has no archived data, expected {', '.join(sorted(known)) or 'a checkout of hetbrian'}: "
        f"run 'hetbrian run {name}' and give its file, --data out/{name}/{name}.nc."
    )


def statements() -> dict[str, str]:
    """
    Return the claims that the protocols here may decide.

    Returns
    -------
    dict of str to str
        Each claim's sentence by its name, from ``protocols/common/statements.py``; empty without a checkout.
    """
    for place in _places():
        path = place / "common" / "statements.py"
        if path.is_file():
            return dict(_imported("protocols.common.statements", path, place.parent).STATEMENTS)
    return {}


def load_protocol(path: Path, function: str = "compute") -> ModuleType:
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
    package = "protocols." if path.parent.name == "protocols" else ""
    module = _imported(f"{package}{path.stem}", path, path.parent.parent, path.parent)
    if not callable(getattr(module, function, None)):
        result = "an xarray Dataset" if function == "compute" else "a brian2 Network"
        raise ValueError(
            f"{path.name} has no function {function}, expected one that returns {result}: define {function}()."
        )
    return module


def _imported(name, path, *folders):
    """Return the module in a file, for which folders have become importable."""
    for folder in folders:
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def parse_value(name: str, text: str, default: Any) -> Any:
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


def options(module: Any, small: bool = False, seed: int | None = None, settings: Iterable[str] = ()) -> dict[str, Any]:
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
    given = dict(split_setting(setting) for setting in settings)
    if seed is not None:
        given["seed"] = str(seed)
    for name, text in given.items():
        if name not in known:
            raise ValueError(
                f"{name!r} is no option of {module.__name__}, expected one of {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
        default = known[name].default
        chosen[name] = parse_value(name, text, None if default is inspect.Parameter.empty else default)
    missing = [
        name for name, parameter in known.items() if parameter.default is inspect.Parameter.empty and name not in chosen
    ]
    if missing:
        raise ValueError(f"{module.__name__} needs {missing[0]}, expected a value for it: add --{missing[0]} VALUE.")
    return chosen


def generate(module: Any, arguments: dict[str, Any], folder: Path) -> str:
    """
    Write the project of a protocol's first network instead of running it.

    Parameters
    ----------
    module : module
        The protocol.
    arguments : dict
        Of its ``compute``.
    folder : Path
        Where to write.

    Returns
    -------
    str
        The folder of the project.

    Raises
    ------
    ValueError
        If it simulates no network.
    """
    token = CODEGEN_ONLY.set(folder)
    try:
        module.compute(**arguments)
    except Generated as generated:
        return str(generated)
    finally:
        CODEGEN_ONLY.reset(token)
    raise ValueError(
        f"{module.__name__} simulated no network, expected one to generate code for: leave --codegen-only out."
    )


def changed(settings: Any, texts: dict[str, str]) -> Any:
    """
    Return settings with the values that texts give, and take these texts away.

    Parameters
    ----------
    settings : dataclass
        With numbers, quantities and strings.
    texts : dict of str to str
        What was typed, by name.

    Returns
    -------
    dataclass
    """
    changes = {}
    for item in dataclasses.fields(settings):
        default = getattr(settings, item.name)
        if item.name in texts and isinstance(default, (int, float, str, Quantity)):
            changes[item.name] = parse_value(item.name, texts.pop(item.name), default)
    return dataclasses.replace(settings, **changes)


def redraw(draw: Callable[..., Any], stem: Path) -> Callable[[xarray.Dataset], None]:
    """Return what redraws a figure from a Dataset in which points may be missing."""

    def redrawn(dataset):
        with contextlib.suppress(AttributeError, IndexError, KeyError, ValueError):  # too little to draw yet
            save_figure(draw, dataset, stem, (".png",))

    return redrawn


def protocol_of(name: str) -> ModuleType | None:
    """Return the protocol of a result, or None if it is not here."""
    try:
        return load_protocol(find_protocol(name))
    except (ValueError, ImportError):
        return None


def hook(module: Any, name: str) -> Callable[..., Any] | None:
    """Return a protocol's function of a Dataset, or None; star imports bring others of the same name."""
    found = getattr(module, name, None)
    if not inspect.isfunction(found) or next(iter(inspect.signature(found).parameters), None) != "dataset":
        return None
    return found


def split_setting(setting: str) -> tuple[str, str]:
    """Return name and value of ``name=value``."""
    name, equals, value = setting.partition("=")
    if not equals or not name:
        raise ValueError(f"--set got {setting!r}, expected name=value: write --set seed=3, say.")
    return name.strip().replace("-", "_"), value.strip()


def extra_settings(arguments: Iterable[str]) -> list[str]:
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


def find_figure(name: str) -> Callable[..., Any] | None:
    """Return ``draw`` of figures/NAME.py in the protocol's checkout, or None."""
    try:
        spec = importlib.util.find_spec(f"figures.{name}")
    except ModuleNotFoundError:
        return None
    if spec is None:
        return None
    return importlib.import_module(f"figures.{name}").draw


def save_figure(
    draw: Callable[..., Any], dataset: xarray.Dataset, stem: Path, suffixes: Iterable[str] = (".png", ".pdf")
) -> list[Path]:
    """Write the figure, by default as PNG and PDF, and return their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.style.context(_styles()):
        axes = np.atleast_1d(np.asarray(draw(dataset), dtype=object)).ravel()
        figure = axes[0].figure
        if "small" in dataset.attrs:
            figure.text(0.995, 0.995, "small size", ha="right", va="top", color="0.4", fontsize=8)
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
