"""Models for the tests of the torch export: each returns the group, the rest of the network and export options."""

import numpy as np
from brian2 import (
    Clock,
    Hz,
    NeuronGroup,
    SpikeGeneratorGroup,
    Synapses,
    TimedArray,
    exprel,
    mA,
    ms,
    mV,
    nA,
    nS,
    pA,
    pF,
    uS,
    volt,
)
from numpy.random import default_rng

import hetbrian as hb

BIOPHYSICAL = hb.Izhikevich.CA3.replace(v_peak=30 * mV, v_reset=-55 * mV)
DT = 0.1 * ms


def sparse_pairs(rng, n, per_neuron=5):
    """Return distinct pairs (pre, post), about so many for each neuron."""
    pairs = np.unique(rng.integers(0, n * n, per_neuron * n))
    return pairs // n, pairs % n


def izhikevich(n, reset, name):
    """Recurrent Izhikevich neurons with every heterogeneity."""
    rng = default_rng(1)
    neurons = hb.population(
        n,
        hb.Izhikevich.FORCE,
        hb.single_exponential() if reset != "mirror" else hb.double_exponential(),
        eta=rng.normal(2000, 300, n) * pA,
        g=rng.normal(1, 0.2, n),
        theta=0 if reset == "mirror" else rng.uniform(0, 0.6, n),
        v=rng.uniform(-70, 40, n) * mV,
        reset=reset,
        clock=Clock(DT, name=f"{name}_clock"),
        name=name,
    )
    neurons.w = rng.uniform(-100, 300, n) * pA
    neurons.IPSC = rng.uniform(-50, 50, n) * pA
    synapses = Synapses(
        neurons,
        neurons,
        "omega : amp",
        on_pre=neurons.synapse.on_pre,
        namespace=neurons.synapse.namespace,
        clock=neurons.clock,
        name=f"{name}_synapses",
    )
    pre, post = sparse_pairs(rng, n)
    synapses.connect(i=pre, j=post)
    synapses.omega = rng.normal(0, 100, pre.size) * pA
    return neurons, [synapses], {}


def adex(n, name):
    """Adaptive exponential neurons, exponential Euler, refractory."""
    rng = default_rng(2)
    neurons = NeuronGroup(
        n,
        """
        dvm/dt = (gL*(EL - vm) + gL*DeltaT*exp((vm - VT)/DeltaT) + I - w)/C : volt (unless refractory)
        dw/dt = (a*(vm - EL) - w)/tauw : amp
        I : amp
        DeltaT : volt
        b : amp
        """,
        threshold="vm > VT + 5*DeltaT",
        reset="vm = EL; w += b",
        refractory=2 * ms,
        method="exponential_euler",
        namespace={
            "C": 281 * pF, "gL": 30 * nS, "EL": -70.6 * mV, "VT": -50.4 * mV, "tauw": 144 * ms, "a": 4 * nS,
        },
        clock=Clock(DT, name=f"{name}_clock"),
        name=name,
    )  # fmt: skip
    neurons.vm = rng.uniform(-75, -42, n) * mV
    neurons.I = rng.uniform(0.3, 1.5, n) * nA
    neurons.DeltaT = rng.uniform(1.5, 3, n) * mV
    neurons.b = rng.uniform(0.05, 0.1, n) * nA
    return neurons, [], {}


