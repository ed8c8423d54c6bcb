import dataclasses

import numpy as np
import pytest

from hetbrian._support.optional import torch
from hetbrian.torch.functions import exp, integer
from tests.differential.checks import beyond, check, check_standalone, record
from tests.differential.chunk import check_models
from tests.differential.models import Connection, Model

PARAMETERS = "k : integer\nflag : boolean\ngain : 1\nlevel : 1 (shared)\nwait : second"
STEEP = Model(
    f"dv/dt = (1.5 + 0.1*gain + 0.01*exp((u - 1)/0.1) - v)/(3*ms) : 1\ndu/dt = (0.4 - u)/(2*ms) : 1\n{PARAMETERS}",
    "euler",
    "v > 1",
    "v = 0",
    "",
)
EVERYTHING = Model(
    f"""
    dv/dt = (1.5 + 0.1*gain + columns(t, i) + 0.1*(k % 3) + 0.2*int(flag and u > 0.1) + onset - v)/(3*ms) : 1
    onset = 0.3*int(t >= 0.7*ms) : 1
    du/dt = (clip(v, -inf, top) - u)/(2*ms) : 1 (unless refractory)
    {PARAMETERS}
    """,
    "rk2",
    "v > 1 and v < top",
    "v = v*0.5 - 0.3; k += 1",
    "(0.3 + 0.1*(i % 3))*ms",
    {"top": np.inf},
    (
        Connection("w : 1", "v_post += w*int(i != j)", "itself", "many"),
        Connection("w : 1", "u_post += w", "outside", "one"),
    ),
)


@pytest.mark.parametrize("number", [60, pytest.param(200, marks=pytest.mark.long)])
def test_models_are_equal_or_refused(number):
    found = check_models(1, number)
    outcomes = found["outcomes"]
    assert not found["failure"], found["failure"]
    assert outcomes["accepted"] >= 0.6 * (outcomes.total() - outcomes["invalid"]) > number / 2, outcomes


@pytest.mark.slow
def test_models_are_equal_in_the_fused_cell():
    found = check_models(2, 10, n_fused=10)
    assert not found["failure"] and found["outcomes"].total() >= 10, found["failure"]


def test_a_difference_is_found(monkeypatch):
    """With faults as the export once had: truth values in float32, and a function of another precision."""
    assert check(EVERYTHING) == check(STEEP) == "accepted"
    for name, fault, model in (
        ("integer", lambda x, like=None: integer(x, like) * (1 + 1e-8), EVERYTHING),
        ("exp", lambda x: exp(x) * (1 + 1e-6), STEEP),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"hetbrian.torch.functions.{name}", fault)
            with pytest.raises(AssertionError, match=r"differs? .*torch.float64"):
                check(model)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numpy: the next reset is infinite in float64 too
def test_numbers_beyond_float32_are_no_difference():
    """Found by the tester: a reset to 1e133, which float32 holds as infinite, so that the next step has no spike."""
    exploding = dataclasses.replace(STEEP, reset="v = 0.01*exp((v - 0.99)/0.0001)")
    found = record(exploding.build(), ["v", "u"])
    assert np.nanmax(np.abs(found.states["v"])) > 1e39
    assert not beyond(found, torch.float64).any() and beyond(found, torch.float32).any()
    assert not beyond(found, torch.float32).all()
    assert check(exploding) == "accepted"


def test_what_brian2_refuses_to_build_is_invalid():
    linked = dataclasses.replace(
        STEEP,
        equations=f"{STEEP.equations}\nx : 1 (linked)",
        link="u",
        connections=(Connection("w : 1", "v_post += w", "part", "none"),),
    )
    with pytest.raises(ValueError, match="subgroup"):
        linked.build()
    assert check(linked) == "invalid"


@pytest.mark.slow
@pytest.mark.standalone
def test_standalone_programs_are_brian2s_runtime(tmp_path):
    assert check(EVERYTHING) == "accepted"
    check_standalone(EVERYTHING, tmp_path)
