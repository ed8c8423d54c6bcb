"""FORCE as a Brian2 user writes it today: runtime mode, two network operations, numpy; follows Brian2's own example.

The network is that of `hetbrian.published.models.force` with `synapse="double_exponential"` (Izhikevich, 5 Hz sine, G =
Q = 5000 pA), the operations those of Brian2's ``examples/frompapers/Nicola_Clopath_2017.py`` when it had them. One
departure in its favour: only the synapses that exist are simulated, instead of N^2.
"""

import sys
import time

import numpy as np
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    defaultclock,
    ms,
    mV,
    nS,
    pA,
    pF,
    prefs,
)
from brian2 import network_operation as operation

from benchmarks import setting

EQUATIONS = """
dv/dt = (k*(v - v_r)*(v - v_t) - w + eta + IPSC + E*z)/C : volt
dw/dt = (b*(v - v_r) - w)/tau_w : amp
dIPSC/dt = -IPSC/tau_r + h : amp
dh/dt = -h/tau_d : amp/second
dr/dt = -r/tau_r + h_r : 1
dh_r/dt = -h_r/tau_d : 1/second
E : amp
z : 1 (shared)
"""


def train(n_neurons, n_steps, start, stop, dtype="float64", seed=0):
    """
    Train the network.

    Parameters
    ----------
    n_neurons, n_steps, start, stop : int
        Size, and time steps in all and of learning.
    dtype : {"float64"}
        Precision, the only one.
    seed : int

    Returns
    -------
    dict
        See `benchmarks.setting.result`.
    """
    prefs.codegen.target = "cython"
    defaultclock.dt = setting.DT * ms
    every, tau_r, tau_d = setting.EVERY * defaultclock.dt, 2 * ms, 20 * ms
    start, stop = start * defaultclock.dt, stop * defaultclock.dt
    space = {
        "C": 250 * pF,
        "k": 2.5 * nS / mV,
        "v_r": -60 * mV,
        "v_t": -19.2 * mV,
        "b": -2 * nS,
        "tau_w": 100 * ms,
        "eta": 1000 * pA,
        "tau_r": tau_r,
        "tau_d": tau_d,
        "ms": ms,
        "mV": mV,
        "pA": pA,
    }
    neurons = NeuronGroup(
        n_neurons,
        EQUATIONS,
        threshold="v >= 30*mV",
        reset="v = -65*mV; w += 200*pA; h_r += ms/(tau_r*tau_d)",
        method="euler",
        namespace=space,
    )
    v, encoder, pre, post, omega = setting.drawn(n_neurons, seed)
    neurons.v, neurons.E = v * mV, encoder * pA
    synapses = Synapses(neurons, neurons, "omega : amp", on_pre="h += omega*ms/(tau_r*tau_d)", namespace=space)
    synapses.connect(i=pre, j=post)
    synapses.omega = omega * pA
    phi, P = np.zeros(n_neurons), setting.INITIAL_P * np.eye(n_neurons)

    @operation(when="end", order=0)
    def readout():
        neurons.z = phi @ neurons.r

    @operation(dt=every, when="end", order=1)
    def learn(t):
        nonlocal phi, P
        if not start <= t < stop:
            return
        error = neurons.z - np.sin(2 * np.pi * float(5 * Hz * t))
        c = P @ neurons.r
        phi = phi - error * c
        P = P - np.outer(c, c) / (1 + neurons.r @ c)

    spikes = SpikeMonitor(neurons, record=False)
    z = StateMonitor(neurons, "z", record=[0], when="end", order=2)
    network = Network(neurons, synapses, readout, learn, spikes, z)
    network.run(0 * ms)  # compiles
    began, cpu = time.perf_counter(), time.process_time()
    network.run(n_steps * defaultclock.dt)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    first = round(float(stop / defaultclock.dt))
    return setting.result(seconds, cpu, z.z[0], spikes.num_spikes, n_neurons, first)


if __name__ == "__main__":
    print(train(*map(int, sys.argv[1:])))
