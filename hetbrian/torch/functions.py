"""Brian2's functions for tensors; the generated torch code calls these."""

from hetbrian._support.optional import torch

inf, nan = float("inf"), float("nan")

POLES = {
    # value, and derivative by the argument x and the value y, which is infinite or undefined somewhere
    "exp": (torch.exp, lambda x, y: y),
    "expm1": (torch.expm1, lambda x, y: y + 1),
    "log": (torch.log, lambda x, y: 1 / x),
    "log10": (torch.log10, lambda x, y: 0.43429448190325176 / x),
    "log1p": (torch.log1p, lambda x, y: 1 / (1 + x)),
    "sqrt": (torch.sqrt, lambda x, y: 0.5 / y),
    "tan": (torch.tan, lambda x, y: 1 + y * y),
    "sinh": (torch.sinh, lambda x, y: torch.cosh(x)),
    "cosh": (torch.cosh, lambda x, y: torch.sinh(x)),
    "arcsin": (torch.asin, lambda x, y: 1 / torch.sqrt(1 - x * x)),
    "arccos": (torch.acos, lambda x, y: -1 / torch.sqrt(1 - x * x)),
}
"""Functions whose gradient is 0 where none arrives: of a branch that is not taken it would be 0 times infinity."""


class _Pole(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, name):
        y = POLES[name][0](x)
        ctx.save_for_backward(x, y)
        ctx.name = name
        return y

    @staticmethod
    def backward(ctx, gradient):
        return _product(gradient, POLES[ctx.name][1](*ctx.saved_tensors)), None


class _Power(torch.autograd.Function):
    @staticmethod
    def forward(ctx, base, exponent):
        y = torch.pow(base, exponent)
        ctx.save_for_backward(base, exponent, y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        base, exponent, y = ctx.saved_tensors
        of_base = torch.where(exponent == 0, 0.0, exponent * torch.pow(base, exponent - 1))
        of_exponent = torch.where((base == 0) & (exponent >= 0), 0.0, y * torch.log(base))
        return tuple(
            _product(gradient, slope).sum_to_size(x.shape).to(x.dtype) if is_needed else None
            for slope, x, is_needed in zip((of_base, of_exponent), (base, exponent), ctx.needs_input_grad, strict=True)
        )


class _Quotient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        y = a / b
        ctx.save_for_backward(a, b, y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        a, b, y = ctx.saved_tensors
        return tuple(
            _product(gradient, slope()).sum_to_size(x.shape).to(x.dtype) if is_needed else None
            for slope, x, is_needed in zip((lambda: 1 / b, lambda: -y / b), (a, b), ctx.needs_input_grad, strict=True)
        )


def _product(gradient, slope):
    """Return a gradient times a derivative, 0 where there is no gradient."""
    return torch.where(gradient == 0, gradient, gradient * slope)


def _with_poles(name):
    def function(x):
        return _Pole.apply(x, name)

    function.__doc__ = f"Return {name} of a tensor."
    return function


exp, expm1, log, log10, log1p, sqrt, tan, sinh, cosh, arcsin, arccos = map(_with_poles, POLES)
sin, cos, tanh, arctan, floor, ceil, sign = (
    torch.sin, torch.cos, torch.tanh, torch.atan, torch.floor, torch.ceil, torch.sign,
)  # fmt: skip
absolute = torch.abs
both, either_holds, negate = torch.logical_and, torch.logical_or, torch.logical_not


def power(base, exponent):
    """Return a power; the gradient is 0 where none arrives, even at a pole."""
    like = base if torch.is_tensor(base) else exponent
    return _Power.apply(_tensor(base, like), _tensor(exponent, like))


def divide(a, b):
    """Return a quotient by what changes in time; the gradient is 0 where none arrives, even at a pole."""
    return _Quotient.apply(_tensor(a, b), b)


def _tensor(value, like):
    return value if torch.is_tensor(value) else torch.as_tensor(value, dtype=like.dtype, device=like.device)


def exprel(x):
    """Return (exp(x) - 1)/x, 1 at x = 0, infinite as soon as the exponential is."""
    is_small = x.abs() < 1e-8  # 1 + x/2 is then exact in float64, and the quotient has no derivative at 0
    safe = torch.where(is_small, torch.ones_like(x), x)
    quotient = divide(expm1(safe), safe)
    return torch.where(is_small, 1 + x / 2, torch.where(x == inf, x, quotient))


def clip(x, low, high):
    """Return x within its bounds, which x may be nan of; the gradient passes at the bounds and not beyond."""
    x = torch.where(x < low, low, x)
    return torch.where(x > high, high, x)


def integer(x, like=None):
    """Return the whole part; of a truth value 0 or 1 in the dtype of the state."""
    if x.dtype == torch.bool:
        return x.to(torch.float64 if like is None else like.dtype)
    return torch.trunc(x)


def timestep(t, dt):
    """Return the number of the time step of a time, as Brian2 rounds it."""
    return torch.trunc((t + 1e-3 * dt) / dt)


def hard(condition, like):
    """Return a condition without a derivative as 0 or 1."""
    return torch.as_tensor(condition, dtype=like.dtype, device=like.device).expand(like.shape)


def either(a, b):
    """Return 1 if at least one of two spikes is 1."""
    return a + b - a * b


def exact(value):
    """Return a number or whole numbers in float64, which tensors of another precision do not take over."""
    if torch.is_tensor(value):
        return value if value.dtype == torch.bool else value.to(torch.float64)
    return torch.tensor(value, dtype=torch.bool if isinstance(value, bool) else torch.float64)


def settle(value, like, scale=1.0):
    """Return what was computed in float64, times a scale, in the dtype of the state; truth values stay."""
    value = value if torch.is_tensor(value) else exact(value)
    if value.dtype == torch.bool:
        return value
    value = value if scale == 1 else value * scale
    return value if value.dim() == 0 else value.to(like.dtype)


def keep(value, like):
    """Return a new value of a state variable in its dtype and shape."""
    return torch.as_tensor(value, dtype=like.dtype, device=like.device).expand(like.shape)


where = torch.where


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
    row = torch.div(torch.round(time / step), subdivision, rounding_mode="trunc").long().clamp(0, len(values) - 1)
    return values[row] if index is None else values[row, torch.as_tensor(index, device=values.device).long()]
