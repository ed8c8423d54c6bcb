import functools
import importlib
import inspect
import os
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import brian2
import numpy as np
import pytest
import xarray
from brian2 import DimensionMismatchError, Quantity, kHz, ms, pA, second

import hetbrian as hb
from hetbrian import cli
from hetbrian._support.cache import cache_folder, keep
from hetbrian._support.sealed import hold, seal_of
from hetbrian.published.protocols import fig4
from hetbrian.simulation import survey
from hetbrian.simulation.record import save
from hetbrian.study import protocol as protocols
from hetbrian.study.figure import archived, find_figure
from hetbrian.study.helptext import size
from hetbrian.study.options import described, options, parse_value
from hetbrian.study.protocol import find_protocol, headline, load_protocol
from hetbrian.study.sweeps import COUNT_ONLY
from hetbrian.training.data.formats import write_bin

PROTOCOL = '''
"""A protocol of a user."""
import xarray
from brian2 import pA

SMALL = {"n": 2}


def compute(seed=0, n=10, gain=100 * pA, levels=(0.0, 1.0), label="x", fast=False):
    """Return what was asked for."""
    return xarray.Dataset({"level": ("point", list(levels)[:n])}, attrs={"gain": float(gain / pA), "seed": seed})


def draw(dataset):
    """Draw the levels."""
    from matplotlib import pyplot
    axes = pyplot.figure().add_subplot()
    axes.plot(dataset.level)
    return axes
'''


@pytest.fixture
def protocol(tmp_path):
    path = tmp_path / "my_protocol.py"
    path.write_text(PROTOCOL)
    return path


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "hetbrian", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_a_users_protocol_runs_and_its_files_land_in_the_folder(protocol, tmp_path):
    done = run("run", protocol, "--small", "--seed", 3, "--set", "gain=2*nA", "--out", tmp_path / "o", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "my_protocol.nc",
        "my_protocol.pdf",
        "my_protocol.png",
    ]
    from hetbrian.simulation.record import load

    dataset = load(tmp_path / "o" / "my_protocol.nc")
    assert dataset.attrs["gain"] == pytest.approx(2000) and dataset.attrs["seed"] == 3 and dataset.sizes["point"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fgi3",), "'fgi3' is no protocol, expected .*fig3.*did you mean 'fig3'"),
        (("nowhere.py",), "'nowhere.py' does not exist, expected a protocol file"),
        (("demo", "--set", "n_neuron=3"), "'n_neuron' is no option of .*did you mean 'n_neurons'"),
        (("demo", "--n_neurons"), "--n_neurons has no value, expected --n_neurons VALUE"),
        (("demo", "n_neurons"), "'n_neurons' is not expected here, expected --NAME VALUE"),
        (("demo", "--set", "seed"), "--set got 'seed', expected name=value"),
        (("demo", "--recurrent_gain", "3*mV"), "recurrent_gain is 3.mV, expected the unit of"),
        (("demo", "--recurrent_gain", "lots"), "recurrent_gain is 'lots', expected a value like"),
        (("demo", "--n_neurons", "1.5"), "n_neurons is 1.5, expected a whole number"),
        (("demo", "--n_neurons", "10**10**10"), r"n_neurons is '10\*\*10\*\*10', expected a value like 1000"),
        (("demo", "--n_neurons", "1/0"), "n_neurons is '1/0', expected a value like"),
        (("demo", "--n_neurons", "'a'"), "n_neurons is \"'a'\", expected a value like"),
        (("demo", "--n_neurons", "1e400"), "n_neurons is '1e400', expected a value like"),
        (("demo", "--n_neurons", "0"), "n_neurons is 0, expected an integer of at least 1"),
        (("demo", "--small", "--start", "2*second"), "start is 2. s and stop 0.6 s, expected 0 s <= start <= stop"),
        (("song",), "needs wav, expected a value for it: add --wav VALUE"),
        (("song", "--wav", "missing.wav"), "missing.wav"),
        (("song", "--small", "--wav", "x.wav"), "has no small size"),
        (("demo", "--workers", "2"), "demo does not sweep, expected a protocol with a function point: leave"),
        (("fig4", "--scheduler", "tcp://127.0.0.1:1", "--workers", "2"), "and workers 2, expected one of them"),
    ],
)
def test_mistakes_end_in_one_sentence_and_leave_nothing(arguments, message, tmp_path):
    done = run("run", *arguments, "--out", tmp_path / "o", cwd=Path(__file__).parents[1])
    said = " ".join(done.stderr.split())
    assert done.returncode == 1
    import re

    assert re.search(message, said), said
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.nc"))


def test_a_folder_that_is_a_file_is_refused_before_anything_is_computed(protocol, tmp_path):
    (tmp_path / "taken").write_text("")
    done = run("run", protocol, "--out", tmp_path / "taken", cwd=tmp_path)
    assert done.returncode == 1 and "cannot be written" in done.stderr


