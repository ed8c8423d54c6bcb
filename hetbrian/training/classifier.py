"""Spiking layers and a leaky readout whose highest potential decides for a class."""

from typing import Any

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked, of, one_of
from hetbrian._support.checks import count, flag, not_negative
from hetbrian._support.optional import torch
from hetbrian.torch.cell import Cell
from hetbrian.torch.fused.cell import fuse
from hetbrian.torch.stack import Stack
from hetbrian.training.preset import CHOICES

SHARE = Allowed("at least 0 and below 1", "choose another share", low=0.0, high=1.0, included=(True, False))


@checked(
    cell=of(Cell, Stack, advice="export one with to_torch"),
    n_classes=count,
    tau_out=not_negative,
    readout=one_of(*CHOICES["readout"]),
    dropout=SHARE,
    is_fused=flag,
    generator=of(torch.Generator, advice="give torch.Generator()"),
)
class Classifier(torch.nn.Module):
    r"""
    Classify sequences of events by recurrent layers and one leaky membrane for each class.

    .. math:: u_{t+1} = a u_t + (1 - a)(W z_t + b), \quad y = \max_t u_t \quad\text{or}\quad y = \langle u_t \rangle_t

    with spikes z of the highest layer and a = exp(-dt/tau_out). The sum over time is one product with a triangular
    matrix. With two filters u passes through the same equation once more, and so on.

    Parameters
    ----------
    cell : Cell or Stack
        The layer, see `hetbrian.training.layers.exported`, or several of them.
    n_classes : int
        Outputs.
    tau_out : float
        Time constant of the readout in the unit of ``cell.dt``, 0 for none.
    filters : int
        Filters of this time constant in a row.
    readout : {"max", "mean"}
        Which potential decides.
    dropout : float
        Share of the highest layer that the readout does not see while training, drawn for each sample.
    is_fused : bool
        Whether the layers run in fused time loops.
    generator : torch.Generator, optional
        Draws the readout's initial weights.
    """

    def __init__(
        self,
        cell: Cell | Stack,
        n_classes: int,
        *,
        tau_out: float,
        filters: int = 1,
        readout: str = "max",
        dropout: float = 0.0,
        is_fused: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        cells = [*cell.cells.values()] if isinstance(cell, Stack) else [cell]
        parts: list[Any] = [fuse(item) for item in cells] if is_fused else cells
        self.layer: Any = Stack(*parts) if isinstance(cell, Stack) else parts[0]
        top = cells[-1]
        self.decay = float(torch.exp(torch.tensor(-top.dt / tau_out))) if tau_out else 0.0
        self.filters, self.readout, self.dropout, self.is_fused = filters, readout, dropout, is_fused
        shape = (top.neurons.size, n_classes)
        draw = torch.rand(shape, generator=generator) * 2 - 1
        self.weight = torch.nn.Parameter((draw / shape[0] ** 0.5).to(top.dtype))
        self.bias = torch.nn.Parameter(torch.zeros(n_classes, dtype=top.dtype))
        self._filter = torch.empty(0)

    @property
    def cells(self) -> list[Cell]:
        """List of Cell : the plain module of each layer, with the parameters, from the inputs up."""
        if isinstance(self.layer, Stack):
            return [*self.layer.cells.values()]
        return [self.layer.cell if self.is_fused else self.layer]

    @property
    def cell(self) -> Cell:
        """Cell : the plain module of the lowest layer."""
        return self.cells[0]

    def forward(self, events, generator=None):
        """
        Return what the readout says.

        Parameters
        ----------
        events : Events
            Input spikes.
        generator : torch.Generator, optional
            Draws which neurons the readout does not see; without it it sees all.

        Returns
        -------
        outputs : Tensor, shape (batch, class)
            Highest or mean potential of each class.
        spikes : Tensor, shape (time, batch, neuron)
            Of all layers, the lowest first.
        """
        found = self.layer(spikes={"source": events})
        by_layer = [output.spikes for output in found.values()] if isinstance(self.layer, Stack) else [found.spikes]
        spikes = by_layer[0] if len(by_layer) == 1 else torch.cat(by_layer, -1)
        seen = by_layer[-1]
        if self.dropout and generator is not None:
            kept = torch.rand(seen.shape[1:], generator=generator).to(seen.device) >= self.dropout
            seen = seen * (kept / (1 - self.dropout))
        return self.outputs(seen), spikes

    def outputs(self, spikes):
        """Return the potential of each class that decides, shape (batch, class), from spikes of the highest layer."""
        potentials = self.potentials(spikes)
        return potentials.amax(0) if self.readout == "max" else potentials.mean(0)

    def potentials(self, spikes):
        """Return the readout's membranes, shape (time, batch, class)."""
        drive = spikes @ self.weight + self.bias
        steps = len(spikes)
        kind = drive.device, drive.dtype
        if self._filter.shape != (steps, steps) or (self._filter.device, self._filter.dtype) != kind:
            lag = torch.arange(steps)[:, None] - torch.arange(steps)
            # m filters in a row have a negative binomial response, (n + m - 1 over n) (1 - a)^m a^n at lag n
            n, m = lag.clamp(min=0).double(), self.filters
            ways = torch.ones_like(n)
            for k in range(1, m):
                ways = ways * (n + k) / k
            response = ways * self.decay**n * (1 - self.decay) ** m
            self._filter = torch.where(lag >= 0, response, 0.0).to(drive)
        return torch.einsum("ts,sbc->tbc", self._filter, drive)
