"""Train a layer on a data set, resumable, and return a Dataset."""

import contextlib
import importlib.util
import logging
import signal
import tempfile
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray
from brian2 import BrianLogger, ms

from hetbrian._support.optional import lightning, torch
from hetbrian._support.provenance import provenance
from hetbrian.training.batches import EpochBatches
from hetbrian.training.callbacks import AtomicFiles, Checkpoints, History, TrainingProgress
from hetbrian.training.classifier import Classifier
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.datasets import load
from hetbrian.training.layers import exported, layer, scales
from hetbrian.training.module import NonFiniteLoss, Training
from hetbrian.training.preset import KINDS, Preset

BrianLogger.suppress_hierarchy("brian2.core.base.unused_brian_object")  # layers are exported, not simulated


PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")
"""Lightning's; mixed precision needs a GPU to be faster."""


@dataclass(frozen=True)
class Network:
    """
    A network that can be trained, and the Brian2 objects that it came from.

    Parameters
    ----------
    classifier : Classifier
        Layer and readout.
    neurons : NeuronGroup
    synapses : list of Synapses
        The layer in Brian2; ``classifier.cell.write_back(neurons, *synapses)`` gives it the trained values of eta, g,
        theta and the weights. Trained constants of its equations, such as C, stay in the module.
    """

    classifier: Classifier
    neurons: object
    synapses: list


