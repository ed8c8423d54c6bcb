"""Thresholds and synapses by templates of ours in place of Brian2's: the same numbers, bit for bit."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, SpikeGeneratorGroup, Synapses, linked_var, ms, prefs, set_device
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.variables import ArrayVariable
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

from hetbrian.codegen import elementwise
from hetbrian.codegen.codeobjects import CPPNativeCodeObject
from hetbrian.codegen.elementwise import arrays_of, is_elementwise
from hetbrian.codegen.loops import use_own_loops
from hetbrian.simulation import standalone
from hetbrian.simulation.program import Program, simulate

WALK = "dv/dt = (u - v)/(3*ms) : 1\nu : 1\nw : 1\nm : integer\nb : boolean"

BLOCKS = {
    "one": (1, {"threshold": "v > 0.9"}),
    "logical": (129, {"threshold": "v > m or not b", "refractory": "v > 0.5"}),
    "sums": (300, {"threshold": "v*u + 0.3*w > 0.7 - v*w", "refractory": 2 * ms}),
    "event": (128, {"events": {"high": "v > 0.9"}}),
}
"""Name, size and options of groups whose threshold is tested in blocks."""

OTHERS = {
    "random": (300, {"threshold": "v > 0.8 + 0.1*rand()"}),
    "function": (300, {"threshold": "exp(v) > 2.5"}),
    "quotient": (300, {"threshold": "v/w > 1.5"}),
    "power": (300, {"threshold": "v**2 > 1.5"}),
}
"""The same of groups that keep Brian2's threshold."""

COPY = {"": {}, "_brian": {"codeobj_class": CPPStandaloneCodeObject}}
"""Suffix of names and options of what is made twice: a class that was chosen stays."""


def group(name, size, options, clock):
    group = NeuronGroup(
        size,
        WALK,
        reset=None if "events" in options else "v = 0.4*w",
        method="exact",
        clock=clock,
        namespace={},
        name=name,
        **options,
    )
    if "events" in options:
        group.run_on_event("high", "v = 0.4*w")
    return group


def thresholds(rng):
    clock, items = Clock(0.1 * ms, name="clock"), []
    for name, (size, options) in BLOCKS.items():
        v, u, w, m, b = *rng.random((3, size)), rng.integers(0, 3, size), rng.random(size) < 0.99
        for suffix, more in COPY.items():
            made = group(name + suffix, size, {**options, **more}, clock)
            made.v, made.u, made.w, made.m, made.b = v, 2 * u, w, m, b
            items.append(made)
    return Network(items)


def others(rng):
    """Groups that keep Brian2's threshold; `linked` reads what the same loop has just written."""
    clock = Clock(0.1 * ms, name="clock")
    items = [group(name, size, options, clock) for name, (size, options) in OTHERS.items()]
    linked = NeuronGroup(
        200,
        "dv/dt = (2 - v)/(3*ms) : 1\nbefore : second (linked)",
        threshold="v > 1 and before < t",
        refractory=1 * ms,
        method="exact",
        clock=clock,
        namespace={},
        name="linked",
    )
    linked.before = linked_var(linked, "lastspike", index=np.maximum(np.arange(200) - 1, 0))
    return Network(*items, linked)


