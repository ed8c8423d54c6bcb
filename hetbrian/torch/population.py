"""The equations of one group as a torch module: state as tensors, one slot of a step."""

from hetbrian._support.optional import torch
from hetbrian.torch.module import Generated


class Population(Generated):
    """
    The equations of one group as torch code; `hetbrian.torch.export.to_torch` makes it.

    Parameters
    ----------
    program : Program
        The assignments of a time step.
    source : Source
        The same for torch.
    surrogate : Surrogate, optional
        Derivative of the spike.
    width : float
        Distance from the threshold that counts as 1.
    detach : bool
        Whether gradients do not flow to the spikes through the reset.
    bounds : dict of str to float, optional
        Largest derivative of a state variable's update by its own value.
    """

    def __init__(self, program, source, surrogate=None, width=1.0, detach=False, bounds=None):
        super().__init__(program.name, source.text, surrogate, source.functions)
        self.width, self.detach, self.bounds = width, detach, dict(bounds or {})
        self.source, self.is_refractory = source, program.is_refractory
        self.state_dimensions = {name: program.variables[name].dim for name in program.state}
        self.size, self.names, self.linked = program.size, program.state, program.linked
        self.floats, self.scales = source.floats, {}

    def keep_exact(self, name, values, scale):
        """
        Keep a variable's values in SI too, for comparisons with the time, which hang on their last bit.

        Parameters
        ----------
        name : str
            The variable, whose values are stored already.
        values : Tensor of float64
            Values in SI.
        scale : float
            Unit in SI divided by that of the module.
        """
        self.scales[name] = scale
        # as whole numbers, so that .float() and .to(dtype) leave them as they are
        self.register_buffer(f"_exact_{name}", values.view(torch.int64), persistent=False)

    def exact(self, name):
        """Return a variable's values in SI and float64: those of Brian2, unless they were changed since."""
        value = self.value(name)
        if value.dtype == torch.bool:
            return value
        if name not in self.scales:
            return value.double()
        scale, kept = self.scales[name], getattr(self, f"_exact_{name}").view(torch.float64)
        same = (kept * scale).to(value.dtype) == value
        return torch.where(same | value.isnan(), kept, value.double() / scale)

    def prepare(self):
        """Return what is computed once for a sequence, with gradients to the parameters."""
        return self.call("prepare", self)

    def clock(self, n, prepared):
        """Return what hangs on time alone; with a number of steps of shape (time, 1), for all of them."""
        return self.call("clock", n, prepared[-1], self.like())

    def like(self):
        """Return a tensor that has the dtype and device of the state."""
        return getattr(self, f"_initial_{self.floats[0]}")

    def update(self, n, own, linked, prepared, clock):
        """Return the state after the update; where a derivative is bounded, with that one backwards."""
        new = list(self.call("update", n, own, linked, prepared, clock))
        for name, limit in self.bounds.items() if torch.is_grad_enabled() else ():
            k = self.names.index(name)
            # a second evaluation, whose gradient by the own value is not passed on, but bounded first
            alone = own[k].detach().requires_grad_()
            value = self.call("update", n, (*own[:k], alone, *own[k + 1 :]), linked, prepared, clock)[k]
            (slope,) = torch.autograd.grad(value.sum(), alone, retain_graph=True, materialize_grads=True)
            new[k] = _Bounded.apply(value, own[k], slope.clamp(-limit, limit))
        return tuple(new)

    def initial_state(self, batch: int | None = None) -> dict:
        """Return each state variable's initial value, of shape (batch, neuron) or (neuron,)."""
        shape = (self.size,) if batch is None else (batch, self.size)
        state = {}
        for name in self.names:
            value = getattr(self, f"_initial_{name}")
            # times stay float64, and in seconds, as Brian2 counts them
            value = value.double() if name == "lastspike" else value
            state[name] = value.expand(shape)
        return state


class _Bounded(torch.autograd.Function):
    """Pass a value on; the gradient by its own start, of which it is made independent, is the slope."""

    @staticmethod
    def forward(ctx, value, start, slope):
        ctx.save_for_backward(slope)
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        (slope,) = ctx.saved_tensors
        return gradient, gradient * slope, None
