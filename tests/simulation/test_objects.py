"""Compiled files that other projects find again: only those whose text, headers, options and compiler are the same."""

import shutil

import numpy as np
import pytest
from brian2 import Clock, Function, Network, NeuronGroup, ms, pA, prefs

from hetbrian.published import force_network
from hetbrian.simulation import objects, standalone
from hetbrian.simulation.program import simulate

pytestmark = pytest.mark.standalone

SIZE = {"n_neurons": 30, "start": 2 * ms, "stop": 30 * ms, "eta": 1500 * pA}
MAKEFILE = "SRCS = one.cpp two.cpp\nOBJS = ${SRCS:.cpp=.o}\nOPTIMISATIONS = -O1\nCXXFLAGS = -c $(OPTIMISATIONS) -I.\n"


@pytest.fixture
def made(monkeypatch, tmp_path):
    """List what each build has compiled, with an empty cache."""
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "cache"))
    found, fetch = [], objects.fetch

    def listing(folder):
        missing = fetch(folder)
        found.append(sorted(path.name for path in missing))
        return missing

    monkeypatch.setattr(objects, "fetch", listing)
    return found


def test_another_duration_compiles_one_file_and_has_the_bits_of_a_whole_build(made, tmp_path, monkeypatch):
    simulate(force_network, 20 * ms, device="cpp_standalone", **SIZE)
    found = simulate(force_network, 40 * ms, device="cpp_standalone", **SIZE)
    assert len(made[0]) > 8 and made[1] == ["main.o"]
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "another"))
    fresh = simulate(force_network, 40 * ms, device="cpp_standalone", **SIZE)
    assert made[2] == made[0]
    for name in ("z", "spike_time", "spike_neuron"):
        assert np.array_equal(found[name], fresh[name])


def project(folder, **files):
    """Write a project of two files, of which the first includes a header that includes another."""
    folder.mkdir(exist_ok=True)
    texts = {
        "makefile": MAKEFILE,
        "one_cpp": '#include "inner/first.h"\nint one() { return first; }\n',
        "two_cpp": "#include <cmath>\nint two() { return 2; }\n",
        "inner_first_h": '#pragma once\n  # include "second.h"\nconst int first = second;\n',
        "inner_second_h": "const int second = 2;\n",
        "alone_h": "// nobody includes it\n",
    } | files
    (folder / "inner").mkdir(exist_ok=True)
    for name, text in texts.items():
        path = folder / name.replace("inner_", "inner/").replace("_cpp", ".cpp").replace("_h", ".h")
        path.write_text(text, encoding="utf-8")
    return folder


def compiled(folder):
    """Take what is kept, pretend to compile the rest, and return what that was."""
    missing = objects.fetch(folder)
    for path in missing:
        path.write_bytes(path.name.encode())
    objects.keep(missing)
    for source in folder.glob("*.cpp"):
        assert source.with_suffix(".o").read_bytes() == source.with_suffix(".o").name.encode()
    return {path.stem for path in missing}


