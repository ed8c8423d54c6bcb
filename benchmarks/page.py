"""Tables of the benchmarks, for a terminal and for docs/speed.md: ``python -m benchmarks page`` writes them anew.

What was measured is in ``docs/speed/NAME.json``, NAME one of `MEASURED`; a table stands in the page between the
comments ``<!-- TABLE -->`` and ``<!-- end of TABLE -->``.
"""

import importlib
import json
import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
MEASURED = ("force", "statistics")


def show(tables):
    """Print tables, by name a header and rows."""
    from rich.console import Console
    from rich.table import Table

    for header, rows in tables.values():
        table = Table(*header)
        for row in rows:
            table.add_row(*row)
        Console(width=160).print(table)


def markdown(header, rows):
    """Return a table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(text, tables):
    """
    Return a page with tables in their places.

    Parameters
    ----------
    text : str
        The page.
    tables : dict of str to (list of str, list of list of str)
        Header and rows by name.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the page has no place for a table.
    """
    for name, table in tables.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not place.search(text):
            raise ValueError(
                f"the page has no place for the table {name!r}, expected <!-- {name} -->: add both comments."
            )
        text = place.sub(lambda found, table=table: f"{found[1]}\n{markdown(*table)}\n\n{found[2]}", text)
    return text


def current():
    """Return docs/speed.md with the tables of what is measured."""
    text = (DOCS / "speed.md").read_text(encoding="utf-8")
    for name in MEASURED:
        rows = json.loads((DOCS / "speed" / f"{name}.json").read_text(encoding="utf-8"))
        text = written(text, importlib.import_module(f"benchmarks.{name}").tables(rows))
    return text


def main(arguments):
    """Write the tables and the figure of docs/speed.md."""
    from benchmarks import force

    if arguments:
        raise SystemExit(f"page got {' '.join(arguments)}, expected no options: leave them out.")
    (DOCS / "speed.md").write_text(current(), encoding="utf-8")
    force.draw(json.loads((DOCS / "speed" / "force.json").read_text(encoding="utf-8")), DOCS / "force_speed.png")