def test_a_protocol_without_compute_is_refused(tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"empty.py has no function compute, expected one that returns"):
        load_protocol(path)


def test_names_are_those_of_hetbrian_wherever_one_works(tmp_path, monkeypatch):
    mine = tmp_path / "protocols" / "fig3.py"
    mine.parent.mkdir()
    mine.write_text(PROTOCOL.partition("def draw")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_protocol(find_protocol("fig3")) is importlib.import_module("hetbrian.published.protocols.fig3")
    own = load_protocol(find_protocol("protocols/fig3.py"))
    assert own.__file__ == str(mine) and find_figure(own) is None  # the published figure shows other data
    with pytest.raises(
        ValueError, match=r"'fig33' is no protocol, expected ablation, .* or the path of a .py file.*'fig3'"
    ):
        find_protocol("fig33")


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("2000*pA", 1 * pA, 2000 * pA),
        ("-2*pA/ms", 1 * pA / ms, -2 * pA / ms),
        ("1e3", 0.5, 1000.0),
        ("7", 3, 7),
        ("True", False, True),
        ("1*ms + 2*ms", 1 * second, 3 * ms),
        ("(1, 2.5)", (0.0,), (1, 2.5)),
        ("4", (0.0,), (4,)),
        ("some text", "x", "some text"),
        ("shd, ssc", ("nmnist",), ("shd", "ssc")),
        ("file.wav", None, "file.wav"),
        ("3.9*kHz", None, 3.9 * kHz),
        ("3*4", None, "3*4"),
        ("2*/x", None, "2*/x"),
    ],
)
def test_values_are_parsed_like_their_defaults(text, default, value):
    parsed = parse_value("name", text, default)
    assert np.all(parsed == value) and type(parsed) is type(value)


@pytest.mark.parametrize("text", ["__import__('os').getcwd()", "print(1)", "x", "1 +", "[i for i in (1, 2)]"])
def test_values_are_numbers_and_units_only(text):
    with pytest.raises(ValueError, match="expected a value like 3: write numbers and units"):
        parse_value("name", text, 3)


@pytest.mark.parametrize(
    "text",
    [
        "((((10**63)**63)**63)**63)**63",
        "10**-400",
        "'a'*10**10",
        "('a', 'b')*10**10",
        "((1, 2), 3)*2",
        "(-8)**0.5",
        "1*mV + 1*pA",
        "(1, 2)*3",
        "1*mV**(1*pA)",
        "(1*mV, 2)*3",
    ],
)
@pytest.mark.parametrize("default", [2.0, 3, 1 * pA])
def test_what_is_no_real_number_or_too_large_is_refused_before_it_is_computed(text, default):
    with pytest.raises(ValueError, match=r"name is .*, expected a value like .*: write numbers and units, e.g. 2000"):
        parse_value("name", text, default)


def test_arithmetic_of_several_quantities_keeps_their_unit():
    found = parse_value("name", "(1*pA, 2*pA)*2", (1 * pA,))
    assert len(found) == 2 and found[0] == 2 * pA and found[1] == 4 * pA
    with pytest.raises(DimensionMismatchError, match="expected the unit of"):
        parse_value("name", "(1*pA, 2*pA)*2", (1.0,))


def test_a_flag_is_true_or_false():
    assert parse_value("name", "0", True) is False
    with pytest.raises(ValueError, match="name is 5, expected True or False: give one of them"):
        parse_value("name", "5", False)


@pytest.mark.parametrize(("text", "default"), [("True", 1), ("False", 0.5), ("(2, True)", (1, 2)), ("True", (0.5,))])
def test_a_truth_value_is_no_number(text, default):
    with pytest.raises(ValueError, match=r"name is .*, expected a number like .*: write one, not (True|False)\."):
        parse_value("name", text, default)


@pytest.mark.parametrize("default", [3, 1 * pA, 0.5, False])
def test_an_endless_text_is_not_printed_back(default):
    for text in ("+".join(8000 * "1"), 300 * "1" + "*pA*mV", 300 * "1" + ".5"):
        with pytest.raises((ValueError, DimensionMismatchError)) as refused:
            parse_value("name", text, default)
            raise ValueError("n is 7, which is right for this default")
        assert len(str(refused.value)) < 300


def test_values_keep_their_unit():
    with pytest.raises(DimensionMismatchError, match="name is 3, expected the unit of"):
        parse_value("name", "3", 1 * pA)


