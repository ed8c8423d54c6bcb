"""FORCE as a Brian2 object that runs on every device."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from brian2 import NeuronGroup, Quantity, TimedArray, ms, second
from brian2.codegen.generators.cpp_generator import CPPNodeRenderer
from brian2.devices.device import RuntimeDevice, get_device
from brian2.groups.group import Group
from numpy.typing import ArrayLike, NDArray

from hetbrian._support.allowed import FINITE, Limited
from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import (
    check_dimensions,
    count,
    flag,
    network_size,
    no_network_operations,
    numbers,
    object_name,
    text,
    whole_steps,
)
from hetbrian._support.errors import DivergenceError, NetworkError
from hetbrian.codegen.codeobjects import NumpyNativeCodeObject, native_class
from hetbrian.codegen.group import NativeGroup, check_per_neuron
from hetbrian.codegen.interval import N_QUANTILES, Law, RandomlyRepeated
from hetbrian.codegen.runner import NativeRunner
from hetbrian.readout import limits
from hetbrian.readout.feedback import check_sole_writer
from hetbrian.readout.kernel import Kernels
from hetbrian.readout.linearfilter import step_matrix
from hetbrian.readout.online import check_learning
from hetbrian.readout.operation import ReadoutOperation
from hetbrian.readout.saved import Saved
from hetbrian.readout.target import largest, target_code

LARGEST = 2**31 - 1
"""Elements of P that a standalone program can hold."""

TICKS = {False: "t_in_timesteps % _every == 0", True: "t_in_timesteps >= _next"}
"""Whether an interval ends in this step, if intervals are all the same or random."""

IS_DUE = "{tick} and t + 0.001*dt > start and t + 0.001*dt < stop"
"""Whether the readout learns in this step, start <= t < stop, where t is off by some roundings."""

POLL = 10 * ms
"""How often the host of a GPU asks whether the readout has to stop."""


USUAL = 0.8 * ms
"""Interval between two updates where none is given: 20 steps of the published 0.04 ms."""


class FORCE(Limited, Saved, Kernels, RandomlyRepeated, NativeGroup):
    r"""
    A linear readout z = Phi r that learns a target while the network runs, and drives it.

    Every time step, after the spikes of the step have reached r:

    .. math:: z = \Phi r, \quad I_{feedback} = E z

    and, every ``every`` between ``start`` and ``stop``, with the same r and z,

    .. math:: c = P r, \quad \Phi \leftarrow \Phi - (z - y) c^T, \quad
              P \leftarrow (P - c c^T/(\lambda + r^T c))/\lambda.

    It is a group of ``n_outputs`` output units with variables ``z`` and ``y``: record them with a
    `SampledMonitor`. Not for training recurrent weights, and with
    ``encoder=None`` no FORCE but the plain online readout.

    Parameters
    ----------
    source : NeuronGroup
        The population, with a filtered activity r.
    target : Target, TimedArray or str
        The signal y: a TimedArray of shape (time,) or (time, n_outputs), or Brian2 code for the
        value of output ``i`` at time ``t``.
    encoder : Quantity [unit of the feedback variable], shape (n_neurons,) or (n_neurons, n_outputs), optional
        E. None leaves the network without feedback.
    start, stop : Quantity [second]
        The readout learns at times start <= t < stop. `hetbrian.simulate` says where its run ends before a stop.
    every : Quantity [second], or Distribution of times, optional
        Interval between two updates, a multiple of the time step, by default the one nearest to 0.8 ms; or the law from
        which each interval is drawn anew with ``rng``, as 4096 quantiles in whole steps, at least one. Intervals begin
        at t = 0, whenever learning does. Full-FORCE draws them at random (an exponential law is
        ``Gamma(mean, shape=1)``), so that no rhythm of target or network is missed by all updates.
    initial_P : float or "auto"
        P(0) = initial_P times the identity. ``"auto"`` takes 1/sum(r^2), r of the first update, because the prior
        rule multiplies its first error by 1 - P(0) sum(r^2), and runs away where that is large: a number that fits any
        size of the network and any unit of r. Learning has to start after the network does.
    forgetting : float
        Lambda, 0 < lambda <= 1.
    rule : {"prior", "posterior"}
        Whether the weights move along P r before the update of P, as in the published FORCE script,
        or after it, which is textbook recursive least squares and equals ridge regression.
    bias : bool
        Whether the readout also sees a constant 1 (the last weight of each output).
    n_outputs : int, optional
        Number of outputs, needed only if ``target`` is code for more than one.
    dtype : {"float64", "float32"}
        Precision of P.
    activity, feedback : str
        Names of r and of the feedback current in the source.
    namespace : dict, optional
        Names that the target's code uses.
    reference : bool or subclass of ReadoutOperation
        Run as a network operation instead of generated code, runtime only: True for the readable version of the same
        rule, `hetbrian.readout.operation.ReadoutOperation`, or one of your own derived from it.
    name : str
        Name of the group.
    largest_output : float
        The run is stopped if from the 20th update on an output exceeds this many times the largest target so far,
        because learning has run away; inf for no limit. Networks of `hetbrian.published.models.force` stay below 3.
    rng : numpy.random.Generator, optional
        Where random intervals come from.
    networks : int
        Networks of the same size that the source consists of, its neurons one network after the other, each of which
        learns as if it were alone, with P, weights and ``n_outputs`` outputs of its own. The group then has the
        outputs of all of them: output i is of the network ``i // n_outputs``, whose number the target's code knows as
        ``network``. A TimedArray has a column for each output of a network, the same for all, or, if ``n_outputs`` is
        given, one for each i.

    Raises
    ------
    ValueError
        If a value or shape does not fit; the message says which. When the run is prepared, if something else writes
        the feedback variable too, or the time step has become another than that of a periodic target.
    DivergenceError
        While it runs, if P or the target is not finite, or an output is beyond ``largest_output``.
    DimensionMismatchError
        If the encoder or a time has the wrong unit.
    NotImplementedError
        If hetbrian has no code for the active device, or ``reference`` is asked of a standalone device, or,
        when the run is prepared, a network operation is in the network of a standalone device.

    References
    ----------
    Nicola & Clopath 2017, doi 10.1038/s41467-017-01827-3, Eqs. 16-18 and ModelDB 190565; full-FORCE:
    DePasquale et al. 2018, doi 10.1371/journal.pone.0191527.
    """

    allowed = limits.ALLOWED
    checks = ("_trouble", "_trouble_time", "_gain", "_largest", "initial_P", "z", "y")

    @checked(
        source=of(Group, advice="give the population"),
        start=limits.TIME,
        stop=limits.TIME,
        bias=flag,
        n_outputs=count,
        networks=count,
        activity=text,
        feedback=text,
        namespace=of(Mapping, advice="give every name that the target's code uses"),
        name=object_name,
        largest_output=limits.ALLOWED["largest_output"],
    )
    def __init__(
        self,
        source: NeuronGroup,
        target: TimedArray | str,
        encoder: Quantity | None = None,
        *,
        start: Quantity = 0 * second,
        stop: Quantity = np.inf * second,
        every: Quantity | Law | None = None,
        initial_P: float | Literal["auto"] = 2.0,
        forgetting: float = 1.0,
        rule: Literal["prior", "posterior"] = "prior",
        bias: bool = False,
        n_outputs: int | None = None,
        dtype: Literal["float64", "float32"] = "float64",
        activity: str = "r",
        feedback: str = "I_feedback",
        namespace: Mapping[str, Any] | None = None,
        reference: bool | type[ReadoutOperation] = False,
        name: str = "force*",
        largest_output: float = 1000.0,
        rng: np.random.Generator | None = None,
        networks: int = 1,
    ) -> None:
        operation = ReadoutOperation if reference is True else reference
        if operation and not (isinstance(operation, type) and issubclass(operation, ReadoutOperation)):
            raise ValueError(
                f"reference is {reference!r}, expected True, False or a subclass of ReadoutOperation: choose one."
            )
        is_standalone = not isinstance(get_device(), RuntimeDevice)
        if reference and is_standalone:
            raise NotImplementedError(
                "the reference implementation is a network operation, which standalone devices ignore; expected "
                "set_device('runtime'): leave reference=False to train here."
            )
        if reference and networks > 1:
            raise ValueError(
                f"the reference implementation has one network, expected networks = 1 and not {networks}: leave "
                "reference=False."
            )
        native = native_class()
        expression, n_outputs, names = target_code(target, n_outputs, namespace, source.clock.dt, networks)
        n_neurons, width = network_size(source, networks), networks * n_outputs
        n_weights = n_neurons + bool(bias)
        for argument, variable in {"activity": activity, **({} if encoder is None else {"feedback": feedback})}.items():
            expected = "a population with exponential synapses and feedback=True: build it so, or give it as"
            check_per_neuron(source, variable, f"{expected} {argument}")
        if networks * n_weights**2 > LARGEST and is_standalone:
            of_all, most = f" in each of {networks} networks" * (networks > 1), math.isqrt(LARGEST // networks)
            raise ValueError(
                f"{source.name} gives {n_weights} weights{of_all}, expected at most {most} on a standalone device, "
                "whose programs count the elements of P in 32 bits: train fewer neurons, or use set_device('runtime')."
            )
        is_auto = isinstance(initial_P, str) and initial_P == "auto"
        start_P: Any = 1.0 if is_auto else initial_P
        check_learning(start_P, forgetting, rule, dtype)
        self.refuse({"start": start, "stop": stop})

        super().__init__(source, width, order=0, namespace=names, name=name)
        self.target, self._rule, self._bias = target, rule, bool(bias)
        self._is_auto, self._expression, self.n_networks = is_auto, expression, networks
        variables = self.variables
        for constant, number in {"_n_weights": n_weights, "_n_neurons": n_neurons, "_n_outputs": n_outputs}.items():
            variables.add_constant(constant, value=number)
        if networks > 1:
            of_output = np.repeat(np.arange(networks), n_outputs)
            variables.add_array("network", width, values=of_output, dtype=np.int32, constant=True, read_only=True)
        variables.add_reference("_activity", source, activity)
        variables.add_array("z", size=width, dtype=np.float64, read_only=True)
        variables.add_array("y", size=width, dtype=np.float64)
        variables.add_array("_weights", size=width * n_weights, dtype=np.float64)
        self._filter = () if reference else self._follow(activity, n_weights, np.dtype(dtype), native)
        self._add_P(n_weights, np.dtype(dtype), native)
        self._add_scalar("n_updates", dtype=np.int32, read_only=True)
        self._add_shared("initial_P", 0.0 if is_auto else start_P, constant=True)
        self._add_scalar("forgetting", forgetting, constant=True)
        self._add_scalar("start", start, constant=True)
        self._add_scalar("stop", min(stop, limits.LONGEST * second), constant=True)
        dt = source.clock.dt
        self._repeat(max(round(float(USUAL / dt)), 1) * dt if every is None else every, rng)
        self._add_scalar("largest_output", min(largest_output, limits.WITHOUT_LIMIT), constant=True)
        self._add_shared("_largest", largest(target, networks, n_outputs), read_only=True)
        self._add_shared("_trouble", dtype=np.int32, read_only=True)
        self._add_shared("_trouble_time", read_only=True)
        if encoder is not None:
            variables.add_reference("_feedback", source, feedback)
            dimensions = source.variables[feedback].dim
            variables.add_array("_encoder", size=n_outputs * len(source), dtype=np.float64, dimensions=dimensions)
        is_due = IS_DUE.format(tick=TICKS[self.is_random])
        code = f"_is_due = {is_due}\ny = {expression}"
        if reference:
            self._add_scalar("_is_due", dtype=bool)
            self.run_regularly(code, clock=self._clock, when="end", order=0, name=f"{self.name}_target")
        else:
            self._add_runner(
                "force",
                code,
                suffix="step",
                needed_variables=[
                    *(("_encoder", "_feedback") if self.has_feedback else ()),
                    *(("_next", "_draw", "_intervals") if self.is_random else ()),
                ],
                template_kwds={
                    "networks": networks,
                    "random": self.is_random,
                    "limits": {"first": limits.FIRST, "share": limits.INITIAL_SHARE, "silent": limits.SILENT},
                    "n_intervals": N_QUANTILES,
                    "poll": max(1, round(float(POLL) / float(source.clock.dt))),
                    "feedback": self.has_feedback,
                    "bias": self.bias,
                    "posterior": int(rule == "posterior"),
                    "is_due": CPPNodeRenderer().render_expr(is_due),  # for the host of a GPU
                },
            )
        self._enable_group_attributes()
        if encoder is not None:
            self.encoder = encoder
        if operation:
            self.contained_objects.append(operation(self))

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        """Refuse what would spoil the run, and choose the kernel."""
        try:
            n_outputs = len(self) // self.n_networks
            target_code(
                self.target, n_outputs, self.namespace, self.clock.dt, self.n_networks
            )  # which may have changed
        except ValueError as error:
            raise NetworkError(str(error)) from None
        if self.has_feedback:
            check_sole_writer(self, "_feedback")
        if not isinstance(get_device(), RuntimeDevice):
            for network in get_device().networks:
                if self in network.objects:
                    no_network_operations(network, "the standalone device")
        is_numpy = native_class() is NumpyNativeCodeObject
        step = None if is_numpy or not self._filter else step_matrix(self.source, self._filter, run_namespace)
        if isinstance(get_device(), RuntimeDevice) and (is_numpy or (self._filter and step is None)):
            self.keep_nothing_waiting()  # for another kernel
        for runner in self.contained_objects:
            if isinstance(runner, NativeRunner):
                self._choose_kernel(runner, step)
        super().before_run(run_namespace)

    rule = property(lambda self: self._rule, doc="Str : ``prior`` or ``posterior``, which stands in generated code.")
    bias = property(lambda self: self._bias, doc="Bool : whether the readout also sees a constant 1.")

    @property
    def has_feedback(self) -> bool:
        """Bool : whether the output drives the network."""
        return "_encoder" in self.variables

    @property
    def weights(self) -> NDArray[np.float64]:
        """ndarray, shape (n_outputs, n_neurons), of each network after the other, one column more with bias : Phi."""
        return np.array(self.variables["_weights"].get_value()).reshape(len(self), -1)

    @weights.setter
    def weights(self, values: ArrayLike) -> None:
        self._set("weights", values)

    @property
    def encoder(self) -> Quantity | None:
        """Quantity [unit of the feedback], shape (n_neurons, n_outputs) : E, or None without feedback."""
        if not self.has_feedback:
            return None
        variable = self.variables["_encoder"]
        blocks = np.array(variable.get_value()).reshape(self.n_networks, len(self) // self.n_networks, -1)
        return Quantity(blocks.transpose(0, 2, 1).reshape(len(self.source), -1), dim=variable.dim)

    @encoder.setter
    def encoder(self, values: Quantity) -> None:
        self._set("encoder", values)

    def run_value(self, name: str, values: Any) -> tuple[str, Any]:
        """
        Return the variable that stands behind ``weights``, ``encoder`` or ``every``, and its values, checked.

        Parameters
        ----------
        name : str
            Any name; of other variables the values come back as they are.
        values : array_like
            Of the shape of that attribute.

        Returns
        -------
        str
            Name of the variable that generated code reads.
        array_like
            Its values, flat.

        Raises
        ------
        ValueError
            If the shape does not fit, a value is not finite, there is no encoder, intervals are random, or a time is
            no multiple of the step.
        DimensionMismatchError
            If the encoder or the time has the wrong unit.
        """
        if name == "weights":
            shape = (len(self), self.variables["_n_weights"].get_value())
            return "_weights", _fitting(name, numbers(values, name, may_be_infinite=True), shape).ravel()
        if name == "every":
            if self.is_random:
                raise ValueError("every is drawn from a law, expected no value of it: build the network with another.")
            check_dimensions(name, values, second.dim)
            return "_every", whole_steps(values, self._clock.dt, "every")
        if name != "encoder":
            return name, values
        if not self.has_feedback:
            raise ValueError("this readout has no feedback, expected none to set: construct it with an encoder.")
        dimensions = self.variables["_encoder"].dim
        columns = numbers(values, name, any_unit=True, may_be_infinite=True)
        check_dimensions(name, values, dimensions)
        columns = columns[:, np.newaxis] if columns.ndim == 1 else columns
        n_outputs = len(self) // self.n_networks
        blocks = _fitting(name, columns, (len(self.source), n_outputs)).reshape(self.n_networks, -1, n_outputs)
        return "_encoder", Quantity(blocks.transpose(0, 2, 1).ravel(), dim=dimensions)  # (network, output, neuron)

    def _set(self, name: str, values: Any) -> None:
        variable, values = self.run_value(name, values)
        self.variables[variable].set_value(np.asarray(values))

    def refuse(self, values: Mapping[str, Any]) -> None:
        """Refuse values that are not allowed, and a stop before the start."""
        super().refuse(values)
        known = values if values.keys() >= {"start", "stop"} else {**self.known_values(), **values}
        start, stop = (float(known.get(name, default)) * second for name, default in (("start", 0), ("stop", np.inf)))
        if start > stop:
            raise ValueError(f"start is {start} and stop {stop}, expected 0 s <= start <= stop: exchange them.")

    def known_values(self) -> dict[str, Any]:
        """Return the values of the limited variables, as far as the device knows them; not "auto"."""
        found = super().known_values()
        return {
            name: value for name, value in found.items() if name != "initial_P" or np.all(value) or not self._is_auto
        }

    def check(self) -> None:
        """Raise `DivergenceError` if the readout had to stop, or P is not finite after a run."""
        trouble = self.variables["_trouble"].get_value()
        if trouble.any():
            raise DivergenceError(limits.reason(self, int(np.flatnonzero(trouble)[0])))
        if not np.isfinite(self.variables["_gain"].get_value()).all():
            self.stop_diverged(ticks=1)  # the clock has ticked once more
        super().check()
        limits.tell_unfinished(self)

    def check_sample(self, time: float) -> None:
        """Refuse to learn from this step, or find P(0) if it is "auto"; runtime code in Python calls this."""
        names = ("z", "y", "_activity", "initial_P", "_largest", "_trouble", "_trouble_time")
        found = (self.variables[name].get_value().reshape(self.n_networks, -1) for name in names)
        limit, n_updates = (self.variables[name].get_value()[0] for name in ("largest_output", "n_updates"))
        for z, y, activity, initial_P, so_far, trouble, trouble_time in zip(*found, strict=True):  # of a network
            trouble[0] = limits.trouble(z, y, limit, n_updates, so_far)
            if n_updates == 0 and initial_P[0] == 0:
                length = float(np.sum(np.asarray(activity, dtype=float) ** 2)) + self.bias
                initial_P[0] = limits.INITIAL_SHARE / length if length else 0.0
                trouble[0] = trouble[0] if length else limits.SILENT
            trouble_time[0] = time
        if self.variables["_trouble"].get_value().any():
            self.check()

    def stop_diverged(self, ticks: int = 0) -> None:
        """Raise `DivergenceError` with the time of the clock, ticks ago; generated runtime code calls this."""
        time = self._clock.variables["t"].get_value().item() - ticks * float(self._clock.dt)
        raise DivergenceError(
            f"P of {self.name} is not finite at t = {time:g} s, expected finite values: "
            "reduce the gains, initial_P or the time step."
        )


def _fitting(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array that generated code reads, checked: shape, finite."""
    if values.shape != shape:
        raise ValueError(f"{name} has shape {values.shape}, expected {shape}: neurons and outputs must fit.")
    FINITE.check(name, values)
    return values
