"""FORCE as a Brian2 user writes it today: runtime mode, two network operations, numpy; follows Brian2's own example.

The network is that of `models.force` with `synapse="double_exponential"` (Izhikevich, 5 Hz sine, G = Q = 5000 pA), the
operations those of Brian2's ``examples/frompapers/Nicola_Clopath_2017.py`` when it had them. One departure in its
favour: only the synapses that exist are simulated, instead of N^2.
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
    second,
)
from brian2 import network_operation as operation

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


def train(n_neurons, duration, start, stop, seed=0):
    """
    Train the network and return the seconds that its run took, without the compilation of its code.

    Parameters
    ----------
    n_neurons : int
    duration, start, stop : Quantity [second]
        End of the simulation, beginning and end of learning.
    seed : int

    Returns
    -------
    dict
        ``seconds`` of the run, firing ``rate`` in Hz and mean square error ``mse`` after learning.
    """
    prefs.codegen.target = "cython"
    defaultclock.dt = 0.04 * ms
    every, tau_r, tau_d = 0.8 * ms, 2 * ms, 20 * ms
    rng = np.random.default_rng(seed)
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
    neurons.v = rng.uniform(-60, 30, n_neurons) * mV
    neurons.E = 5000 * pA * rng.uniform(-1, 1, n_neurons)
    pre, post = np.nonzero(rng.random((n_neurons, n_neurons)) < 0.1)
    synapses = Synapses(neurons, neurons, "omega : amp", on_pre="h += omega*ms/(tau_r*tau_d)", namespace=space)
    synapses.connect(i=pre, j=post)
    synapses.omega = 5000 * pA * rng.standard_normal(pre.size) / (0.1 * np.sqrt(n_neurons))
    phi, P = np.zeros(n_neurons), 2 * np.eye(n_neurons)

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
    z = StateMonitor(neurons, "z", record=[0], dt=1 * ms)
    network = Network(neurons, synapses, readout, learn, spikes, z)
    network.run(0 * ms)  # compiles
    began = time.perf_counter()
    network.run(duration)
    seconds = time.perf_counter() - began
    late = z.t >= stop
    error = z.z[0][late] - np.sin(2 * np.pi * 5 * z.t[late] / second)
    return {
        "seconds": seconds,
        "rate": spikes.num_spikes / n_neurons / float(duration),
        "mse": float(np.mean(error**2)),
    }


if __name__ == "__main__":
    size, *times = (float(word) for word in sys.argv[1:])
    print(train(int(size), *(when * second for when in times)))