def hodgkin_huxley(n, name):
    """Hodgkin-Huxley neurons by exponential Euler, with sub-expressions and a boolean refractoriness."""
    rng = default_rng(3)
    neurons = NeuronGroup(
        n,
        """
        dv/dt = (gl*(El - v) - g_na*(m*m*m)*h*(v - ENa) - g_kd*(n*n*n*n)*(v - EK) + I)/Cm : volt
        dm/dt = alpha_m*(1 - m) - beta_m*m : 1
        dn/dt = alpha_n*(1 - n) - beta_n*n : 1
        dh/dt = alpha_h*(1 - h) - beta_h*h : 1
        alpha_m = 0.32*(mV**-1)*4*mV/exprel((13*mV - v + VT)/(4*mV))/ms : Hz
        beta_m = 0.28*(mV**-1)*5*mV/exprel((v - VT - 40*mV)/(5*mV))/ms : Hz
        alpha_h = 0.128*exp((17*mV - v + VT)/(18*mV))/ms : Hz
        beta_h = 4./(1 + exp((40*mV - v + VT)/(5*mV)))/ms : Hz
        alpha_n = 0.032*(mV**-1)*5*mV/exprel((15*mV - v + VT)/(5*mV))/ms : Hz
        beta_n = .5*exp((10*mV - v + VT)/(40*mV))/ms : Hz
        I : amp
        Cm : farad
        """,
        threshold="v > -20*mV",
        refractory="v > -20*mV",
        method="exponential_euler",
        namespace={
            "gl": 10 * nS, "El": -60 * mV, "EK": -90 * mV, "ENa": 50 * mV, "g_na": 20 * uS, "g_kd": 6 * uS,
            "VT": -63 * mV, "mV": mV, "ms": ms, "exprel": exprel,
        },
        clock=Clock(0.01 * ms, name=f"{name}_clock"),
        name=name,
    )  # fmt: skip
    neurons.v = rng.uniform(-75, 20, n) * mV
    neurons.m, neurons.n, neurons.h = rng.uniform(0, 1, (3, n))
    neurons.I = rng.uniform(0, 1, n) * nA
    neurons.Cm = rng.uniform(150, 250, n) * pF
    return neurons, [], {}


def leaky(n, name):
    """Leaky neurons, exact, refractory, with heterogeneous delays of synapses onto v and g_e."""
    rng = default_rng(4)
    neurons = NeuronGroup(
        n,
        """
        dv/dt = (I + g_e - v)/tau : 1 (unless refractory)
        dg_e/dt = -g_e/tau_e : 1
        I : 1
        tau : second
        period : second
        """,
        threshold="v > 1",
        reset="v = 0",
        refractory="period",
        method="exact",
        namespace={"tau_e": 5 * ms},
        clock=Clock(DT, name=f"{name}_clock"),
        name=name,
    )
    neurons.v, neurons.I = rng.uniform(0, 1.1, n), rng.uniform(1, 2, n)
    neurons.tau, neurons.period = rng.uniform(8, 16, n) * ms, rng.uniform(1, 4, n) * ms
    synapses = Synapses(
        neurons,
        neurons,
        "omega : 1\nq = omega/2 : 1",
        on_pre="v_post += omega; g_e_post -= q",
        clock=neurons.clock,
        name=f"{name}_synapses",
    )
    pre, post = sparse_pairs(rng, n)
    synapses.connect(i=pre, j=post)
    synapses.omega = rng.uniform(-0.05, 0.02, pre.size)
    synapses.delay = rng.uniform(0, 1, pre.size) * ms
    return neurons, [synapses], {}


def timed_array(n, name):
    """Leaky neurons driven by a TimedArray for each neuron and one for all, with a shared gain, by rk2."""
    rng = default_rng(5)
    stimulus = TimedArray(rng.uniform(0, 60, (20, n)) * mV, dt=1.5 * ms, name=f"{name}_stimulus")
    gain = TimedArray(rng.uniform(0.5, 1.5, 7), dt=4 * ms, name=f"{name}_gain")
    neurons = NeuronGroup(
        n,
        f"""
        dv/dt = (shift + offset + gain_now*{stimulus.name}(t, i) - v)/tau : volt
        gain_now = level*{gain.name}(t + dt/2) : 1 (shared)
        level : 1 (shared)
        offset : volt
        tau : second
        """,
        threshold="v > 20*mV",
        reset="v -= 20*mV",
        method="rk2",
        namespace={"mV": mV, stimulus.name: stimulus, gain.name: gain, "shift": 1 * mV},
        clock=Clock(DT, name=f"{name}_clock"),
        name=name,
    )
    neurons.v, neurons.offset = rng.uniform(-10, 25, n) * mV, rng.normal(0, 5, n) * mV
    neurons.tau, neurons.level = rng.uniform(2, 20, n) * ms, 0.8
    return neurons, [], {}


def all_to_all(n, name):
    """Izhikevich neurons coupled through one gating variable."""
    rng = default_rng(6)
    neurons = hb.population(
        n,
        BIOPHYSICAL,
        hb.gating(),
        eta=rng.normal(1300, 300, n) * pA,
        g=rng.normal(60, 10, n) * nS,
        theta=rng.uniform(0, 0.3, n),
        v=rng.uniform(-70, 35, n) * mV,
        clock=Clock(DT, name=f"{name}_clock"),
        name=name,
    )
    gate = hb.AllToAll(neurons, BIOPHYSICAL, name=f"{name}_gating")
    gate.s = 0.2
    return neurons, [gate], {}


