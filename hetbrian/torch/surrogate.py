r"""The spike function of torch: Brian2's threshold forwards, a surrogate derivative backwards."""

from dataclasses import dataclass
from typing import Any

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked
from hetbrian._support.checks import instance
from hetbrian._support.optional import torch


def tensor(value: Any, name: str) -> None:
    """Refuse what is no tensor."""
    instance(value, name, torch.Tensor, "convert it with torch.as_tensor")


STEEPNESS = Allowed(
    "a finite number above 0", "give a steepness such as 1", low=0.0, high=float("inf"), included=(False, False)
)


@checked(slope=STEEPNESS)
@dataclass(frozen=True)
class Surrogate:
    r"""
    Derivative of the spike with respect to x, the distance from the threshold; an abstract base.

    The distance is in units of a chosen width: x = (left - right)/width for ``left >= right``.

    Parameters
    ----------
    slope : float
        Steepness: the larger, the closer to the threshold gradients flow.

    Attributes
    ----------
    formula : str
        The derivative in Brian2's syntax, with ``x``, ``slope`` and ``pi``, for the fused cell.

    Raises
    ------
    ValueError
        If the slope is not positive.
    """

    slope: float = 1.0
    formula = ""

    @checked(x=tensor)
    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        """Return the derivative at each element of a tensor."""
        raise NotImplementedError


@checked(slope=STEEPNESS)
@dataclass(frozen=True)
class SuperSpike(Surrogate):
    r"""
    Hold the derivative 1/(slope \|x\| + 1)^2.

    Parameters
    ----------
    slope : float
        100 in the paper, for thresholds of order 1.

    References
    ----------
    Zenke & Ganguli 2018, doi 10.1162/neco_a_01086, Eq. 3; slope of Zhang & Cui 2025,
    doi 10.3389/fncom.2025.1661070.

    Examples
    --------
    >>> SuperSpike().derivative(torch.tensor([0.0, 0.01]))
    tensor([1.0000, 0.2500])
    """

    slope: float = 100.0
    formula = "1/(slope*abs(x) + 1)**2"

    @checked(x=tensor)
    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        """Return the derivative at each element of a tensor."""
        return (self.slope * x.abs() + 1.0) ** -2


@checked(slope=STEEPNESS)
@dataclass(frozen=True)
class FastSigmoid(Surrogate):
    r"""
    Hold the derivative (slope/2)/(slope \|x\| + 1)^2 of the fast sigmoid, whose integral is 1.

    `SuperSpike` has the same shape and another height: 1 at the threshold.

    Parameters
    ----------
    slope : float
        Steepness.

    References
    ----------
    Zenke & Ganguli 2018, doi 10.1162/neco_a_01086, Eq. 3, of which this is the derivative of
    (1 + slope x/(1 + slope \|x\|))/2.
    """

    formula = "0.5*slope/(slope*abs(x) + 1)**2"

    @checked(x=tensor)
    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        """Return the derivative at each element of a tensor."""
        return 0.5 * self.slope * (self.slope * x.abs() + 1.0) ** -2


@checked(slope=STEEPNESS)
@dataclass(frozen=True)
class ArcTan(Surrogate):
    r"""
    Hold the derivative (slope/2)/(1 + (pi slope x/2)^2), whose integral is 1.

    Parameters
    ----------
    slope : float
        Steepness.

    References
    ----------
    Fang et al. 2021, doi 10.1109/ICCV48922.2021.00266, Eq. 11 with alpha as slope.
    """

    formula = "0.5*slope/(1 + (0.5*pi*slope*x)**2)"

    @checked(x=tensor)
    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        """Return the derivative at each element of a tensor."""
        return 0.5 * self.slope / (1.0 + (0.5 * torch.pi * self.slope * x) ** 2)


@checked(slope=STEEPNESS)
@dataclass(frozen=True)
class Triangle(Surrogate):
    r"""
    Hold the derivative slope max(0, 1 - slope \|x\|), zero farther than 1/slope from the threshold.

    Parameters
    ----------
    slope : float
        Steepness.

    References
    ----------
    Esser et al. 2016, doi 10.1073/pnas.1604850113, Eq. 4 (there with slope 1).
    """

    formula = "slope*clip(1 - slope*abs(x), 0, 1)"

    @checked(x=tensor)
    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        """Return the derivative at each element of a tensor."""
        return self.slope * (1.0 - self.slope * x.abs()).clamp(min=0.0)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, margin, fired, surrogate, width):
        ctx.save_for_backward(margin)
        ctx.surrogate, ctx.width = surrogate, width
        return fired.to(margin.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (margin,) = ctx.saved_tensors
        slope = ctx.surrogate.derivative(margin / ctx.width) / ctx.width
        # two infinite sides have no distance, and so no derivative
        return torch.where(margin.isnan(), 0.0, gradient * slope), None, None, None


def spike(
    left: torch.Tensor | float,
    right: torch.Tensor | float,
    surrogate: Surrogate,
    like: torch.Tensor,
    *,
    strict: bool = False,
    width: float = 1.0,
) -> torch.Tensor:
    r"""
    Return 1 where the threshold is reached, with a surrogate derivative.

    .. math:: z = [l \ge r], \quad \partial z/\partial l = -\partial z/\partial r = h((l - r)/width)/width

    Parameters
    ----------
    left, right : Tensor or float
        Sides of the comparison.
    surrogate : Surrogate
        h.
    like : Tensor
        Has the dtype and shape of the spikes.
    strict : bool
        Whether equality is no spike (``>``) or is one (``>=``).
    width : float
        Distance that counts as x = 1, in the unit of the sides.

    Returns
    -------
    Tensor
        0 or 1.

    Examples
    --------
    >>> v = torch.tensor([-1.0, 0.0, 1.0])
    >>> spike(v, 0.0, SuperSpike(), v)
    tensor([0., 1., 1.])
    """
    left, right = (
        side if torch.is_tensor(side) else like.new_tensor(side, dtype=torch.float64) for side in (left, right)
    )
    margin = (left - right).to(like.dtype).expand(like.shape)
    return _Spike.apply(margin, left > right if strict else left >= right, surrogate, width)


class _Reset(torch.autograd.Function):
    @staticmethod
    def forward(ctx, spikes, new, old, detach):
        fired = spikes > 0.5
        ctx.save_for_backward(fired, None if detach else new - old)
        return torch.where(fired, new, old)

    @staticmethod
    def backward(ctx, gradient):
        fired, jump = ctx.saved_tensors
        through = None if jump is None else gradient * jump
        zero = gradient.new_zeros(())
        return through, torch.where(fired, gradient, zero), torch.where(fired, zero, gradient), None


def reset(spikes: torch.Tensor, new: torch.Tensor | float, old: torch.Tensor, *, detach: bool = False) -> torch.Tensor:
    """
    Return the new value where a neuron spiked and the old one elsewhere.

    The result is exact, also where the other value is infinite. Backwards it is
    ``spikes*new + (1 - spikes)*old``.

    Parameters
    ----------
    spikes : Tensor
        0 or 1.
    new, old : Tensor, or a number for new
        Values after and before the reset.
    detach : bool
        Whether gradients do not flow to the spikes through the reset.

    Returns
    -------
    Tensor
    """
    if not old.is_floating_point():
        return torch.where(spikes > 0.5, new, old)
    new = torch.as_tensor(new, dtype=old.dtype, device=old.device)
    new, old = torch.broadcast_tensors(new, old)  # autograd sums the gradient back
    return _Reset.apply(spikes, new, old, detach)
