"""Classes that are not Brian2's: what runs as Brian2's is exported, the rest is refused by its name."""

import pytest
from brian2 import Clock, NeuronGroup, Synapses, ms
from brian2.groups.group import CodeRunner

from hetbrian.torch.export import to_torch
from hetbrian.torch.limits import ExportError

NEURONS = ("dv/dt = (1.5 - v)/(5*ms) : 1", "v > 1", "v = 0")


def group(kind=NeuronGroup, **options):
    equations, threshold, reset = NEURONS
    return kind(3, equations, threshold=threshold, reset=reset, method="euler", namespace={"ms": ms}, **options)


class Before(NeuronGroup):
    def before_run(self, run_namespace):
        super().before_run(run_namespace)
        self.v = 0.5


class Run(NeuronGroup):
    def run(self):
        self.v = 0.5


class After(NeuronGroup):
    def after_run(self):
        self.v = 0.5


class Mixin:
    def before_run(self, run_namespace):
        super().before_run(run_namespace)
        self.v = 0.5


class Mixed(Mixin, NeuronGroup):
    pass


class Attribute(NeuronGroup):
    def __getattr__(self, name):
        return super().__getattr__(name)


class Harmless(NeuronGroup):
    """Has a constructor and a method that Brian2 does not know."""

    def __init__(self, n, *arguments, **options):
        super().__init__(n, *arguments, **options)
        self.v = 0.25

    def mean(self):
        return self.v[:].mean()


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Before, "before_run"), (Run, "run"), (After, "after_run"), (Mixed, "before_run"), (Attribute, "__getattr__")],
)
def test_groups_that_replace_what_brian2_calls_are_refused(kind, name):
    with pytest.raises(ExportError, match=rf"is a {kind.__name__}, which has a {name} of its own, expected Brian2's: "):
        to_torch(group(kind), namespace={})


def test_a_method_of_one_object_is_refused():
    neurons = group()
    neurons.before_run = lambda run_namespace: None
    with pytest.raises(ExportError, match="is a NeuronGroup, which has a before_run of its own"):
        to_torch(neurons, namespace={})


def test_classes_that_replace_nothing_are_exported():
    neurons = group(Harmless)
    module = to_torch(neurons, namespace={})
    assert module.initial_state()["v"].tolist() == [0.25] * 3 and neurons.mean() == 0.25


class Halved(Synapses):
    def before_run(self, run_namespace):
        super().before_run(run_namespace)
        self.w = "w/2"


class Runner(CodeRunner):
    def update_abstract_code(self, run_namespace):
        self.abstract_code = "v = 0.5"


def test_synapses_clocks_and_contained_objects_count_too():
    neurons = group()
    synapses = Halved(neurons, neurons, "w : 1", on_pre="v_post += w")
    synapses.connect()
    with pytest.raises(ExportError, match="is a Halved, which has a before_run of its own"):
        to_torch(neurons, synapses, namespace={})
    clock = Clock(0.1 * ms)
    clock.set_interval = lambda start, end: None
    with pytest.raises(ExportError, match="is a Clock, which has a set_interval of its own"):
        to_torch(group(clock=clock), namespace={})
    neurons = group()
    runner = Runner(neurons, "stateupdate", when="after_synapses", name="runner")
    neurons.contained_objects.append(runner)
    with pytest.raises(ExportError, match="runner is a Runner, which has a update_abstract_code of its own"):
        to_torch(neurons, namespace={})
    runner.active = False
    assert to_torch(neurons, namespace={})(3).spikes.shape == (3, 3)


def test_synapses_that_a_group_contains_are_exported():
    """They were left out without a word; Brian2 runs them with the group."""
    neurons = group()
    synapses = Synapses(neurons, neurons, on_pre="v_post += 0.25", name="within")
    synapses.connect()
    neurons.contained_objects.append(synapses)
    assert list(to_torch(neurons, namespace={}).couplings) == ["within"]
