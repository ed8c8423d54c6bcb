"""What holds for the package as a whole: layout, import order, docstrings, wheel."""

import ast
import doctest
import graphlib
import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hetbrian

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    module.name.removeprefix("hetbrian.")
    for module in pkgutil.walk_packages(hetbrian.__path__, "hetbrian.")
    if module.name != "hetbrian.__main__"
)
ROOMS = [name for name in MODULES if hasattr(importlib.import_module(f"hetbrian.{name}"), "__path__")]


NAMES = """
    FORCE RLS AllToAll Constant Distribution DivergenceError Drive Gamma Gaussian Guard Izhikevich LogNormal
    Lorentzian Program RecursiveLeastSquares Ridge SampledMonitor Target Uniform double_exponential
    exponential_activity gating gaussian_activity load load_state lorenz ode_to_joy population product_of_sines
    pulses random_weights recurrent resynthesise ridge save save_state simulate sine single_exponential sound
    temporal_signal
""".split()
LATE = {
    "Grid", "Heterogeneity", "MeanField", "Preset", "SharedAdaptation", "equilibria", "fuse", "limit_cycles", "sweep",
    "to_torch", "train",
}  # fmt: skip


def test_the_public_names():
    assert hetbrian.__all__ == NAMES and len(NAMES) == 41
    rooms = {name for name in ROOMS if "." not in name and not name.startswith("_")}
    dunder = {name for name in dir(hetbrian) if name.startswith("__")}
    assert set(dir(hetbrian)) == set(NAMES) | LATE | rooms | dunder and "__version__" in dunder
    stub = (ROOT / "hetbrian" / "__init__.pyi").read_text()
    assert set(re.findall(r"import (\w+) as \1\b", stub)) == set(NAMES) | LATE | rooms


@pytest.mark.parametrize("name", sorted(LATE))
def test_late_names_are_those_of_their_room(name):
    rooms = [importlib.import_module(f"hetbrian.{room}") for room in ROOMS]
    found = [getattr(room, name) for room in rooms if name in room.__all__]
    assert found and all(item is getattr(hetbrian, name) for item in found)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'hetbrian' has no attribute 'FROCE'"):
        hetbrian.FROCE  # noqa: B018


