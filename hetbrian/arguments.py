"""The arguments of a compiled time loop as one C struct, for the compiler and for Python."""

import ctypes

from hetbrian.extras import torch

REALS = {torch.float32: ("float", ctypes.c_float), torch.float64: ("double", ctypes.c_double)}
"""What ``real`` is, in C and in Python, for each precision that kernels have."""

TYPES = {"int": ctypes.c_int, "int64_t": ctypes.c_int64}
"""C types of other numbers."""


class Arguments:
    """
    Describe the struct that a kernel takes.

    Parameters
    ----------
    layout : Layout
        What the kernel reads and writes.
    n_targets : int
        Number of variables that receive.

    Examples
    --------
    >>> from hetbrian.layout import Layout
    >>> arguments = Arguments(Layout(("v",), False, (), ("dt",), (), (), (), ()), 0)
    >>> arguments.pack({"T": 100, "scalars": [0.5]}, arguments.ctype(ctypes.c_float)).T
    100
    """

    def __init__(self, layout, n_targets):
        states, n_inputs, n_paths = len(layout.state), len(layout.inputs), len(layout.pathways)
        n_tables = len(layout.tables)
        self.fields = (
            # time steps, copies, neurons, threads of the CPU, number of the first step
            *((name, "int", None) for name in ("T", "B", "N", "threads")),
            ("first", "int64_t", None),
            ("width", "real", None),
            ("scalars", "real", len(layout.scalars)),
            ("tables", "real*", n_tables),
            ("shapes", "int64_t", 2 * n_tables),  # rows and columns of each table
            *((name, "real*", None) for name in ("rows", "start", "saved", "spikes", "final_state")),
            ("last", "double*", None),
            ("recorded", "real*", states),
            ("inputs", "real*", n_inputs),
            ("weights", "real*", n_paths),
            ("begin", "int64_t*", n_paths),
            ("index", "int32_t*", n_paths),
            ("outside", "real*", n_targets),  # what arrives from sources, if that is known before
            *((name, "real*", None) for name in ("of_spikes", "of_state", "of_rows_total")),
            ("of_recorded", "real*", states),
            ("of_inputs", "real*", n_inputs),
            ("transposed", "real*", n_paths),
            ("n_source", "int64_t", n_paths),
            ("of_weights_total", "real*", n_paths),
            ("of_current", "real*", n_paths),
            ("of_arrived", "real*", n_targets),
        )

    def struct(self):
        """Return the struct as C; ``int64_t`` and ``int32_t`` must be known."""
        lines = [f"    {kind} {name}{'' if size is None else f'[{max(1, size)}]'};" for name, kind, size in self.fields]
        return "\n".join(["struct Arguments {", *lines, "};"])

    def unpack(self):
        """Return the C lines that give each field of ``arguments`` a name of its own."""
        return [f"const auto{'' if size is None else '&'} {name} = arguments.{name};" for name, _, size in self.fields]

    def ctype(self, real):
        """Return the struct as a class of Python, with ``ctypes.c_float`` or ``ctypes.c_double`` as real."""
        kinds, members = TYPES | {"real": real}, []
        for name, kind, size in self.fields:
            member = kinds.get(kind, ctypes.c_void_p)
            members.append((name, member if size is None else member * max(1, size)))
        return type("Arguments", (ctypes.Structure,), {"_fields_": members})

    def pack(self, values, ctype):
        """
        Return the struct with values in it; what is not given is 0.

        Parameters
        ----------
        values : dict
            Numbers, tensors (or None) and lists of them by field. The tensors must outlive the struct.
        ctype : type
            What `ctype` gave.

        Returns
        -------
        ctypes.Structure
        """
        packed, members = ctype(), dict(ctype._fields_)
        for name, kind, size in self.fields:
            if name in values:
                item = values[name]
                cast = _address if kind.endswith("*") else lambda number: number
                setattr(packed, name, cast(item) if size is None else members[name](*map(cast, item)))
        return packed


def _address(tensor):
    """Return where a tensor's values are, None for no tensor and for one without values."""
    return None if tensor is None or not tensor.numel() else tensor.data_ptr()