def build(preset, binning, recordings, seed, *, is_fused=True, dtype=torch.float32):
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
        Whether the layer runs in the fused time loop.
    dtype : torch.dtype
        Precision.

    Returns
    -------
    Network
    """
    per_step = max(len(recordings.times) / max(len(recordings), 1) / binning.n_bins, 1e-9)
    rng = np.random.default_rng([seed, 1])
    neurons, synapses = layer(preset, binning.n_inputs(recordings.shape), binning.bin_width, rng, per_step)
    classifier = Classifier(
        exported(preset, neurons, synapses, dtype),
        len(recordings.classes),
        tau_out=float(preset.tau_out / ms),
        dropout=preset.dropout,
        is_fused=is_fused,
        generator=torch.Generator().manual_seed(seed),
    )
    return Network(classifier, neurons, synapses)


def fit(
    preset,
    binning,
    training,
    *,
    validation=None,
    test=None,
    seed=0,
    folder=None,
    accelerator="cpu",
    devices=1,
    strategy="auto",
    precision="32-true",
    progress=True,
    is_fused=True,
):
    """
    Train a network and return what was measured.

    After each epoch ``last.ckpt`` in the folder is replaced; the same call goes on from it, and gives the
    same numbers as if it had never stopped. With validation samples the epoch that was best on them is
    tested, else the last one: choosing the epoch on the test samples would inflate the result.

    Parameters
    ----------
    preset : Preset
        Settings.
    binning : Binning
        How recordings become events; its random changes act on training samples only.
    training, validation, test : Recordings
        Samples; the last two are optional.
    seed : int
        Sets everything that is drawn.
    folder : path-like, optional
        Where checkpoints and ``history.csv`` are kept; by default nowhere.
    accelerator, devices, strategy, precision : str, int
        Lightning's: ``"gpu"``, 4, ``"ddp"``, ``"bf16-mixed"``, say.
    progress : bool
        Whether to show how far it is.
    is_fused : bool
        Whether the layer runs in the fused time loop.

    Returns
    -------
    xarray.Dataset
        Losses and accuracies over epochs, test accuracy, and eta, g, theta before and after.

    Raises
    ------
    NonFiniteLoss
        If the loss or its gradient is not finite; the last good checkpoint is kept.
    ValueError
        If the folder holds another training or a damaged checkpoint, the recordings do not fit together, or the
        precision is unknown.
    OSError
        If the folder cannot be written.
    KeyboardInterrupt
        If the user stops it; the message says how to go on.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}, expected {', '.join(PRECISIONS)}: choose one of them.")
    for name, other in (("validation", validation), ("test", test)):
        if other is not None and (other.shape, other.classes) != (training.shape, training.classes):
            raise ValueError(
                f"the {name} recordings have shape {other.shape} and {len(other.classes)} classes, expected "
                f"{training.shape} and {len(training.classes)} as in training: take all from one data set."
            )
    with contextlib.ExitStack() as stack:
        if folder is None:
            given, folder = None, stack.enter_context(tempfile.TemporaryDirectory(prefix="hetbrian_training_"))
        else:
            given = folder
            _make(folder)
        dtype = torch.float64 if precision == "64-true" else torch.float32
        network = build(preset, binning, training, seed, is_fused=is_fused, dtype=dtype)
        before = _parameters(network.classifier)
        module = Training(network.classifier, preset, scales(preset, binning.bin_width))
        identity = _identity(preset, binning, training, validation, seed, precision)
        history, checkpoints = History(identity, folder), Checkpoints(folder, preset.patience)
        stack.enter_context(_quiet())
        trainer = lightning.Trainer(
            max_epochs=preset.epochs,
            accelerator=accelerator,
            devices=devices,
            strategy=strategy,
            precision=precision,
            callbacks=[history, checkpoints, *([TrainingProgress()] if progress else [])],
            plugins=[AtomicFiles()],
            logger=_tensorboard(given),
            log_every_n_steps=1,
            enable_checkpointing=True,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False,
        )
        data = EpochBatches(preset.batch_size, binning, training, validation, test, seed)
        is_there = checkpoints.last.exists()
        if is_there:
            history.check(checkpoints.last)
        handler = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, data, ckpt_path=checkpoints.last if is_there else None)
        except NonFiniteLoss as error:
            kept = (
                f"the last good checkpoint is {str(checkpoints.last)!r}"
                if checkpoints.last.exists()
                else "none is kept"
            )
            raise NonFiniteLoss(
                f"{error}, expected a finite number: lower rate, keep jacobian_bound and the reset 'capped'; {kept}."
            ) from None
        except SystemExit:  # Lightning's answer to Ctrl-C, which it also ignores from then on
            signal.signal(signal.SIGINT, handler)
            where = f"kept in {str(given)!r}, and the same command goes on" if given else "not kept"
            raise KeyboardInterrupt(f"Stopped; the epochs so far are {where}.") from None
        result: dict = {}
        if test is not None:
            if validation is not None:
                module.load_state_dict(torch.load(checkpoints.best, weights_only=True)["state_dict"])
            result |= trainer.test(module, data, verbose=False)[0]
        return _dataset(history.rows, result, before, _parameters(network.classifier), identity)


