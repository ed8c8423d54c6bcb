"""Whether a trained layer decides in Brian2 as it does in torch: recording by recording, on each device."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray
from brian2 import Network

from hetbrian._support.arguments import checked, of, texts
from hetbrian._support.checks import choice, flag
from hetbrian._support.optional import torch
from hetbrian.simulation.program import DEVICES, simulate
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.network import TrainedNetwork
from hetbrian.training.playback import Playback
from hetbrian.training.preset import Preset

PLAYED_ON = ("numpy", "cpp_standalone")
"""Devices on which a layer is played, if none is named."""

TABLE = 512e6
"""Bytes that the table of events of one run may take; more recordings are played in several runs."""

SHOWN = 5
"""Of so many recordings of which decisions differ a summary tells the margins."""


def some_devices(value: object, name: str) -> None:
    """Refuse what are no devices, and none."""
    texts("names of devices: write ('numpy',), say")(value, name)
    if not value:
        raise ValueError(f"{name} is {value}, expected at least one of {', '.join(DEVICES)}: name it.")
    for item in value:  # type: ignore[attr-defined]
        choice(item, f"an entry of {name}", DEVICES)


@checked(
    network=of(TrainedNetwork, advice="build one"),
    preset=of(Preset, advice="give that of the training"),
    binning=of(Binning, advice="give the bins"),
    recordings=of(Recordings, advice="load them, or make one"),
    devices=some_devices,
    progress=flag,
)
def agreement(
    network: TrainedNetwork,
    preset: Preset,
    binning: Binning,
    recordings: Recordings,
    samples: Sequence[int] | None = None,
    devices: Sequence[str] = PLAYED_ON,
    *,
    progress: bool = False,
) -> xarray.Dataset:
    """
    Play recordings to a trained layer in Brian2, and compare spikes and decisions with those of torch.

    Both compute in float64, whatever the precision of the training: its numbers are taken as they are. Sums in another
    order differ in the last bit, so that a spike may move where a potential comes that close to the threshold, and a
    decision may change where two classes are nearly as likely; see the margins.

    Parameters
    ----------
    network : TrainedNetwork
        With the values of the training; it is left as it is.
    preset : Preset
        From which it was built.
    binning : Binning
        How the recordings become events; there are no random changes.
    recordings : Recordings
    samples : sequence of int, optional
        Which of them, by default all.
    devices : sequence of str
        Of `hetbrian.simulation.DEVICES`, ``"numpy"`` (runtime) or ``"cpp_standalone"``, say.
    progress : bool
        Whether to show how far each run is.

    Returns
    -------
    xarray.Dataset
        Over ``played``, the number of the recording, and ``device``: class, decisions and margins (how much the
        highest output is above the next one) in torch and in Brian2, how many spikes the layer has in torch, and how
        many of those or of Brian2's the other has not.

    Raises
    ------
    ValueError
        If a device is unknown, or binning and recordings are not those of the layer.

    Examples
    --------
    >>> from brian2 import ms
    >>> from hetbrian.training import Preset, build
    >>> two = Recordings(np.array([0.01, 0.03], np.float32), np.array([0, 1], np.int32), np.array([0, 1, 2]),
    ...                  np.array([0, 1]), None, (2,), ("a", "b"))
    >>> binning, preset = Binning(10, 5 * ms), Preset.STRONG.replace(n_hidden=4)
    >>> network = build(preset, binning, two, 0, is_fused=False)
    >>> found = agreement(network, preset, binning, two, devices=("numpy",))
    >>> bool((found.brian2_decision == found.torch_decision).all())
    True
    """
    devices = list(dict.fromkeys(devices))
    chosen = np.arange(len(recordings)) if samples is None else np.asarray(samples)
    exact = replace(network, classifier=copy.deepcopy(network.classifier).cpu().double().eval())
    with torch.no_grad():
        outputs, fired = (item.numpy() for item in exact.classifier(binning.events(recordings, chosen)))
    classes = np.array(recordings.classes)
    rows: dict[str, list[np.ndarray]] = {"brian2_decision": [], "brian2_margin": [], "spikes_apart": []}
    for device in devices:
        spikes, said = _played(exact, preset, binning, recordings, chosen, device, progress)
        rows["brian2_decision"].append(classes[said.argmax(1)])
        rows["brian2_margin"].append(margins(said))
        rows["spikes_apart"].append((spikes != fired).sum((0, 2)))
    return xarray.Dataset(
        {
            "played_label": ("played", classes[recordings.labels[chosen]]),
            "torch_decision": ("played", classes[outputs.argmax(1)]),
            "torch_margin": ("played", margins(outputs), {"units": "1"}),
            "torch_spikes": ("played", fired.sum((0, 2)), {"units": "1"}),
            **{name: (("device", "played"), np.array(row)) for name, row in rows.items()},
        },
        {"played": chosen, "device": devices},
    )


def _played(network, preset, binning, recordings, samples, device, progress):
    """Return the layer's spikes, shape (time, sample, neuron), and the outputs, (sample, class), on a device."""
    playbacks: list[Playback] = []
    found: list[tuple[np.ndarray, np.ndarray]] = []

    def finish(network: Network) -> None:
        found.append((playbacks[-1].spikes(), playbacks[-1].outputs()))
        playbacks.clear()  # the tables of two runs would be twice as large

    of_sample = 8 * binning.n_bins * binning.n_inputs(recordings.shape)
    for part in np.array_split(samples, math.ceil(len(samples) * of_sample / TABLE)):

        def model(rng: np.random.Generator, part: np.ndarray = part) -> Network:
            playbacks.append(Playback(network, preset, binning, recordings, part.tolist()))
            return playbacks[-1].network

        duration = binning.n_bins * len(part) * binning.bin_width
        simulate(model, duration, record=(), device=device, finish=finish, progress=progress)
    spikes, outputs = zip(*found, strict=True)
    return np.concatenate(spikes, 1), np.concatenate(outputs)


