"""The arrays in which a readout keeps P on each device, and the kernel that generated code calls."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetbrian.codegen import tiles, waiting
from hetbrian.codegen.codeobjects import IN_TURN
from hetbrian.codegen.runner import NativeRunner
from hetbrian.readout.linearfilter import filter_states

if TYPE_CHECKING:

    class _Readout:
        """What `Kernels` is mixed into: a `FORCE`."""

        source: Any
        variables: Any
        n_networks: int
        _filter: tuple[str, ...]

        def _add_scalar(self, name: str, value: Any = None, dtype: Any = np.float64, **options: Any) -> None: ...
else:
    _Readout = object


class Kernels(_Readout):
    """The part of `FORCE` that knows its kernels; a mixin."""

    def _add_arrays(self, arrays: dict[str, tuple[int, np.dtype]], **options: Any) -> None:
        """Add arrays of which each network has one, one after the other: length for a network and dtype, by name."""
        for name, (length, dtype) in arrays.items():
            size = length * self.n_networks
            self.variables.add_array(name, size=size, dtype=dtype, scalar=size == 1, **options)

    def _add_shared(self, name: str, values: Any = None, dtype: Any = np.float64, **options: Any) -> None:
        """Add a variable that all outputs of a network share, of which outputs read that of their network."""
        if self.n_networks == 1:
            self._add_scalar(name, None if values is None else np.ravel(values)[0], dtype, **options)
            return
        values = None if values is None else np.broadcast_to(values, self.n_networks).astype(dtype)
        self.variables.add_array(name, size=self.n_networks, dtype=dtype, values=values, index="network", **options)

    def _follow(self, activity: str, n_weights: int, dtype: np.dtype, native: type) -> tuple[str, ...]:
        """Return the states of the activity's filter, none if the event-driven kernel cannot follow it."""
        states = filter_states(self.source, activity)
        if not states or self.n_networks * waiting.length(n_weights, dtype) >= 2**31:
            return ()
        self.variables.add_reference("_second", self.source, states[-1])
        added = waiting.arrays(n_weights, dtype) | ({} if native in IN_TURN else waiting.scratch(n_weights, dtype))
        for name in [name for name, (length, _) in added.items() if length == 1]:
            self._add_shared(name, float(name == "_scale"), added.pop(name)[1])
        self._add_arrays(added)
        return states

    def _add_P(self, n_weights: int, dtype: np.dtype, native: type) -> None:
        """Add the arrays in which a device keeps P, and the update of P that is pending until P is read again."""
        is_cuda = native not in IN_TURN
        storage = waiting if self._filter else tiles
        sizes = {"_P": n_weights**2 if is_cuda else storage.length(n_weights, dtype), "_c": n_weights}
        sizes |= {"_product": n_weights} if is_cuda else {}
        self._add_arrays({name: (size, dtype) for name, size in sizes.items()}, read_only=True)
        self._add_shared("_gain", read_only=True)
        if not is_cuda:
            self._add_shared("_tiles", dtype=np.int32, read_only=True)

    def _choose_kernel(self, runner: NativeRunner, step: NDArray[np.float64] | None) -> None:
        """Let generated code use the event-driven kernel, with the steps of a filter, or the dense one if None."""
        names = {"_second", *waiting.arrays(1, np.float64), *waiting.scratch(1, np.float64)} & {*self.variables}
        runner.needed_variables = [name for name in runner.needed_variables if name not in names]
        runner.template_kwds["filter"] = None
        if step is not None:
            runner.needed_variables += sorted(names)
            runner.template_kwds["filter"] = {
                "n_states": len(step),
                "step": [float(entry) for entry in np.ravel(step)],
                "capacity": waiting.CAPACITY,
                "length": self.variables["_products"].size // (2 * self.n_networks),
            }
