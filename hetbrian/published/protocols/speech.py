"""Do layers or delays pay on recorded speech? Words of voices that the training has not heard.

Ours. Preset strong on the Free Spoken Digit Dataset, see docs/data.md. Two of its six voices at a time are kept from
the training to choose a setting by.
"""

from brian2 import ms

from hetbrian.published.figures.speech import differences
from hetbrian.published.protocols.common.samples import RECORDED, TOYS, binned, recordings
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep
from hetbrian.training import Preset, fit
from hetbrian.training.data import splits
from hetbrian.training.data.datasets import data_root as folder_of

__all__ = ["SETTINGS", "SMALL", "compute", "point", "summary"]

VOICES = ("theo+yweweler", "george+jackson", "lucas+nicolas")
"""Who is kept from a training."""

DELAYS = {"longest_delay": 100 * ms}

SETTINGS = {
    "strong": {},
    "two layers": {"n_layers": 2},
    "two layers of 64": {"n_layers": 2, "n_hidden": 64},
    "delays": DELAYS,
    "trained delays": DELAYS | {"trainable": (*Preset.STRONG.trainable, "delay")},
}
"""What is changed in the preset; delays are those from the inputs, drawn up to the longest."""

SMALL = {"voices": TOYS[1:], "n_seeds": 2, "epochs": 3, "n_hidden": 12}


def compute(seed=1, n_seeds=2, settings=tuple(SETTINGS), voices=VOICES, data_root="", epochs=25, n_hidden=128):
    """
    Train with every setting, without each pair of voices, with every seed.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    settings : sequence of str
        Keys of `SETTINGS`.
    voices : sequence of str
        Names of speakers, joined by +, or made-up samples of `hetbrian.published.protocols.common.samples.TOYS`.
    data_root : str
        Folder of the data sets, by default HETBRIAN_DATA.
    epochs, n_hidden : int
        Of the training and of a layer.

    Returns
    -------
    xarray.Dataset
        Accuracies over (seed, voices, setting).
    """
    grid = Grid(
        seed=range(seed, seed + n_seeds), voices=tuple(voices), setting={name: SETTINGS[name] for name in settings}
    )
    return sweep(point, grid, parameters={"data_root": data_root, "epochs": epochs, "n_neurons": n_hidden})


def point(*, seed, voices, data_root, epochs, n_neurons, **changes):
    """
    Return what one training measured.

    Parameters
    ----------
    seed : int
        Root seed.
    voices : str
        Of `VOICES`, or one of `hetbrian.published.protocols.common.samples.TOYS`.
    data_root : str
        Folder of the data sets.
    epochs, n_neurons : int
        Of the training and of a layer.
    **changes
        Of preset strong.

    Returns
    -------
    dict
        Accuracy on the voices that are kept from the training and on the others, and spikes.
    """
    preset = Preset.STRONG.replace(**{"epochs": epochs, "n_hidden": n_neurons} | changes)
    if voices in TOYS:
        binning = binned(voices, "strong")
        training, _, test = recordings(voices, data_root, 0.0, 0.0, seed)
    else:
        recorded = RECORDED["fsdd"]
        binning, place = recorded.binning, folder_of(data_root or None) / recorded.folder
        training, _, test = splits(recorded.layout, place, held_out=0, test_speakers=voices.split("+"), seed=seed)
    result = fit(preset, binning, training, test=test, seed=seed, progress=False, is_fused=voices not in TOYS)
    return {
        "test_accuracy": ((), float(result.test_accuracy), {"long_name": "accuracy on the voices that are kept apart"}),
        "training_accuracy": ((), float(result.training_accuracy[-1]), {"long_name": "accuracy in the last epoch"}),
        "rate": ((), float(result.rate[-1]), {"long_name": "spikes per neuron and time step"}),
    }


def summary(dataset):
    """
    Return accuracies as Markdown, with `differences` to the first setting and their 95 % intervals.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    str
    """
    accuracy, gains = 100 * dataset.test_accuracy, differences(dataset)
    columns, settings = ([str(name) for name in dataset[axis].values] for axis in ("voices", "setting"))
    heads = ["setting", *columns, "mean", f"minus {settings[0]} (points)", "trainings"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name in settings:
        of = accuracy.sel(setting=name)
        cells = [f"{float(of.sel(voices=voices).mean()):.1f}" for voices in columns] + [f"{float(of.mean()):.1f}"]
        cells += [gains[name].measured if name in gains else "", str(int(of.count()))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
