"""Whether Brian2, the plain cell and the fused cell compute the same."""

from dataclasses import dataclass

import numpy as np
from brian2 import SpikeMonitor, StateMonitor, Synapses, get_device, set_device
from brian2.core.base import BrianObjectException
from brian2.devices.device import reset_device

from hetbrian._support.optional import torch
from hetbrian.torch.export import to_torch
from hetbrian.torch.fused.cell import fuse
from hetbrian.torch.limits import LIMITS, ExportError
from hetbrian.torch.surrogate import FastSigmoid, Triangle

N_STEPS = 40
ROUNDING = {torch.float64: 1e-12, torch.float32: 1e-5}
"""What docs/torch.md says of one step, relative to the largest value."""

SHAKEN = {torch.float64: 1e-14, torch.float32: 3e-6}
"""Relative change of the state under which a value may jump without a difference: rounding of some 50 operations."""


class Invalid(Exception):
    """Brian2 does not run the model."""


@dataclass
class Recorded:
    """What Brian2 computed: the state at the start of each step and after the last, in SI."""

    first: int
    states: dict  # of ndarray, shape (step + 1, neuron)
    spikes: np.ndarray  # shape (step, neuron)
    sources: dict  # of ndarray, shape (step, source neuron)


def record(built, names):
    """Run a model that is built in Brian2 and return what it computed."""
    group, others, network = built
    states = {name: StateMonitor(group, name, record=True, clock=group.clock) for name in names}
    spiking = [item for item in others if item.name.startswith("outside")]
    monitors = {item.name: SpikeMonitor(item) for item in (group, *spiking)}
    network.add(*states.values(), *monitors.values())
    dt = float(group.clock.dt)
    first = round(float(network.t) / dt)
    try:
        network.run(N_STEPS * group.clock.dt, namespace={})
    except BrianObjectException as error:
        raise Invalid(str(error.__cause__)) from error
    kept = {name: np.array(item.variables[name].get_value()) for name, item in states.items()}
    last = {name: np.array(group.variables[name].get_value()) for name in names}
    states = {name: np.concatenate([kept[name], last[name][None]]) for name in names}
    rasters = {}
    for name, monitor in monitors.items():
        raster = rasters[name] = np.zeros((N_STEPS, len(monitor.source)), dtype=bool)
        raster[np.rint(np.array(monitor.t_) / dt).astype(int) - first, np.array(monitor.i)] = True
    return Recorded(first, states, rasters.pop("neurons"), rasters)


def export(built, dtype, **options):
    """Return the module of a model that is built."""
    group, others, _ = built
    synapses = [item for item in others if isinstance(item, Synapses)]
    return to_torch(group, synapses, dtype=dtype, namespace={}, **options)


def rows_of(module, found):
    """Return the recorded states as one batch, with the spikes on their way at each step."""
    units, rows = module.units, {}
    for name in module.neurons.names:
        kept = module.initial_state()[name]
        values = torch.as_tensor(found.states[name][:-1])
        dimension = module.neurons.state_dimensions[name]
        rows[name] = (values if name == "lastspike" else units.from_si(values, dimension)).to(kept.dtype)
    for name, coupling in module.couplings.items():
        sent = torch.as_tensor(found.spikes if coupling.source is None else found.sources[coupling.source])
        sent = torch.cat([sent.new_zeros(coupling.max_delay, sent.shape[1]), sent]).to(module.dtype)
        rows[f"{name}.pending"] = tuple(sent[k : k + N_STEPS] for k in range(coupling.max_delay))
    return rows


def one_step(module, found, rows):
    """Return the state after one step from every row, and the spikes."""
    n = torch.arange(found.first, found.first + N_STEPS).unsqueeze(1)
    spikes = {name: torch.as_tensor(found.sources[name]).to(module.dtype) for name in module.sources}
    with torch.no_grad():
        return module.step(rows, n, spikes=spikes)


def beyond(found, dtype):
    """Return the steps that begin or end with what Brian2 holds in float64 and float32 does not: shape (step, 1)."""
    largest = np.array([np.nanmax(np.abs(values.astype(float)), axis=1, initial=0) for values in found.states.values()])
    is_large = (largest > 1e30).any(axis=0) & (dtype == torch.float32)
    return torch.as_tensor(is_large[:-1] | is_large[1:]).unsqueeze(1)


