import re
from pathlib import Path

import pytest

from hetbrian.torch.limits import LIMITS, ROWS, ExportError, refused, table

ROOT = Path(__file__).parents[2]


def test_the_page_has_the_table_of_the_list():
    assert table() in (ROOT / "docs/torch.md").read_text()


def test_every_limit_is_used_and_nothing_else_is_refused():
    """A refusal that is not in the list would not be in the table either."""
    sources = [path.read_text() for path in (ROOT / "hetbrian").rglob("*.py") if path.name != "limits.py"]
    used = {name for text in sources for name in re.findall(r"refused\(\s*\"([^\"]+)\"", text)}
    assert used == set(LIMITS)
    assert not any("raise ExportError" in text for text in sources)
    assert {item.row for item in LIMITS.values()} <= set(ROWS)


def test_an_error_is_one_sentence():
    error = refused("range", "'a' of group is 1e-50", "more")
    assert isinstance(error, ExportError) and isinstance(error, NotImplementedError)
    assert str(error) == "'a' of group is 1e-50, expected more: use dtype=torch.float64."
    with pytest.raises(KeyError):
        refused("what nobody lists", "", "")
