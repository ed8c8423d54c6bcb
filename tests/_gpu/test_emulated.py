"""The check from its start to its end on emulated CUDA, in whole projects of Brian2CUDA that checks share."""

import json

import pytest

from hetbrian._gpu.checks import CHECKS
from hetbrian._gpu.machine import TORCH
from tests._gpu.emulated import check

pytest.importorskip("brian2cuda", reason="brian2cuda is not installed: pip install 'hetbrian[cuda]'")

OF_TORCH = tuple(check.name for check in CHECKS if TORCH in check.needs)


@pytest.mark.slow
@pytest.mark.standalone
@pytest.mark.cuda
def test_the_command_runs_to_its_end_and_the_emulated_card_is_as_cpp(tmp_path):
    assert check(tmp_path, ("toolkit", "guard", "values", "speed of RLS", *OF_TORCH)) == 0
    record, page = json.loads((tmp_path / "gpu.json").read_text()), (tmp_path / "gpu.md").read_text()
    states = {item["name"]: item["state"] for item in record["checks"]}
    passed = {name for name, state in states.items() if state == "passed"}
    assert passed == {"toolkit", "guard", "values", "speed of RLS"} and len(states) == 4 + len(OF_TORCH)
    for item in record["checks"]:  # what is not emulated is left out by its name
        assert item["name"] in passed or item["output"].startswith(f"{TORCH} is missing: torch")
    found = {item["name"]: item["numbers"] for item in record["checks"]}
    assert found["toolkit"]["copied"] and found["toolkit"]["card"] == "emulated card"
    assert found["values"]["same spikes"] and found["values"]["spikes"] > 100
    assert found["values"]["difference of weights"] > 0  # another program made them: its sums have another order
    assert "v of neuron 7 is not finite" in found["guard"]["potential"] and "Hz" in found["guard"]["rate"]
    assert "output" in found["guard"]["readout"]
    assert sum(key.startswith("us an update") for key in found["speed of RLS"]) == 4
    assert page.startswith("# emulated card, compute capability 9.0, ") and page.count("| passed |") == 4