def margins(outputs: np.ndarray) -> np.ndarray:
    """
    Return how much the highest output is above the next one.

    Parameters
    ----------
    outputs : ndarray, shape (sample, class)

    Returns
    -------
    ndarray, shape (sample,)
        Infinite where there is one class only.

    Examples
    --------
    >>> margins(np.array([[1.0, 4.0, 2.5], [0.0, 0.0, -1.0]])).tolist()
    [1.5, 0.0]
    """
    if outputs.shape[1] == 1:
        return np.full(len(outputs), np.inf)
    *_, second, first = np.sort(outputs, axis=1).T
    return first - second


@checked(dataset=of(xarray.Dataset, advice="give what agreement returned"))
def summary(dataset: xarray.Dataset) -> str:
    """
    Return in how many recordings Brian2 decides as torch does, a line for each device, and the margins where not.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `agreement`.

    Returns
    -------
    str
    """
    n, typical = dataset.sizes["played"], float(dataset.torch_margin.median())
    right, lines = int((dataset.torch_decision == dataset.played_label).sum()), []
    for device in dataset.device.values:
        of = dataset.sel(device=device)
        other = of.isel(played=np.flatnonzero(of.brian2_decision != of.torch_decision))
        lines.append(
            f"{device}: {n - other.sizes['played']} of {n} recordings decided as in torch (float64, {right} right), "
            f"{int(of.spikes_apart.sum())} of {int(of.torch_spikes.sum())} spikes apart"
        )
        for at in range(min(other.sizes["played"], SHOWN)):
            one = other.isel(played=at)
            lines.append(
                f"  recording {int(one.played)}: "
                f"{one.torch_decision.item()} in torch by {float(one.torch_margin):.2g}, "
                f"{one.brian2_decision.item()} in Brian2 by {float(one.brian2_margin):.2g} "
                f"(median margin {typical:.2g})"
            )
    return "\n".join(lines)
