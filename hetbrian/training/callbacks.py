"""What a training keeps and shows: history, checkpoints that are whole, time left."""

import csv
import io
from collections.abc import Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

from hetbrian._support.files import replacing
from hetbrian._support.optional import lightning, torch
from hetbrian._support.progress import Bar
from hetbrian.training.checkpoint import check, check_kept, read
from hetbrian.training.preset import Preset

LATER = {
    name: repr(getattr(Preset.STRONG, name))
    for name in ("n_layers", "eta_law", "readout_filters", "readout", "longest_delay")
}
"""Settings that checkpoints of before do not name: they were trained with the default."""

Callback: Any = lightning.pytorch.callbacks.Callback
Files: Any = lightning.fabric.plugins.TorchCheckpointIO


class AtomicFiles(Files):
    """Write checkpoints whole or not at all: a kill or a full disk leaves the one before."""

    def save_checkpoint(self, checkpoint, path, storage_options=None):
        """Write beside the file, then replace it."""
        content = io.BytesIO()  # torch's own files say nothing of a disk that is full
        torch.save(checkpoint, content)
        with replacing(path, "choose another --out") as temporary:
            # a copy: a view that the traceback of an error keeps longer than its bytes crashes Python
            Path(temporary).write_bytes(content.getvalue())

    def load_checkpoint(self, path, map_location=None, weights_only=None):
        """Read as data only, whatever Lightning asks for."""
        return read(path, map_location)


class History(Callback):
    """
    Keep the metrics of every epoch in the checkpoints and in ``history.csv``.

    After a kill the file goes on from the last checkpoint, without a line twice or missing. (Lightning's CSVLogger
    drops the lines of before when a training goes on, and writes two lines an epoch.)

    Parameters
    ----------
    identity : dict of str to str
        What makes this training another one.
    folder : path-like
        Where the file is written.
    """

    def __init__(self, identity: dict[str, str], folder: str | PathLike[str]) -> None:
        self.identity, self.folder = identity, Path(folder)
        self.rows: list[dict[str, float]] = []
        self.has_started = False

    def state_dict(self):
        """Return what a checkpoint keeps."""
        return {"identity": self.identity, "rows": self.rows}

    def load_state_dict(self, state_dict):
        """Go on from a checkpoint."""
        self.rows = list(state_dict["rows"])

    def check(self, checkpoint: str | PathLike[str], own: Mapping[str, Any]) -> None:
        """
        Refuse the checkpoint of another training, or one that is damaged.

        Parameters
        ----------
        checkpoint : path-like
            The file.
        own : dict of str to Tensor
            ``state_dict()`` of what is trained.

        Raises
        ------
        ValueError
            If it is another training's, or no checkpoint.
        """
        whole = read(checkpoint, has="callbacks")
        check_kept(checkpoint, whole["callbacks"])
        found = whole["callbacks"].get(self.state_key, {"identity": {}, "rows": []})
        self.rows = found["rows"]
        for name in sorted({*self.identity, *found["identity"]}):
            there, here = found["identity"].get(name, LATER.get(name)), self.identity.get(name)
            if there != here:
                raise ValueError(
                    f"{str(self.folder)!r} holds another training, expected the same: {name} is {there} there and "
                    f"{here} here; choose another --out."
                )
        check(checkpoint, whole, own)

    def on_train_start(self, trainer, module):
        """Note that a checkpoint has been taken up."""
        self.has_started = True

    def on_train_epoch_end(self, trainer, module):
        """Keep the epoch."""
        values = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        self.rows = [*self.rows[: trainer.current_epoch], {"epoch": trainer.current_epoch + 1, **values}]
        if trainer.is_global_zero:
            with (
                replacing(self.folder / "history.csv", "choose another --out") as temporary,
                open(temporary, "w", newline="", encoding="utf-8") as file,
            ):
                writer = csv.DictWriter(file, list(self.rows[-1]))
                writer.writeheader()
                writer.writerows(self.rows)


class Checkpoints(lightning.pytorch.callbacks.Checkpoint):
    """
    Keep the last epoch and the best on the validation samples; stop when it was best for long enough.

    (Lightning's ModelCheckpoint forgets the best epoch if the folder was moved meanwhile; its EarlyStopping trains a
    stopped network for another epoch when it is called again.)

    Parameters
    ----------
    folder : path-like
        Where ``last.ckpt`` and ``best.ckpt`` are written.
    patience : int
        Epochs without a better validation after which training stops, 0 for never.
    """

    def __init__(self, folder: str | PathLike[str], patience: int = 0) -> None:
        self.last, self.best, self.patience = Path(folder) / "last.ckpt", Path(folder) / "best.ckpt", patience
        self.score, self.waited = -1.0, 0

    def state_dict(self):
        """Return what a checkpoint keeps."""
        return {"score": self.score, "waited": self.waited}

    def load_state_dict(self, state_dict):
        """Go on from a checkpoint."""
        self.score, self.waited = state_dict["score"], state_dict["waited"]

    def on_train_start(self, trainer, module):
        """Stop at once if the training that goes on had been stopped."""
        self._stop(trainer)

    def on_train_epoch_end(self, trainer, module):
        """Write the files."""
        score = trainer.callback_metrics.get("validation_accuracy")
        if score is not None:
            is_better = float(score) > self.score
            self.score, self.waited = max(self.score, float(score)), 0 if is_better else self.waited + 1
            if is_better:
                trainer.save_checkpoint(self.best, weights_only=True)
        trainer.save_checkpoint(self.last)
        self._stop(trainer)

    def _stop(self, trainer):
        if self.patience and self.waited >= self.patience:
            trainer.should_stop = True


class TrainingProgress(Callback):
    """
    Show a bar in a terminal, and a line now and then in a log file.

    Parameters
    ----------
    stream : file, optional
        Where to write, by default stderr.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream, self._exit = stream, ExitStack()

    def on_train_start(self, trainer, module):
        """Begin to count time."""
        total = trainer.max_epochs * trainer.num_training_batches
        if trainer.is_global_zero:
            self._bar = self._exit.enter_context(Bar(total, trainer.global_step, stream=self._stream))

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        """Show how far it is."""
        if trainer.is_global_zero:
            self._bar.show(trainer.global_step, self.text(trainer))

    def on_train_end(self, trainer, module):
        """Take the bar away."""
        self._exit.close()

    def on_exception(self, trainer, module, exception):
        """Take the bar away."""
        self._exit.close()

    def text(self, trainer) -> str:
        """Return the state as one line."""
        said = f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"
        for name in ("loss", "validation_accuracy"):
            if name in trainer.callback_metrics:
                said += f", {name.replace('_', ' ')} {float(trainer.callback_metrics[name]):.3f}"
        return said
