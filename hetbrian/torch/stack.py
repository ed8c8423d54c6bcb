"""Layers one upon another: cells of which each hears those below it."""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from brian2 import NeuronGroup, Synapses

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import choice, count, instance, whole
from hetbrian._support.optional import torch
from hetbrian.torch.cell import Cell, Output
from hetbrian.torch.events import Events
from hetbrian.torch.fused.cell import FusedCell

BY_LAYER = of(Mapping, advice="give one entry for each layer, by its group's name")


class Stack(torch.nn.Module):
    """
    Cells as the layers of a network, plain or fused: what a group spikes goes to the layers above that hear it.

    It computes what Brian2 does with the groups in one network: there all synapses run after all thresholds, so that
    a spike without a delay arrives in the layer above in the same time step. Gradients flow through all layers.

    Not for groups that spike on each other in a circle.

    Parameters
    ----------
    *layers : Cell or FusedCell
        From the inputs up. Synapses from a group below were given to `hetbrian.torch.export.to_torch` of the group that
        they target.

    Raises
    ------
    TypeError
        If one is no cell.
    ValueError
        If two have the same name, another time step, first step or other units, or one hears a layer that is above it.

    Examples
    --------
    >>> from brian2 import NeuronGroup, SpikeGeneratorGroup, Synapses, ms
    >>> from hetbrian.torch import to_torch
    >>> model, options = "dv/dt = -v/(10*ms) : 1", {"threshold": "v > 1", "reset": "v = 0", "method": "exact"}
    >>> source = SpikeGeneratorGroup(3, [], [] * ms, name="source")
    >>> first, second = (NeuronGroup(n, model, name=name, **options) for n, name in ((5, "first"), (2, "second")))
    >>> up = [Synapses(*ends, on_pre="v_post += 0.6") for ends in ((source, first), (first, second))]
    >>> for synapses in up:
    ...     synapses.connect()
    >>> stack = Stack(to_torch(first, up[0], namespace={"ms": ms}), to_torch(second, up[1], namespace={"ms": ms}))
    >>> found = stack(spikes={"source": torch.ones(20, 1, 3)})
    >>> {name: tuple(output.spikes.shape) for name, output in found.items()}
    {'first': (20, 1, 5), 'second': (20, 1, 2)}
    """

    def __init__(self, *layers: Cell | FusedCell) -> None:
        super().__init__()
        count(len(layers), "the number of layers")
        for layer in layers:
            instance(layer, "a layer", (Cell, FusedCell), "export it with to_torch")
        self.layers: Any = torch.nn.ModuleList(layers)
        names = [cell.neurons.name for cell in self._cells]
        sizes: dict[str, int] = {}
        for number, (name, cell) in enumerate(zip(names, self._cells, strict=True)):
            if name in names[:number]:
                raise ValueError(
                    f"two layers are called {name!r}, expected a name of its own for each: name the groups."
                )
            for source, size in cell.sources.items():
                is_layer = source in names
                if is_layer and source not in names[:number]:
                    raise ValueError(
                        f"the layer {name!r} hears {source!r}, which is not below it, expected only sources and layers "
                        f"below: give {source!r} before it, and leave out synapses that close a circle."
                    )
                if sizes.setdefault(source, size) != size:
                    raise ValueError(
                        f"the {'layer' if is_layer else 'source'} {source!r} has {sizes[source]} neurons and {name!r} "
                        f"hears {size} of that name, expected as many: export all from one network."
                    )
            for what in ("units", "dt", "first_step"):
                found, expected = getattr(cell, what), getattr(self._cells[0], what)
                if found != expected:
                    raise ValueError(
                        f"{what} of the layer {name!r} is {found}, expected {expected} as of {names[0]!r}: export them "
                        "with the same."
                    )
            sizes[name] = cell.neurons.size
        self.names = tuple(names)

    @property
    def _cells(self) -> list[Cell]:
        return [layer.cell if isinstance(layer, FusedCell) else layer for layer in self.layers]

    @property
    def cells(self) -> dict[str, Cell]:
        """Dict of str to Cell : the plain modules, with the parameters, by the names of their groups."""
        return dict(zip(self.names, self._cells, strict=True))

    @property
    def sources(self) -> dict[str, int]:
        """Dict of str to int : the spike sources whose spikes the caller gives, and their sizes."""
        found: dict[str, int] = {}
        for cell in self._cells:
            found |= {name: size for name, size in cell.sources.items() if name not in self.names}
        return found

    @checked(batch=count)
    def initial_state(self, batch: int | None = None) -> dict[str, dict]:
        """
        Return the state of each layer before the first step, by its name.

        Parameters
        ----------
        batch : int, optional
            Number of copies; without it tensors have no batch dimension.

        Returns
        -------
        dict of str to dict
            As `hetbrian.torch.cell.Cell.initial_state` gives them.
        """
        return {name: cell.initial_state(batch) for name, cell in self.cells.items()}

    def write_back(self, *objects: NeuronGroup | Synapses) -> None:
        """
        Set the trained parameters of the Brian2 objects.

        Parameters
        ----------
        *objects : NeuronGroup and Synapses
            The group of each layer, and those Synapses whose parameters were trained.

        Raises
        ------
        TypeError
            If something else is given.
        ValueError
            If a group or trained Synapses are not given, or an object has no such variable.
        """
        for item in objects:
            instance(item, "an object to write to", (NeuronGroup, Synapses), "give groups and their Synapses")
        given = {item.name: item for item in objects}
        for name, cell in self.cells.items():
            if name not in given:
                raise ValueError(f"the group {name!r} is not given, expected that of every layer: give it too.")
            cell.write_back(given[name], *(given[path] for path in cell.couplings if path in given))

    @checked(
        n_steps=count,
        batch=count,
        inputs=BY_LAYER,
        spikes=of(Mapping, advice="give tensors by name"),
        record=BY_LAYER,
        state=BY_LAYER,
        first_step=partial(whole, least=0),
    )
    def forward(
        self,
        n_steps: int | None = None,
        batch: int | None = None,
        *,
        inputs: Mapping[str, Mapping[str, torch.Tensor]] | None = None,
        spikes: Mapping[str, Events | torch.Tensor] | None = None,
        record: Mapping[str, Sequence[str]] | None = None,
        state: Mapping[str, dict] | None = None,
        first_step: int | None = None,
    ) -> dict[str, Output]:
        """
        Run a sequence.

        Parameters
        ----------
        n_steps, batch : int, optional
            Number of steps and of copies, by default those of the inputs or spikes.
        inputs : dict of str to dict, optional
            For each layer that has some, the values of its input variables, (time, batch, neuron) each.
        spikes : dict of str to Tensor, shape (time, batch, source neuron), or Events, optional
            Spikes of every source that is no layer, 0 or 1.
        record : dict of str to sequence of str, optional
            State variables to return, for any layer.
        state : dict of str to dict, optional
            Where every layer starts, by default `initial_state`.
        first_step : int, optional
            Number of the first step.

        Returns
        -------
        dict of str to Output
            Of each layer, as `hetbrian.torch.cell.Cell.forward` gives it.

        Raises
        ------
        ValueError
            If a layer or source is unknown or missing, or something else does not fit.
        """
        inputs, spikes, record = inputs or {}, spikes or {}, record or {}
        given = [values for of_layer in inputs.values() for values in of_layer.values()]
        for shape in (tuple(values.shape) for values in (*given, *spikes.values()) if hasattr(values, "shape")):
            n_steps = shape[0] if n_steps is None and shape else n_steps
            batch = shape[1] if batch is None and len(shape) == 3 else batch
        for argument, values in (("inputs", inputs), ("record", record), ("state", state or {})):
            for name in values:
                choice(name, f"a layer of {argument}", self.names)
        for name in spikes:
            choice(name, "a source of spikes", self.sources)
        if state is not None and (missing := [name for name in self.names if name not in state]):
            raise ValueError(
                f"the state of the layer {missing[0]!r} is missing, expected that of every layer: take those that are "
                "not given from initial_state()."
            )
        heard: dict[str, Any] = dict(spikes)
        outputs: dict[str, Output] = {}
        for name, layer in zip(self.names, self.layers, strict=True):
            with _named(name):
                outputs[name] = layer(
                    n_steps,
                    batch,
                    inputs=inputs.get(name),
                    spikes={source: heard[source] for source in self.cells[name].sources if source in heard},
                    record=record.get(name, ()),
                    state=None if state is None else state[name],
                    first_step=first_step,
                )
            heard[name] = outputs[name].spikes
        return outputs


@contextmanager
def _named(layer):
    """Say of which layer a value is refused."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):  # which may be made of something else than a text
            raise
        raise type(error)(f"in the layer {layer!r}, {error}") from error
