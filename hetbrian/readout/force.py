"""FORCE and online recursive least squares as Brian2 objects that run on every device."""

import math
import os

import numpy as np
from brian2 import DimensionMismatchError, Network, NetworkOperation, Quantity, TimedArray, check_units, ms, second
from brian2.core.variables import ArrayVariable, Variables
from brian2.devices.device import RuntimeDevice, get_device
from brian2.groups.group import Group
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit_for_display, have_same_dimensions

from hetbrian._support.checks import count, no_network_operations, whole_steps
from hetbrian._support.errors import DivergenceError
from hetbrian._support.files import arrays, replacing
from hetbrian.codegen import tiles
from hetbrian.codegen.codeobjects import NumpyNativeCodeObject, native_class
from hetbrian.codegen.runner import NativeRunner
from hetbrian.readout.online import RecursiveLeastSquares
from hetbrian.readout.target import Target

FILE_FORMAT = 1


LARGEST = math.isqrt(2**31 - 1)
"""Number of weights whose P a standalone program can hold."""


class FORCE(Group):
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
        The readout learns at times start <= t < stop.
    every : Quantity [second]
        Interval between two updates, a multiple of the time step.
    initial_P : float
        P(0) = initial_P times the identity.
    forgetting : float
        Lambda, 0 < lambda <= 1.
    gain : {"prior", "posterior"}
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
    reference : bool
        Run as network operations on `RecursiveLeastSquares` instead of generated code: slow, readable,
        runtime only.
    name : str
        Name of the group.

    Raises
    ------
    ValueError
        If a value or shape does not fit; the message says which.
    DimensionMismatchError
        If the encoder or a time has the wrong unit.
    NotImplementedError
        If hetbrian has no code for the active device, or ``reference`` is asked of a standalone device, or,
        when the run is prepared, a network operation is in the network of a standalone device.

    References
    ----------
    Nicola & Clopath 2017, doi 10.1038/s41467-017-01827-3, Eqs. 16-18 and ModelDB 190565.
    """

    add_to_magic_network = True

    @check_units(start=second, stop=second, every=second)
    def __init__(
        self,
        source,
        target,
        encoder=None,
        *,
        start=0 * second,
        stop=np.inf * second,
        every=0.8 * ms,
        initial_P=2.0,
        forgetting=1.0,
        gain="prior",
        bias=False,
        n_outputs=None,
        dtype="float64",
        activity="r",
        feedback="I_feedback",
        namespace=None,
        reference=False,
        name="force*",
    ):
        if reference and not isinstance(get_device(), RuntimeDevice):
            raise NotImplementedError(
                "the reference implementation is a network operation, which standalone devices ignore; expected "
                "set_device('runtime'): leave reference=False to train here."
            )
        native_class()
        expression, width, namespace = _target_code(target, n_outputs, namespace, source.clock.dt)
        n_neurons, n_weights = len(source), len(source) + bool(bias)
        for variable in (activity,) if encoder is None else (activity, feedback):
            found = source.variables.get(variable)
            if not isinstance(found, ArrayVariable) or found.size != n_neurons:
                raise ValueError(
                    f"{source.name} has no variable {variable!r} of one value a neuron, expected a population with "
                    "exponential synapses and feedback=True: build it so, or name the variable."
                )
        if n_weights > LARGEST and not isinstance(get_device(), RuntimeDevice):
            raise ValueError(
                f"{source.name} gives {n_weights} weights, expected at most {LARGEST} on a standalone device, whose "
                "programs count the elements of P in 32 bits: train fewer neurons, or use set_device('runtime')."
            )
        steps = whole_steps(every, source.clock.dt, "every")
        _check_learning(start, stop, initial_P, forgetting, gain, dtype)

        Group.__init__(self, clock=source.clock, when="end", order=0, name=name)
        self.source, self.target, self.codeobj_class, self.namespace = source, target, None, namespace
        self.gain, self.bias = gain, bool(bias)
        variables = self.variables = Variables(self)
        variables.add_constant("N", value=width)
        variables.add_constant("_n_source", value=n_neurons)
        variables.add_constant("_n_weights", value=n_weights)
        variables.add_arange("i", size=width, constant=True, read_only=True)
        variables.create_clock_variables(self._clock)
        variables.add_reference("_activity", source, activity)
        variables.add_array("z", size=width, dtype=np.float64, read_only=True)
        variables.add_array("y", size=width, dtype=np.float64)
        variables.add_array("_weights", size=width * n_weights, dtype=np.float64)
        for array, size in (
            ("_P", tiles.length(n_weights, dtype)),
            ("_c", n_weights),
            ("_x", n_weights),
            ("_product", n_weights),
        ):
            variables.add_array(array, size=size, dtype=np.dtype(dtype), read_only=True)
        variables.add_array("_gain", size=1, scalar=True, dtype=np.float64, read_only=True)
        for array in ("n_updates", "_tiles"):
            variables.add_array(array, size=1, scalar=True, dtype=np.int32, read_only=True)
        for parameter, value in (("initial_P", initial_P), ("forgetting", forgetting)):
            variables.add_array(parameter, size=1, scalar=True, constant=True, dtype=np.float64, values=value)
        # run arguments of a standalone program cannot be infinite
        for parameter, value in (("start", start), ("stop", min(stop, 1e9 * second))):
            variables.add_array(
                parameter,
                size=1,
                scalar=True,
                constant=True,
                dtype=np.float64,
                dimensions=second.dim,
                values=float(value),
            )
        variables.add_array("every", size=1, scalar=True, constant=True, dtype=np.int32, values=steps)
        if encoder is not None:
            variables.add_reference("_feedback", source, feedback)
            variables.add_array(
                "_encoder", size=width * n_neurons, dtype=np.float64, dimensions=source.variables[feedback].dim
            )
        if reference:
            self._add_reference(expression)
        else:
            self._add_runner(expression)
        self._enable_group_attributes()
        if encoder is not None:
            self.encoder = encoder

    def before_run(self, run_namespace):
        """Refuse a network operation beside it in the network of a standalone device, which would ignore it."""
        if not isinstance(get_device(), RuntimeDevice):
            for reference in Network.__instances__():
                network = reference()
                if network is not None and self in network.objects:
                    no_network_operations(network, "the standalone device")
        elif native_class() is NumpyNativeCodeObject:  # Cython may have run before
            for name, values in self.portable().items():
                self.variables[name].set_value(values)
        super().before_run(run_namespace)

    def __len__(self):
        return self.variables["N"].get_value()

    @property
    def has_feedback(self):
        """Bool : whether the output drives the network."""
        return "_encoder" in self.variables

    @property
    def weights(self):
        """ndarray, shape (n_outputs, n_neurons), one column more with bias : Phi."""
        return np.array(self.variables["_weights"].get_value()).reshape(len(self), -1)

    @weights.setter
    def weights(self, values):
        self._set("weights", values)

    @property
    def encoder(self):
        """Quantity [unit of the feedback], shape (n_neurons, n_outputs) : E, or None without feedback."""
        if not self.has_feedback:
            return None
        variable = self.variables["_encoder"]
        return Quantity(np.array(variable.get_value()).reshape(len(self), -1).T, dim=variable.dim)

    @encoder.setter
    def encoder(self, values):
        self._set("encoder", values)

    @property
    def P(self):
        """ndarray, shape (n_weights, n_weights) : the running inverse correlation of r, as of the last update."""
        m = self.variables["_n_weights"].get_value()
        if not int(self.variables["n_updates"].get_value()[0]):
            return float(self.variables["initial_P"].get_value()[0]) * np.eye(m)
        full = self._stored_P().astype(float)
        c, gain = (np.array(self.variables[key].get_value(), dtype=float) for key in ("_c", "_gain"))
        if not gain.any():  # the reference leaves nothing pending
            return full
        return (full - gain * np.outer(c, c)) / float(self.variables["forgetting"].get_value()[0])

    def _stored_P(self):
        """Return P without the update that is pending, shape (n_weights, n_weights)."""
        m, stored = self.variables["_n_weights"].get_value(), np.array(self.variables["_P"].get_value())
        begin = int(self.variables["_tiles"].get_value()[0]) - 1
        if begin >= 0:
            return tiles.unpack(stored[begin:], m)
        upper = np.triu(stored[: m * m].reshape(m, m))
        return upper + np.triu(upper, 1).T

    def portable(self):
        """
        Return what other devices read of the arrays that each device orders in its own way.

        Returns
        -------
        dict of str to ndarray
            Nothing if they are so already, else ``_P`` as a row-major matrix, and ``_tiles`` = 0, which says so.
        """
        if not int(self.variables["_tiles"].get_value()[0]):
            return {}
        whole = np.zeros(self.variables["_P"].size, dtype=self.variables["_P"].dtype)
        matrix = self._stored_P().ravel()
        whole[: matrix.size] = matrix
        return {"_P": whole, "_tiles": np.zeros(1, dtype=np.int32)}

    def run_value(self, name, values):
        """
        Return the variable that stands behind ``weights`` or ``encoder``, and its values, checked.

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
            If the shape does not fit, a value is not finite, or there is no encoder.
        DimensionMismatchError
            If the encoder has the wrong unit.
        """
        if name == "weights":
            shape = (len(self), self.variables["_n_weights"].get_value())
            return "_weights", _fitting(name, np.asarray(values, dtype=float), shape).ravel()
        if name != "encoder":
            return name, values
        if not self.has_feedback:
            raise ValueError("this readout has no feedback, expected none to set: construct it with an encoder.")
        dimensions = self.variables["_encoder"].dim
        if not have_same_dimensions(values, dimensions):
            raise DimensionMismatchError(
                f"encoder has the wrong unit, expected {get_unit_for_display(dimensions)}: multiply by it",
                getattr(values, "dim", DIMENSIONLESS),
                dimensions,
            )
        columns = np.asarray(values, dtype=float)
        columns = columns[:, np.newaxis] if columns.ndim == 1 else columns
        columns = _fitting(name, columns, (len(self.source), len(self)))
        return "_encoder", Quantity(columns.T.ravel(), dim=dimensions)

    def _set(self, name, values):
        variable, values = self.run_value(name, values)
        self.variables[variable].set_value(np.asarray(values))

    def check(self):
        """Raise `DivergenceError` if P is not finite after a run, whose clock has ticked once more."""
        if not np.isfinite(self.variables["_gain"].get_value()[0]):
            self.stop_diverged(ticks=1)

    def stop_diverged(self, ticks=0):
        """Raise `DivergenceError` with the time of the clock, ticks ago; generated runtime code calls this."""
        time = self._clock.variables["t"].get_value().item() - ticks * float(self._clock.dt)
        raise DivergenceError(
            f"P of {self.name} is not finite at t = {time:g} s, expected finite values: "
            "reduce the gains, initial_P or the time step."
        )

    def save(self, path):
        """
        Write the trained readout to one ``.npz`` file, whole or not at all.

        Parameters
        ----------
        path : path-like
            File to write; an existing one is replaced.

        Raises
        ------
        OSError
            If the folder cannot be written or the disk is full; an existing file is left as it was.
        """
        content: dict = {name: np.array(self.variables[name].get_value()) for name in self._state_names()}
        content |= self.portable()
        content |= {"format": FILE_FORMAT, "gain": self.gain, "bias": self.bias}
        with replacing(path, "choose another") as temporary, open(temporary, "wb") as file:
            np.savez(file, **content)

    def load(self, path, learn=False):
        """
        Read a trained readout into this one, which has the same sizes.

        Parameters
        ----------
        path : path-like
            File that `save` wrote.
        learn : bool
            Whether the readout goes on learning between ``start`` and ``stop``; by default it only runs.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not a readout, or of other sizes; this one is then left as it was.
        """
        content = arrays(path, FILE_FORMAT, ("gain", "bias"), "a saved readout", "FORCE.save")
        rules = {"bias": self.bias, "gain": self.gain} if learn else {"bias": self.bias}
        for name, expected in rules.items():
            if content[name].item() != expected:
                raise ValueError(
                    f"{os.fspath(path)!r} was saved with {name} = {content[name].item()!r}, expected {expected!r}: "
                    "build the readout as the saved one."
                )
        for name in self._state_names():
            size = self.variables[name].size
            if name not in content or content[name].size != size:
                found = content[name].size if name in content else "no"
                raise ValueError(
                    f"{os.fspath(path)!r} has {found} values of {name}, expected {size}: the readout must be built "
                    "with the same neurons, outputs, bias and feedback."
                )
        for name in self._state_names():
            self.variables[name].set_value(content[name])
        if not learn:
            self.variables["start"].set_value(0.0)
            self.variables["stop"].set_value(0.0)

    def _state_names(self):
        """Return the arrays from which another run goes on."""
        feedback = ("_encoder",) if self.has_feedback else ()
        return ("_weights", "_P", "_tiles", "_c", "_gain", "n_updates", "initial_P", "forgetting", *feedback)

    def _add_runner(self, expression):
        """Add the code object that does all of it on the device."""
        runner = NativeRunner(
            self,
            "force",
            code=f"y = {expression}",
            clock=self._clock,
            when="end",
            order=0,
            name=f"{self.name}_step",
            template_kwds={
                "feedback": self.has_feedback,
                "bias": self.bias,
                "posterior": int(self.gain == "posterior"),
            },
            needed_variables=["_encoder", "_feedback"] if self.has_feedback else [],
        )
        self.contained_objects.append(runner)

    def _add_reference(self, expression):
        """Add network operations that do the same with `RecursiveLeastSquares`."""
        names = (
            "_activity",
            "z",
            "y",
            "_weights",
            "_P",
            "_tiles",
            "_gain",
            "n_updates",
            "start",
            "stop",
            "every",
            "forgetting",
        )
        value = {name: self.variables[name].get_value() for name in names}
        rls = RecursiveLeastSquares(
            len(self.source),
            len(self),
            initial_P=self.variables["initial_P"].get_value()[0],
            forgetting=self.variables["forgetting"].get_value()[0],
            bias=self.bias,
            gain=self.gain,
            dtype=value["_P"].dtype,
        )
        rls.weights = value["_weights"].reshape(rls.weights.shape)
        encoder = self.variables["_encoder"].get_value().reshape(len(self), -1) if self.has_feedback else None

        def step():
            value["z"][:] = rls.predict(value["_activity"])
            if encoder is not None:
                self.variables["_feedback"].get_value()[:] = value["z"] @ encoder
            now = self._clock.variables["t"].get_value().item() + 0.001 * float(self._clock.dt)
            is_due = self._clock.variables["timestep"].get_value()[0] % value["every"][0] == 0
            if is_due and value["start"][0] < now < value["stop"][0]:
                rls.P, rls.forgetting = self.P.astype(rls.dtype), value["forgetting"][0]
                rls.update(value["_activity"], value["y"])
                value["_P"][: rls.P.size], value["_tiles"][0] = rls.P.ravel(), 0
                value["_gain"][0] = 0  # nothing pending
                value["n_updates"][0] += 1

        self.run_regularly(f"y = {expression}", clock=self._clock, when="end", order=0, name=f"{self.name}_target")
        operation = NetworkOperation(step, clock=self._clock, when="end", order=1, name=f"{self.name}_operation")
        self.contained_objects.append(operation)


def _target_code(target, n_outputs, namespace, dt):
    """Return the code of output i, the number of outputs and the names the code uses."""
    namespace = dict(namespace or {})
    if isinstance(target, str):
        width = 1 if n_outputs is None else n_outputs
        count(width, "n_outputs")
        return target, width, namespace
    if not isinstance(target, TimedArray):
        raise TypeError(
            f"target is a {type(target).__name__}, expected a TimedArray or Brian2 code: "
            "make one with hetbrian.readout.target."
        )
    values = target.values
    width = 1 if values.ndim == 1 else values.shape[1]
    if n_outputs not in (None, width):
        raise ValueError(f"target has {width} outputs, expected n_outputs = {n_outputs}: leave n_outputs out.")
    if not have_same_dimensions(target.dim, DIMENSIONLESS):
        raise DimensionMismatchError("target has a unit, expected plain numbers: divide by it", target.dim)
    name = target.name.lstrip("_")  # Brian2 refuses the names it gives itself
    namespace[name] = target
    if isinstance(target, Target):
        if target.period is not None and abs(target.dt - float(dt)) > 1e-9 * float(dt):
            raise ValueError(
                f"target has the time step {target.dt * second}, expected that of the source, {dt}: "
                "make it with the same dt."
            )
        return target.expression(), width, namespace
    return f"{name}(t)" if values.ndim == 1 else f"{name}(t, i)", width, namespace


def _fitting(name, values, shape):
    """Return an array that generated code reads, checked: shape, finite."""
    if values.shape != shape:
        raise ValueError(f"{name} has shape {values.shape}, expected {shape}: neurons and outputs must fit.")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are not finite, expected numbers: check where they come from.")
    return values


def _check_learning(start, stop, initial_P, forgetting, gain, dtype):
    """Refuse learning parameters that cannot work."""
    if not 0 * second <= start <= stop:
        raise ValueError(f"start is {start} and stop {stop}, expected 0 s <= start <= stop: exchange them.")
    if not 0 < initial_P < np.inf:
        raise ValueError(f"initial_P is {initial_P}, expected a positive number: 1 to 10 is usual.")
    if not 0 < forgetting <= 1:
        raise ValueError(f"forgetting is {forgetting}, expected 0 < forgetting <= 1: 1 forgets nothing.")
    if gain not in ("prior", "posterior"):
        raise ValueError(f"gain is {gain!r}, expected 'prior' or 'posterior': choose one of them.")
    if dtype not in ("float64", "float32", np.float64, np.float32):
        raise ValueError(f"dtype is {dtype!r}, expected 'float64' or 'float32': choose one of them.")


class RLS(FORCE):
    r"""
    A linear readout z = W r that learns a target by recursive least squares while the network runs.

    After samples at times :math:`t_1 \dots t_n` its weights minimise

    .. math:: \sum_k |W r(t_k) - y(t_k)|^2 + \gamma |W|^2

    as those of `hetbrian.readout.offline.Ridge` with one penalty. It is `FORCE` without encoder, with the gain of
    textbook least squares and P(0) = 1/gamma. Not for driving the network with its output: see `FORCE`.

    Parameters
    ----------
    source : NeuronGroup
        The population, with a filtered activity r: exponential synapses, or ``gating(tau_r)``.
    target : Target, TimedArray or str
        As `FORCE`.
    gamma : float
        Ridge penalty, more than 0.
    start, stop : Quantity [second]
        The readout learns at times start <= t < stop.
    every : Quantity [second]
        Interval between two samples, a multiple of the time step.
    bias : bool
        Whether the readout also sees a constant 1.
    n_outputs : int, optional
        Number of outputs, needed only if ``target`` is code for more than one.
    activity : str
        Name of r in the source.
    namespace : dict, optional
        Names that the target's code uses.
    name : str
        Name of the group.

    Raises
    ------
    ValueError
        If gamma is not positive, or as `FORCE`.
    DimensionMismatchError
        If a time has the wrong unit.
    NotImplementedError
        If hetbrian has no code for the active device.

    References
    ----------
    Haykin (2014), Adaptive Filter Theory, Table 10.1, with lambda = 1 and delta = gamma.
    """

    @check_units(start=second, stop=second, every=second)
    def __init__(
        self,
        source,
        target,
        *,
        gamma=1e-3,
        start=0 * second,
        stop=np.inf * second,
        every=1 * ms,
        bias=False,
        n_outputs=None,
        activity="r",
        namespace=None,
        name="rls*",
    ):
        if not 0 < gamma < np.inf:
            raise ValueError(f"gamma is {gamma}, expected a finite number above 0: P starts at 1/gamma.")
        super().__init__(
            source,
            target,
            start=start,
            stop=stop,
            every=every,
            initial_P=1 / gamma,
            gain="posterior",
            bias=bias,
            n_outputs=n_outputs,
            activity=activity,
            namespace=namespace,
            name=name,
        )
