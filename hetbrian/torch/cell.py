"""Torch modules of one group and of a network: state as tensors, one step, a sequence."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from brian2 import NeuronGroup, Synapses
from brian2.units.fundamentalunits import Dimension

from hetbrian._support.arguments import checked, of, texts
from hetbrian._support.checks import choice, count, instance, text, whole
from hetbrian._support.optional import torch
from hetbrian.torch.events import Events, binary

NAMES = texts("names of variables: write ('v',), say")


class Output(NamedTuple):
    """
    What a sequence gives.

    Parameters
    ----------
    spikes : Tensor, shape (time, batch, neuron)
        0 or 1; without batch (time, neuron).
    recorded : dict of str to Tensor, shape (time, batch, neuron)
        The recorded variables at the start of each step, as a StateMonitor has them.
    state : dict of str to Tensor
        State after the last step, from which another sequence goes on.
    """

    spikes: torch.Tensor
    recorded: dict
    state: dict


class Cell(torch.nn.Module):
    """
    A group and its synapses as a torch module: the same equations, in Brian2's order within a step.

    `hetbrian.torch.export.to_torch` makes it. All values are in the units of ``units``. Not for learning
    rules that run during a sequence, such as STDP or FORCE.

    Parameters
    ----------
    neurons : Population
        The group that spikes.
    gates : sequence of Population
        Groups of one neuron, such as the gating variable of all-to-all coupling.
    couplings : sequence of Coupling
        Synapses in the order in which Brian2 runs them.
    inputs : sequence of str
        State variables that the caller sets at every step.
    dt : float
        Time step.
    units : UnitSystem
        Unit system.
    first_step : int
        Number of the first time step, 0 for a group that has not run.
    """

    def __init__(self, neurons, gates, couplings, inputs, dt, units, first_step=0):
        super().__init__()
        self.neurons: Any = neurons
        self.gates: Any = torch.nn.ModuleDict({gate.name: gate for gate in gates})
        self.couplings: Any = torch.nn.ModuleDict({coupling.name: coupling for coupling in couplings})
        self.inputs, self.dt, self.units, self.first_step = tuple(inputs), dt, units, first_step

    @property
    def sources(self) -> dict[str, int]:
        """Dict of str to int : the spike sources whose spikes the caller gives, and their sizes."""
        return {item.source: item.n_source for item in self.couplings.values() if item.source is not None}

    @checked(
        batch=count,
    )
    def initial_state(self, batch: int | None = None) -> dict:
        """
        Return the state before the first step.

        Parameters
        ----------
        batch : int, optional
            Number of copies; without it tensors have no batch dimension.

        Returns
        -------
        dict of str to Tensor, shape (batch, neuron)
            State variables by name, those of gates as ``gate.variable``, and the spikes that are still on their way.
            The time of the last spike, ``lastspike``, is in seconds.
        """
        state = self.neurons.initial_state(batch)
        for gate in self.gates.values():
            state |= {f"{gate.name}.{name}": value for name, value in gate.initial_state(batch).items()}
        for coupling in self.couplings.values():
            shape = (coupling.n_source,) if batch is None else (batch, coupling.n_source)
            silence = self.like().new_zeros(shape)
            state[f"{coupling.name}.pending"] = (silence,) * coupling.max_delay
        return state

    @property
    def dtype(self) -> torch.dtype:
        """Torch.dtype : precision of the state."""
        return self.like().dtype

    @property
    def device(self) -> torch.device:
        """Torch.device : where the state is."""
        return self.like().device

    def variables(self) -> dict[str, tuple[str | None, str]]:
        """
        Return what changes in time by equations, synapses or resets.

        Returns
        -------
        dict of str to tuple
            By name in the state, the gate that owns it (None for the group) and its name there.
        """
        own = [name for name in self.neurons.names if name not in (*self.inputs, "lastspike", "not_refractory")]
        found: dict = {name: (None, name) for name in own}
        for gate in self.gates.values():
            found |= {f"{gate.name}.{name}": (gate.name, name) for name in gate.names}
        return found

    @checked(
        name=text,
    )
    def dimension(self, name: str) -> Dimension:
        """Return the physical dimension of a state variable."""
        owner, variable = self.variables().get(name, (None, name))
        population = self.neurons if owner is None else self.gates[owner]
        if variable not in population.names:
            raise ValueError(f"{name!r} is no state variable, expected {', '.join(self.variables())}: check the name.")
        return population.state_dimensions[variable]

    def like(self) -> torch.Tensor:
        """Return a tensor that has the dtype and device of the state."""
        return self.neurons.like()

    def prepare(self):
        """Return what `step` needs and is the same for a whole sequence; gradients flow through it."""
        return (
            self.neurons.prepare(),
            [gate.prepare() for gate in self.gates.values()],
            [coupling.prepare() for coupling in self.couplings.values()],
        )

    def step(self, state, n=0, *, inputs=None, spikes=None, prepared=None):
        """
        Advance by one time step.

        Parameters
        ----------
        state : dict of str to Tensor
            State, as `initial_state` gives it; left as it is.
        n : int or Tensor
            Number of the step, which sets the time t = n dt, in seconds as in Brian2.
        inputs : dict of str to Tensor, shape (batch, neuron), optional
            Values of the input variables in this step.
        spikes : dict of str to Tensor, shape (batch, source neuron), optional
            Spikes of each source in this step, 0 or 1, which is not checked here.
        prepared : tuple, optional
            What `prepare` gave; by default it is computed again.

        Returns
        -------
        state : dict of str to Tensor
        spikes : Tensor, shape (batch, neuron)
        """
        prepared = self.prepare() if prepared is None else prepared
        state = state | (inputs or {})
        clocks = [
            item.clock(n, fixed)
            for item, fixed in zip((self.neurons, *self.gates.values()), (prepared[0], *prepared[1]), strict=True)
        ]
        self._run("update", n, state, prepared, clocks)
        fired = self._run("threshold", n, state, prepared, clocks)
        for coupling, weights in zip(self.couplings.values(), prepared[2], strict=True):
            coupling.deliver(state, fired if coupling.source is None else spikes[coupling.source], weights)
        self._run("bound", n, state, prepared, clocks)
        self._run("reset_state", n, state, prepared, clocks, fired)
        return state, fired

    def _run(self, slot, n, state, prepared, clocks, *spikes):
        """Run a slot of the neurons, then of every gate, and put the variables into the state."""
        neurons = self.neurons
        own = tuple(state[name] for name in neurons.names)
        linked = tuple(state[".".join(neurons.linked[name])] for name in sorted(neurons.linked))
        arguments = (n, own, linked, prepared[0], clocks[0])
        result = neurons.update(*arguments) if slot == "update" else neurons.call(slot, *arguments, *spikes)
        fired, own = result if slot == "threshold" else (None, result)
        state |= zip(neurons.names, own, strict=True)
        if slot in ("update", "bound"):
            for gate, fixed, clock in zip(self.gates.values(), prepared[1], clocks[1:], strict=True):
                own = gate.call(slot, n, tuple(state[f"{gate.name}.{name}"] for name in gate.names), (), fixed, clock)
                state |= {f"{gate.name}.{name}": value for name, value in zip(gate.names, own, strict=True)}
        return fired

    @checked(
        n_steps=count,
        batch=count,
        inputs=of(Mapping, advice="give tensors by name"),
        spikes=of(Mapping, advice="give tensors by name"),
        record=NAMES,
        state=of(Mapping, advice="give tensors by name"),
        first_step=partial(whole, least=0),
    )
    def forward(
        self,
        n_steps: int | None = None,
        batch: int | None = None,
        *,
        inputs: Mapping[str, torch.Tensor] | None = None,
        spikes: Mapping[str, torch.Tensor] | None = None,
        record: Sequence[str] = (),
        state: dict | None = None,
        first_step: int | None = None,
    ) -> Output:
        """
        Run a sequence.

        Parameters
        ----------
        n_steps : int, optional
            Number of steps, by default that of the inputs or spikes.
        batch : int, optional
            Number of copies, by default that of the inputs or spikes.
        inputs : dict of str to Tensor, shape (time, batch, neuron), optional
            Values of every input variable.
        spikes : dict of str to Tensor, shape (time, batch, source neuron), or Events, optional
            Spikes of every source, 0 or 1.
        record : sequence of str
            State variables to return.
        state : dict of str to Tensor, optional
            Where to start, by default `initial_state`.
        first_step : int, optional
            Number of the first step.

        Returns
        -------
        Output

        Raises
        ------
        ValueError
            If an input, source or recorded variable is unknown or missing, shapes do not fit, or spikes are not 0 or 1.
        """
        inputs, spikes = dict(inputs or {}), dict(spikes or {})
        n_steps, batch = self.check(n_steps, batch, inputs, spikes, record, state)
        like = self.like()
        # unbind: indexing would allocate a whole zero tensor in the backward pass of every step
        given = {name: value.to(like.dtype).unbind(0) for name, value in inputs.items()}
        arriving = {}
        for name, value in spikes.items():
            if isinstance(value, Events):
                arriving[name] = value.to(self.device).dense(like.dtype).unbind(0)
            else:
                value = value.to(like.dtype)
                binary(value.detach())
                arriving[name] = value.unbind(0)
        first_step = self.first_step if first_step is None else first_step
        state = self.initial_state(batch) if state is None else state
        prepared = self.prepare()
        recorded: dict = {name: [] for name in record}
        fired = []
        for step in range(n_steps):
            now = {name: values[step] for name, values in given.items()}
            sent = {name: values[step] for name, values in arriving.items()}
            for name, values in recorded.items():
                values.append(now[name] if name in now else state[name])
            state, spiked = self.step(state, first_step + step, inputs=now, spikes=sent, prepared=prepared)
            fired.append(spiked)
        return Output(torch.stack(fired), {name: torch.stack(values) for name, values in recorded.items()}, state)

    def check(self, n_steps, batch, inputs, spikes, record=(), state=None):
        """
        Check the arguments of a sequence.

        Parameters
        ----------
        n_steps, batch, inputs, spikes, record, state
            As in `forward`.

        Returns
        -------
        n_steps : int
        batch : int or None

        Raises
        ------
        ValueError
            If they do not fit.
        """
        sizes = dict.fromkeys(self.inputs, self.neurons.size)
        for kind, argument, given, known in (
            ("input", "inputs", inputs, sizes),
            ("source", "spikes", spikes, self.sources),
        ):
            for name in sorted({*known} ^ {*given}):
                problem = "is missing" if name in known else "is none of this module"
                raise ValueError(
                    f"the {kind} {name!r} {problem}, expected {', '.join(sorted(known)) or 'none'}: "
                    f"pass {argument}= with exactly these names."
                )
            for name, value in given.items():
                instance(value, f"the {kind} {name!r} of {argument}", (torch.Tensor, Events), "convert it")
                shape = tuple(value.shape)
                n_steps = shape[0] if n_steps is None and shape else n_steps
                batch = shape[1] if batch is None and len(shape) == 3 else batch
                expected = (n_steps, known[name]) if batch is None else (n_steps, batch, known[name])
                if shape != expected:
                    raise ValueError(
                        f"the {kind} {name!r} has shape {shape}, expected {expected}: give one value for each time "
                        "step, copy and neuron."
                    )
        count(n_steps, "n_steps")
        known = self.initial_state(batch)
        names = [name for name, value in known.items() if torch.is_tensor(value)]  # and not the spikes on their way
        for name in record:
            choice(name, "record", names)
        for name in sorted(state.keys() ^ known.keys()) if state is not None else ():
            raise ValueError(f"state and module differ in {name!r}, expected the same: take it from initial_state().")
        for name, value in (state or {}).items():
            given, wanted = ([tuple(item.shape) for item in _items(value)] for value in (value, known[name]))
            if given != wanted:
                raise ValueError(
                    f"state has {name!r} of shape {_shapes(given)}, expected {_shapes(wanted)}: take it from "
                    "initial_state() with the same batch."
                )
        return n_steps, batch

    @checked(
        group=of(NeuronGroup, advice="give the exported group"),
    )
    def write_back(self, group: NeuronGroup, *synapses: Synapses) -> None:
        """
        Set the trained parameters of the Brian2 objects.

        Parameters
        ----------
        group : NeuronGroup
            The exported group, or one like it.
        *synapses : Synapses
            Those whose parameters were trained.

        Raises
        ------
        ValueError
            If an object has no such variable, or trained synapses are not given.
        """
        given = {item.name: item for item in synapses}
        for coupling in self.couplings.values():
            if coupling.dimensions and coupling.name not in given:
                raise ValueError(
                    f"the parameters of {coupling.name} were trained, expected its Synapses: pass them after the group."
                )
        self.neurons.write_back(group, self.units)
        for coupling in self.couplings.values():
            if coupling.dimensions:
                coupling.write_back(given[coupling.name], self.units)


def _items(value):
    """Return the tensors of a part of the state."""
    return value if isinstance(value, tuple) else (value,)


def _shapes(shapes):
    """Return shapes as text, one for all if they are the same."""
    return " and ".join(map(str, dict.fromkeys(shapes))) or "no spikes"
