"""Points for the tests of sweeps; this file travels to the workers."""

import os
import signal
import sys
from pathlib import Path

from brian2 import pA

import hetbrian as hb


def scaled(gain, seed, factor):
    """Return gain times factor plus seed, without units."""
    unit = pA if hasattr(gain, "dim") else 1.0
    return {"x": ((), float(gain / unit) * float(factor / unit) + seed, {"units": "pA^2"})}


def counted(gain, seed, calls):
    """Write down each call."""
    with open(calls, "a") as file:
        file.write("x\n")
    return {"x": float(seed)}


def mendable(gain, seed, flag):
    """Fail for one seed until a file is there."""
    if seed == 3 and not Path(flag).exists():
        raise hb.DivergenceError("v of neuron 3 is not finite")
    return {"x": float(seed)}


def broken(gain, seed):
    """Fail."""
    raise KeyError("nothing")


def hears(seed):
    """Return whether Ctrl-C would reach the process."""
    return {"x": float(signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, []))}


def deadly(seed):
    """Kill the process at some seeds."""
    if seed in (1, 6):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"x": float(seed)}


LEFT = [f"{name}, raised by the point itself" for name in ("SystemExit: 0", "KeyboardInterrupt", "GeneratorExit: no")]
"""What comes of `leaving`."""


def leaving(seed):
    """End the process in the ways that Python has."""
    if seed == 1:
        sys.exit(0)
    if seed == 2:
        raise KeyboardInterrupt
    if seed == 3:
        raise GeneratorExit("no")
    return {"x": float(seed)}


def compiled(seed):
    """Build a standalone program."""
    from brian2 import Clock, Network, NeuronGroup, ms

    def model(rng):
        return Network(NeuronGroup(2, "v : 1", clock=Clock(0.1 * ms, name="clock"), namespace={}, name="neurons"))

    run = hb.simulate(model, 1 * ms, device="cpp_standalone", record="v", seed=seed)
    return {"v": float(run.v[0, 0])}


def greedy(seed, folder, workers):
    """Have parameters with the names of options."""
    return {"x": float(seed + workers)}


def learner(seed):
    """Depend on FORCE."""
    return {"x": float(seed), "outputs": len(hb.FORCE.__name__)}


def shaped(seed, found, **settings):
    """Return plain arrays, or what one asks for."""
    return {"rates": [seed, seed + 1.0, 2.0 * seed]} if found is None else found


def total(seed, values, function=float):
    """Return a sum."""
    return {"x": float(function(float(values.sum())))}
