"""Brian2's functions for tensors and plain numbers; the generated torch code calls these."""

import math

from hetbrian._support.optional import torch


def _both(of_tensor, of_number):
    def function(x):
        return of_tensor(x) if torch.is_tensor(x) else of_number(x)

    function.__doc__ = f"Return torch.{of_tensor.__name__} of a tensor, the same of a number."
    return function


exp, expm1, log, log10, log1p, sqrt, sin, cos, tan, sinh, cosh, tanh, floor, ceil = (
    _both(getattr(torch, name), getattr(math, name))
    for name in "exp expm1 log log10 log1p sqrt sin cos tan sinh cosh tanh floor ceil".split()
)
arcsin, arccos, arctan = _both(torch.asin, math.asin), _both(torch.acos, math.acos), _both(torch.atan, math.atan)
sign = _both(torch.sign, lambda x: (x > 0) - (x < 0))
absolute = abs


def exprel(x):
    """Return (exp(x) - 1)/x, 1 at x = 0."""
    if not torch.is_tensor(x):
        return math.expm1(x) / x if x else 1.0
    is_small = x.abs() < 1e-8  # 1 + x/2 is then exact in float64, and the quotient has no derivative at 0
    safe = torch.where(is_small, torch.ones_like(x), x)
    return torch.where(is_small, 1 + x / 2, torch.expm1(safe) / safe)


def clip(x, low, high):
    """Return x within its bounds; the gradient passes at the bounds and not beyond."""
    given = [value for value in (x, low, high) if torch.is_tensor(value)]
    if not given:
        return min(max(x, low), high)
    if len(given) == 1 and given[0] is x:
        return torch.clamp(x, low, high)
    tensors = (torch.as_tensor(value, dtype=given[0].dtype, device=given[0].device) for value in (x, low, high))
    return torch.clamp(*torch.broadcast_tensors(*tensors))


def integer(x, like):
    """Return the whole part; of a truth value 0 or 1 in the dtype of the state, not of torch's default."""
    if not torch.is_tensor(x):
        return int(x)
    return x.to(like.dtype) if x.dtype == torch.bool else torch.trunc(x)


def timestep(t, dt):
    """Return the number of the time step of a time, as Brian2 rounds it."""
    step = (t + 1e-3 * dt) / dt
    return torch.trunc(step) if torch.is_tensor(step) else int(step)


def negate(x):
    """Return the logical opposite."""
    return torch.logical_not(x) if torch.is_tensor(x) else not x


def hard(condition, like):
    """Return a condition without a derivative as 0 or 1."""
    if torch.is_tensor(condition):
        return condition.to(like.dtype)
    return torch.full_like(like, float(condition))


def either(a, b):
    """Return 1 if at least one of two spikes is 1."""
    return a + b - a * b


def where(condition, new, old):
    """Return new where the condition holds, old elsewhere."""
    if not torch.is_tensor(condition):
        return new if condition else old
    return torch.where(condition, new, old)


def fill(value, like):
    """Return a value that does not depend on the state as a tensor of its shape."""
    return torch.as_tensor(value, dtype=like.dtype, device=like.device).expand(like.shape)


def rand(like):
    """Return uniform random numbers between 0 and 1, of torch's generator."""
    return torch.rand_like(like)


def randn(like):
    """Return normal random numbers, of torch's generator."""
    return torch.randn_like(like)


def lookup(values, step, subdivision, time, index=None):
    """
    Return the value of a TimedArray at a time, for each neuron's column if it has two dimensions.

    Brian2 divides the array's time step into ``subdivision`` parts of length ``step`` and rounds to one of them.
    """
    if torch.is_tensor(time):
        row = torch.round(time / step).long() // subdivision
        row = row.clamp(0, len(values) - 1)
    else:
        row = min(max(round(time / step) // subdivision, 0), len(values) - 1)
    return values[row] if index is None else values[row, index]
