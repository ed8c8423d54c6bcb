"""One self-contained page: figures, claims with their verdicts, settings, versions and seeds."""

import base64
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined

from hetbrian._support.checks import returned
from hetbrian._support.files import check_regular, replacing, writable
from hetbrian._support.optional import missing
from hetbrian._support.provenance import provenance
from hetbrian.simulation.record import load
from hetbrian.study.asked import document, scripts
from hetbrian.study.claims import Claim
from hetbrian.study.figure import find_figure
from hetbrian.study.protocol import called

VERSIONS = tuple(provenance())
"""Attributes of a Dataset that tell versions; the others are settings."""

PNG = b"\x89PNG\r\n\x1a\n"
"""How every PNG begins: ISO/IEC 15948, section 5.2."""

TEMPLATE = Path(__file__).with_suffix(".html")


@dataclass(frozen=True)
class Result:
    """
    What the page says of one protocol.

    Parameters
    ----------
    name : str
        Name of the protocol, with its folder if that has another name.
    text : str
        First paragraphs of its docstring.
    image : str
        Its PNG in base64, empty if it has none.
    sizes, seeds : str
        Dimensions and seeds of its Dataset.
    settings : dict of str to str
        Attributes of the Dataset.
    claims : list of Claim
        What it decides.
    problem : str
        Why its claims could not be read.
    asked : dict, optional
        The figure to ask, see `hetbrian.study.asked.document`.
    unasked : str
        Why there is none, where there should be one.
    """

    name: str
    text: str
    image: str
    sizes: str
    seeds: str
    settings: dict[str, str]
    claims: list[Claim] = field(default_factory=list)
    problem: str = ""
    asked: dict[str, Any] | None = None
    unasked: str = ""


def collect(folder: str | Path, protocol: Callable[[str], ModuleType | None]) -> list[Result]:
    """
    Return what the results in a folder say.

    Parameters
    ----------
    folder : path-like
        Where ``hetbrian run`` wrote: ``NAME/NAME.nc`` and ``NAME.png``, at any depth.
    protocol : callable
        ``protocol(name)`` returns the protocol's module, or None if it is not there. Its docstring is shown, and its
        ``claims(dataset)`` and ``ask(dataset)`` called if it has them.

    Returns
    -------
    list of Result

    Raises
    ------
    FileNotFoundError
        If there is no result.
    ValueError
        If a result or a picture is damaged, no regular file, or a link that leads out of the folder.
    TypeError
        If ``claims`` returns something else.
    """
    files = sorted(Path(folder).rglob("*.nc"), key=lambda path: (path.stem, str(path)))
    if not files:
        raise FileNotFoundError(
            f"{str(folder)!r} holds no results, expected .nc files that 'hetbrian run' wrote: "
            "run a protocol first, or name its folder."
        )
    return [_result(path, Path(folder), protocol(path.stem)) for path in files]


def write(results: list[Result], path: str | Path, statements: Mapping[str, str] | None = None) -> Path:
    """
    Write the page.

    Parameters
    ----------
    results : list of Result
        Of `collect`.
    path : path-like
        The HTML file; it needs no other.
    statements : dict of str to str, optional
        Claims to list by name, those that no result decides too.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(path)
    text = render(results, statements)
    writable(path.parent, "choose another --out")
    with replacing(path, "choose another --out") as temporary:
        Path(temporary).write_text(text, encoding="utf-8")
    return path


def render(results: list[Result], statements: Mapping[str, str] | None = None) -> str:
    """
    Return the page as text.

    Parameters
    ----------
    results : list of Result
        Of `collect`.
    statements : dict of str to str, optional
        See `write`.

    Returns
    -------
    str
    """
    sentences = dict(statements or {})
    claims: dict[str, list[Claim]] = {name: [] for name in sentences}
    for result in results:
        for claim in result.claims:
            sentences.setdefault(claim.name, claim.statement)
            claims.setdefault(claim.name, []).append(claim)
    n_evidence = sum(len(claim.evidence) for found in claims.values() for claim in found)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.policies["json.dumps_kwargs"] = {
        "sort_keys": False
    }  # Bokeh reads what is first before what refers to it
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        results=results,
        claims=claims,
        statements=sentences,
        n_evidence=n_evidence,
        versions=provenance(),
        scripts=scripts() if any(result.asked for result in results) else [],
    )


def _result(path: Path, folder: Path, module: Any) -> Result:
    """Return what one file says; claims that cannot be computed from it are a problem to show, not to stop at."""
    _check_inside(path, folder)
    dataset = load(path)
    claims, problem = [], ""
    if "small" in dataset.attrs:
        problem = "the run is a small one, which decides nothing"
    elif callable(getattr(module, "claims", None)):
        try:
            claims = list(returned(module.claims(dataset), Iterable, called(module, "claims"), "a list of Claim"))
        except (ValueError, KeyError, AttributeError) as error:
            problem = f"{type(error).__name__}: {error}"
        for item in claims:
            returned(item, Claim, called(module, "claims"), "Claims in a list")
    asked, unasked = _asked(module, dataset)
    paragraphs = (getattr(module, "__doc__", None) or "").strip().split("\n\n")
    seeds = dataset["seed"].values if "seed" in dataset else dataset.attrs.get("seed", "")
    attributes = {str(name): _text(value) for name, value in dataset.attrs.items()}
    return Result(
        name=path.stem if path.parent.name == path.stem else f"{path.parent.name}/{path.stem}",
        text=" ".join(" ".join(paragraphs[:2]).replace("`", "").split()),
        image=_image(path.with_suffix(".png"), folder) if os.path.lexists(path.with_suffix(".png")) else "",
        sizes=", ".join(f"{size} {name}" for name, size in dataset.sizes.items()),
        seeds=", ".join(map(str, np.ravel(seeds))),
        settings=dict(sorted(attributes.items(), key=lambda item: (item[0] in VERSIONS, item[0]))),
        claims=claims,
        problem=problem,
        asked=asked,
        unasked=unasked,
    )


def _asked(module: Any, dataset: Any) -> tuple[dict[str, Any] | None, str]:
    """Return the figure to ask, or why there is none; nothing where a protocol has none."""
    ask = find_figure(module, "ask") if isinstance(module, ModuleType) else None
    if ask is None:
        return None, ""
    if missing("bokeh"):
        return None, "bokeh is not installed: pip install 'hetbrian[sweep]'"
    try:
        return document(ask, dataset, called(module, "ask")), ""
    except ImportError as error:  # what bokeh needs itself
        return None, str(error)
    except (ValueError, LookupError, AttributeError) as error:
        return None, f"{type(error).__name__}: {error}"


def _check_inside(path: Path, folder: Path) -> None:
    """Refuse a link that leads out of the folder: the page is given to others, and shows what is in the folder."""
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise ValueError(
            f"{str(path)!r} is a link that leads out of {str(folder)!r}, expected what is in it: put the file there."
        )


def _image(path: Path, folder: Path) -> str:
    """Return a picture in base64, if it is one."""
    _check_inside(path, folder)
    check_regular(path, "a picture")
    content = path.read_bytes()
    if not content.startswith(PNG):
        raise ValueError(f"{str(path)!r} is no PNG, expected the picture of a result: remove it, or draw it again.")
    return base64.b64encode(content).decode()


def _text(value: Any) -> str:
    """Return an attribute as text: dicts that were kept as JSON one entry after the other."""
    try:
        value = json.loads(value)
    except (TypeError, ValueError):
        return str(value)
    return ", ".join(f"{name} {item}" for name, item in value.items()) if isinstance(value, dict) else str(value)
