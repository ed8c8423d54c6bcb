import doctest

import numpy as np
import pytest

from hetbrian.study import claims
from hetbrian.study.claims import Claim, Evidence, markdown
from protocols.common.statements import STATEMENTS, claim

LOW, HIGH = Evidence("low", (0.1, 0.2, 0.3), "<", 0.5), Evidence("high", (0.1, 0.2, 0.3), ">", 0.5)


def test_docstrings():
    result = doctest.testmod(claims)
    assert result.attempted >= 4 and result.failed == 0


def test_evidence_has_to_clear_its_threshold_by_two_standard_errors():
    values = (0.3, 0.4, 0.5)  # mean 0.4, deviation 0.1, standard error 0.0577
    assert Evidence("", values, "<", 0.52).holds and not Evidence("", values, "<", 0.51).holds
    assert Evidence("", values, ">", 0.28).holds and not Evidence("", values, ">", 0.29).holds
    assert Evidence("", values, "<", 0.52).measured == "0.4 +- 0.1"
    single = Evidence("", (2.0,), ">", 1.5)
    assert single.holds and single.spread == 0 and single.measured == "2"
    assert not Evidence("", (2.0,), ">", 2.0).holds


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [((LOW,), "reproduced"), ((LOW, HIGH), "partly"), ((HIGH,), "not"), ((LOW, LOW), "reproduced")],
)
def test_verdict(evidence, verdict):
    assert Claim("R3", evidence).verdict == verdict


def test_table_has_one_row_per_evidence():
    lines = markdown([Claim("R1", (LOW,), "mean field"), Claim("R3", (LOW, HIGH), "paper")]).splitlines()
    assert len(lines) == 2 + 3
    assert lines[2] == "| R1 | mean field | low | < 0.5 | 0.2 +- 0.1 | yes | **reproduced** |"
    assert lines[4] == "| R3 | paper | high | > 0.5 | 0.2 +- 0.1 | no | **partly** |"


def test_every_claim_of_the_reservoir_has_a_statement():
    assert [name for name in STATEMENTS if name.startswith("R")] == ["R1", "R2", "R3", "R4", "R5", "R6"]
    assert claim("R1", (LOW,), "mean field") == Claim("R1", (LOW,), "mean field", STATEMENTS["R1"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Evidence("q", (1.0,), "<=", 1.0), "relation = '<=', expected '<' or '>'"),
        (lambda: Evidence("q", (), "<", 1.0), "values of 'q' are missing or not finite, expected numbers"),
        (lambda: Evidence("q", (np.nan,), "<", 1.0), "values of 'q' are missing or not finite"),
        (lambda: claim("R9", (LOW,)), "name = 'R9', expected one of R1, R2"),
        (lambda: Claim("R1", ()), "claim R1 has no evidence, expected at least one quantity"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
