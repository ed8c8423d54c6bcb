import os

import pytest

from hetbrian._support import compiler
from hetbrian._support.cache import cache_folder
from hetbrian._support.compiler import CompilerError, command, library, missing


def test_the_compiler_is_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    assert command() == ["g++"]
    monkeypatch.setenv("CXX", "ccache 'my g++'")
    assert command() == ["ccache", "my g++"]


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert missing().startswith("no C++ compiler 'no-such-compiler': install one")
    with pytest.raises(CompilerError, match=r"no C\+\+ was compiled .*, expected g\+\+: install it, or set CXX"):
        library("int nothing;")


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("HETBRIAN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "hetbrian"
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


@pytest.mark.skipif(bool(missing()), reason="no C++ compiler")
def test_a_library_is_compiled_once(monkeypatch, tmp_path):
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path))
    source = 'extern "C" int twice(int x) { return FACTOR*x; }'
    assert library(source, ["FACTOR=2"]).twice(21) == 42
    monkeypatch.setattr(compiler, "_compile", None)
    assert library(source, ["FACTOR=2"]).twice(4) == 8 and len(os.listdir(tmp_path)) == 1