def check_plain(module, found, exact):
    """Check each step of a plain cell against Brian2, from Brian2's state before it; ``exact`` is that in float64."""
    dtype, names = module.dtype, list(module.neurons.names)
    assert names == list(found.states), "another state"
    assert module.first_step == found.first, "another first step"
    for name, value in module.initial_state().items():
        if name in names:
            dimension = None if name == "lastspike" else module.neurons.state_dimensions[name]
            expected = module.units.from_si(torch.as_tensor(found.states[name][0]), dimension).to(value.dtype)
            assert torch.equal(value.isnan(), expected.isnan()) and torch.equal(
                value.nan_to_num(), expected.nan_to_num()
            )
    rows = rows_of(module, found)
    state, spikes = one_step(module, found, rows)
    wide = rows_of(exact, found)
    base = one_step(exact, found, wide)
    shaken = []
    for sign in (1, -1):
        moved = {
            name: value * (1 + sign * SHAKEN[dtype]) + sign * SHAKEN[dtype]
            if torch.is_tensor(value) and value.is_floating_point() and name != "lastspike"
            else value
            for name, value in wide.items()
        }
        shaken.append(one_step(exact, found, moved))
    fired = torch.as_tensor(found.spikes)
    is_near = (shaken[0][1] != base[1]) | (shaken[1][1] != base[1]) | beyond(found, dtype)
    wrong = (spikes.bool() != fired) & ~is_near
    assert not wrong.any(), f"spikes differ at step {int(wrong.any(1).nonzero()[0])} in {dtype}"
    for name in names:
        dimension = module.neurons.state_dimensions[name]
        after = torch.as_tensor(found.states[name][1:].astype(float))
        after = after if name == "lastspike" else module.units.from_si(after, dimension)
        moves = torch.stack([(item[0][name].double() - base[0][name].double()).abs() for item in shaken]).amax(0)
        scale = after[after.isfinite()].abs().max() if after.isfinite().any() else 1.0
        apart = (state[name].double() - after).abs()
        same = (apart <= ROUNDING[dtype] * scale + 20 * moves) | (state[name].double() == after)
        same |= (state[name].isnan() & after.isnan()) | is_near | ~moves.isfinite()
        step = "" if same.all() else int((~same).any(1).nonzero()[0])
        assert same.all(), f"{name!r} differs by {float(apart[~same].max()):.3g} at step {step} in {dtype}"


def check_gradients(module):
    """Check the gradient of one step of the plain cell by finite differences of it."""
    (parameter,) = module.parameters()
    names = [
        name
        for name in module.neurons.names
        if module.initial_state()[name].is_floating_point() and name != "lastspike"
    ]
    spikes = {name: torch.zeros(1, size, dtype=torch.float64) for name, size in module.sources.items()}
    output = module(1, spikes=spikes)
    total = sum(output.state[name].sum() for name in names)
    gradient = torch.zeros_like(parameter)
    if total.requires_grad and total.isfinite():
        total.backward()
        gradient = parameter.grad
    with torch.no_grad():
        ends = []
        for shift in (1e-6, 0, -1e-6):
            parameter += shift
            after = module(1, spikes=spikes).state
            parameter -= shift
            ends.append(sum(after[name] for name in names))
    expected, bend = (ends[0] - ends[2]) / 2e-6, (ends[0] - 2 * ends[1] + ends[2]).abs()
    scale = 1 + ends[1].abs()
    is_smooth = (bend < 1e-9 * scale) & expected.isfinite() & total.isfinite()
    # rounding of 1e-16 over the shift, and the curvature
    apart = (gradient - expected).abs() > 1e-6 * scale
    assert not (apart & is_smooth).any(), f"gradient {gradient.tolist()}, finite differences {expected.tolist()}"


