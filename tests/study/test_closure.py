"""What a sweep depends on: the files that its point leads to, in a made-up package and in a copy of ours."""

import shutil

import pytest

from hetbrian.published.protocols import ablation, fig4
from hetbrian.study import closure as module
from hetbrian.study import transport
from hetbrian.study.closure import closure
from hetbrian.study.transport import travelling

PACKAGE = {
    "__init__.py": "from hetbrian.near import Chair\nfrom hetbrian.far import lamp, table\n\n__version__ = '1'\n",
    "near/__init__.py": "from hetbrian.near.chair import Chair\nfrom hetbrian.near.stool import Stool\n",
    "near/chair.py": "from hetbrian._support import checks\n\n\nclass Chair:\n    def sit(self):\n"
    "        from ..far.lamp import lamp\n        return checks.check(lamp())\n",
    "near/stool.py": "from hetbrian.far import table\n",
    "near/cut/seat.h": "wood",
    "far/__init__.py": "from .lamp import lamp\nfrom .table import table\n",
    "far/lamp.py": "def lamp():\n    return 1\n",
    "far/table.py": "def table():\n    return 2\n",
    "far/table.html": "<table>",
    "lazy/__init__.py": "def __getattr__(name):\n    raise AttributeError(name)\n",
    "lazy/told.py": "told = 1\n",
    "lazy/untold.py": "untold = 1\n",
    "_support/__init__.py": "",
    "_support/checks.py": "def check(value):\n    return value\n",
    "_support/progress.py": "shown = 1\n",
}
CHAIR = {"near/chair.py", "near/cut/seat.h", "far/lamp.py", "_support/checks.py"}
STOOL = {"near/stool.py", "near/cut/seat.h", "far/table.py", "far/table.html"}


def written(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def point(tmp_path, monkeypatch):
    """Return the files of the made-up package that a text needs."""
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "hetbrian")
    written(tmp_path / "hetbrian", PACKAGE)

    def needed(text):
        (tmp_path / "mine.py").write_text(text)
        modules, package = closure("mine", tmp_path / "mine.py")
        assert modules == {"mine": tmp_path / "mine.py"}
        return {path.relative_to(tmp_path / "hetbrian").as_posix() for path in package}

    return needed


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("import hetbrian as hb\nhb.Chair.sit", CHAIR),
        ("import hetbrian\nprint(hetbrian.Chair().sit())", CHAIR),
        ("from hetbrian import Chair", CHAIR),
        ("from hetbrian.near import Chair as Other", CHAIR),
        ("from hetbrian import near\nnear.chair.Chair", CHAIR),
        ("def late():\n    from hetbrian.near.chair import Chair", CHAIR),
        ("import hetbrian.near.stool", STOOL),
        ("import hetbrian as hb\nhb.near.Stool(hb.lamp)", STOOL | {"far/lamp.py"}),
        ("import hetbrian as hb", set()),
        ("import hetbrian as hb\nhb.__version__\nhb.Chair = 1", {"__init__.py"} | CHAIR),
        ("from hetbrian._support.progress import shown", set()),
        # all of a room, if nothing tells what of it
        ("from hetbrian.far import *", {"far/__init__.py", "far/lamp.py", "far/table.py", "far/table.html"}),
        ("from hetbrian import far\nprint(far)", {"far/__init__.py", "far/lamp.py", "far/table.py", "far/table.html"}),
        ("from hetbrian import far", {"far/__init__.py", "far/lamp.py", "far/table.py", "far/table.html"}),
        ("from hetbrian.lazy import thing", {"lazy/__init__.py", "lazy/told.py", "lazy/untold.py"}),
    ],
)
def test_names_lead_to_the_files_that_make_them(point, text, needed):
    assert point(text) == needed


def test_a_stub_tells_what_a_lazy_room_makes(point, tmp_path):
    (tmp_path / "hetbrian" / "lazy" / "__init__.pyi").write_text("from hetbrian.lazy.told import thing as thing\n")
    assert point("from hetbrian.lazy import thing") == {"lazy/told.py"}
    assert "lazy/untold.py" in point("from hetbrian import lazy\nprint(lazy)")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Give sweeps a copy of hetbrian to look at."""
    folder = tmp_path / "hetbrian"
    shutil.copytree(module.PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "PACKAGE", folder)
    monkeypatch.setattr(transport, "PACKAGE", folder)
    monkeypatch.setattr(fig4, "__file__", str(folder / "published" / "protocols" / "fig4.py"))
    return folder


def test_colours_and_archived_data_are_none_of_what_a_protocol_computes_with(copied, monkeypatch):
    monkeypatch.setattr(ablation, "__file__", str(copied / "published" / "protocols" / "ablation.py"))
    found = travelling(ablation.point).hashes()
    assert "hetbrian/published/models/reservoir.py" in found
    assert not [name for name in found if "figures" in name or "hetbrian/plot" in name]


@pytest.mark.parametrize(
    ("name", "is_needed"),
    [
        ("training/data/cochlea.py", False),
        ("torch/fused/kernels/sequence.cu", False),
        ("analysis/meanfield.py", False),
        ("readout/offline.py", False),
        ("study/report.html", False),
        ("__init__.py", False),
        ("cli.py", False),
        ("readout/force.py", True),
        ("codegen/templates/cpp/force.cpp", True),
        ("codegen/templates/cuda/guard.cu", True),
        ("codegen/kernels/rls.h", True),
        ("network/distribution.py", True),
        ("simulation/program.py", True),
        ("published/__init__.py", False),
        ("published/figures/fig4.py", False),
        ("published/figures/data/fig4.nc", False),
        ("published/models/ca3.py", False),
        ("published/protocols/fig3.py", False),
        ("published/protocols/fig4.py", True),
        ("published/protocols/common/force.py", True),
        ("published/models/force.py", True),
    ],
)
def test_a_force_sweep_depends_on_what_it_computes_with(copied, name, is_needed):
    before = travelling(fig4.point).hashes()
    with open(copied / name, "a") as file:
        file.write("# edited\n")
    after = travelling(fig4.point).hashes()
    assert {key for key in before if before[key] != after[key]} == ({f"hetbrian/{name}"} if is_needed else set())
    assert before.keys() == after.keys()