def synapses(rng):
    """Paths that need no queue, as their synapses were made neuron by neuron, and paths that need one."""
    common = {"clock": Clock(0.1 * ms, name="clock"), "namespace": {}}
    cells = NeuronGroup(
        150,
        "dv/dt = (u - v)/(3*ms) : 1\nu : 1\nx : 1\nx_brian : 1",
        threshold="v > 1",
        reset="v = 0",
        events={"high": "v > 0.5 and v < 0.55"},
        method="exact",
        name="cells",
        **common,
    )
    cells.v, cells.u = rng.random(150), 1 + rng.random(150)
    steps, senders = np.divmod(rng.choice(390 * 40, 600, replace=False), 40)
    given = SpikeGeneratorGroup(40, senders, steps * 0.1 * ms, clock=common["clock"], name="given")
    items = [cells, given]
    paths = {
        # in rows, of a part, with some synapses made later
        "rows": (cells[30:90], cells[10:140], "w : 1\nda/dt = -a/(2*ms) : 1 (event-driven)",
                 {"on_pre": {"pre": "a += 1; X_post += w*a*v_pre"}}),
        # in rows for the sender and not for the receiver, and on another event
        "plastic": (cells, cells, "w : 1",
                    {"on_pre": {"pre": "X_post += w", "up": "w *= 0.999"}, "on_post": "w += 1e-5*v_pre",
                     "on_event": {"up": "high"}}),
        "columns": (given, cells, "w : 1", {"on_pre": {"pre": "X_post += w"}}),
        "delays": (given, cells, "w : 1", {"on_pre": {"pre": "X_post += w"}}),
    }  # fmt: skip
    for name, (source, target, model, options) in paths.items():
        pairs = np.argwhere(rng.random((len(source), len(target))) < 0.3)
        if name == "columns":
            pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
        weights, delays = rng.standard_normal(len(pairs)) * 0.01, rng.integers(0, 20, len(pairs)) * 0.1 * ms
        for suffix, more in COPY.items():
            code = {key: line.replace("X", f"x{suffix}") for key, line in options["on_pre"].items()}
            chosen = {**common, **options, **more, "on_pre": code, "order": list(paths).index(name)}
            path = Synapses(source, target, model, name=name + suffix, **chosen)
            path.connect(i=pairs[:, 0], j=pairs[:, 1])
            path.w = weights
            if name == "delays":
                path.delay = delays
            items.append(path)
    return Network(items)


def run(model, recorded, folder):
    """Return every array of a network after a run, by owner and name, and the spikes of a group."""
    found = {}

    def read(network):
        for item in network.objects:
            for name, variable in item.variables.items():
                if isinstance(variable, ArrayVariable) and variable.owner.name == item.name:
                    found[f"{item.name}.{name}"] = np.array(variable.get_value())

    data = simulate(model, 40 * ms, seed=3, device="cpp_standalone", directory=folder, record=recorded, finish=read)
    return found, data


def is_in_blocks(folder, name):
    event = "high" if name.startswith("event") else "spike"
    return "_fired" in (folder / "code_objects" / f"{name}_{event}_thresholder_codeobject.cpp").read_text()


@pytest.mark.slow
@pytest.mark.standalone
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # Brian2 looks for values of 1e50 after a run
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_events_are_those_of_the_threshold_of_brian2(tmp_path, dtype):
    prefs.core.default_float_dtype = dtype
    found, data = run(thresholds, "sums.spikes", tmp_path)
    for name in BLOCKS:
        assert is_in_blocks(tmp_path, name) and not is_in_blocks(tmp_path, f"{name}_brian")
        for variable in ("v", "lastspike", "not_refractory"):
            if f"{name}.{variable}" in found:
                assert np.array_equal(found[f"{name}.{variable}"], found[f"{name}_brian.{variable}"]), name
    assert data["sums.spike_time"].size > 1000 and found["sums.lastspike"].min() < 0 < found["sums.lastspike"].max()


@pytest.mark.slow
@pytest.mark.standalone
def test_sums_are_those_of_the_queue_of_brian2(tmp_path):
    found, data = run(synapses, "cells.spikes", tmp_path)
    assert np.array_equal(found["cells.x"], found["cells.x_brian"]) and np.abs(found["cells.x"]).min() > 0
    for name in ("rows.a", "rows.w", "plastic.w"):
        assert np.array_equal(found[name], found[name.replace(".", "_brian.")]) and found[name].std() > 0
    assert data["cells.spike_time"].size > 500

    def queued(name):  # at the end: spikes of the last step and those that wait
        return len((tmp_path / "results" / f"{name}_queue").read_text().split())

    assert queued("plastic_pre") == 3 < queued("plastic_brian_pre")  # where it stands, one slot, nothing in it
    for name in ("plastic{}_post", "columns{}_pre", "delays{}_pre"):
        assert queued(name.format("")) == queued(name.format("_brian"))


def test_other_thresholds_are_those_of_brian2(tmp_path, monkeypatch):
    build = standalone.build
    monkeypatch.setattr(standalone, "build", lambda device, folder, *_: build(device, folder, is_compiled=False))
    with Program(others, 1 * ms, device="cpp_standalone", directory=tmp_path, record=()):
        assert not any(is_in_blocks(tmp_path, name) for name in (*OTHERS, "linked"))
    with Program(thresholds, 1 * ms, device="cpp_standalone", directory=tmp_path, record=()):
        assert all(is_in_blocks(tmp_path, name) for name in BLOCKS)
        sources = (tmp_path / "code_objects").glob("*_thresholder_codeobject.cpp")
        assert any("posix_memalign" in source.read_text() for source in sources)


