import json

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
