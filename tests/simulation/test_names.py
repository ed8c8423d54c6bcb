import re

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, Synapses, linked_var, ms, second

import hetbrian as hb
from hetbrian.simulation.guard import Guard
from hetbrian.simulation.names import REGISTRY, contents, find_recordable, free_name
from hetbrian.simulation.record import Recorder

DT = 0.1 * ms


def group(equations, size=3, name="cells", clock=None, **options):
    clock = Clock(DT, name="clock") if clock is None else clock
    return NeuronGroup(size, equations, method="euler", clock=clock, namespace={"ms": ms}, name=name, **options)


def recorded(network, record, duration=0.5 * ms):
    recorder = Recorder(network, record, DT)
    network.run(duration, namespace={})
    return recorder.dataset()


@pytest.mark.parametrize("options", [{}, {"threshold": "t < 0*ms", "reset": ""}], ids=["silent", "firing"])
@pytest.mark.parametrize("name", ["s", "eta", "g", "theta", "z", "y", "weights", "v", "w", "IPSC", "r", "h"])
def test_the_dimensions_are_those_of_the_variable_whatever_it_is_called(name, options):
    """Each neuron n has n + 1 at the start and gains 1/ms."""
    cells = group(f"d{name}/dt = 1/ms : 1", **options)
    getattr(cells, name)[:] = [1, 2, 3]
    series = recorded(Network(cells), f"cells.{name}")[f"cells.{name}"]
    assert series.dims == ("time", "cells.neuron")
    expected = np.add.outer(np.arange(1, 6) * 0.1, [1, 2, 3])  # a sample is of the end of its step
    assert np.allclose(series, expected, rtol=0, atol=1e-14)  # some roundings of 0.1


def test_silent_variables_called_like_something_of_spikes():
    cells = group("rate : 1\nspikes : 1 (constant)\norder : 1 (constant)")
    for number, name in enumerate(("rate", "spikes", "order")):
        cells.variables[name].set_value(np.array([1, 2, 3]) + 3 * number)
    dataset = recorded(Network(cells), ("cells.rate", "cells.spikes", "cells.order"))
    assert dataset["cells.order"].values.tolist() == [7, 8, 9]
    assert dataset["cells.rate"].dims == ("time", "cells.neuron")
    assert dataset["cells.rate"][-1].values.tolist() == [1, 2, 3]
    assert dataset["cells.spikes"].dims == ("cells.neuron",) and dataset["cells.spikes"].values.tolist() == [4, 5, 6]


@pytest.mark.parametrize("name", ["rate", "cells.rate", "cells.spikes"])
def test_a_name_of_a_variable_and_of_the_spikes_is_refused(name):
    cells = group("rate : 1\nspikes : 1", threshold="rate > 1", reset="")
    with pytest.raises(ValueError, match=rf"record has '{name}', which is a variable of cells and its .* as well"):
        find_recordable(Network(cells), name)


def test_the_gate_is_one_element_and_has_no_neurons():
    gate, many = group("s : 1", size=1, name="gate"), group("s : 1", name="many")
    network = Network(gate, many)
    assert find_recordable(network, "s") == (gate, REGISTRY["s"])
    assert find_recordable(network, "gate.s")[1].dims == ("time",)
    assert find_recordable(network, "many.s")[1].dims == ("time", "many.neuron")
    fixed = group("s : 1 (constant)", size=1, name="fixed")
    fixed.s = 2
    dataset = recorded(Network(fixed), "fixed.s")
    assert dataset["fixed.s"].dims == () and dataset["fixed.s"] == 2


def test_shared_constant_and_linked_variables():
    cells = group("c : 1 (shared)\neta : 1 (constant)\ng = 2*c : 1 (shared)\ntheta = 2*eta : 1")
    cells.c, cells.eta = 5, [1, 2, 3]
    other = group("eta : 1 (linked)", size=2, name="other", clock=cells.clock)
    other.eta = linked_var(cells, "eta", index=[2, 0])
    dataset = recorded(Network(cells, other), ("cells.c", "cells.eta", "cells.g", "cells.theta", "other.eta"))
    assert dataset["cells.c"].dims == dataset["cells.g"].dims == ("time",)
    assert dataset["cells.c"][-1] == 5 and dataset["cells.g"][-1] == 10
    assert dataset["cells.eta"].dims == ("cells.neuron",) and dataset["cells.eta"].values.tolist() == [1, 2, 3]
    assert dataset["cells.theta"][-1].values.tolist() == [2, 4, 6]
    assert dataset["other.eta"].values.tolist() == [3, 1]