def check_fused(module):
    """Check the fused cell against the plain one, forward and backward, over a short sequence."""
    fused = fuse(module)
    (parameter,) = module.parameters()
    spikes = {
        name: (torch.rand(20, 3, size, generator=torch.Generator().manual_seed(1)) < 0.2).double()
        for name, size in module.sources.items()
    }
    results = []
    for cell, shift in ((module, 0.0), (fused, 0.0), (module, 1e-13)):
        parameter.data += shift
        parameter.grad = None
        output = cell(20, 3, spikes=spikes)
        values = {
            name: value for name, value in output.state.items() if torch.is_tensor(value) and value.is_floating_point()
        }
        total = output.spikes.sum() + sum(
            value.clamp(-1e6, 1e6).sum() for name, value in values.items() if name != "lastspike"
        )
        if total.requires_grad:  # not if the state updater is switched off
            total.backward()
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()
        results.append({"spikes": output.spikes, **values, "gradient": gradient})
        parameter.data -= shift
    plain, fast, moved = results
    for name, expected in plain.items():
        control = float((moved[name] - expected).abs().nan_to_num(torch.inf).max())
        apart = (fast[name] - expected).abs()
        scale = float(expected[expected.isfinite()].abs().max()) if expected.isfinite().any() else 1.0
        same = (
            (apart <= 1e-9 * scale + 1e4 * control) | (expected == fast[name]) | (expected.isnan() & fast[name].isnan())
        )
        assert same.all(), f"{name!r} of the fused cell differs by {float(apart[~same].max()):.3g} of {scale:.3g}"


def check_standalone(model, folder):
    """Check Brian2's C++ standalone program against its runtime, from the start: spikes, and the state at the end."""
    built = model.build()
    group = built[0]
    names = [name for name in group.equations if name in group.variables and not group.variables[name].read_only]
    names = [
        name for name in names if group.equations[name].type != "subexpression" and not group.variables[name].scalar
    ]
    expected = record(built, names)
    set_device("cpp_standalone", build_on_run=False, directory=str(folder))
    try:
        group, _, network = model.build()
        monitor = SpikeMonitor(group, name="fired_spikes")
        network.add(monitor)
        network.run(N_STEPS * group.clock.dt, namespace={})
        get_device().build(directory=str(folder))
        fired = np.zeros_like(expected.spikes)
        fired[np.rint(np.array(monitor.t_) / float(group.clock.dt)).astype(int), np.array(monitor.i)] = True
        found = {name: np.array(group.variables[name].get_value()) for name in names}
    finally:
        get_device().reinit()
        reset_device()
    assert (fired == expected.spikes).all()
    for name, values in found.items():  # rounding of 40 steps, which a spike does not make much larger
        assert np.allclose(values, expected.states[name][-1], rtol=1e-8, atol=1e-10, equal_nan=True), name


def limit_of(error):
    """Return the name of the limit by which a model was refused."""
    return next((name for name, item in LIMITS.items() if str(error).endswith(f"{item.instead}.")), "unknown")


def check(model, fused=False):
    """
    Check a model.

    Returns
    -------
    str
        ``accepted``, ``invalid`` if Brian2 does not run it, or the name of the limit by which it is refused.
    """
    try:
        built = model.build()
    except (BrianObjectException, ValueError):
        # in the run that a model may have behind it, as a constant over zero; or a subgroup with linked variables
        return "invalid"
    try:
        exact = export(built, torch.float64)
    except ExportError as error:
        limit = limit_of(error)
        assert limit != "unknown", error
        return limit
    try:
        narrow = export(built, torch.float32)
    except ExportError as error:
        narrow = None
        assert limit_of(error) == "range", error
    smooth = export(built, torch.float64, trainable="gain", surrogate=Triangle(), width=1e-9)
    trained = export(built, torch.float64, trainable="gain", surrogate=FastSigmoid()) if fused else None
    try:
        found = record(built, list(exact.neurons.names))  # of the group that was exported, which must not notice
    except Invalid:
        return "invalid"
    check_plain(exact, found, exact)
    check_gradients(smooth)
    if narrow is not None:
        check_plain(narrow, found, exact)
    if trained is not None:
        try:
            check_fused(trained)
        except ExportError as error:
            return f"accepted, not fused: {limit_of(error)}"
    return "accepted"
