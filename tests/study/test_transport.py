import dataclasses
import importlib
import inspect
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hetbrian.study.transport import OtherSources, travelling

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A user's folder: a package without __init__.py, a module beside it, a relative and a late import."""
    package = tmp_path / "mypackage"
    package.mkdir()
    (package / "point.py").write_text(
        "import numpy as np\nimport mynumbers\nfrom .near import near\n\n\n"
        "def point(seed):\n"
        "    from mypackage.late import late\n"
        "    return {'x': mynumbers.VALUE * seed + near() + late()}\n\n\n"
        "def outer():\n    def inner():\n        pass\n    return inner\n"
    )
    (package / "near.py").write_text("def near():\n    return 100\n")
    (package / "late.py").write_text("def late():\n    return 1000\n")
    (package / "unused.py").write_text("raise RuntimeError\n")
    (tmp_path / "mynumbers.py").write_text("VALUE = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("mypackage.point")
    for name in [name for name in sys.modules if name.startswith(("mypackage", "mynumbers"))]:
        del sys.modules[name]


def test_the_module_and_what_it_imports_travel_and_nothing_else(project):
    found = travelling(project.point)
    assert [name for name, _, _ in found.modules] == [
        "mynumbers",
        "mypackage",
        "mypackage.late",
        "mypackage.near",
        "mypackage.point",
    ]
    assert (found.module, found.name) == ("mypackage.point", "point")
    assert set(found.hashes()) == {name for name, _, _ in found.modules}  # nothing of hetbrian


def test_a_process_without_the_files_calls_the_function(project, tmp_path):
    import pickle

    (tmp_path / "s").write_bytes(pickle.dumps(travelling(project.point)))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = (
        "import pickle, sys, inspect\n"
        "function = pickle.load(open(sys.argv[1], 'rb')).load()\n"
        "print(function(2)['x'], 'late import' in inspect.getsource(function) or 'late' in inspect.getsource(function))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "s"], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1114", "True"]


def test_changed_text_replaces_what_was_loaded_before(project, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    old = travelling(project.point)
    file = Path(project.__file__).parent.parent / "mynumbers.py"
    file.write_text("VALUE = 9\n")
    new = travelling(project.point)
    assert old.hashes()["mynumbers"] != new.hashes()["mynumbers"]
    assert [item.load()(1)["x"] for item in (old, new, old)] == [1107, 1109, 1107]
    assert old.load() is old.load()  # so that a worker finds its program again


def test_published_protocols_are_there_where_hetbrian_is():
    from hetbrian.published.protocols import fig4

    found = travelling(fig4.point)
    assert found.modules == () and found.load() is fig4.point
    names = {name for name, _ in found.package}
    assert {f"published/{name}.py" for name in ("protocols/fig4", "protocols/common/force", "models/force")} <= names


def test_functions_without_a_file_are_refused(project):
    namespace: dict = {"__name__": "nowhere"}
    exec("def typed():\n    pass", namespace)
    for function in (lambda: 0, project.outer(), namespace["typed"]):
        with pytest.raises(ValueError, match=r"expected one at the top of a file, whose text can travel to other proc"):
            travelling(function)


def test_a_script_is_sent_under_its_own_name(tmp_path):
    script = tmp_path / "myscript.py"
    script.write_text(
        textwrap.dedent("""
        def point(seed):
            return {"x": seed}

        if __name__ == "__main__":
            from hetbrian.study.transport import travelling
            found = travelling(point)
            print(found.module, [name for name, _, _ in found.modules])
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "myscript ['myscript']"


def test_another_hetbrian_is_refused(project):
    found = dataclasses.replace(travelling(project.point), package=(("analysis/score.py", "0"), ("no.py", "1")))
    with pytest.raises(
        OtherSources, match=r"differs from the one that started the sweep, in analysis/score.py; expected the sam"
    ):
        found.load()


def test_sources_are_shown_in_tracebacks(project, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    function = travelling(project.point).load()
    assert inspect.getsource(function).startswith("def point(seed):")
