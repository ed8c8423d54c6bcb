import datetime
import enum
import functools
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray
from brian2 import mV, pA

import hetbrian as hb
from hetbrian.network.reset import RESETS, Reset
from hetbrian.study.identity import exact

ROOT = Path(__file__).parents[2]
LONG = np.linspace(0, 1, 5000)
Pair = namedtuple("Pair", "a b")


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Settings:
    gains: object
    hidden: object = field(default=None, repr=False)


class Learner:
    """Say nothing of what was learnt."""

    def __init__(self, weights):
        self.weights = weights

    def __repr__(self):
        return "Learner()"


def doubled(x):
    return 2 * x


def changed(array):
    other = array.copy()
    other[2500] = np.nextafter(other[2500], 1)
    return other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, changed(LONG)),
        (LONG * pA, changed(LONG) * pA),
        (LONG * pA, LONG * mV),
        (LONG, LONG.astype(np.float32)),
        (LONG, LONG.reshape(2, -1)),
        (LONG, LONG * pA / pA * 1 * pA),
        (np.zeros((0, 2)), np.zeros((0, 3))),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (np.array([{"a": LONG}], dtype=object), np.array([{"a": changed(LONG)}], dtype=object)),
        (np.ma.masked_array([1, 2], [0, 1]), np.ma.masked_array([1, 2], [1, 0])),
        (1 / 3 * pA, 0.33333333 * pA),
        (1 * pA, 1 * mV),
        (0.1, np.nextafter(0.1, 1)),
        (1, 1.0),
        (1, "1"),
        ([1], (1,)),
        ([LONG], [changed(LONG)]),
        ({"a": (LONG,)}, {"a": (changed(LONG),)}),
        ({1, 2}, {1, 3}),
        (Pair(1, LONG), Pair(1, changed(LONG))),
        (Settings(LONG), Settings(changed(LONG))),
        (Settings(1, LONG), Settings(1, changed(LONG))),
        (SimpleNamespace(gain=1 / 3 * pA), SimpleNamespace(gain=0.33333333 * pA)),
        (Learner(LONG), Learner(changed(LONG))),
        (functools.partial(doubled, x=LONG), functools.partial(doubled, x=changed(LONG))),
        (Learner(1).__repr__, Learner(2).__repr__),
        (xarray.DataArray(LONG, dims="t"), xarray.DataArray(changed(LONG), dims="t")),
        (xarray.Dataset({"x": ("t", LONG)}), xarray.Dataset({"x": ("t", changed(LONG))})),
        (doubled, changed),
        (np.sin.__class__, np.mean),
        (len, max),
        (hb.Lorentzian(0 * pA, 1 / 3 * pA), hb.Lorentzian(0 * pA, 0.33333333 * pA)),
        (Reset("mine", "v = v_reset"), Reset("mine", "v = v_r")),
        (Reset("mine", "v = v_r", mean=doubled), Reset("mine", "v = v_r", mean=changed)),
        (hb.Izhikevich.FORCE, hb.Izhikevich.FORCE.replace(eta=(1000 + 1e-9) * pA)),
        (hb.Izhikevich, hb.Lorentzian),
        (Colour.RED, Colour.BLUE),
        (Path("a"), Path("b")),
        (range(3), range(4)),
        (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)),
    ],
)
def test_what_differs_has_another_text(one, other):
    assert exact(one, "p") != exact(other, "p")
    assert "0x" not in exact(one, "p") and "..." not in exact(one, "p")


def test_short_values_can_be_read():
    assert exact(0.1, "p") == "0.1" and exact(200 * pA, "p") == "200.0 * pamp" and exact("eta", "p") == "'eta'"
    assert exact([0.1, 2 * mV], "p") == "[0.1, 2.0 * mvolt]"
    assert exact([1, 2] * mV, "p") == "array([0.001, 0.002], <f8) * volt"
    assert exact(np.mean, "p") == "numpy.mean" and exact(len, "p") == "builtins.len"
    assert exact(hb.Lorentzian(0 * pA, 1 * pA), "p") == repr(hb.Lorentzian(0 * pA, 1 * pA))
    assert exact(RESETS["capped"], "p").startswith(repr(RESETS["capped"]))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            object(),
            r"p is a builtins.object, whose text does not say what it holds, expected .*: give",
        ),
        (np.random.default_rng(1), r"p is a numpy.random\._generator.Generator, whose text"),
        ([1, {"a": object()}], r"p\[1\]\['a'\] is a builtins.object, whose text"),
        (iter([1]), r"p is a builtins.list_iterator, whose text"),
        (Settings(object()), r"p\['gains'\] is a builtins.object, whose text"),
        (lambda x: x, r"p is .*<lambda>, expected a function or class at the top of a module: write it there with def"),
        (functools.partial(lambda x: x), r"p\['func'\] is .*<lambda>, expected a function"),
        (object().__str__, r"p.* is a .*, whose text"),
    ],
)
def test_what_no_text_describes_is_refused_by_name(value, message):
    with pytest.raises(TypeError, match=message):
        exact(value, "p")


def test_the_text_is_the_same_in_another_process():
    script = (
        "import numpy as np\n"
        "from brian2 import pA\n"
        "import hetbrian as hb\n"
        "from hetbrian.study.identity import exact\n"
        "from tests.study.points import scaled\n"
        "value = [scaled, hb.FORCE, {'b', 'a', 'c'}, np.arange(3000) * pA, hb.Izhikevich.FORCE]\n"
        "print(exact(value, 'p'))"
    )
    command = [sys.executable, "-c", script]
    texts = {subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(texts) == 1 and "tests.study.points.scaled" in texts.pop()
