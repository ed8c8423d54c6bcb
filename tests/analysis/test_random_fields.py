"""Random vector fields: no fold or Hopf point is missed, and each one reported is one; `random_fields` has hundreds."""

import pytest

from tests.analysis.random_fields import FAMILIES, compare


@pytest.mark.parametrize("seed", range(1000, 1000 + 4 * len(FAMILIES)))
def test_equilibria_agree_with_a_fine_scan(seed):
    row = compare(seed)
    assert not row["missed"] and not row["false"]
    assert row["ends"].count("begins") == row["ends"].count("ends at")
