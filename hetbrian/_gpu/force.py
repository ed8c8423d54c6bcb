"""FORCE in CUDA standalone against C++."""

import functools
import time
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Network, Quantity, get_device, ms, pA, second

import hetbrian as hb
from hetbrian._gpu.checks import Place
from hetbrian._gpu.comparison import compare_spikes, compare_weights
from hetbrian._gpu.findings import Findings
from hetbrian._gpu.networks import force_network, force_networks

DURATION, SMALL_DURATION = 2 * second, 0.4 * second
LEARNT = 1.0
"""Seconds after which the readout has learnt, and until which spikes are compared."""

DT = 1e-4

ROUNDING = 1e-9
"""What weights of two devices may differ by, relatively: sums of another order give 1e-15, and updates amplify it."""

RECORD = ("z", "y", "spikes", "weights")

SEEDS = range(5)

MANY = {"seeds": tuple(range(8)), "gains": np.linspace(1500, 5000, 8) * pA}
"""Networks that run as one."""


def _options(place: Place) -> dict[str, Any]:
    """Return the arguments of the network."""
    small = {"n_neurons": 50, "start": 0.05 * second, "stop": 0.2 * second}
    return small if place.is_small else {"n_neurons": 200, "start": 0.2 * second, "stop": LEARNT * second}


def _duration(place: Place) -> Quantity:
    return SMALL_DURATION if place.is_small else DURATION


def _programs(place: Place, **options: Any) -> list[hb.Program]:
    """Return the program of the device, and that which it is compared with."""
    return [
        hb.Program(force_network, _duration(place), record=RECORD, device=device, **_options(place) | options)
        for device in (place.device, place.reference)
    ]


def _ran(program: hb.Program) -> Any:
    """Return the result of a program."""
    with program:
        return program.run()


def agrees(place: Place, findings: Findings, folder: Path) -> None:
    """FORCE with each kernel of its own: spikes and weights of the first second."""
    for is_dense in (False, True):
        found, expected = (_ran(program) for program in _programs(place, is_dense=is_dense))
        kernel = ", dense" if is_dense else ", event-driven"
        compare_spikes(findings, found, expected, DT, LEARNT, kernel)
        compare_weights(findings, found.weights, expected.weights, ROUNDING, kernel)


def agrees_for_many(place: Place, findings: Findings, folder: Path) -> None:
    """Networks of several gains and seeds in one program, which in C++ are as alone: spikes and weights."""
    found, expected = (
        hb.simulate(force_networks, _duration(place), record=RECORD, device=device, **MANY, **_options(place))
        for device in (place.device, place.reference)
    )
    compare_spikes(findings, found, expected, DT, LEARNT)
    for number, (weights, own) in enumerate(zip(found.weights.values, expected.weights.values, strict=True)):
        compare_weights(findings, weights, own, ROUNDING, f", network {number}")


def errors(place: Place, findings: Findings, folder: Path) -> None:
    """The networks of five seeds in one program: errors after learning, where devices need not fire the same spikes."""
    options = _options(place) | ({} if place.is_small else {"stop": 1.6 * second})
    of_all = {"seeds": tuple(SEEDS), "gains": np.full(len(SEEDS), 5000) * pA}
    logs = []
    for device in (place.device, place.reference):
        run = hb.simulate(force_networks, _duration(place), record=("z", "y"), device=device, **of_all, **options)
        squares = ((run.z - run.y) ** 2).values[run.time.values >= float(options["stop"])]  # (time, network)
        logs.append(np.log10(squares.mean(axis=0)))
    findings.note("log10 of the errors", logs[0].tolist())
    findings.note("log10 of the errors, C++", logs[1].tolist())
    findings.at_most("spread over seeds", float(np.ptp(logs[1])), 6)  # none of them is nan
    # a readout of zeros has 10^-0.3, that of C++ 10^-1.8 on average; rounding changes none by a factor of 2
    findings.at_most("difference of the means", abs(float(logs[0].mean() - logs[1].mean())), np.log10(2))