ARRAYS = """
#include <cstdint>
#include <vector>
#include "aligned.h"
bool others();
#ifdef MAIN
int main()
{
    bool good = others();
    for (std::size_t size = 0; size < 5000; size += 7) {
        char* array = new char[size];
        good = good && reinterpret_cast<std::uintptr_t>(array)%64 == 0;
        for (std::size_t k = 0; k < size; k++) array[k] = 1;
        if (size%2) delete[] array;
    }
    return good ? 0 : 1;
}
#else
bool others() { return reinterpret_cast<std::uintptr_t>(new double[500])%64 == 0; }
#endif
"""


@pytest.mark.standalone
@pytest.mark.skipif(shutil.which("g++") is None or sys.platform == "win32", reason="no g++, or no posix_memalign")
@pytest.mark.parametrize("flag", ["-std=c++11", "-std=c++17", "-DNOTHING"])
def test_arrays_begin_with_a_cache_line(tmp_path, flag):
    """In two sources of a program, of which each has the operator."""
    (tmp_path / "arrays.cpp").write_text(ARRAYS if flag != "-DNOTHING" else ARRAYS.replace('#include "aligned.h"', ""))
    command = ["g++", flag, f"-I{Path(elementwise.__file__).parent / 'kernels'}", "-c", tmp_path / "arrays.cpp", "-o"]
    subprocess.run([*command, tmp_path / "main.o", "-DMAIN"], check=True)
    subprocess.run([*command, tmp_path / "others.o"], check=True)
    subprocess.run(["g++", tmp_path / "main.o", tmp_path / "others.o", "-o", tmp_path / "main"], check=True)
    found = subprocess.run([tmp_path / "main"], check=False).returncode
    assert found == (flag == "-DNOTHING")  # without it, they do not


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("const double v = _ptr_v[_idx];\nconst char _cond = v >= v_peak;", True),
        ("char _cond;\nif(b)\n    _cond = v > 1;\nelse\n    _cond = false; // v / w, f(v)", True),
        ("const char _cond = v > _rand(_vectorisation_idx);", False),
        ("const char _cond = exp(v) > 1;", False),
        ("const char _cond = 1.0f*v/w > 1;", False),
    ],
)
def test_what_is_elementwise(code, expected):
    assert is_elementwise(code, {"v": None}, {"v": "_idx"}) is expected
    assert is_elementwise(code.splitlines(), {"v": None}, {"v": "0"}) is expected
    assert not is_elementwise(code, {"v": None}, {"v": "_index_of_v"})


def test_arrays_at_the_element():
    code = [
        "const double w = _ptr_w[_idx];",
        "double h = _ptr_h[_postsynaptic_idx];",
        "_ptr_w[_idx] = w + _ptr_a[_idx];",
    ]
    assert arrays_of(code) == ["_ptr_a", "_ptr_w"]


def test_a_class_that_the_user_chose_stays():
    def objects(network):
        return {item.name: item.codeobj_class for item in network.sorted_objects if hasattr(item, "codeobj_class")}

    options = {"threshold": "v > 1", "reset": "v = 0", "namespace": {}}
    mine = NeuronGroup(2, "v : 1", codeobj_class=NumpyCodeObject, name="mine", **options)
    plain = NeuronGroup(2, "v : 1", name="plain", **options)
    path = Synapses(plain, plain, on_pre="v_post += 1", namespace={}, name="path")
    network = Network(mine, plain, path)
    use_own_loops(network)  # on the runtime device
    set_device("cpp_standalone", build_on_run=False)
    prefs.devices.cpp_standalone.openmp_threads = 2
    use_own_loops(network)
    assert CPPNativeCodeObject not in objects(network).values()
    prefs.devices.cpp_standalone.openmp_threads = 0
    use_own_loops(network)
    found = objects(network)
    assert found["mine_spike_thresholder"] is NumpyCodeObject and found["plain_spike_resetter"] is None
    assert found["plain_spike_thresholder"] is found["path_pre"] is CPPNativeCodeObject
