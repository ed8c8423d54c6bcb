"""Records of checks as Markdown: one page each, and the part of docs/devices.md that all of them fill."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hetbrian._support.files import replacing

BEGIN, END = "<!-- what ran: begin, made by python -m hetbrian._gpu.page -->", "<!-- what ran: end -->"

NOTHING = "No record of a GPU is committed: nothing of this has run on one yet."


def page(record: dict[str, Any]) -> str:
    """
    Return a record as a page.

    Parameters
    ----------
    record : dict
        Of `hetbrian._gpu.runner.run_checks`.

    Returns
    -------
    str
        Markdown: machine, results, numbers, and the output of what failed.
    """
    machine = "\n".join(f"* {name}: {value}" for name, value in record["machine"].items())
    parts = [f"# {record['machine']['card']}, {record['date']}", machine, _table(record["checks"])]
    for check in record["checks"]:
        if check["numbers"]:
            rows = "\n".join(f"* {name}: {_shown(value)}" for name, value in check["numbers"].items())
            parts.append(f"## {check['name']}\n\n{rows}")
        if check["output"]:
            parts.append(f"## {check['name']} {check['state']}\n\n```text\n{check['output']}\n```")
    return "\n\n".join(parts) + "\n"


def section(records: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """
    Return what docs/devices.md says of what ran where.

    Parameters
    ----------
    records : iterable of (str, dict)
        Files and their content, see `page`.

    Returns
    -------
    str
        Markdown; of each record the machine and a table of the checks.
    """
    parts = []
    for name, record in records:
        machine = record["machine"]
        named = {"driver": "driver", "CUDA toolkit": "CUDA", "git_revision": "revision"}
        named |= {name: name for name in ("hetbrian", "brian2", "brian2cuda", "torch")}
        told = ", ".join(f"{text} {machine[key]}" for key, text in named.items())
        parts += [f"### {machine['card']}\n\n{record['date']}, {told} (`{name}`)", _table(record["checks"])]
        for check in record["checks"]:
            if check["state"] == "failed":
                parts.append(f"`{check['name']}` failed:\n\n```text\n{check['output']}\n```")
    return "\n\n".join(parts or [NOTHING])


def fill(page: Path, folder: Path) -> None:
    """
    Write what ran where into a page, between its two comments.

    Parameters
    ----------
    page : Path
        The page.
    folder : Path
        Of the records, ``*.json``.

    Raises
    ------
    ValueError
        If the page lacks the comments.
    """
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(
            f"{str(page)!r} has no comments {BEGIN!r} and {END!r}, expected both: write them where it goes."
        )
    records = [(path.name, json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    with replacing(page, "choose another page") as temporary:
        Path(temporary).write_text(f"{before}{BEGIN}\n\n{section(records)}\n\n{END}{after}")


def _table(checks):
    """Return the results as a table."""
    rows = [f"| {check['name']} | {check['shows']} | {check['state']} | {check['seconds']:.0f} |" for check in checks]
    return "\n".join(["| check | what it shows | result | s |", "|---|---|---|---|", *rows])


def _shown(value):
    """Return a number with three digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    fill(*map(Path, sys.argv[1:]))