def test_run_without_a_name_lists_the_protocols_with_what_they_say_of_themselves(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(sys, "argv", ["hetbrian", "run"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    said = capsys.readouterr().out
    assert stop.value.code == 0
    for name, path in protocols.protocols().items():
        assert re.search(rf"\b{name} .*{re.escape(headline(path))}", said), name
        assert headline(path), f"{path} begins without a docstring"


def _same(value, expected):
    """Assert that two values are the same, up to the rounding of a unit."""
    if isinstance(expected, Quantity):
        np.testing.assert_allclose(np.asarray(value), np.asarray(expected), rtol=1e-15)
    else:
        assert value == expected


def test_help_of_a_protocol_shows_every_option_as_it_is_typed(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    done = run("run", "fig4", "--help")  # in a process of its own, since it imports the protocol anew
    said = done.stdout
    assert done.returncode == 0 and "--retry-failed" in said
    known = inspect.signature(fig4.compute).parameters
    for name, default, small, text in described(fig4):
        assert re.search(rf"--{name} .*{re.escape(default)}", said), name
        assert text, f"{name} of fig4 is not documented"
        value = parse_value(name, default, known[name].default)
        _same(value, known[name].default)
        if name in fig4.SMALL:
            _same(parse_value(name, small, known[name].default), fig4.SMALL[name])
    assert next(text for name, *_, text in described(fig4) if name == "theta") == "Reset coefficient. (float)"


def test_versions_are_shown(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["hetbrian", "--version"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"hetbrian {hb.__version__}, Brian2 {brian2.__version__}, Python 3.")


def test_devices_are_listed():
    done = run("devices")
    assert done.returncode == 0
    for device in ("runtime (numpy)", "runtime (cython)", "cpp_standalone", "cuda_standalone"):
        assert device in done.stdout


def test_what_is_said_keeps_its_brackets(monkeypatch, capsys, tmp_path):
    finding = survey.Finding("cuda_standalone", False, "pip install 'hetbrian[cuda]'")
    monkeypatch.setattr(survey, "find_devices", lambda: [finding])
    assert called(monkeypatch, "devices") == 0
    assert "'hetbrian[cuda]'" in capsys.readouterr().out
    assert called(monkeypatch, "figure", "fig3", "--out", tmp_path / "[b]") == 0
    assert "[b]" in capsys.readouterr().err.replace("\n", "")


def test_an_error_keeps_its_brackets(protocol, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "xpplab", None)
    protocol.write_text("def compute():\n    from hetbrian._support.optional import xpplab\n")
    monkeypatch.setattr(sys, "argv", ["hetbrian", "run", str(protocol), "--out", str(tmp_path / "o")])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert said.strip() == (
        "Error: xpplab is not installed, expected it for continuation: pip install 'hetbrian[bifurcation]'."
    )


MISTAKES = {
    "def compute(): pass": "compute of mine returned None, expected an xarray Dataset: return that.",
    "def compute(): return xarray.DataArray([1.0])": r"compute of mine returned <xarray.DataArray.*, expected an xar",
    "def compute(): return xarray.Dataset()\ndef draw(dataset): pass": "draw returned None, expected axes of",
    "def compute(): return xarray.Dataset()\ndef draw(dataset): return []": r"draw returned \[\], expected axes of",
    "def compute(): return xarray.Dataset()\ndef write(dataset, folder): return 5": "write of mine returned 5, ",
    "def compute(): return xarray.Dataset()\nSMALL = 5": "SMALL of mine is 5, expected a dict of values for : correct",
    "def compute(n=1): return xarray.Dataset()\nSMALL = {'m': 1}": "SMALL of mine is {'m': 1}, expected a dict",
    "def compute(): return xarray.Dataset(attrs={'s': None})": "the Dataset cannot be saved: its attribute 's'",
    "def compute(): raise SystemExit(0)": r"your code ended the process, as sys.exit\(0\) does, in mine.compute, line",
    "def compute(n, /): pass": r"the function of mine has arguments without a name, expected compute\(n=1\)",
    "compute = int": "the function of mine has arguments without a name, expected",
    "raise SystemExit\ndef compute(): pass": r"your code ended the process, as sys.exit\(None\) does, in mine.<module>",
    "def compute(): return point(1)\ndef point(i): exit()": r"your code ended the process, .*, in mine.point, line",
    "import argparse\ndef compute(): argparse.ArgumentParser().parse_args(['--help'])": r"your code ended the process",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_what_a_protocol_must_not_do_or_return_is_one_sentence(tmp_path, monkeypatch, capsys, text):
    (tmp_path / "mine.py").write_text(f"import xarray\n{text}\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    small = ["--small"] if "SMALL" in text else []
    assert called(monkeypatch, "run", tmp_path / "mine.py", *small, "--out", tmp_path / "o") == 1
    said = capsys.readouterr().err
    assert re.search(MISTAKES[text], said) and said.count("\n") == 1 and "Traceback" not in said


def test_further_arguments_are_no_options(tmp_path, monkeypatch):
    module = types.SimpleNamespace(compute=lambda n=1, *more, **others: None, __name__="open")
    assert options(module) == {} and [name for name, *_ in described(module)] == ["n"]
    with pytest.raises(ValueError, match="'others' is no option of open, expected one of n"):
        options(module, settings=["others=1"])


@pytest.mark.parametrize("text", ["SMALL = 5", "SMALL = {'m': 1}", "compute = int"])
def test_help_of_a_protocol_that_is_wrong_is_one_sentence(tmp_path, monkeypatch, capsys, text):
    (tmp_path / "mine.py").write_text(f"def compute(n=1): pass\n{text}\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert called(monkeypatch, "run", tmp_path / "mine.py", "--help") == 1
    said = capsys.readouterr().err
    assert re.search("of mine (is|has) .*, expected", said) and said.count("\n") == 1


@pytest.mark.parametrize("name", ["json", "numpy", "test", "sys", "brian2", "hetbrian", "__main__"])
def test_a_protocol_that_hides_a_module_is_refused(tmp_path, name):
    (tmp_path / f"{name}.py").write_text(PROTOCOL)
    before = sys.modules.get(name), list(sys.path)
    with pytest.raises(ValueError, match=rf"'{name}.py' is named as a Python module, .*: rename it, as to 'my_{name}"):
        load_protocol(find_protocol(str(tmp_path / f"{name}.py")))
    assert before == (sys.modules.get(name), sys.path)


def test_a_protocol_that_fails_leaves_no_half_of_a_module(tmp_path, monkeypatch):
    (tmp_path / "half_protocol.py").write_text("compute = print\n1 / 0\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ZeroDivisionError):
        load_protocol(tmp_path / "half_protocol.py")
    assert "half_protocol" not in sys.modules


@pytest.mark.parametrize("name", ["fig1", "fig3", "demo", "meanfield_check"])
@pytest.mark.parametrize("of", ["nothing", "another"])
def test_a_figure_of_another_dataset_says_what_it_lacks(tmp_path, monkeypatch, capsys, name, of):
    path = tmp_path / "x.nc"
    save(xarray.Dataset({"y": ("t", [1.0])}) if of == "nothing" else hb.load(archived("fig4")), path)
    assert called(monkeypatch, "figure", name, "--data", path, "--out", tmp_path) == 1
    said = capsys.readouterr().err
    assert re.search(
        rf"x.nc' is no whole result of {name} \((it lacks \w+|\w+Error: .*); it has .*\), expected the Dataset that "
        rf"'hetbrian run {name}' writes: give that file.",
        said,
    ), said
    assert said.count("\n") == 1 and os.listdir(tmp_path) == ["x.nc"]


def test_a_users_figure_of_another_dataset_shows_the_users_lines(protocol, tmp_path, monkeypatch, capsys):
    save(xarray.Dataset({"y": ("t", [1.0])}), tmp_path / "x.nc")
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert called(monkeypatch, "figure", protocol, "--data", tmp_path / "x.nc", "--out", tmp_path) == 1
    assert "axes.plot(dataset.level)" in capsys.readouterr().err


UNUSABLE = {
    "run my_protocol.py --out /proc/x": "'/proc/x' cannot be written",
    "run folder.py": "'folder.py' is a folder, a pipe or a device, expected a protocol file",
    "run loop.py": r"'loop.py' cannot be read \(Too many levels of symbolic links\), expected a protocol file",
    "run " + 300 * "a" + ".py": r"\(File name too long\), expected a protocol file: check the path",
    "run " + 9000 * "a": "Error: 'a{50,80}... is no protocol, expected",
    "figure fig1 --data loop.nc": r"'loop.nc' cannot be read \(Too many levels",
    "figure fig1 --data folder.py": "'folder.py' is a folder, a pipe or a device, expected a saved Dataset",
    "figure fig1 --out /proc/x": "'/proc/x' cannot be written",
    "report . --out /proc/x/r.html": "'/proc/x' cannot be written",
    "report . --out folder.py": r"'folder.py' could not be written \(Is a directory\)",
    "report nowhere": "'nowhere' holds no results",
    "report . --protocols nowhere": "'nowhere' is no folder, expected one with protocol files: check the path.",
    "report . --protocols my_protocol.py": "'my_protocol.py' is no folder, expected one with protocol files",
    "new /proc/x/y": "'/proc/x/y' cannot be written",
    "new my_protocol.py/y": "'my_protocol.py/y' cannot be written",
    "compare loop.py:model": r"'loop.py' cannot be read",
    "data make nmnist --out /proc/x": "'/proc/x' cannot be written",
    "data make speech --wav loop --out o": "'loop' is not there, expected a folder of recordings",
    "data check shd --data-root loop": "loop",
    "train shd --data-root /proc/x --out o": "'/proc/x' is not there",
}


@pytest.mark.parametrize("line", UNUSABLE, ids=lambda line: line[:60])
def test_a_path_that_cannot_be_used_is_one_sentence_in_every_command(protocol, tmp_path, monkeypatch, capsys, line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "folder.py").mkdir()
    for loop in ("loop", "loop.py", "loop.nc"):
        (tmp_path / loop).symlink_to(loop)
    save(xarray.Dataset({"y": ("t", [1.0])}), tmp_path / "y.nc")
    if "report" in line:
        (tmp_path / "loop.nc").unlink()
    assert called(monkeypatch, *line.split()) == 1
    said = capsys.readouterr().err
    assert re.search(UNUSABLE[line], said) and ", expected " in said and said.count("\n") == 1, said
    assert len(said) < 1000


@pytest.mark.parametrize(
    "arguments",
    [("compare", "force_network"), ("run", "demo"), ("train", "shd"), ("data", "make", "shd", "--out", "o")],
)
def test_a_seed_is_not_negative(monkeypatch, capsys, arguments):
    assert called(monkeypatch, *arguments, "--seed", "-1") == 2
    assert "Invalid value for '--seed'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["def model(): pass", "model = int"])
def test_a_model_without_rng_is_refused(tmp_path, monkeypatch, capsys, text):
    (tmp_path / "wrong_model.py").write_text(text)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert called(monkeypatch, "compare", tmp_path / "wrong_model.py") == 1
    assert "has arguments without a name, expected compute(n=1), or model(rng, n=1)" in capsys.readouterr().err


def test_a_model_that_returns_no_network_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "wrong_model.py").write_text("def model(rng, n=3):\n    return n\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert called(monkeypatch, "compare", tmp_path / "wrong_model.py") == 1
    assert re.search("the model of .* returned 3, expected a brian2 Network: return that", capsys.readouterr().err)


def test_texts_and_names_that_are_no_utf_8_are_one_sentence_or_work(tmp_path):
    (tmp_path / "mine.py").write_text("import xarray\ndef compute(s=''): return xarray.Dataset(attrs={'s': s})\n")
    done = run("run", "mine.py", "--s", os.fsdecode(b"a\xff"), "--out", "o", cwd=tmp_path)
    assert done.returncode == 1 and "Error: the Dataset cannot be saved: its attribute 's', expected" in done.stderr
    done = run("run", "mine.py", "--out", os.fsdecode(b"o\xff"), cwd=tmp_path)
    assert done.returncode == 0 and os.listdir(tmp_path / os.fsdecode(b"o\xff")) == ["mine.nc"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_list_that_cannot_be_printed_is_no_success():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "hetbrian", "run"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "No space left on device" in done.stderr and done.stderr.count("\n") == 1


def called(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["hetbrian", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code


@pytest.mark.parametrize("name", protocols.protocols())
def test_the_options_of_every_protocol_are_described_and_it_says_how_much_it_computes(name):
    module = load_protocol(find_protocol(name))
    rows = described(module)
    assert [option for option, *_ in rows] == list(inspect.signature(module.compute).parameters)
    assert not [option for option, *_, text in rows if not text]
    assert re.search(r"\d+ runs?\b|continuation|networks", size(module)), size(module)
    assert not hasattr(module, "SMALL") or "--small: " in size(module) or name == "fig1"


def test_runs_are_counted_and_nothing_is_computed():
    assert size(fig4) == "3300 runs of 15*second; --small: 336 runs of 15*second"
    assert not COUNT_ONLY.get()
    silent = types.SimpleNamespace(point=print, compute=lambda: 1 / 0, __name__="silent")
    assert size(silent) == ""


def test_an_option_that_is_described_elsewhere_is_looked_up_there():
    from hetbrian.published.protocols import melody

    texts = {name: text for name, *_, text in described(melody)}
    assert texts["n_pulses"].startswith("Pulses per period of the high-dimensional temporal signal")
    assert texts["recurrent_gain"].endswith("(Quantity [amp])")
    partial = types.SimpleNamespace(compute=functools.partial(melody.compute, bars=2), __name__="partial")
    assert {name: text for name, *_, text in described(partial)} == texts


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("run", "fig3", "--help"),
            ("--thetas", "reset coefficients", "960 runs of 15.second; --small: 18 runs of 1.se"),
        ),
        (("compare", "force_network", "--help"), ("--n_neurons .* 2000 ", "--precision", "Options of force_network")),
        (
            ("train", "shd", "--help"),
            ("--n_hidden", "--held-out", "--bin_width", "Settings of the preset strong for shd"),
        ),
        (("data", "--help"), ("make .*stand-in", "check .*checksums")),
    ],
)
def test_help_of_a_command_shows_the_options_of_its_argument(monkeypatch, capsys, arguments, said):
    monkeypatch.setenv("COLUMNS", "200")
    assert called(monkeypatch, *arguments) == 0
    found = capsys.readouterr().out
    for pattern in said:
        assert re.search(pattern, found, re.I), (pattern, found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare",), "compare got no network, expected one: write hetbrian compare force_network, say."),
        (("train",), "train got no data set, expected one: write hetbrian train shd, say."),
        (("compare", "force_network", "--n_neuron", "3"), "'n_neuron' is no option of force_network, .*'n_neurons'"),
        (
            ("compare", "force_network", "--set", "n_neuron=3"),
            "'n_neuron' is no option of force_network, .*'n_neurons'",
        ),
        (("train", "shd", "--n_hiden", "3"), "'n_hiden' is no setting, expected .* did you mean 'n_hidden'"),
        (("train", "shd", "--set", "n_hiden=3"), "'n_hiden' is no setting, expected .* did you mean 'n_hidden'"),
    ],
)
def test_options_are_given_in_the_same_two_ways_everywhere(monkeypatch, capsys, arguments, message):
    assert called(monkeypatch, *arguments) == 1
    assert re.search(message, capsys.readouterr().err)


def test_code_of_a_sweep_is_that_of_its_first_point(tmp_path, monkeypatch, capsys):
    small = ("--small", "--n_neurons", "20")
    assert called(monkeypatch, "run", "fig3", *small, "--codegen-only", tmp_path / "code", "--out", tmp_path / "o") == 0
    assert (tmp_path / "code" / "README.md").is_file() and (tmp_path / "code" / "main.cpp").is_file()
    assert not (tmp_path / "o").exists() and "wrote" in capsys.readouterr().err


def test_a_sweep_without_a_network_has_no_code(tmp_path, monkeypatch, capsys):
    (tmp_path / "plain.py").write_text(
        "import hetbrian as hb\n\n\ndef point(x):\n    return {'y': x}\n\n\n"
        "def compute():\n    return hb.sweep(point, hb.Grid(x=[1, 2]), workers=0)\n"
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert called(monkeypatch, "run", tmp_path / "plain.py", "--codegen-only", tmp_path / "code") == 1
    assert "point of plain simulated no network, expected one to generate code for: leave" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "lines", "last"),
    [
        ("def compute():\n    return helper.half({})\n", ["helper.half({})", 'given["x"] / 2'], "KeyError: 'x'"),
        ("def compute():\n    raise ValueError('mine')\n", ["raise ValueError('mine')"], "ValueError: mine"),
        (
            "import numpy\n\ndef compute():\n    return numpy.zeros(3).reshape(2, 2)\n",
            ["return numpy.zeros(3).reshape(2, 2)"],
            "ValueError: cannot reshape array of size 3 into shape (2,2)",
        ),
        ("import no_such_module\n", ["import no_such_module"], "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def compute()\n", ["def compute()"], "SyntaxError: expected ':'"),
        (
            "def compute():\n    try:\n        1 / 0\n    except ArithmeticError as error:\n"
            "        raise RuntimeError('then') from error\n",
            ["1 / 0", "ZeroDivisionError: division by zero", "raise RuntimeError('then') from error"],
            "RuntimeError: then",
        ),
        (
            "import hetbrian as hb\n\ndef model(rng):\n    return rng.no_such_law(3)\n\n"
            "def compute():\n    return hb.simulate(model, 1 * hb.ms, device='numpy')\n",
            ["hb.simulate(model", "rng.no_such_law(3)"],
            "AttributeError: 'numpy.random._generator.Generator' object has no attribute 'no_such_law'",
        ),
    ],
)
def test_an_error_of_a_users_protocol_shows_the_users_lines_only(monkeypatch, tmp_path, capsys, text, lines, last):
    (tmp_path / "helper.py").write_text('def half(given):\n    return given["x"] / 2\n')
    (tmp_path / "failing.py").write_text(f"import helper\nfrom brian2 import ms\n{text}".replace("hb.ms", "ms"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    assert called(monkeypatch, "run", tmp_path / "failing.py", "--out", tmp_path / "o") == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == last and all(line in said for line in lines)
    shown = [line for line in said.splitlines() if line.strip().startswith("File ")]
    assert shown and all(f'"{tmp_path}' in line for line in shown), said
    assert not (tmp_path / "o" / "failing.nc").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hb.Lorentzian(1, -1)", "Error: "),  # refused by hetbrian: the sentence says all
        ("sys.exit(3)", "Error: your code ended the process, as sys.exit(3) does, in refused.compute, line 7"),
    ],
)
def test_what_hetbrian_refuses_is_one_sentence_in_a_users_protocol_too(monkeypatch, tmp_path, capsys, text, said):
    (tmp_path / "refused.py").write_text(
        f"import sys\n\nimport hetbrian as hb\n\n\ndef compute():\n    return {text}\n"
    )
    assert called(monkeypatch, "run", tmp_path / "refused.py", "--out", tmp_path / "o") == (3 if "exit" in text else 1)
    found = capsys.readouterr().err
    assert found.startswith(said) and "Traceback" not in found and len(found.splitlines()) <= 1


def test_data_are_made_and_checked(monkeypatch, tmp_path, capsys):
    assert (
        called(monkeypatch, "data", "make", "nmnist", "--out", tmp_path, "--train", 20, "--test", 40, "--jobs", 2) == 0
    )
    assert "NMNIST; it is a stand-in" in capsys.readouterr().err
    assert called(monkeypatch, "data", "check", "--data-root", tmp_path) == 0
    shown = capsys.readouterr().out
    assert shown.count("nmnist") == 2 and shown.count("stand-in") == 2
    assert called(monkeypatch, "data", "make", "nmnist", "--out", tmp_path, "--validation", 3) == 1
    said = capsys.readouterr().err
    assert "Error: nmnist has no split 'validation', expected one of train, test" in said and "Traceback" not in said


def test_speech_is_made_of_recordings_and_checked(monkeypatch, tmp_path, capsys):
    soundfile = pytest.importorskip("soundfile")
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for word, pitch in (("no", 300.0), ("yes", 900.0)):
        for speaker in ("ann", "bob"):
            soundfile.write(sounds / f"{word}-{speaker}.wav", np.sin(2 * np.pi * pitch * np.arange(2000) / 8000), 8000)
    make = (
        "data",
        "make",
        "speech",
        "--wav",
        sounds,
        "--out",
        tmp_path,
        "--pattern",
        "{label}-{speaker}",
        "--high",
        3000,
    )
    assert called(monkeypatch, *make, "--test-speakers", "bob", "--n_channels", 50) == 0
    assert "SHD; train on it with 'hetbrian train shd --data-root" in capsys.readouterr().err.replace("\n", " ")
    assert called(monkeypatch, "data", "check", "--data-root", tmp_path) == 0
    assert capsys.readouterr().out.count("shd") == 2
    for wrong, message in (
        ((*make, "--n_chanels", 5), "'n_chanels' is no setting, expected one of n_channels, low, high"),
        (("data", "make", "speech", "--out", tmp_path), "expected --wav FOLDER and no sizes"),
        (("data", "make", "shd", "--out", tmp_path, "--wav", sounds), "--wav is given for shd, which is made up"),
        (("data", "make", "shd", "--out", tmp_path, "--high", 5), "--high is given for shd, which is made up"),
        ((*make[:-1], "True"), "high is True, expected a number like 3900.0: write one, not True"),
    ):
        assert called(monkeypatch, *wrong) == 1
        assert message in capsys.readouterr().err


def test_clips_become_samples(monkeypatch, tmp_path, capsys):
    rng, recorded, make = np.random.default_rng(0), tmp_path / "clips", ("data", "make", "gestures")
    recorded.mkdir()
    (recorded / "labels.csv").write_text("file,class\na.bs2,1\n")
    write_bin(recorded / "a.bs2", np.sort(rng.uniform(0, 0.5, 500)), *rng.integers(0, 128, (2, 500)), [True] * 500)
    cut = (*make, "--clips", recorded, "--out", tmp_path)
    assert called(monkeypatch, *cut, "--part", "50*ms") == 0
    assert "train on it with 'hetbrian train dvs128 --data-root" in capsys.readouterr().err.replace("\n", " ")
    assert called(monkeypatch, "data", "check", "--data-root", tmp_path) == 0
    assert capsys.readouterr().out.count("dvs128") == 2
    for wrong, message in (
        ((*make, "--out", tmp_path), "expected --clips FOLDER and no sizes"),
        ((*cut, "--high", 5), "expected --clips FOLDER and no sizes"),
        ((*cut, "--train", 5), "expected --clips FOLDER and no sizes"),
        ((*cut, "--wav", recorded), "expected --clips FOLDER and no sizes"),
        ((*cut, "--part", 5), "part is 5, expected"),
        (("data", "make", "shd", "--out", tmp_path, "--clips", recorded), "--clips is given for shd, expected it for"),
    ):
        assert called(monkeypatch, *wrong) == 1
        assert message in capsys.readouterr().err


def test_the_cache_is_shown_limited_and_cleared(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "kept"))
    monkeypatch.delenv("HETBRIAN_CACHE_LIMIT", raising=False)
    assert called(monkeypatch, "cache") == 0
    assert f"0 B of at most 5.0 GB in {tmp_path}/kept; what was used least" in capsys.readouterr().err
    for age, name in enumerate(("a", "b", "c")):
        (tmp_path / "made").write_bytes(bytes(1000))
        path = cache_folder() / (32 * name)
        keep(tmp_path / "made", path)
        os.utime(seal_of(path), (time.time() - 5400 * (3 - age),) * 2)
    assert called(monkeypatch, "cache", "--limit", "2.5kB") == 0
    said = capsys.readouterr()
    assert "removed 1, 1.1 kB; 2.3 kB of at most 2.5 kB" in said.err
    (row,) = (line for line in said.out.splitlines() if "programs" in line)
    assert [cell.strip() for cell in row.strip("│┃| ").split("│")] == [
        "programs",
        "2",
        "2.3 kB",
        "1 h 30 min ago",
        "3 h 0 min",
    ]
    hold(seal_of(cache_folder() / (32 * "c")))
    assert called(monkeypatch, "cache", "--clear") == 0
    said = capsys.readouterr().err
    assert "removed 1, 1.1 kB; 1.1 kB of at most 2.5 kB" in said and "what is left is in use" in said
    assert called(monkeypatch, "cache", "--limit", "lots") == 1
    assert "Error: --limit is 'lots', expected a size: write 5GB or 500MB, say." in capsys.readouterr().err


def test_without_espeak_make_data_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", "")
    assert called(monkeypatch, "data", "make", "shd", "--out", tmp_path) == 1
    assert "Error: espeak-ng is not installed, expected it on PATH to speak words: install" in capsys.readouterr().err


def test_a_report_runs_no_file_because_a_result_bears_its_name(tmp_path):
    for place, name in (("out", "evil.py"), ("out", "zz")):
        (tmp_path / place).mkdir(exist_ok=True)
        save(xarray.Dataset({"x": ("a", [1.0])}), tmp_path / place / f"{name}.nc")
    (tmp_path / "protocols").mkdir()
    for path in (tmp_path / "evil.py", tmp_path / "out" / "evil.py", tmp_path / "protocols" / "zz.py"):
        path.write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({path.name!r})\n\ndef compute(): pass\n")
    assert run("report", "out", "--out", "r.html", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "ran").exists()
    done = run("report", "out", "--out", "r.html", "--protocols", "protocols", cwd=tmp_path)  # one's own, on request
    assert done.returncode == 0 and (tmp_path / "ran").read_text() == "zz.py"


def test_the_folder_of_a_protocol_alone_is_on_the_path(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "h5netcdf.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")  # as somebody could plant it
    (tmp_path / "mine" / "beside.py").write_text("N = 2\n")
    text = PROTOCOL.replace("import xarray", "import xarray\nfrom beside import N", 1)
    (tmp_path / "mine" / "x.py").write_text(text)
    done = run("run", tmp_path / "mine" / "x.py", "--out", tmp_path / "o", cwd=tmp_path / "mine")
    assert done.returncode == 0 and not (tmp_path / "ran").exists(), done.stderr


def test_a_figure_is_drawn_from_data_that_were_computed_before(protocol, tmp_path):
    run("run", protocol, "--small", "--out", tmp_path / "o", cwd=tmp_path)
    data = tmp_path / "o" / "my_protocol.nc"
    done = run("figure", protocol, "--data", data, "--out", tmp_path / "f", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path / "f")) == ["my_protocol.pdf", "my_protocol.png"]
    done = run("figure", "demo", "--out", tmp_path / "f", cwd=tmp_path)
    assert done.returncode == 1 and "'demo' has no archived data, expected" in " ".join(done.stderr.split())


SLOW = """
from brian2 import Network, NeuronGroup, second
import hetbrian as hb

def network(rng):
    return Network(NeuronGroup(1000, "dv/dt = -v/second : 1", method="euler", name="neurons"))

def compute(device="numpy"):
    print("begun", flush=True)
    return hb.simulate(network, 1000 * second, device=device, record=("neurons.v",))
"""


@pytest.mark.parametrize("device", ["numpy", "cython"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_is_stopped_says_so_and_writes_nothing(tmp_path, device, number, status):
    (tmp_path / "slow.py").write_text(SLOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "hetbrian", "run", "slow.py", "--device", device, "--out", "o"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a shell starts a job in the background
    )
    assert process.stdout.readline() == "begun\n"
    time.sleep(5)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == status and said.splitlines()[-1] == "Stopped; nothing unfinished was written."
    assert "Traceback" not in said and "report this issue" not in said and os.listdir(tmp_path / "o") == []


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc that tells which signals a process hears")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_heard_from_the_first_moment(tmp_path, number):
    """As soon as Python has begun with hetbrian, and Brian2 is not imported yet."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hetbrian", "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a shell starts a job in the background
    )
    status = Path(f"/proc/{process.pid}/status")
    while not int(re.search(r"SigCgt:\s*(\w+)", status.read_text())[1], 16) >> (number - 1) & 1:
        time.sleep(0.001)
    process.send_signal(number)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, said, out) == (128 + number, "Stopped; nothing unfinished was written.\n", "")


AT_ONCE = """
import os, sys
from hetbrian._support.stop import Stop
from hetbrian.__main__ import main

def at_once(self, listen=Stop.listen):
    listen(self)
    os.kill(os.getpid(), int(sys.argv[2]))

Stop.listen = at_once
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_with_the_handler_is_heard(number):
    """Before anything that follows `Stop.listen` has begun, as happened once in some thousand starts."""
    done = subprocess.run([sys.executable, "-c", AT_ONCE, "run", str(int(number))], capture_output=True, text=True)
    said = "Stopped; nothing unfinished was written.\n"
    assert (done.returncode, done.stderr, done.stdout) == (128 + number, said, "")
