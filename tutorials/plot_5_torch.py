"""
Brian2 to torch and back
========================

A population becomes a torch module with the same time step, its background currents are trained by gradient descent
until each neuron fires at a rate of its own choice, and the trained currents go back into Brian2. It needs ``pip
install 'hetbrian[torch]'``.
"""

# %%
# There
# -----
# Forty neurons, all alike. `to_torch` translates the statements that Brian2 itself makes of the equations; `compare`
# says how far both are apart.

import matplotlib.pyplot as plt
import numpy as np
import torch
from brian2 import Clock, Network, SpikeMonitor, ms, mV, pA, second

import hetbrian as hb
from hetbrian.torch.comparison import compare
from hetbrian.torch.export import to_torch
from hetbrian.torch.fused.cell import fuse

torch.manual_seed(0)
neurons = hb.population(
    40, hb.Izhikevich.FORCE, hb.single_exponential(), eta=1500 * pA, clock=Clock(0.5 * ms, name="clock"), name="neurons"
)
module = to_torch(neurons, trainable="eta", dtype=torch.float64, width=10 * mV, jacobian_bound={"v": 1})
print(compare(neurons, module, 100 * ms))

# %%
# Train
# -----
# The spike has no derivative; backwards a surrogate stands in for it. The gradient of a quadratic neuron grows on the
# upswing of each spike, which ``jacobian_bound`` stops (:doc:`/torch`). Values are in mV, ms and pA, so that one
# learning rate fits. `fuse` runs the sequence in one compiled loop, forward and backward.

STEPS = 1000  # half a second
fast = fuse(module)
wanted = np.linspace(5, 40, 40)  # Hz
optimizer = torch.optim.Adam(module.parameters(), lr=40.0)  # pA
losses = []
for _ in range(40):
    optimizer.zero_grad()
    rates = fast(STEPS).spikes.sum(0).squeeze() / (STEPS * 0.5e-3)
    loss = ((rates - torch.as_tensor(wanted)) ** 2).mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(f"mean square error of the rates: {losses[0]:.0f} Hz^2 before, {losses[-1]:.1f} Hz^2 after")

# %%
# And back
# --------
# `write_back` sets the trained currents, with units, and Brian2 runs them for two seconds. The rates end a little below
# what was wanted: torch trained the first half second, in which adaptation still builds up.

duration = 2 * second
spikes = SpikeMonitor(neurons, name="spikes")
network = Network(neurons, spikes)
network.run(duration)
before = np.array(spikes.count / duration)
module.write_back(neurons)
network.run(duration)
after = np.array(spikes.count / duration) - before

figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
axes[0].semilogy(losses)
axes[0].set(xlabel="training step", ylabel="mean square error (Hz$^2$)", title="in torch")
axes[1].plot([0, 45], [0, 45], color="0.7", label="as wanted")
axes[1].plot(wanted, before, "o", ms=3, label="before")
axes[1].plot(wanted, after, "o", ms=3, label="after training")
axes[1].set(xlabel="wanted rate (Hz)", ylabel="rate (Hz)", title="in Brian2")
axes[1].legend()
plt.show()
