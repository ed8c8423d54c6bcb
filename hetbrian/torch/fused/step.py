"""Write what one neuron does in a time step, forwards and backwards, as C for the kernels of the fused cell."""

import ast
from importlib.resources import files

from hetbrian.torch.fused.layout import Arguments
from hetbrian.torch.fused.tape import Tape, without_unused
from hetbrian.torch.source import threshold_margin
from hetbrian.torch.statements import ExportError


class StepCode:
    """
    Hold the bodies of a kernel's loops over neurons ``n``.

    Of every step a kernel keeps the state before the reset, from which the backward pass computes the
    rest again, and of that only the variables on which an adjoint depends.

    Parameters
    ----------
    source : Source
        The assignments of the neurons.
    layout : Layout
        Names in the order of the arrays.
    surrogate : Surrogate
        Derivative of the spike.
    detach : bool
        Whether gradients do not flow to the spikes through the reset.
    bounds : dict of str to float
        Largest derivative of a state variable's update by its own value.

    Attributes
    ----------
    targets : tuple of str
        The variables that receive, in the order of what arrives.
    kept : tuple of str
        The variables that are kept, in order.
    arguments : Arguments
        What a kernel takes.

    Raises
    ------
    ExportError
        If the model has something that the kernels cannot do.
    """

    def __init__(self, source, layout, surrogate, detach, bounds):
        self.layout, self.surrogate, self.detach = layout, surrogate, detach
        self.targets = tuple(dict.fromkeys(pathway.variable for pathway in layout.pathways))
        self.arguments = Arguments(layout, len(self.targets))
        fixed = {name: f"c_{name}" for name in layout.scalars} | {name: f"p_{name}" for name in layout.rows}
        given = {name: f"u_{name}" for name in layout.inputs}
        time = {"t": "time", "t_in_timesteps": "real(step)"}
        start = {name: f"s_{name}" for name in self.planes}
        if layout.is_refractory:
            start["lastspike"] = "s_lastspike"
        self.wanted = [f"p_{name}" for name in layout.trained]
        self.update = Tape(fixed | given | time | start, "x", source.tables)
        of_update = [*(f"s_{name}" for name in layout.state), *self.wanted, *(f"u_{name}" for name in layout.inputs)]
        for item in source.slots["groups"]:
            self.update.assign(item)
        for name, limit in bounds.items():
            self.update.bound(name, f"s_{name}", limit, of_update)
        for item in source.slots["thresholds"]:
            self.update.assign(item)
        if source.condition is None:
            raise ExportError("the group has no threshold, expected one for the fused cell: use the plain module.")
        margin, self.strict = threshold_margin(ast.parse(source.condition, mode="eval").body)
        self.margin = self.update.value(margin)
        self.reset = Tape(fixed | time | {name: f"y_{name}" for name in layout.state}, "r", source.tables)
        for item in source.slots["resets"]:
            self.reset.assign(item)
        if source.slots["after_synapses"]:
            raise ExportError("the group has run_regularly, expected none in the fused cell: use the plain module.")
        self.changed = [name for name in layout.state if self.reset.known[name] != f"y_{name}"]
        self.of_reset = without_unused(self.adjoint_reset())
        self.of_update = without_unused(self.adjoint_update(of_update))
        adjoints = "\n".join([*self.of_reset, *self.of_update])
        self.kept = tuple(name for name in self.planes if f"KEPT_{name}*" in adjoints)

    @property
    def planes(self):
        """Tuple of str : the state, and whether a neuron may spike."""
        return (*self.layout.state, *(("not_refractory",) if self.layout.is_refractory else ()))

    @property
    def n_slots(self):
        """Int : steps for which the adjoint of a spike waits at most."""
        return 1 + max([0, *(pathway.delay for pathway in self.layout.pathways if not pathway.source)])

    def fill(self, kernel, parts):
        """
        Return the source of a kernel: a template whose gaps, ``/*NAME*/``, are filled.

        Parameters
        ----------
        kernel : str
            File name of the template.
        parts : dict of str to str or list of str
            Text or lines for the gaps that other kernels do not have.

        Returns
        -------
        str
        """
        layout = self.layout
        parts = parts | {
            "ARITHMETIC": read_kernel("arithmetic.h"),
            "ARGUMENTS": self.arguments.struct(),
            "UNPACK": self.arguments.unpack(),
            "PLANES": str(len(self.planes)),
            "STATES": str(len(layout.state)),
            "N_ROWS": str(max(1, len(layout.rows))),
            "N_TARGETS": str(max(1, len(self.targets))),
            "SLOTS": str(self.n_slots),
            "KEPT": ", ".join([*(f"KEPT_{name}" for name in self.kept), "KEPT"]),
            "SCALARS": [
                *(f"const real c_{name} = scalars[{j}];" for j, name in enumerate(layout.scalars)),
                *(f"const real* const table_{name} = tables[{j}];" for j, name in enumerate(layout.tables)),
                *(f"const int64_t* const shape_{name} = shapes + {2 * j};" for j, name in enumerate(layout.tables)),
            ],
            "UPDATE": self.update_loop(),
            "RESET": self.reset_loop(),
            "ADJOINT_RESET": self.of_reset,
            "ADJOINT_UPDATE": self.of_update,
        }
        text = read_kernel(kernel)
        for name, lines in parts.items():
            text = text.replace(f"/*{name}*/", lines if isinstance(lines, str) else "\n".join(lines))
        return text

    def loads(self):
        """Return the lines that load the rows and inputs of a neuron."""
        rows = [f"const real p_{name} = rows[{j}*(size_t)N + n];" for j, name in enumerate(self.layout.rows)]
        return rows + [f"const real u_{name} = inputs[{j}][at + n];" for j, name in enumerate(self.layout.inputs)]

    def rows(self):
        """Return the lines that load the rows of a neuron."""
        return self.loads()[: len(self.layout.rows)]

    def update_loop(self):
        """Return update, threshold and refractoriness of a neuron; the state of the row is replaced."""
        lines = [f"const real s_{name} = state[{k}*N + n];" for k, name in enumerate(self.planes)]
        lines += ["const double s_lastspike = last_row[n];"] if self.layout.is_refractory else []
        lines += [*self.loads(), *self.update.forward()]
        sign = ">" if self.strict else ">="
        fires = f"({self.margin} {sign} 0)"
        if self.layout.is_refractory:
            fires += f" && ({self.update.known['not_refractory']} != 0)"
        lines += [f"const bool z = {fires};", "spikes_row[n] = z ? real(1) : real(0);"]
        lines += [f"state[{k}*N + n] = {self.update.known[name]};" for k, name in enumerate(self.layout.state)]
        if self.layout.is_refractory:
            waits = self.update.known["not_refractory"]
            lines += [
                f"state[{len(self.layout.state)}*N + n] = ({waits} != 0) && !z ? real(1) : real(0);",
                "last_row[n] = z ? time : last_row[n];",
            ]
        return lines

    def reset_loop(self):
        """Return synapses and reset of a neuron: what is kept, and the state of the next step."""
        lines = [*self.rows(), "const bool z = spikes_row[n] != 0;"]
        lines += [f"const real y_{name} = {self._received(name, k)};" for k, name in enumerate(self.layout.state)]
        values = [f"y_{name}" for name in self.layout.state] + [f"state[{len(self.layout.state)}*N + n]"]
        lines += [
            f"saved_row[KEPT_{name}*BN + n] = {value};"
            for name, value in zip(self.planes, values, strict=False)
            if name in self.kept
        ]
        lines += self.reset.forward()
        for k, name in enumerate(self.layout.state):
            new = f"z ? real({self.reset.known[name]}) : y_{name}" if name in self.changed else f"y_{name}"
            lines.append(f"state[{k}*N + n] = {new};")
        return lines

    def _received(self, name, k):
        """Return a state variable plus what arrives."""
        if name not in self.targets:
            return f"state[{k}*N + n]"
        arrived = f"arrived[{self.targets.index(name)}*N + n]"
        if self._guard(name):
            arrived = f"(state[{self.planes.index('not_refractory')}*N + n] != 0 ? {arrived} : real(0))"
        return f"state[{k}*N + n] + {arrived}"

    def _guard(self, name):
        return next((pathway.guard for pathway in self.layout.pathways if pathway.variable == name), None)

    def adjoint_reset(self):
        """Return the adjoint of synapses and reset of a neuron."""
        layout = self.layout
        lines = [*self.rows(), "const bool z = spikes[at + n] != 0;"]
        lines += [f"const real y_{name} = after[KEPT_{name}*BN + n];" for name in layout.state]
        lines += [f"const real g_{name} = G[{k}*NB + n];" for k, name in enumerate(layout.state)]
        lines += self.reset.forward()
        seeds: dict = {}
        for name in self.changed:
            self._add(seeds, self.reset.known[name], f"(z ? g_{name} : 0)")
        wanted = [*(f"y_{name}" for name in layout.state), *self.wanted]
        lines += self.reset.backward(seeds, wanted)
        jump = [f"g_{name}*{self.reset.change(name, f'y_{name}')}" for name in self.changed]
        lines.append(f"of_spike[n] = {'0' if self.detach or not jump else ' + '.join(jump)};")
        for k, name in enumerate(layout.state):
            passed = f"(z ? 0 : g_{name})" if name in self.changed else f"g_{name}"
            lines.append(f"const real q_{name} = d_y_{name} + {passed};")
            lines.append(f"G[{k}*NB + n] = q_{name};")
        for k, name in enumerate(self.targets):
            arrived = f"q_{name}"
            if self._guard(name):
                arrived = f"after[KEPT_not_refractory*BN + n] != 0 ? q_{name} : 0"
            lines.append(f"incoming[{k}*NB + n] = {arrived};")
        return lines + self._rows_gradient()

    def adjoint_update(self, wanted):
        """Return the adjoint of threshold and update of a neuron."""
        layout, lines = self.layout, self.loads()
        # what no synapse changed is as it was kept: no need to compute it again
        known = {
            value: f"const real {value} = after[KEPT_{name}*BN + n];"
            for name, value in self.update.known.items()
            if name in layout.state and name not in self.targets
        }
        lines += [f"const real y_{name} = before[KEPT_{name}*BN + n];" for name in layout.state]
        lines += [f"real s_{name};" for name in layout.state]
        lines += ["{", "const double time = time_before; const int64_t step = step_before; (void)time; (void)step;"]
        lines += self.reset.forward()
        for name in layout.state:
            new = f"was ? real({self.reset.known[name]}) : y_{name}" if name in self.changed else f"y_{name}"
            lines.append(f"s_{name} = {new};")
        lines.append("}")
        if layout.is_refractory:
            lines.append("const real s_not_refractory = before[KEPT_not_refractory*BN + n];")
            lines.append("const double s_lastspike = last_before[n];")
        lines += [known.get(line.split()[2], line) for line in self.update.forward()]
        gradient = "of_spikes[at + n] + sent[n] + of_spike[n]"
        if layout.is_refractory:
            gradient = f"({self.update.known['not_refractory']} != 0 ? {gradient} : 0)"
        lines += [
            f"const real x = {self.margin}/width;",
            f"const real d_margin = ({gradient})*({self.surrogate.c_code()})/width;",
        ]
        seeds: dict = {}
        for k, name in enumerate(layout.state):
            self._add(seeds, self.update.known[name], f"G[{k}*NB + n]")
        self._add(seeds, self.margin, "d_margin")
        lines += self.update.slopes + self.update.backward(seeds, wanted)
        for k, name in enumerate(layout.state):
            lines.append(f"G[{k}*NB + n] = d_s_{name};")
        lines += [f"of_inputs[{j}][at + n] = d_u_{name};" for j, name in enumerate(layout.inputs)]
        return lines + self._rows_gradient()

    def _rows_gradient(self):
        rows = self.layout.rows
        return [f"of_rows[{rows.index(name)}*(size_t)N + n] += d_p_{name};" for name in self.layout.trained]

    @staticmethod
    def _add(seeds, name, adjoint):
        seeds[name] = f"{seeds[name]} + {adjoint}" if name in seeds else adjoint


def read_kernel(name):
    """Return the text of a file of ``codegen/kernels``."""
    return files(__package__).joinpath("kernels", name).read_text()
