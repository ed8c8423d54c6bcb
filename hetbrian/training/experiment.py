"""Train a layer on a data set, resumable, and return a Dataset."""

import contextlib
import importlib.util
import logging
import signal
import warnings
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
import xarray
from brian2 import BrianLogger

from hetbrian._support.arguments import checked, of, one_of
from hetbrian._support.checks import count, file_path, flag, shown, stream_seed, text, whole
from hetbrian._support.files import writable
from hetbrian._support.optional import lightning, torch
from hetbrian._support.provenance import provenance
from hetbrian._support.scratch import temporary_folder
from hetbrian.training.agreement import PLAYED_ON, agreement, some_devices
from hetbrian.training.batches import EpochBatches
from hetbrian.training.callbacks import AtomicFiles, Checkpoints, History, TrainingProgress
from hetbrian.training.checkpoint import check, read, refused
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.data.split import splits
from hetbrian.training.module import NonFiniteLoss, Training
from hetbrian.training.network import build
from hetbrian.training.preset import Preset

BrianLogger.suppress_hierarchy("brian2.core.base.unused_brian_object")  # layers are exported, not simulated


PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")
"""Lightning's; mixed precision needs a GPU to be faster."""


@checked(
    preset=of(Preset, advice="take Preset.STRONG, say"),
    binning=of(Binning, advice="give the bins"),
    training=of(Recordings, advice="load them, or make one"),
    validation=of(Recordings, advice="load them, or make one"),
    test=of(Recordings, advice="load them, or make one"),
    seed=stream_seed,
    folder=file_path,
    accelerator=text,
    devices=count,
    strategy=text,
    precision=one_of(*PRECISIONS),
    progress=flag,
    is_fused=flag,
    playback=partial(whole, least=0),
    playback_devices=some_devices,
)
def fit(
    preset: Preset,
    binning: Binning,
    training: Recordings,
    *,
    validation: Recordings | None = None,
    test: Recordings | None = None,
    seed: int = 0,
    folder: str | PathLike[str] | None = None,
    accelerator: str = "cpu",
    devices: int = 1,
    strategy: str = "auto",
    precision: Any = "32-true",
    progress: bool = True,
    is_fused: bool = True,
    is_test_followed: bool = False,
    playback: int = 0,
    playback_devices: Sequence[str] = PLAYED_ON,
) -> xarray.Dataset:
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
    is_test_followed : bool
        Whether accuracy and loss on the test samples are measured after each epoch too, ``epoch_test_accuracy`` and
        ``epoch_test_loss``; they decide nothing.
    playback : int
        How many test samples (without any, training samples), evenly spread, are played to the layer in Brian2 after
        the training and compared with torch, see `hetbrian.training.agreement.agreement`.
    playback_devices : sequence of str
        Where.

    Returns
    -------
    xarray.Dataset
        Losses and accuracies over epochs, test accuracy, eta, g, theta before and after over neurons, with their
        ``layer`` from 1 up if there are several; ``confusion`` over (label, decision), how many test samples of a class
        got which decision; ``spike_time`` and ``spike_neuron`` of the layer that is read out in the first sample of the
        test (without one, of the training), whose class and decision are attributes; with ``playback``
        what `hetbrian.training.agreement.agreement` returns.

    Raises
    ------
    NonFiniteLoss
        If the loss or its gradient is not finite; the last good checkpoint is kept in ``folder``, if one is given.
    ValueError
        If the folder holds another training or a damaged checkpoint, the recordings do not fit together, or the
        precision is unknown.
    OSError
        If the folder cannot be written.
    KeyboardInterrupt
        If the user stops it; the message says how to go on.
    """
    for name, other in (("validation", validation), ("test", test)):
        if other is not None and (other.shape, other.classes) != (training.shape, training.classes):
            raise ValueError(
                f"the {name} recordings have shape {other.shape} and {len(other.classes)} classes, expected "
                f"{training.shape} and {len(training.classes)} as in training: take all from one data set."
            )
    with contextlib.ExitStack() as stack:
        temporary = folder or str(stack.enter_context(temporary_folder()))
        kept = writable(temporary, "choose another --out")
        dtype = torch.float64 if precision == "64-true" else torch.float32
        network = build(preset, binning, training, seed, is_fused=is_fused, dtype=dtype)
        before = network.parameters()
        module = Training(network.classifier, preset)
        identity = _identity(preset, binning, training, validation, seed, precision)
        history, checkpoints = History(identity, kept), Checkpoints(kept, preset.patience)
        stack.enter_context(_quiet())
        trainer = _trainer(
            accelerator,
            devices,
            strategy,
            max_epochs=preset.epochs,
            precision=precision,
            callbacks=[history, checkpoints, *([TrainingProgress()] if progress else [])],
            plugins=[AtomicFiles()],
            logger=_tensorboard(folder),
            log_every_n_steps=1,
            enable_checkpointing=True,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False,
        )
        data = EpochBatches(preset.batch_size, binning, training, validation, test, seed, is_test_followed)
        last = checkpoints.last if checkpoints.last.exists() else None
        if last:
            history.check(last, module.state_dict())
            if checkpoints.best.exists():
                check(checkpoints.best, read(checkpoints.best), module.state_dict())
        handler = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, data, ckpt_path=last)
        except NonFiniteLoss as error:
            is_kept = folder and history.rows
            where = f"the last good checkpoint is {str(checkpoints.last)!r}" if is_kept else "none is kept"
            raise NonFiniteLoss(
                f"{error}, expected a finite number: lower rate, keep jacobian_bound and the reset 'capped'; {where}."
            ) from None
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            if last is None or history.has_started:
                raise
            raise refused(last, error) from error
        except SystemExit:  # Lightning's answer to Ctrl-C, which it also ignores from then on
            signal.signal(signal.SIGINT, handler)
            where = f"kept in {str(folder)!r}, and the same command goes on" if folder else "not kept"
            raise KeyboardInterrupt(f"Stopped; the epochs so far are {where}.") from None
        result: dict[str, float] = {}
        if test is not None:
            if validation is not None:
                module.load_state_dict(read(checkpoints.best)["state_dict"])
            result |= trainer.test(module, data, verbose=False)[0]
        network.classifier.eval()
        dataset = _dataset(history.rows, result, before, network.parameters(), identity)
        if preset.n_layers > 1:
            dataset = dataset.assign_coords(
                layer=("neuron", np.repeat(1 + np.arange(preset.n_layers), preset.n_hidden))
            )
        shown = training if test is None else test
        dataset = dataset.merge(_hidden_spikes(network.classifier, binning, shown), combine_attrs="no_conflicts")
        if test is not None:
            dataset["confusion"] = (("label", "decision"), module.confusion.numpy(), {"units": "1"})
            dataset = dataset.assign_coords(label=list(test.classes), decision=list(test.classes))
        if playback:
            samples = np.unique(np.linspace(0, len(shown) - 1, playback).round().astype(int)).tolist()
            played = agreement(network, preset, binning, shown, samples, playback_devices, progress=progress)
            dataset = dataset.merge(played, combine_attrs="no_conflicts")
        return dataset


def _trainer(accelerator, devices, strategy, **options):
    """Return Lightning's trainer, or say what it does not find here."""
    try:
        return lightning.Trainer(accelerator=accelerator, devices=devices, strategy=strategy, **options)
    except Exception as error:  # Lightning raises errors of its own too
        raise ValueError(
            f"accelerator is {accelerator!r}, devices {devices} and strategy {strategy!r}, expected what Lightning "
            f"finds here ({shown(str(error))}): choose others."
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
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


def _tensorboard(folder):
    """Return a logger where TensorBoard is installed and there is a folder."""
    if folder is None or importlib.util.find_spec("tensorboard") is None:
        return False
    return lightning.pytorch.loggers.TensorBoardLogger(folder, name="", version="tensorboard")


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


def _hidden_spikes(classifier, binning, recordings):
    """Return the spikes of the layer in the first sample, and what was decided of it."""
    events = binning.events(recordings, [0]).to(classifier.weight.device)
    with torch.no_grad():
        outputs, spikes = classifier(events)
    step, neuron = (found.cpu().numpy() for found in spikes[:, 0].nonzero(as_tuple=True))
    classes = recordings.classes
    said = {"sample_label": classes[int(recordings.labels[0])], "sample_decision": classes[int(outputs.argmax())]}
    times = step * float(binning.bin_width)
    return xarray.Dataset(
        {"spike_time": ("spike", times, {"units": "s"}), "spike_neuron": ("spike", neuron, {"units": "1"})}, attrs=said
    )


@checked(
    name=text,
    root=file_path,
    preset=of(Preset, advice="take Preset.STRONG, say"),
    binning=of(Binning, advice="give the bins"),
    seed=stream_seed,
)
def train(
    name: str,
    root: str | PathLike[str] | None = None,
    *,
    preset: Preset,
    binning: Binning,
    seed: int = 0,
    held_out: float = 0.1,
    test_share: float = 0.0,
    test_speakers: Sequence[str] = (),
    **options: Any,
) -> xarray.Dataset:
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
        How recordings become events, see `hetbrian.training.data.binning.BINNINGS`.
    seed : int
        Sets everything that is drawn.
    held_out, test_share, test_speakers
        Who is for validation and test, see `hetbrian.training.data.split.splits`.
    **options
        Of `hetbrian.training.experiment.fit`.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.training.experiment.fit`.
    """
    training, validation, test = splits(
        name, root, held_out=held_out, test_share=test_share, test_speakers=test_speakers, seed=seed
    )
    result = fit(preset, binning, training, validation=validation, test=test, seed=seed, **options)
    return result.assign_attrs(dataset=name)