@contextlib.contextmanager
def _quiet():
    """Keep Lightning from explaining itself; errors still come through."""
    names = ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero")
    levels = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", ".*does not have many workers")
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def _make(folder):
    """Make a folder, or say why not."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{str(folder)!r} could not be made ({error.strerror}), expected a folder to write: choose another --out."
        ) from error


def _tensorboard(folder):
    """Return a logger where TensorBoard is installed and there is a folder."""
    if folder is None or importlib.util.find_spec("tensorboard") is None:
        return False
    return lightning.pytorch.loggers.TensorBoardLogger(folder, name="", version="tensorboard")


def _parameters(classifier):
    """Return eta, g and theta of each neuron."""
    return {name: getattr(classifier.cell.neurons, name).detach().double().cpu().numpy().copy() for name in KINDS}


def _identity(preset, binning, training, validation, seed, precision):
    """Return what a checkpoint must share with the training that goes on from it."""
    found = {**preset.described(), "binning": repr(binning), "seed": str(seed), "precision": precision}
    for name, item in (("training", training), ("validation", validation)):
        found[name] = "none"
        if item is not None:
            code = zlib.crc32(item.channels.tobytes(), zlib.crc32(item.labels.tobytes()))
            found[name] = f"{len(item)} samples, {len(item.times)} events, checksum {code:08x}"
    return found | {"torch": str(torch.__version__)}


def _dataset(rows, result, before, after, identity):
    """Return what was measured."""
    names = [name for name in rows[-1] if name != "epoch"] if rows else []
    variables: dict = {name: ("epoch", [row[name] for row in rows], {"units": "1"}) for name in names}
    variables |= {name: ((), float(value), {"units": "1"}) for name, value in result.items()}
    for name, values in after.items():
        variables |= {f"{name}_start": ("neuron", before[name]), name: ("neuron", values)}
    coordinates = {"epoch": [row["epoch"] for row in rows]}
    return xarray.Dataset(variables, coordinates, {**identity, **provenance()})


PRESETS = {"paper": Preset.PAPER, "strong": Preset.STRONG}
"""Settings by name."""


BINNINGS = {
    "paper": {
        # 2000 steps of 0.5 ms for every set; its cameras are not pooled
        "nmnist": Binning(2000, 0.5 * ms),
        "dvs128": Binning(2000, 0.5 * ms),
        "shd": Binning(2000, 0.5 * ms),
        "ssc": Binning(2000, 0.5 * ms),
    },
    "strong": {
        "nmnist": Binning(60, 5 * ms, pool=2, shift=2, stretch=0.1, drop=0.1),
        "dvs128": Binning(75, 20 * ms, pool=4, merge=True, shift=8, stretch=0.1, drop=0.1),
        "shd": Binning(100, 10 * ms, pool=2, jitter=5.0, shift=20, stretch=0.2, drop=0.1),
        "ssc": Binning(100, 10 * ms, pool=2, jitter=5.0, shift=20, stretch=0.2, drop=0.1),
    },
}
"""Time steps, pooling and random changes by preset and data set."""


def choose(known, name, value):
    """
    Return what a name stands for.

    Parameters
    ----------
    known : dict
        By name.
    name : str
        What is chosen, for the error.
    value : str
        The choice.

    Raises
    ------
    ValueError
        If there is no such thing.
    """
    if value not in known:
        raise ValueError(f"{name} is {value!r}, expected {', '.join(known)}: choose one of them.")
    return known[value]


def splits(name, root=None, *, held_out=0.1, test_share=0.0, seed=0):
    """
    Return training, validation and test samples of a data set.

    Validation samples are those that the data set names, else whole speakers or subjects, else a share of each
    class, taken from the training samples. The test samples decide nothing.

    Parameters
    ----------
    name : str
        Data set.
    root : path-like, optional
        Folder with the data sets.
    held_out : float
        Share of the training samples (or speakers) for validation; 0 for none.
    test_share : float
        Share of the training samples that is tested in place of the test samples, for a copy without them.
    seed : int
        Draws them.

    Returns
    -------
    training, validation, test : Recordings
        Validation is None without any.
    """
    training = load(name, "train", root)
    if test_share:
        training, test = training.split(test_share, np.random.default_rng([seed, 4]))
    else:
        test = load(name, "test", root)
    if not held_out:
        return training, None, test
    if name == "ssc":
        return training, load(name, "validation", root), test
    return *training.split(held_out, np.random.default_rng([seed, 2])), test


def train(name, root=None, *, preset, binning, seed=0, held_out=0.1, test_share=0.0, **options):
    """
    Train on a data set.

    Parameters
    ----------
    name : str
        Data set: nmnist, dvs128, shd or ssc.
    root : path-like, optional
        Folder with the data sets.
    preset : Preset
        Settings.
    binning : Binning
        How recordings become events, see `BINNINGS`.
    seed : int
        Sets everything that is drawn.
    held_out, test_share : float
        Shares for validation and test, see `splits`.
    **options
        Of `hetbrian.training.experiment.fit`.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.training.experiment.fit`.
    """
    training, validation, test = splits(name, root, held_out=held_out, test_share=test_share, seed=seed)
    result = fit(preset, binning, training, validation=validation, test=test, seed=seed, **options)
    return result.assign_attrs(dataset=name)