def python(program, folder, **options):
    """Run a program with this checkout on its path, away from it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **options)


def test_the_import_loads_no_optional_package(tmp_path):
    loaded = (
        "{'torch', 'lightning', 'dask', 'distributed', 'zarr', 'tonic', 'sklearn', 'xarray', 'rich'} & {*sys.modules}"
    )
    done = python(["-c", f"import sys, hetbrian; print(sorted({loaded}))"], tmp_path)
    assert done.stdout.strip() == "[]", done


def test_a_base_install_is_enough_to_import_all_of_it(tmp_path):
    program = (
        "import sys\n"
        "missing = 'torch lightning dask distributed zarr tonic sklearn xpplab brian2cuda'.split()\n"
        "sys.modules.update(dict.fromkeys(missing))\n"
        "from hetbrian import *\n"
        "import hetbrian\n"
        "assert FORCE is hetbrian.FORCE and hetbrian.MeanField.CA3.eta == 0.12\n"
        "hetbrian.to_torch"
    )
    done = python(["-c", program], tmp_path)
    assert done.stderr.splitlines()[-1] == (
        "ImportError: torch is not installed, expected it for training and export: pip install 'hetbrian[torch]'."
    )


@pytest.mark.slow
def test_every_module_can_be_imported_first(tmp_path):
    """What a user imports first decides where a circle of imports breaks; others are loaded once, and then forked."""
    program = (
        "import importlib, os, sys\n"
        "import brian2, lightning, matplotlib.pyplot, scipy.optimize, torch, xarray\n"
        "for name in sys.argv[1:]:\n"
        "    if (child := os.fork()) == 0:\n"
        "        importlib.import_module(name)\n"
        "        os._exit(0)\n"
        "    if os.waitpid(child, 0)[1]:\n"
        "        print(name)\n"
    )
    done = python(["-c", program, "hetbrian.nothing", *(f"hetbrian.{name}" for name in MODULES)], tmp_path)
    assert done.stdout == "hetbrian.nothing\n", done.stderr


@pytest.mark.slow
def test_a_type_checker_sees_the_names_and_types_of_the_package(tmp_path):
    """The package is typed for its users, in the installed form: without py.typed nothing of it would be seen."""
    (tmp_path / "user.py").write_text(
        "import hetbrian as hb\n\nhb.FORCE\nreveal_type(hb.sweep)\nreveal_type(hb.Preset.STRONG.n_hidden)\nhb.FROCE\n"
        "hb.FORCE(None, 't', rule='wrong')\n"
    )
    command = ["-m", "mypy", "--config-file=", "--ignore-missing-imports", "--cache-dir", tmp_path / "cache", "user.py"]
    done = python(command, tmp_path)
    said = done.stdout
    assert 'user.py:4: note: Revealed type is "def (point' in said, done
    assert 'user.py:5: note: Revealed type is "int"' in said
    assert "user.py:6: error: Module has no attribute" in said and "py.typed" not in said
    assert 'user.py:7: error: Argument "rule" to "FORCE" has incompatible type' in said
    assert done.returncode == 1 and said.count("error:") == 2


def lint_imports(folder):
    """Check the layers of a copy of the package."""
    command = [Path(sys.executable).with_name("lint-imports"), "--config", folder / "pyproject.toml", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_rooms_import_only_rooms_below_them(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "hetbrian", tmp_path / "hetbrian", ignore=shutil.ignore_patterns("__pycache__"))
    done = lint_imports(tmp_path)
    assert done.returncode == 0, done.stdout
    planted = tmp_path / "hetbrian" / "network" / "reset.py"
    planted.write_text("from hetbrian.readout.force import FORCE\n" + planted.read_text())
    done = lint_imports(tmp_path)
    assert done.returncode == 1 and "hetbrian.network.reset -> hetbrian.readout.force" in done.stdout
    planted.write_text((ROOT / "hetbrian" / "network" / "reset.py").read_text())
    planted = tmp_path / "hetbrian" / "published" / "models" / "ca3.py"
    planted.write_text("from hetbrian.published.figures import COLOURS\n" + planted.read_text())
    done = lint_imports(tmp_path)
    assert done.returncode == 1 and "published.models.ca3 -> hetbrian.published.figures" in done.stdout


def test_a_room_only_lists_its_contents():
    for path in (ROOT / "hetbrian").glob("*/**/__init__.py"):
        for node in ast.parse(path.read_text()).body:
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_contents = isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
            assert is_docstring or is_contents or isinstance(node, ast.ImportFrom), (path, node.lineno)


@pytest.mark.parametrize("name", ROOMS)
def test_no_public_function_hides_a_module(name):
    room = importlib.import_module(f"hetbrian.{name}")
    files = {module.name for module in pkgutil.iter_modules(room.__path__)}
    assert not [key for key in files & set(room.__all__) if not inspect.ismodule(getattr(room, key))]


def imports(folder):
    """Return which modules of a folder each of them imports, at its top or later."""
    files = (ROOT / "hetbrian" / "published" / folder).rglob("*.py")
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    found = {}
    for name, path in names.items():
        used = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                used |= {node.module, *(f"{node.module}.{item.name}" for item in node.names)}
            elif isinstance(node, ast.Import):
                used |= {item.name for item in node.names}
        found[name] = used & names.keys()
    return found


@pytest.mark.parametrize("folder", ["figures", "protocols", "models"])
def test_no_file_imports_itself_by_way_of_others(folder):
    graph = imports(folder)
    assert len(graph) >= 3
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    module = importlib.import_module(f"hetbrian.{name}")
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner()
    for test in finder.find(module, module.__name__):
        runner.run(test)
    # `checked` wraps functions, and doctest then takes them for another module's
    classes = [item for item in vars(module).values() if inspect.isclass(item) and item.__module__ == module.__name__]
    for item in (item for place in (module, *classes) for item in vars(place).values()):
        original = inspect.unwrap(item) if inspect.isfunction(item) else item
        if original is not item and original.__module__ == module.__name__:
            for test in finder.find(original, original.__name__, module=module):
                runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def documented(item):
    text = inspect.getdoc(item) or ""
    block = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-{3,}|\Z)", text, re.M | re.S)
    if block is None:
        return []
    names = re.findall(r"^([*\w][^:\n]*?)\s*(?::|$)", block[1], re.M)
    return [name.strip().lstrip("*") for group in names for name in group.split(",")]


def public():
    for name in MODULES:
        module = importlib.import_module(f"hetbrian.{name}")
        for key, item in vars(module).items():
            is_code = inspect.isclass(item) or inspect.isroutine(item)
            if key.startswith("_") or getattr(item, "__module__", "") != module.__name__ or not is_code:
                continue
            if name == "cli":
                continue
            yield pytest.param(item, id=f"{name}.{key}")


@pytest.mark.parametrize("item", list(public()))
def test_docstrings_name_every_parameter(item):
    call = item.__init__ if inspect.isclass(item) else item
    if inspect.isclass(item) and issubclass(item, BaseException):
        return
    try:
        signature = inspect.signature(call)
    except ValueError:
        return
    expected = {name for name in signature.parameters if name not in ("self", "args", "kwargs")}
    if inspect.isclass(item) and "__init__" not in vars(item) and not hasattr(item, "__dataclass_fields__"):
        return
    text = inspect.getdoc(item)
    assert text, "has no docstring"
    is_exported = getattr(hetbrian, item.__name__, None) is not None
    if is_exported or "Parameters\n---" in text:  # kernels of one line may say it in prose
        assert expected <= set(documented(item)), expected - set(documented(item))


@pytest.mark.slow
def test_the_wheel_works_without_the_checkout(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert not [name for name in names if not name.startswith(("hetbrian/", "hetbrian-"))]
    data = (
        "codegen/kernels/rls.h",
        "codegen/templates/cuda/force.cu",
        "torch/fused/kernels/sequence.cu",
        "study/report.html",
        "plot/hetbrian.mplstyle",
        "published/figures/data/fig4.nc",
        "_new/template/own/mystudy.py",
        "_new/template/copied/README.md",
        "py.typed",
        "__init__.pyi",
    )
    assert {f"hetbrian/{name}" for name in data} <= set(names)
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nfrom brian2 import *\nimport hetbrian as hb\n\n\n"
        "def model(rng):\n"
        "    neurons = hb.population(20, hb.Izhikevich.FORCE, hb.single_exponential(), feedback=True)\n"
        "    encoder = 1000*pA*rng.uniform(-1, 1, 20)\n"
        "    return Network(neurons, hb.FORCE(neurons, 'sin(2*pi*5*Hz*t)', encoder, every=1*ms, name='force'))\n\n\n"
        "def compute(seed=0):\n"
        "    return hb.simulate(model, 20*ms, seed=seed, device='numpy')\n"
    )
    program = (
        "import sys; sys.path[:] = [p for p in sys.path if p not in ('', %r)]; sys.path.insert(0, %r)\n"
        "import hetbrian, hetbrian.cli as cli\n"
        "assert hetbrian.__file__.startswith(%r)\n"
        "sys.argv = ['hetbrian', *%r]\ncli.main()"
    )
    for arguments in (["devices"], ["run", "mine.py", "--out", "o"]):
        done = subprocess.run(
            [sys.executable, "-c", program % (str(ROOT), str(site), str(site), arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "o" / "mine.nc").exists()
