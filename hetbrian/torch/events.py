"""Spikes of many neurons as lists of events, so that work is done only where there are some."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import shown, whole
from hetbrian._support.optional import torch


def sizes(value: Any, name: str) -> None:
    """Refuse what is no shape of three sizes."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 3:
        raise ValueError(f"{name} is {shown(value)}, expected (time, batch, neuron): give three sizes.")
    for size in value:
        whole(size, f"a size of {name}", 0)


def binary(spikes: torch.Tensor) -> None:
    """Refuse a tensor that has something else than 0 and 1; NaN is neither."""
    if not bool(((spikes != 0) == spikes).all()):  # two passes, in bytes
        raise ValueError("spikes have values other than 0 and 1, expected spikes: pass graded values as inputs.")


TENSOR = of(torch.Tensor, advice="convert it with torch.as_tensor")


@checked(begin=TENSOR, index=TENSOR, shape=sizes)
@dataclass(frozen=True)
class Events:
    """
    Hold which neurons of a source spike in each time step of each copy.

    Parameters
    ----------
    begin : Tensor of int64, shape (n_steps*batch + 1,)
        Where the events of step t and copy b begin in ``index``, at t*batch + b; ends with their number.
    index : Tensor of int32, shape (event,)
        Neuron of each event.
    shape : tuple of int
        Time steps, copies and neurons.

    Raises
    ------
    TypeError
        If ``begin`` is not int64 or ``index`` not int32, as which the kernels read them.
    ValueError
        If they do not fit together, or a neuron is out of range.

    Examples
    --------
    >>> spikes = torch.zeros(2, 1, 3)
    >>> spikes[1, 0, 2] = 1
    >>> Events.from_dense(spikes).index.tolist(), torch.equal(Events.from_dense(spikes).dense(), spikes)
    ([2], True)
    """

    begin: torch.Tensor
    index: torch.Tensor
    shape: tuple[int, ...]

    def __post_init__(self):
        """Check that the lists fit together, as the kernels do not."""
        for name, dtype in (("begin", torch.int64), ("index", torch.int32)):
            tensor = getattr(self, name)
            if tensor.dtype != dtype or tensor.ndim != 1:
                raise TypeError(
                    f"{name} is a tensor of {tensor.dtype} with {tensor.ndim} axes, expected {dtype} with one: "
                    "convert it."
                )
            object.__setattr__(self, name, tensor.contiguous())  # kernels read one after the other
        n_steps, batch, size = self.shape
        fits = len(self.begin) == n_steps * batch + 1 and self.begin[0] == 0 and self.begin[-1] == len(self.index)
        if not fits or bool((self.begin.diff() < 0).any()):
            raise ValueError(
                f"begin does not divide {len(self.index)} events into {n_steps} x {batch} lists, expected "
                f"{n_steps * batch + 1} growing numbers from 0 to that: build events with Events.from_dense."
            )
        least, most = (int(value) for value in self.index.aminmax()) if len(self.index) else (0, -1)
        if len(self.index) and not 0 <= least <= most < size:
            wrong = self.index[(self.index < 0) | (self.index >= size)][0]
            raise ValueError(f"index has neuron {int(wrong)}, expected 0 to {size - 1}: check the source's size.")

    @staticmethod
    @checked(spikes=TENSOR)
    def from_dense(spikes: torch.Tensor) -> "Events":
        """
        Return the events of a tensor of spikes.

        Parameters
        ----------
        spikes : Tensor, shape (time, batch, neuron)
            0 or 1.

        Returns
        -------
        Events

        Raises
        ------
        ValueError
            If there is another value, another number of axes, or more neurons than int32 can count.
        """
        if spikes.ndim != 3 or not 0 < spikes.shape[-1] <= 2**31:
            raise ValueError(
                f"spikes have the shape {tuple(spikes.shape)}, expected (time, batch, neuron), 1 to 2^31 neurons: "
                "reshape them."
            )
        rows = spikes.detach().to_dense().reshape(-1, spikes.shape[-1])
        where = rows.nonzero()
        binary(rows[where[:, 0], where[:, 1]])
        begin = torch.zeros(len(rows) + 1, dtype=torch.int64, device=rows.device)
        begin[1:] = torch.bincount(where[:, 0], minlength=len(rows)).cumsum(0)
        return Events(begin, where[:, 1].to(torch.int32).contiguous(), tuple(spikes.shape))

    def to(self, device: torch.device | str) -> "Events":
        """Return the events on another device, or themselves if they are there."""
        if self.begin.device == torch.device(device):
            return self
        return Events(self.begin.to(device), self.index.to(device), self.shape)

    @checked(dtype=of(torch.dtype, advice="give torch.float32, say"))
    def dense(self, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return the spikes as a tensor of shape (time, batch, neuron), with the number of events of each."""
        n_steps, batch, size = self.shape
        device = self.begin.device
        rows = torch.repeat_interleave(torch.arange(n_steps * batch, device=device), self.begin.diff())
        spikes = torch.zeros(n_steps * batch * size, dtype=dtype, device=device)
        spikes.index_add_(0, rows * size + self.index, torch.ones(len(rows), dtype=dtype, device=device))
        return spikes.view(self.shape)