def diverges(place: Place, findings: Findings, folder: Path) -> None:
    """What stops a run says the same on both devices: potentials, rate, readout."""
    n_neurons = _options(place)["n_neurons"]
    eta = np.full(n_neurons, 1e-9)
    eta[7] = 1e200
    cases: dict[str, dict[str, Any]] = {
        "potential": {"neurons.eta": Quantity(eta, dim=(1 * pA).dim)},
        "rate": {"guard_neurons.highest_rate": 1 * Hz},
        "readout": {"force.largest_output": 1e-3},
    }
    said: dict[str, list[str]] = {name: [] for name in cases}
    for program in _programs(place):
        with program:
            for name, values in cases.items():
                try:
                    program.run(values)
                except hb.DivergenceError as error:
                    said[name].append(str(error))
                else:
                    said[name].append("it ran to its end")
    for name, (found, expected) in said.items():
        findings.note(name, found)
        findings.holds(f"{name} stops the run", "ran to its end" not in expected, expected)
        findings.holds(f"{name} says the same", found == expected, f"{found!r} is not {expected!r}")


def takes_values(place: Place, findings: Findings, folder: Path) -> None:
    """A run value and the network that is built with it are the same, and no run builds."""
    built = _options(place)["start"] + 20 * ms
    began = time.perf_counter()
    with hb.Program(force_network, _duration(place), record=RECORD, device=place.device, **_options(place)) as program:
        findings.note("seconds to build", time.perf_counter() - began)
        took = []
        for value in (_options(place)["start"], built):
            began = time.perf_counter()
            found = program.run({"force.start": value})
            took.append(time.perf_counter() - began)
    findings.note("seconds a run", took)
    expected = hb.simulate(
        force_network, _duration(place), record=RECORD, device=place.reference, **_options(place) | {"start": built}
    )
    compare_spikes(findings, found, expected, DT, LEARNT)
    compare_weights(findings, found.weights, expected.weights, ROUNDING)


def resumes(place: Place, findings: Findings, folder: Path) -> None:
    """A state that was saved on the device goes on in C++ and on the device, as if nothing had been in between."""
    duration, state = _duration(place), folder / "state.npz"
    network = functools.partial(force_network, **{**_options(place), "stop": 2 * duration})  # learning goes on

    def save(network: Network) -> None:
        hb.save_state(network, state)

    hb.simulate(network, duration, record=RECORD, device=place.device, finish=save)
    whole = hb.simulate(network, 2 * duration, record=RECORD, device=place.reference)
    later = whole.isel(spike=whole.spike_time.values > float(duration) - DT / 2)
    for device in (place.reference, place.device):
        late = hb.simulate(network, duration, record=RECORD, device=device, resume=state)
        compare_spikes(findings, late, later, DT, float(duration) + LEARNT, f", {device}")
        compare_weights(findings, late.weights, whole.weights, ROUNDING, f", {device}")


def speed(place: Place, findings: Findings, folder: Path) -> None:
    """Time steps a second of whole networks with 100 synapses a neuron, P in float32, an update each millisecond."""
    duration = 50 * ms if place.is_small else 200 * ms
    for n_neurons in (100,) if place.is_small else (1000, 4000, 16_000, 32_000):
        for is_dense in (False, True):
            kernel = f"N = {n_neurons}, {'dense' if is_dense else 'event-driven'}"
            _measure(place, findings, kernel, force_network, duration, n_neurons=n_neurons, is_dense=is_dense)


def speed_of_many(place: Place, findings: Findings, folder: Path) -> None:
    """Time steps a second of several small networks in one program, all of which make each of them."""
    duration, n_neurons = (50 * ms, 50) if place.is_small else (200 * ms, 500)
    for number in (1, 2) if place.is_small else (1, 8, 64, 512):
        of_all = {"seeds": tuple(range(number)), "gains": np.full(number, 5000) * pA}
        called = f"{number} networks of N = {n_neurons}"
        _measure(place, findings, called, force_networks, duration, n_neurons=n_neurons, **of_all)


def _measure(place: Place, findings: Findings, called: str, model: Any, duration: Quantity, **options: Any) -> None:
    """Note time steps a second and rate of a network that learns all the time, with 100 synapses a neuron."""
    learning = {"start": 0 * second, "stop": 1 * second, "probability": min(1.0, 100 / options["n_neurons"])}
    options |= {"record": ("rate",), "device": place.device, "dtype": "float32", **learning}
    with hb.Program(model, duration, **options) as program:
        for _ in range(2):  # the first one loads the libraries
            run = program.run(finish=lambda _: None)  # so that a C++ program tells its time too
        seconds = get_device()._last_run_time  # of the time loop
    findings.note(f"steps a second, {called}", float(duration) / DT / seconds)
    findings.note(f"rate (Hz), {called}", float(run.rate.mean()))
