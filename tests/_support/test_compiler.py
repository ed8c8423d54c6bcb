import os
from pathlib import Path

import pytest

from hetbrian._support import compiler
from hetbrian._support.cache import cache_folder
from hetbrian._support.compiler import CompilerError, command, library, missing
from hetbrian._support.sealed import SUFFIX, is_whole


def test_the_compiler_is_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    assert command() == ["g++"]
    monkeypatch.setenv("CXX", "ccache 'my g++'")
    assert command() == ["ccache", "my g++"]
    monkeypatch.setenv("CXX", " ")
    assert command() == ["g++"]


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
    assert library(source, ["FACTOR=2"]).twice(4) == 8
    assert [Path(name).suffix for name in sorted(os.listdir(tmp_path))] == [".so", SUFFIX]


@pytest.mark.skipif(bool(missing()), reason="no C++ compiler")
@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-1], lambda content: b"hello", None])
def test_a_damaged_library_is_named_and_made_anew(monkeypatch, tmp_path, damage):
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path))
    source = 'extern "C" int answer() { return 42; }'
    compiler._compile(source, ["-fPIC"], tmp_path / "a.so")
    (kept,) = (path for path in tmp_path.iterdir() if path.suffix == ".so")
    content = kept.read_bytes()
    kept.unlink()
    if damage is None:
        kept.mkdir()
    else:
        kept.write_bytes(damage(content))
    with pytest.warns(UserWarning, match=r"a\.so' was damaged and is made anew"):
        assert not is_whole(kept)
    compiler._compile(source, ["-fPIC"], kept)
    assert kept.read_bytes() == content and is_whole(kept)