CHANGES = {
    "nothing": ({}, set()),
    "its text": ({"two_cpp": "int two() { return 3; }\n"}, {"two"}),
    "a header of a header": ({"inner_second_h": "const int second = 3;\n"}, {"one"}),
    "a header of nobody": ({"alone_h": "// still\n"}, set()),
    "an option": ({"makefile": MAKEFILE.replace("-O1", "-O3")}, {"one", "two"}),
    "what else is compiled": ({"makefile": MAKEFILE.replace("two.cpp", "two.cpp three.cpp")}, set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_is_compiled_again_if_anything_that_it_is_made_of_differs(change, made, tmp_path):
    files, expected = CHANGES[change]
    assert compiled(project(tmp_path / "before")) == {"one", "two"}
    assert compiled(project(tmp_path / "after", **files)) == expected


UNKNOWN = {
    "what a macro says": "#define WHICH <cmath>\n#include WHICH\n",
    "behind a comment": '/* here */ #include "inner/second.h"\n',
    "with a comment inside": '# /* here */ include "inner/second.h"\n',
    "on two lines": '#\\\ninclude "inner/second.h"\n',
    "imported": '#import "inner/second.h"\n',
    "a digraph": '%:include "inner/second.h"\n',
    "the next one": "#include_next <cmath>\n",
    "if it is there": '#if __has_include("inner/second.h")\n#endif\n',
    "from elsewhere": '#include "elsewhere.h"\n',
    "of a library": "#include <library.h>\n",
    "a link to elsewhere": '#include "link.h"\n',
}
"""Texts before ``int two() ...`` that may bring in what is outside of the project, or is not found by reading it."""


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_file_that_may_need_others_is_never_kept_nor_is_the_program(case, made, tmp_path):
    text = UNKNOWN[case] + "int two() { return 2; }\n"
    (tmp_path / "elsewhere.h").write_text("")
    for name in ("before", "after"):
        folder = project(tmp_path / name, two_cpp=text)
        (folder / "link.h").symlink_to(tmp_path / "elsewhere.h")
        missing = objects.fetch(folder)
        assert [path.stem for path in missing] == (["one"] if name == "before" else [])
        for path in missing:
            path.write_bytes(b"compiled")
        objects.keep(missing)
        assert standalone.fingerprint(folder) == ""
    assert standalone.fingerprint(project(tmp_path / "plain")) != ""


@pytest.mark.parametrize("line", ["OPTIMISATIONS = -include /a/b.h", "OPTIMISATIONS = @options", "SRCS = /a/b.cpp"])
def test_options_and_sources_from_elsewhere_keep_nothing(line, made, tmp_path):
    folder = project(tmp_path / "before", makefile=line)
    assert objects.fetch(folder) == {} and standalone.fingerprint(folder) == ""


@pytest.mark.parametrize("place", ["CXX", "CPATH", "make"])
def test_what_is_said_to_the_compiler_beside_the_makefile_counts(place, made, tmp_path, monkeypatch):
    folder = project(tmp_path / "before")
    before = standalone.fingerprint(folder)
    assert compiled(folder) == {"one", "two"}
    if place == "make":
        monkeypatch.setitem(prefs, "devices.cpp_standalone.extra_make_args_unix", ["-j", "OPTIMISATIONS=-O1"])
    else:
        monkeypatch.setenv(place, "g++ -DSTEP=2" if place == "CXX" else "/a")
    assert standalone.fingerprint(folder) != before
    assert compiled(project(tmp_path / "after")) == {"one", "two"}


def test_another_compiler_compiles_everything_again(made, tmp_path, monkeypatch):
    assert compiled(project(tmp_path / "before")) == {"one", "two"}
    monkeypatch.setattr(objects, "toolchain", lambda: "another compiler")
    assert compiled(project(tmp_path / "after")) == {"one", "two"}


def test_a_damaged_file_is_named_and_compiled_again(made, tmp_path):
    compiled(project(tmp_path / "before"))
    for path in (tmp_path / "cache" / "objects").glob("*.o"):
        path.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match=r"objects/.*\.o' was damaged and is made anew"):
        assert compiled(project(tmp_path / "after")) == {"one", "two"}
    assert compiled(project(tmp_path / "later")) == set()


def test_a_project_behind_a_link_and_a_cache_that_cannot_be_written(made, tmp_path, monkeypatch):
    project(tmp_path / "before")
    (tmp_path / "link").symlink_to(tmp_path / "before")
    assert compiled(tmp_path / "link") == {"one", "two"}
    assert compiled(project(tmp_path / "after")) == set()
    shutil.rmtree(tmp_path / "cache" / "objects")
    (tmp_path / "cache" / "objects").write_text("a file in its place", encoding="ascii")
    assert compiled(project(tmp_path / "later")) == {"one", "two"}


def test_a_header_of_ones_own_that_changed_is_seen(made, tmp_path):
    """It lies outside the project: neither the file that needs it nor the whole program is kept."""
    header = tmp_path / "ours.h"

    def model(rng):
        ours = Function(lambda x: x, arg_units=[1], return_unit=1, stateless=False)
        ours.implementations.add_implementation(
            "cpp", code="", name="_ours", compiler_kwds={"headers": [f'"{header}"']}
        )
        group = NeuronGroup(1, "x : 1", clock=Clock(1 * ms, name="clock"), namespace={"ours": ours}, name="neurons")
        group.run_regularly("x = ours(x)")
        return Network(group)

    found = []
    for step in (1, 2):
        header.write_text(f"#pragma once\nstatic double _ours(double x) {{ return x + {step}; }}\n", encoding="utf-8")
        result = simulate(model, 10 * ms, device="cpp_standalone", record={"neurons.x": True})
        found.append(float(result["neurons.x"].isel(time=-1).item()))
    assert found == [10.0, 20.0]
