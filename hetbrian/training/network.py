"""A network for recordings: the layers in Brian2, their torch modules, and the readout."""

from dataclasses import dataclass, field
from os import PathLike

import numpy as np
from brian2 import NeuronGroup, Synapses, ms

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import file_path, flag, stream_seed
from hetbrian._support.optional import torch
from hetbrian.torch.stack import Stack
from hetbrian.training.checkpoint import check, read
from hetbrian.training.classifier import Classifier
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.layers import exported, layer_stack
from hetbrian.training.preset import KINDS, Preset


@dataclass(frozen=True)
class TrainedNetwork:
    """
    A network that can be trained, and the Brian2 objects that it came from.

    Parameters
    ----------
    classifier : Classifier
        Layers and readout.
    neurons : NeuronGroup
    synapses : list of Synapses
        The lowest layer in Brian2; ``classifier.cell.write_back(neurons, *synapses)`` gives it the trained weights and
        parameters, each a variable of the group; `hetbrian.training.playback.Playback` runs it there.
    above : list of tuple
        Neurons and synapses of the layers above it; ``classifier.cells`` has the module of each layer.
    """

    classifier: Classifier
    neurons: NeuronGroup
    synapses: list[Synapses]
    above: list[tuple[NeuronGroup, list[Synapses]]] = field(default_factory=list)

    @checked(checkpoint=file_path)
    def restore(self, checkpoint: str | PathLike[str]) -> None:
        """
        Take the trained values of a checkpoint, ``best.ckpt`` or ``last.ckpt``.

        Parameters
        ----------
        checkpoint : path-like
            What `hetbrian.training.fit` wrote, of a network that was built in the same way.

        Raises
        ------
        ValueError
            If it is no checkpoint, or of another network.
        """
        whole = read(checkpoint, has="state_dict")
        prefix = "classifier."  # of the module that Lightning trains
        check(checkpoint, whole, {prefix + name: item for name, item in self.classifier.state_dict().items()})
        self.classifier.load_state_dict({name.removeprefix(prefix): item for name, item in whole["state_dict"].items()})

    def parameters(self) -> dict[str, np.ndarray]:
        """Return eta, g and theta as they are now, each of shape (n_neurons,), the lowest layer first."""
        groups = [cell.neurons for cell in self.classifier.cells]
        return {
            name: torch.cat([getattr(item, name).detach() for item in groups]).double().cpu().numpy() for name in KINDS
        }


@checked(
    preset=of(Preset, advice="take Preset.STRONG, say"),
    binning=of(Binning, advice="give the bins"),
    recordings=of(Recordings, advice="load them, or make one"),
    seed=stream_seed,
    is_fused=flag,
    dtype=of(torch.dtype, advice="give torch.float32, say"),
)
def build(
    preset: Preset,
    binning: Binning,
    recordings: Recordings,
    seed: int,
    *,
    is_fused: bool = True,
    dtype: torch.dtype = torch.float32,
) -> TrainedNetwork:
    """
    Return a network for recordings, before training.

    Parameters
    ----------
    preset : Preset
        Settings.
    binning : Binning
        How recordings become events; the width of a bin is the time step.
    recordings : Recordings
        Training samples, for the number of channels, classes and events.
    seed : int
        Sets everything that is drawn.
    is_fused : bool
        Whether the layers run in fused time loops.
    dtype : torch.dtype
        Precision.

    Returns
    -------
    TrainedNetwork
    """
    per_step = max(len(recordings.times) / max(len(recordings), 1) / binning.n_bins, 1e-9)
    rng = np.random.default_rng([seed, 1])
    made = layer_stack(preset, binning.n_inputs(recordings.shape), binning.bin_width, rng, per_step)
    cells = [exported(preset, *objects, dtype) for objects in made]
    classifier = Classifier(
        cells[0] if len(cells) == 1 else Stack(*cells),
        len(recordings.classes),
        tau_out=float(preset.tau_out / ms),
        filters=preset.readout_filters,
        readout=preset.readout,
        dropout=preset.dropout,
        is_fused=is_fused,
        generator=torch.Generator().manual_seed(seed),
    )
    return TrainedNetwork(classifier, *made[0], made[1:])