def everything(n, name):
    """Quadratic neurons by rk4: two thresholds, absolute refractoriness, an outside source with a delay, time."""
    rng = default_rng(7)
    clock = Clock(DT, name=f"{name}_clock")
    neurons = NeuronGroup(
        n,
        """
        dv/dt = (v**2/v_0 + I*cos(2*pi*rate*t) + J)/tau : volt
        dJ/dt = -J/tau_J : volt
        dtired/dt = -tired/tau_tired : 1
        n_spikes : integer
        I : volt
        tau : second
        tau_J : second
        rate : Hz
        v_top : volt
        """,
        threshold="v > v_top and (tired < 0.9 or not i >= 3 or v > 2*v_top)",
        reset="""
        v = -v_top*(1 - 0.5*clip(tired, 0, 1))
        tired += 0.5
        n_spikes += 1
        """,
        refractory="(1 + 0.1*(i % 3))*ms",
        method="rk4",
        namespace={"v_0": 10 * mV, "tau_tired": 20 * ms, "ms": ms},
        clock=clock,
        name=name,
    )
    neurons.v, neurons.I = rng.uniform(-20, 35, n) * mV, rng.uniform(2, 20, n) * mV
    neurons.J, neurons.tired = rng.normal(0, 3, n) * mV, rng.uniform(0, 1.2, n)
    neurons.tau, neurons.tau_J = rng.uniform(5, 15, n) * ms, rng.uniform(3, 9, n) * ms
    neurons.rate, neurons.v_top = rng.uniform(5, 50, n) * Hz, rng.uniform(25, 30, n) * mV
    source = SpikeGeneratorGroup(
        8, rng.integers(0, 8, 60), np.arange(60) * 0.5 * ms, clock=clock, name=f"{name}_source", sorted=True
    )
    synapses = Synapses(
        source, neurons, "omega : volt", on_pre="J_post += omega", delay=0.7 * ms, clock=clock, name=f"{name}_synapses"
    )
    synapses.connect(i=np.arange(3 * n) % 8, j=np.arange(3 * n) // 3)
    synapses.omega = rng.normal(1, 2, 3 * n) * mV
    return neurons, [source, synapses], {}


def heun(n, name):
    """Two coupled equations by Heun's method, whose coupling current is set from outside."""
    rng = default_rng(8)
    neurons = NeuronGroup(
        n,
        """
        dv/dt = (sin(v/scale)*scale + I_in*resistance - u)/tau : volt
        du/dt = (a*v - u)/(5*tau) : volt
        I_in : amp
        a : 1
        tau : second
        """,
        threshold="v >= 8*mV",
        reset="v = -v/2; u += 1*mV",
        method="heun",
        namespace={"scale": 5 * mV, "resistance": 10 * volt / mA / 1000, "mV": mV},
        clock=Clock(DT, name=f"{name}_clock"),
        name=name,
    )
    neurons.v, neurons.u = rng.uniform(-8, 10, n) * mV, rng.normal(0, 1, n) * mV
    neurons.I_in, neurons.a = rng.uniform(0.5, 1.5, n) * mA, rng.uniform(0, 1, n)
    neurons.tau = rng.uniform(2, 9, n) * ms
    return neurons, [], {"inputs": "I_in"}


MODELS = {
    "residual": lambda n: izhikevich(n, "residual", "residual"),
    "retain": lambda n: izhikevich(n, "retain", "retain"),
    "mirror": lambda n: izhikevich(n, "mirror", "mirror"),
    "adex": lambda n: adex(n, "adex"),
    "hodgkin_huxley": lambda n: hodgkin_huxley(n, "hodgkin_huxley"),
    "leaky": lambda n: leaky(n, "leaky"),
    "timed_array": lambda n: timed_array(n, "timed_array"),
    "all_to_all": lambda n: all_to_all(n, "all_to_all"),
    "everything": lambda n: everything(n, "everything"),
    "heun": lambda n: heun(n, "heun"),
}

DURATIONS = dict.fromkeys(MODELS, 50 * ms) | {"hodgkin_huxley": 20 * ms, "timed_array": 40 * ms, "everything": 40 * ms}
