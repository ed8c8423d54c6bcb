"""What is told of an optional package that is missing, lacks something itself, or is another version."""

import sys

import pytest

from hetbrian._support import optional


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write an optional package ``supposed`` with a text, and ask for it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(optional.NEEDED, "supposed", ("supposed.part", "sweeps", "sweep"))

    def ask(text=None):
        if text is not None:
            (tmp_path / "supposed").mkdir()
            (tmp_path / "supposed" / "__init__.py").write_text(text)
        with pytest.raises(ImportError) as raised:
            optional.supposed  # noqa: B018
        sys.modules.pop("supposed", None)
        return str(raised.value)

    return ask


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "supposed is not installed, expected it for sweeps: pip install 'hetbrian[sweep]'."),
        ("import neededby", "neededby is not installed, expected it for sweeps: pip install 'hetbrian[sweep]'."),
        (
            "",
            "supposed cannot be imported (No module named 'supposed.part'), expected a version that fits for sweeps: "
            "pip install --upgrade 'hetbrian[sweep]'.",
        ),
        (
            "raise ImportError('built for another numpy')",
            "supposed cannot be imported (built for another numpy), expected a version that fits for sweeps: "
            "pip install --upgrade 'hetbrian[sweep]'.",
        ),
    ],
)
def test_what_really_is_missing_is_named(package, text, said):
    assert package(text) == said


def test_a_package_that_lacks_something_is_not_missing(package):
    package("import neededby")
    assert optional.missing("supposed") == []
