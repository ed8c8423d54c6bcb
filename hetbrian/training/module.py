"""Surrogate-gradient training of a spiking classifier as a Lightning module."""

import math
from typing import Any

from brian2 import ms

from hetbrian._support.arguments import checked, of
from hetbrian._support.optional import lightning, torch
from hetbrian.torch.delays import NARROWEST
from hetbrian.training.classifier import Classifier
from hetbrian.training.preset import Preset


class NonFiniteLoss(ValueError):
    """The loss is no finite number any more."""


def rate_penalty(spikes, low, high):
    r"""
    Return how far neurons fire too little or too much.

    .. math:: \langle \max(0, low - r_i)^2 + \max(0, r_i - high)^2 \rangle_i / (high - low)^2

    with the rate r_i of neuron i over time and batch. It has gradients through the spikes' surrogate.

    Parameters
    ----------
    spikes : Tensor, shape (time, batch, neuron)
    low, high : float
        Spikes per time step.

    Returns
    -------
    Tensor, shape ()

    Examples
    --------
    >>> float(rate_penalty(torch.ones(4, 2, 3), 0.0, 0.5))
    1.0
    """
    rates = spikes.mean((0, 1))
    below, above = (low - rates).clamp(min=0), (rates - high).clamp(min=0)
    return (below**2 + above**2).mean() / (high - low) ** 2


def sigma(epoch, epochs, longest):
    r"""
    Return the width around trained delays, in time steps: it shrinks in the first quarter of the epochs.

    .. math:: \sigma = \max\left(\frac12, \frac{L}{2} L^{-4 e/E}\right)

    Parameters
    ----------
    epoch, epochs : int
        Number of the epoch e, and of all epochs E.
    longest : int
        Longest delay L in time steps.

    Returns
    -------
    float

    References
    ----------
    Hammouamri et al. 2024, doi 10.48550/arXiv.2306.17670, and their code.

    Examples
    --------
    >>> [sigma(epoch, 40, 25) for epoch in (0, 5, 10, 39)]
    [12.5, 2.5, 0.5, 0.5]
    """
    return max(NARROWEST, longest / 2 * longest ** (-4 * epoch / epochs))