def test_variables_of_synapses_called_like_those_of_neurons():
    cells = group("x : 1", threshold="t < 0*ms", reset="")
    synapses = Synapses(cells, cells, "w : 1\ns : 1", clock=cells.clock, namespace={}, name="between")
    synapses.connect(i=[0, 1], j=[1, 2])
    synapses.w, synapses.s = [1, 2], [3, 4]
    dataset = recorded(Network(cells, synapses), ("between.w", "between.s"))
    assert dataset["between.w"].dims == dataset["between.s"].dims == ("between.synapse",)
    assert dataset["between.w"].values.tolist() == [1, 2] and dataset["between.s"].values.tolist() == [3, 4]


def test_a_free_name_is_that_of_no_object_nor_of_a_part_of_one():
    cells = group("x : 1", name="guard_a")
    network = Network(cells, group("x : 1", name="watch_a_check", clock=cells.clock))
    assert free_name(network, "guard_b") == "guard_b" and free_name(network, "guard") == "guard_2"
    assert free_name(network, "guard_a") == "guard_a_2" and free_name(network, "watch_a") == "watch_a_2"
    network.add(group("x : 1", name="guard_a_2", clock=cells.clock))
    assert free_name(network, "guard_a") == "guard_a_3"


def test_what_only_watches_is_nothing_of_the_network():
    network = Network(group("x : 1"))
    Recorder(network, "cells.x", DT)
    assert contents(network) == "cells" and len(network.objects) == 2
    with pytest.raises(ValueError, match="'z' is 'z' of a readout, which this network of cells lacks: name another"):
        find_recordable(network, "z")
    with pytest.raises(ValueError, match=r"record has 'monitor_cells_x.x', expected .*: check the names of the object"):
        find_recordable(network, "monitor_cells_x.x")


@pytest.mark.parametrize("name", ["cells.N", "cells._a", "cells.t_"])
def test_an_advice_is_never_what_was_given(name):
    with pytest.raises(ValueError, match=rf"record has {name!r}, expected 'object.variable' or a short") as raised:
        find_recordable(Network(group("x : 1")), name)
    assert f"did you mean {name!r}" not in str(raised.value)


def test_the_time_is_refused():
    with pytest.raises(ValueError, match=re.escape("record has 'cells.t', which every time series has as its coord")):
        find_recordable(Network(group("x : 1")), "cells.t")
    assert recorded(Network(group("x : second")), "cells.x").time.size == round(float(0.5 * ms / second) / 1e-4)


# Names of guards


def test_groups_called_like_a_guard_or_a_part_of_one():
    def alike(rng):
        clock, names = Clock(DT, name="clock"), ("a", "guard_a", "guard_guard_a", "guard_a_check")
        return Network(NeuronGroup(2, "v : 1", clock=clock, namespace={}, name=name) for name in names)

    watched = []
    hb.simulate(
        alike,
        1 * ms,
        device="numpy",
        record=(),
        finish=lambda network: watched.extend(g.source.name for g in network.objects if isinstance(g, Guard)),
    )
    assert sorted(watched) == ["a", "guard_a", "guard_a_check", "guard_guard_a"]


@pytest.mark.parametrize("equations", ["v = 2*x : 1\nx : 1", "v : 1 (shared)", "v = 2*x : 1 (shared)\nx : 1 (shared)"])
def test_a_potential_that_is_no_array_is_simulated_without_a_guard(equations):
    def unusual(rng):
        return Network(NeuronGroup(2, equations, clock=Clock(DT, name="clock"), namespace={}, name="cells"))

    guards = []
    run = hb.simulate(
        unusual,
        1 * ms,
        device="numpy",
        record="cells.v",
        finish=lambda network: guards.extend(g for g in network.objects if isinstance(g, Guard)),
    )
    assert guards == [] and run["cells.v"].sizes["time"] == 1
