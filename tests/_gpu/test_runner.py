"""The runner of the checks: what one of them does costs no other one, and what was found is kept."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hetbrian import cli
from hetbrian._gpu import __main__ as command
from hetbrian._gpu import machine, page, runner
from hetbrian._gpu.checks import CHECKS, Check, Place
from hetbrian._gpu.findings import CheckFailed, Findings
from tests.full_disk import full_disk

ROOT = Path(__file__).parents[2]


def made_up(name, seconds=30, needs=()):
    return Check(name, f"that it {name}", f"tests._gpu.made_up:{name}", seconds, needs)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)  # where the checks of this test are found


def run(folder, *checks, minutes=5.0, place=Place("cpp_standalone")):  # noqa: B008
    said = []
    record = runner.run_checks(folder, minutes, checks=checks, place=place, say=said.append)
    assert json.loads((folder / "gpu.json").read_text()) == json.loads(json.dumps(record))
    return record, {item["name"]: item for item in record["checks"]}, said


def test_goes_on_after_failures_and_keeps_what_was_found(tmp_path):
    checks = [made_up(name) for name in ("fails", "raises", "crashes", "passes")]
    record, found, said = run(tmp_path, *checks)
    assert [item["state"] for item in record["checks"]] == ["failed", "failed", "failed", "passed"]
    assert found["passes"]["numbers"] == {"answer": 42.0, "device has letters": 14.0}
    assert found["fails"]["numbers"] == {"before": 1, "difference": 2.0, "symmetry": False}
    assert found["fails"]["output"].splitlines() == [
        "difference is 2, expected at most 1e-09",
        "symmetry does not hold: P has no mirror image",
    ]
    assert found["raises"]["numbers"] == {"before": 1} and "RuntimeError: CUDA said no" in found["raises"]["output"]
    assert found["crashes"]["numbers"] == {"before": 1} and "the signal SIGSEGV" in found["crashes"]["output"]
    assert (
        said[0] == "fails: that it fails (some 30 s)" and said[1].startswith("fails: failed after ") and len(said) == 8
    )
    text = (tmp_path / "gpu.md").read_text()
    assert "| passes | that it passes | passed |" in text and "CUDA said no" in text and "* answer: 42" in text


def test_one_that_hangs_is_ended_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "PATIENCE", 2)
    record, found, _ = run(tmp_path, made_up("hangs", seconds=15), made_up("passes"))
    assert [item["state"] for item in record["checks"]] == ["failed", "passed"]
    assert found["hangs"]["output"].endswith("stopped after 30 s") and found["hangs"]["numbers"].keys() == {"child"}
    assert is_gone(found["hangs"]["numbers"]["child"])


def test_a_killed_runner_leaves_no_check_and_none_of_its_children(tmp_path):
    program = (
        "import json, sys; from pathlib import Path; from hetbrian._gpu import runner\n"
        "from tests._gpu.test_runner import made_up, Place\n"
        "runner.run_checks(Path(sys.argv[1]), 5.0, checks=[made_up('tells')], place=Place('cpp_standalone'))"
    )
    here, told = {**os.environ, "PYTHONPATH": str(ROOT), "TOLD": str(tmp_path / "told")}, tmp_path / "told"
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], env=here, stdout=subprocess.DEVNULL)
    wait_for(told.exists)
    process.kill()
    process.wait()
    for number in told.read_text().split():
        wait_for(lambda: is_gone(number))  # noqa: B023  - called before the next one


def is_gone(number):
    status = Path(f"/proc/{number}/status")
    return not status.exists() or "zombie" in status.read_text()


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_takes_longer_than_is_left_is_left_out(tmp_path):
    record, found, _ = run(tmp_path, made_up("raises", seconds=100), made_up("passes", seconds=20), minutes=1.0)
    assert [item["state"] for item in record["checks"]] == ["left out", "passed"]
    assert re.fullmatch(r"\d+ s were left, and it takes some 100 s", found["raises"]["output"])


def test_what_needs_a_missing_part_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "missing", lambda: {"curand": "install it"})
    _, found, _ = run(tmp_path, made_up("passes", needs=("curand",)), place=Place())
    assert found["passes"]["state"] == "left out" and found["passes"]["output"] == "curand is missing: install it"


def test_the_record_names_the_machine(tmp_path, monkeypatch):
    record, *_ = run(tmp_path, made_up("passes"))
    assert record["machine"].keys() >= {"card", "driver", "CUDA toolkit", "processor", "cores", "hetbrian", "torch"}
    assert record["machine"]["card"] == "none" and record["format"] == 1


def test_without_a_gpu_one_sentence_says_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(machine.cuda, "gpus", list)
    monkeypatch.setattr(sys, "argv", ["hetbrian", "devices", "--check", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err.strip()
    assert stopped.value.code == 1 and len(said.splitlines()) == 1 and not list(tmp_path.iterdir())
    assert re.match(r"Error: there is no GPU to check here, expected .*NVIDIA GPU.*: .*install its driver", said)
    assert command.main(["--out", str(tmp_path)]) == 1 and capsys.readouterr().err.strip() == said


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf"])
def test_a_time_in_which_nothing_can_be_checked_is_refused_and_a_record_kept(minutes, monkeypatch, capsys, tmp_path):
    (tmp_path / "gpu.json").write_text("of another day")
    monkeypatch.setattr(machine, "missing", dict)
    assert command.main(["--minutes", minutes, "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err.strip()
    assert re.match(r"Error: minutes is \S+, expected (one finite number|more than 0): .+\.$", said)
    monkeypatch.setattr(sys, "argv", ["hetbrian", "devices", "--check", "--minutes", minutes, "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1 and capsys.readouterr().err.strip() == said
    assert (tmp_path / "gpu.json").read_text() == "of another day"


def test_a_folder_that_cannot_be_written_is_refused_and_a_full_disk_said(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(machine, "missing", dict)
    (tmp_path / "file").touch()
    assert command.main(["--out", str(tmp_path / "file")]) == 1
    assert re.match(r"Error: .*file' cannot be written \(.*\), expected a folder of yours: choose another --out\.\n$",
                    capsys.readouterr().err)  # fmt: skip
    (tmp_path / "gpu.json").write_text("of another day")
    monkeypatch.setattr(runner, "_run", lambda check, *_: runner._left_out(check, "not of interest"))
    with full_disk(100):
        assert command.main(["--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert re.match(r"Error: .*gpu.json' could not be written \(.*\), expected a folder with space: choose", said)
    assert (tmp_path / "gpu.json").read_text() == "of another day" and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("lacking", ["torch", "brian2cuda", "nvcc", "broken torch"])
def test_what_is_missing_beside_the_gpu_is_named_and_the_rest_is_checked(lacking, monkeypatch, tmp_path):
    find_spec = importlib.util.find_spec
    gpu = machine.cuda.GPU("a card", 9.0, "580.0")
    monkeypatch.setattr(machine.cuda, "gpus", lambda: [gpu])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == lacking else find_spec(name))
    if lacking == "nvcc":
        monkeypatch.setattr(machine.cuda, "toolkit_root", lambda: None)
    if lacking == "broken torch":
        (tmp_path / "torch.py").write_text("raise OSError('libcudart.so.13: cannot open shared object file')")
        monkeypatch.syspath_prepend(tmp_path)
        for name in [name for name in sys.modules if name == "torch"]:
            monkeypatch.delitem(sys.modules, name)
    needed = {"torch": machine.TORCH, "nvcc": "CUDA toolkit", "broken torch": machine.TORCH}.get(lacking, lacking)
    monkeypatch.setattr(runner, "_run", lambda check, *_: runner._left_out(check, "here it would run"))
    _, found, _ = run(tmp_path, made_up("raises", needs=(needed,)), made_up("passes"), place=Place())
    advice = {"torch": "pip install torch", "nvcc": "install it, or set CUDA_PATH", "brian2cuda": "pip install",
              "broken torch": "torch is there and cannot be imported (libcudart"}[lacking]  # fmt: skip
    assert found["raises"]["output"].startswith(f"{needed} is missing: {advice}")
    assert found["passes"]["output"] == "here it would run"


@pytest.mark.parametrize(("check", "status"), [("passes", 0), ("fails", 1)])
def test_the_exit_status_tells_whether_one_failed(check, status, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(machine, "missing", dict)
    monkeypatch.setattr(command, "run_checks", lambda *given, **options: runner.run_checks(
        *given, **options, checks=[made_up(check)]))  # fmt: skip
    assert command.main(["--out", str(tmp_path / "new"), "--minutes", "2"]) == status
    assert f"wrote {tmp_path}/new/gpu.json" in capsys.readouterr().out and (tmp_path / "new" / "gpu.md").exists()


def test_findings_collect_all_that_fails_and_a_nan_is_none_that_passes(tmp_path):
    findings = Findings(tmp_path / "found.json")
    findings.at_most("difference", float("nan"), 1.0)
    findings.holds("order", False, "it is reversed")
    assert json.loads((tmp_path / "found.json").read_text())["numbers"] == {"difference": "nan", "order": False}
    with pytest.raises(
        CheckFailed, match=r"difference is nan, expected at most 1; order does not hold: it is reversed"
    ):
        findings.close()


def test_every_check_is_there_and_correctness_comes_first():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names) == 14
    assert [name.startswith("speed") for name in names] == sorted(name.startswith("speed") for name in names)
    for check in CHECKS:
        module, _, function = check.function.partition(":")
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text()
        assert f"\ndef {function}(place: Place, findings: Findings, folder: Path)" in source
        assert set(check.needs) <= {part.name for part in machine.cuda.diagnose()} | {machine.TORCH}


def test_the_page_of_devices_says_what_the_records_say(tmp_path):
    record, *_ = run(tmp_path, made_up("fails"), made_up("passes"))
    folder, target = tmp_path / "records", tmp_path / "page.md"
    folder.mkdir()
    target.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    page.fill(target, folder)
    assert target.read_text() == f"before\n{page.BEGIN}\n\n{page.NOTHING}\n\n{page.END}\nafter\n"
    (folder / "card.json").write_text(json.dumps(record))
    page.fill(target, folder)
    text = target.read_text()
    assert page.NOTHING not in text and "`card.json`" in text and "P has no mirror image" in text
    assert "| passes | that it passes | passed |" in text and text.endswith("\nafter\n")
    with pytest.raises(ValueError, match=r"has no comments .* expected both: write them where it goes"):
        target.write_text("nothing")
        page.fill(target, folder)


def test_docs_hold_what_the_committed_records_say(tmp_path):
    copy = tmp_path / "devices.md"
    copy.write_text((ROOT / "docs" / "devices.md").read_text())
    page.fill(copy, ROOT / "docs" / "gpu")
    assert copy.read_text() == (ROOT / "docs" / "devices.md").read_text(), (
        "run: python -m hetbrian._gpu.page docs/devices.md docs/gpu"
    )
