import shutil

import pytest

from hetbrian.simulation import survey


def remarks():
    return {finding.device: finding for finding in survey.find_devices()}


def test_numpy_works_everywhere(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert remarks()["runtime (numpy)"].works


def test_a_missing_compiler_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    found = remarks()
    for device in ("runtime (cython)", "cpp_standalone"):
        assert not found[device].works
        assert "no C++ compiler 'no-such-compiler': install one" in found[device].remark


def test_a_compiler_that_fails_is_named(monkeypatch):
    monkeypatch.setenv("CXX", "false")
    found = remarks()["cpp_standalone"]
    assert not found.works and "false cannot compile a small program" in found.remark


def test_missing_make_is_named(monkeypatch):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "make" else which(name))
    found = remarks()
    assert not found["cpp_standalone"].works and "no make: install it" in found["cpp_standalone"].remark
    assert found["runtime (cython)"].works == (which("g++") is not None)


@pytest.mark.parametrize("finding", survey.find_devices(), ids=lambda finding: finding.device)
def test_every_finding_has_a_remark(finding):
    assert finding.remark and isinstance(finding.works, bool)
