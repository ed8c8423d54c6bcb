import doctest
from dataclasses import replace

import numpy as np
import pytest

from hetbrian.published.protocols.common.statements import STATEMENTS, claim
from hetbrian.study import claims
from hetbrian.study.claims import Claim, Evidence, markdown

LOW, HIGH = Evidence("low", (0.1, 0.2, 0.3), "<", 0.5), Evidence("high", (0.1, 0.2, 0.3), ">", 0.5)


def test_docstrings():
    result = doctest.testmod(claims)
    assert result.attempted >= 4 and result.failed == 0


def test_the_interval_of_a_mean_is_that_of_student():
    values = (0.3, 0.4, 0.5)  # mean 0.4, standard error 0.0577, t of 2 degrees of freedom 4.303: 0.1516 to 0.6484
    assert Evidence("", values, "<", 0.649).outcome == "holds" and Evidence("", values, "<", 0.648).outcome == "open"
    assert Evidence("", values, ">", 0.151).outcome == "holds" and Evidence("", values, ">", 0.152).outcome == "open"
    assert Evidence("", values, ">", 0.649).outcome == "fails" and Evidence("", values, "<", 0.151).outcome == "fails"
    assert Evidence("", values, "<", 0.52).measured == "0.4 (0.15 to 0.65)"


def test_an_exact_number_needs_no_seeds():
    exact = Evidence("", (2.0,), ">", 1.5, "exact")
    assert exact.outcome == "holds" and exact.interval == (2.0, 2.0) and exact.measured == "2"
    assert Evidence("", (2.0,), ">", 2.0, "exact").outcome == "fails"


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1 + 0.2, 1e4])
@pytest.mark.parametrize("n_seeds", range(1, 8))
def test_seeds_that_agree_decide_only_if_there_are_enough(value, n_seeds):
    """Values of a median on the other side all agree by chance with probability 2^-n: 6 seeds are below 2.5 %."""
    rounded = value * (1 + 1e-15 * np.arange(n_seeds))  # as sums in another order
    for relation, outcome in (("<", "holds"), (">", "fails")):
        found = Evidence("", tuple(rounded), relation, value + 1)
        assert found.outcome == (outcome if n_seeds >= claims.AGREEING else "open")
        assert found.needed == (None if n_seeds == 1 else max(n_seeds, claims.AGREEING))
    assert 0.5**claims.AGREEING < (1 - claims.CONFIDENCE) / 2 <= 0.5 ** (claims.AGREEING - 1)


def test_what_few_equal_seeds_say():
    two, one = (Evidence("lowest G", (1000.0,) * n, "<", 1500.0) for n in (2, 1))
    assert two.measured == "1e+03 (2 equal seeds)" and two.says == "open, 6 seeds would decide"
    assert one.measured == "1e+03 (one seed)" and one.says == "open, one seed shows no spread"
    assert Claim("F5", (two,)).verdict == "undecided"


@pytest.mark.parametrize(
    ("done", "n_seeds", "low", "high"),
    # tables of Clopper & Pearson, and 1 - 0.025**(1/20) for none of twenty
    [(3, 10, 0.0667, 0.6525), (10, 10, 0.6915, 1.0), (0, 20, 0.0, 0.16843), (13, 20, 0.4078, 0.8461)],
)
def test_the_interval_of_a_share_is_that_of_clopper_and_pearson(done, n_seeds, low, high):
    values = (1.0,) * done + (0.0,) * (n_seeds - done)
    assert Evidence("", values, "<", 0.5, "share").interval == pytest.approx((low, high), abs=1e-4)


def test_the_interval_of_shares_within_seeds_covers_their_mean():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        low, high = Evidence("", tuple(rng.beta(0.4, 0.6, 8)), "<", 0.5, "share").interval
        inside += low <= 0.4 <= high
    assert inside / 400 > 0.95


def test_what_is_open_says_how_many_seeds_would_decide_it():
    alone = Evidence("", (1.0,) * 3 + (0.0,) * 7, "<", 0.5, "share")
    assert alone.outcome == "open" and alone.says == f"open, {alone.needed} seeds would decide"
    decided = Evidence("", (1.0,) * 9 + (0.0,) * 21, "<", 0.5, "share")  # the same share of thrice the seeds
    assert 10 < alone.needed <= 30 and decided.outcome == "holds"
    even = Evidence("", (0.0, 1.0), "<", 0.5, "share")
    assert even.needed is None and even.says == "open, over 10000 seeds would decide"


OPEN = Evidence("open", (0.1, 0.9), "<", 0.6)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ((LOW,), "reproduced"),
        ((LOW, HIGH), "not"),
        ((LOW, OPEN), "undecided"),
        ((OPEN, HIGH), "not"),
        ((LOW, LOW), "reproduced"),
        ((LOW, replace(HIGH, control=True)), "reproduced"),
    ],
)
def test_verdict(evidence, verdict):
    assert Claim("R3", evidence).verdict == verdict


def test_table_has_one_row_per_evidence():
    control = replace(HIGH, control=True)
    lines = markdown([Claim("R1", (LOW,), "mean field"), Claim("R3", (LOW, HIGH, control), "paper")]).splitlines()
    assert len(lines) == 2 + 4
    assert lines[2] == "| R1 | mean field | low | < 0.5 | 0.2 (-0.048 to 0.45) | yes | **reproduced** |"
    assert lines[4] == "| R3 | paper | high | > 0.5 | 0.2 (-0.048 to 0.45) | no | **not** |"
    assert "| high (control) |" in lines[5]
    small = markdown([Claim("R1", (LOW,), "mean field")], verdicts=False)
    assert "verdict" not in small and "0.2 (-0.048 to 0.45) |" in small


def test_every_claim_of_the_reservoir_has_a_statement():
    assert [name for name in STATEMENTS if name.startswith("R")] == ["R1", "R2", "R3", "R4", "R5", "R6"]
    assert claim("R1", (LOW,), "mean field") == Claim("R1", (LOW,), "mean field", STATEMENTS["R1"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Evidence("q", (1.0,), "<=", 1.0), "relation is '<=', expected <, >"),
        (lambda: Evidence("q", (), "<", 1.0), "values of 'q' are missing or not finite, expected numbers"),
        (lambda: Evidence("q", (np.nan,), "<", 1.0), "values of 'q' are missing or not finite"),
        (lambda: Evidence("q", (1.0,), "<", 1.0, "ratio"), "kind is 'ratio', expected mean, share, exact"),
        (lambda: Evidence("q", (1.0, 2.0), "<", 1.0, "exact"), "values of 'q' are 2, expected one exact number"),
        (lambda: Evidence("q", (0.1, 1.2), "<", 1.0, "share"), "values of 'q' reach 1.2, expected 0 to 1"),
        (lambda: Claim("R1", (replace(LOW, control=True),)), "claim R1 has no evidence"),
        (lambda: claim("R9", (LOW,)), "name = 'R9', expected one of R1, R2"),
        (lambda: Claim("R1", ()), "claim R1 has no evidence, expected at least one quantity"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
