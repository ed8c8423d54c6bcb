import numpy as np
import pytest
import xarray

from hetbrian.study.outcomes import outcome


def test_a_point_returns_numbers_by_name():
    with pytest.raises(TypeError, match=r"the point returned a list, expected a dict of numbers or an xarray Dataset"):
        outcome([1, 2])
    with pytest.raises(ValueError, match=r"could not convert string to float"):
        outcome({"x": "text"})
    with pytest.raises(TypeError, match=r"'c' of the point holds object, expected numbers: leave it out"):
        outcome(xarray.Dataset({"x": 1.0}, {"c": ("c", np.array([None, 1], dtype=object))}))
