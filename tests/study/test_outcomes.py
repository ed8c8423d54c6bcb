import json
import os
import signal
import sys

import numpy as np
import pytest
import xarray
from brian2 import Hz

from hetbrian.study.outcomes import computed, outcome, unpacked


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([1, 2], r"the point returned a list, expected a dict of numbers .*: return \{'score': 0.1\}, say"),
        ({"x": "text"}, r"'x' of the point holds <U4, expected real numbers: leave it out, or return numbers"),
        ({"x": 1 + 2j}, r"'x' of the point holds complex128, expected real numbers"),
        ({"x": np.ones(2, dtype=complex)}, r"'x' of the point holds complex128, expected real numbers"),
        ({"x": None}, r"'x' of the point holds object, expected real numbers"),
        ({"x": {"y": 1}}, r"'x' of the point holds object, expected real numbers"),
        ({"x": np.datetime64("2020-01-01")}, r"'x' of the point holds datetime64.*, expected real numbers"),
        (
            {"x": (1.0, 2.0)},
            r"the point returned what makes no xarray Dataset \(.*\), expected numbers, arrays, or \(dims",
        ),
        ({"x": ("t", [1.0]), "y": ("t", [1.0, 2.0])}, r"the point returned what makes no xarray Dataset \(.*sizes"),
        ({"x": [[1], [1, 2]]}, r"the point returned what makes no xarray Dataset \(.*inhomogeneous"),
        (
            xarray.Dataset({"x": 1.0}, {"c": ("c", np.array([None, 1], dtype=object))}),
            r"'c' of the point holds object, expected real numbers",
        ),
        ({1: 1.0, "1": 2.0}, "1 is the name of a variable of the point, expected a string: write 'name', say"),
        ({None: 1.0}, "None is the name of a variable of the point, expected a string"),
        ({"x": ((1,), [1.0])}, "1 is the name of a dimension of 'x' of the point, expected a string"),
        ({"x": ((), 1.0, {("a",): 1})}, r"\('a',\) is the name of an attribute of 'x' of the point, expected a string"),
        (
            {"x": ((), 1.0, {"scale_factor": 2})},
            "'x' of the point has the attribute 'scale_factor', by which files are decoded, expected others: leave it",
        ),
        (
            xarray.Dataset(coords={"t": ("t", [1.0], {"_FillValue": 0})}),
            "'t' of the point has the attribute '_FillValu",
        ),
    ],
)
def test_what_is_no_result_is_refused(found, message):
    with pytest.raises(TypeError, match=message) as caught:
        outcome(found)
    assert "\n" not in str(caught.value)
    kept = json.loads(computed(lambda: found, {}))
    assert kept["error"] == f"TypeError: {caught.value}" and kept["misfit"] == str(caught.value)


def test_an_error_of_the_point_is_no_misfit():
    assert json.loads(computed(int, {"x": 1})).keys() == {"error"}


def test_a_plain_array_has_dimensions_of_its_own():
    found = {"rates": np.arange(3.0), "m": np.ones((2, 3)), "list": [1, 2], "rate": 3 * Hz, "flag": np.True_}
    values = json.loads(outcome(found | {"z": ("time", [4, 5])}))["values"]
    dims = {name: item["dims"] for name, item in values.items()}
    assert dims == {
        "rates": ["rates_0"],
        "m": ["m_0", "m_1"],
        "list": ["list_0"],
        "rate": [],
        "flag": [],
        "z": ["time"],
    }
    assert unpacked(values["rates"]).tolist() == [0, 1, 2] and unpacked(values["m"]).shape == (2, 3)
    assert unpacked(values["rate"]) == 3 and unpacked(values["flag"]) == 1


class Rude:
    """Says nothing of itself, and fails as an array."""

    def __str__(self):
        raise RuntimeError("no text")

    def __array__(self, *arguments, **options):
        raise RuntimeError("no array")


class RudeError(Rude, Exception):
    pass


def raising(error):
    raise error


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (lambda: raising(RudeError()), "RudeError, whose text cannot be had (RuntimeError)"),
        (lambda: {"x": Rude()}, "RuntimeError: no array"),
        (lambda: {"x": ((), 1.0, {"note": Rude()})}, "RuntimeError: no text"),
        (lambda: sys.exit(0), "SystemExit: 0, raised by the point itself"),
        (lambda: sys.exit(), "SystemExit, raised by the point itself"),
        (lambda: raising(KeyboardInterrupt), "KeyboardInterrupt, raised by the point itself"),
        (lambda: raising(GeneratorExit("no")), "GeneratorExit: no, raised by the point itself"),
        (lambda: raising(OSError(f"no {os.fsdecode(bytes([255]))} of a\0b")), "OSError: no \\udcff of a\\0b"),
    ],
)
def test_whatever_a_point_raises_is_its_result(point, said):
    """Also where what it returned raises when it is looked at; the text is one that files can hold."""
    found = json.loads(computed(point, {}))
    assert found["error"] == said and "misfit" not in found
    assert found["error"].encode() and all("test_outcomes" in line for line in found["lines"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGALRM])
@pytest.mark.parametrize("is_exit", [True, False])
def test_a_signal_stops_a_point(number, is_exit):
    """Whichever handler there is by then, as that of Brian2; what waited for signals before goes on to."""

    def heard(number, frame):
        raise SystemExit(3) if is_exit else KeyboardInterrupt("from outside")

    def point():
        signal.signal(number, heard)
        signal.raise_signal(number)

    before = signal.getsignal(number)
    read, write = os.pipe()
    os.set_blocking(write, False)
    others = signal.set_wakeup_fd(write)
    try:
        with pytest.raises(SystemExit if is_exit else KeyboardInterrupt, match="3" if is_exit else "from outside"):
            computed(point, {})
        assert signal.set_wakeup_fd(write) == write and os.read(read, 10) == bytes([number])
    finally:
        signal.set_wakeup_fd(others)
        signal.signal(number, before)
        os.close(read)
        os.close(write)
    assert "raised by the point itself" in computed(lambda: raising(KeyboardInterrupt), {})


@pytest.mark.parametrize("dtype", [float, int, np.float32, bool])
def test_a_masked_value_is_nan(dtype):
    values = np.ma.masked_array([1, 2, 0], mask=[False, False, True], dtype=dtype)
    found = {"x": values, "y": ("t", values), "z": values[2], "whole": np.ma.masked_array([1.0])}
    kept = {name: unpacked(item) for name, item in json.loads(outcome(found))["values"].items()}
    for name in ("x", "y"):
        np.testing.assert_array_equal(kept[name], [1, float(values[1]), np.nan])
    assert np.isnan(kept["z"]) and kept["whole"].tolist() == [1]
    with pytest.raises(TypeError, match="'x' of the point holds complex128"):
        outcome({"x": np.ma.masked_array([1j])})


def test_attributes_are_text_that_files_can_hold():
    (item,) = json.loads(outcome({"x": ((), 1.0, {"file": os.fsdecode(bytes([255])), "n": 3})}))["values"].values()
    assert item["attrs"] == {"file": "\\udcff", "n": "3"}