@checked(
    classifier=of(Classifier, advice="build one"),
    preset=of(Preset, advice="take Preset.STRONG, say"),
)
class Training(lightning.LightningModule):
    """
    Train a classifier: cross entropy, rate regularisation, Adam in each parameter's own scale, bounds.

    Not for other losses: subclass it and replace ``training_step``.

    Parameters
    ----------
    classifier : Classifier
        What is trained.
    preset : Preset
        Settings.

    Attributes
    ----------
    confusion : Tensor of int64, shape (class, class)
        How many test samples of each class got each decision.
    """

    def __init__(self, classifier: Classifier, preset: Preset) -> None:
        super().__init__()
        self.classifier, self.preset = classifier, preset
        self.confusion = torch.zeros((classifier.bias.numel(),) * 2, dtype=torch.int64)
        self.scales = preset.scales(classifier.cell.dt * ms)
        self.delayed = [path for cell in classifier.cells for path in cell.couplings.values() if path.trained_delays]
        self.parameters_in_scale = {
            name: [path.delay for path in self.delayed]
            if name == "delay"
            else [getattr(cell.neurons, name) for cell in classifier.cells]
            for name in preset.trainable
        }
        own = {id(item) for items in self.parameters_in_scale.values() for item in items}
        self.weights = [item for item in classifier.parameters() if id(item) not in own]

    def transfer_batch_to_device(self, batch, device, dataloader_idx):
        """Move a batch."""
        return batch.to(device)

    def training_step(self, batch, batch_idx):
        """Return the loss of a batch."""
        preset, labels = self.preset, batch.labels
        outputs, spikes = self.classifier(batch.events, batch.generator)
        loss = torch.nn.functional.cross_entropy(outputs.float(), labels)
        if preset.rate_strength:
            loss = loss + preset.rate_strength * rate_penalty(spikes, preset.rate_low, preset.rate_high)
        if not bool(torch.isfinite(loss)):
            raise NonFiniteLoss(
                f"the loss is {float(loss.detach())} in epoch {self.current_epoch}, step {self.global_step}"
            )
        right = (outputs.argmax(1) == labels).float().mean()
        self._log(len(labels), loss=loss.detach(), training_accuracy=right, rate=spikes.detach().mean())
        return loss

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        """Log accuracy and loss after an epoch: of held-out samples, and of the test if it is followed."""
        trainer: Any = self.trainer
        self._evaluate(batch, list(trainer.datamodule.followed.values())[dataloader_idx])

    def on_test_epoch_start(self):
        """Count from the start."""
        self.confusion = torch.zeros_like(self.confusion, device=self.device)

    def test_step(self, batch, batch_idx):
        """Log accuracy and loss of test samples, and count decisions."""
        decisions = self._evaluate(batch, "test")
        pairs = batch.labels * len(self.confusion) + decisions
        self.confusion += torch.bincount(pairs, minlength=self.confusion.numel()).reshape(self.confusion.shape)

    def on_test_epoch_end(self):
        """Add up the counts of all processes."""
        counts: Any = self.all_gather(self.confusion)
        self.confusion = counts.reshape(-1, *self.confusion.shape).sum(0).cpu()

    def _evaluate(self, batch, split):
        labels, (outputs, _) = batch.labels, self.classifier(batch.events)
        decisions = outputs.argmax(1)
        right = (decisions == labels).float().mean()
        loss = torch.nn.functional.cross_entropy(outputs.float(), labels)
        self._log(len(labels), **{f"{split}_accuracy": right, f"{split}_loss": loss})
        return decisions

    def _log(self, size, **values):
        """Let Lightning average values over the epoch."""
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=size, sync_dist=True, add_dataloader_idx=False)

    def configure_optimizers(self):
        """Return Adam, with one group for the weights, one for each parameter of the neurons, one for delays."""
        preset = self.preset
        groups = [{"params": self.weights, "lr": preset.rate, "weight_decay": preset.weight_decay, "scale": 1.0}]
        for name, parameters in self.parameters_in_scale.items():
            scale = self.scales[name][0]
            rate = preset.rate * preset.neuron_rate * scale
            # Adam's epsilon is added to the root of the squared gradient, which is in units of 1/scale
            groups.append({"params": parameters, "lr": rate, "weight_decay": 0.0, "eps": 1e-8 / scale, "scale": scale})
        for group in groups:
            group["full_lr"] = group["lr"]
        return torch.optim.AdamW(groups)

    def on_train_epoch_start(self):
        """Set the learning rates and the width of delays of this epoch, which depend on its number alone."""
        epoch, preset = self.current_epoch, self.preset
        factor = 1.0
        if preset.schedule == "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * epoch / preset.epochs))
        optimizer: Any = self.optimizers()
        for group in optimizer.param_groups:
            group["lr"] = factor * group["full_lr"]
        for path in self.delayed:
            path.sigma = sigma(epoch, preset.epochs, path.max_delay)

    def on_before_optimizer_step(self, optimizer):
        """Clip the gradient of each group, in units of its scale; stop if it is not finite."""
        for group in optimizer.param_groups:
            norm = torch.nn.utils.clip_grad_norm_(group["params"], self.preset.clip / group["scale"])
            if not bool(torch.isfinite(norm)):
                raise NonFiniteLoss(
                    f"the gradient is {float(norm)} in epoch {self.current_epoch}, step {self.global_step}"
                )

    @torch.no_grad()
    def on_train_batch_end(self, outputs, batch, batch_idx):
        """Keep the neurons' parameters and the delays within their bounds."""
        for name, parameters in self.parameters_in_scale.items():
            for parameter in parameters:
                parameter.clamp_(*self.scales[name][1:])
