"""Batches of events whose order and random changes depend on seed and epoch alone."""

from typing import Any

import numpy as np

from hetbrian._support.arguments import checked, of, optional
from hetbrian._support.checks import count, stream_seed
from hetbrian._support.optional import lightning, torch
from hetbrian.torch.events import Events
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings


class Batch:
    """
    Hold one batch; Lightning takes apart what it knows, such as tuples and dataclasses, and this it does not.

    Parameters
    ----------
    events : Events
        Input spikes.
    labels : Tensor of int64, shape (batch,)
    generator : torch.Generator or None
        Draws what is random in the network while training.
    """

    def __init__(self, events: Events, labels: Any, generator: Any) -> None:
        self.events, self.labels, self.generator = events, labels, generator

    def to(self, device):
        """Return it on a device; the generator stays on the CPU, so that it draws the same for every device."""
        return Batch(self.events.to(device), self.labels.to(device), self.generator)


@checked(
    recordings=of(Recordings, advice="load them, or make one"),
    binning=of(Binning, advice="give the bins"),
    batch_size=count,
    seed=stream_seed,
    epoch=stream_seed,
    rank=stream_seed,
    world_size=count,
)
class Batches(torch.utils.data.Dataset):
    """
    The batches of one epoch: the same for the same seed and epoch, also in a process that starts there.

    Parameters
    ----------
    recordings : Recordings
        Samples.
    binning : Binning
        How they become events.
    batch_size : int
        Samples in a batch.
    seed, epoch : int, optional
        Set the order and the random changes; without a seed there are none of both.
    rank, world_size : int
        Which of how many processes this is; each takes its part of every batch.

    Raises
    ------
    ValueError
        If there are no samples, or fewer in a batch than processes.
    """

    def __init__(
        self,
        recordings: Recordings,
        binning: Binning,
        batch_size: int,
        seed: int | None = None,
        epoch: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not len(recordings):
            raise ValueError("the recordings have no samples, expected at least one: check the split.")
        if batch_size < world_size:
            raise ValueError(
                f"batch_size is {batch_size}, expected at least one sample for each of {world_size} processes: raise "
                "it."
            )
        self.recordings, self.binning, self.seed, self.epoch = recordings, binning, seed, epoch
        order = np.arange(len(recordings))
        if seed is not None:
            order = np.random.default_rng([seed, epoch]).permutation(order)
        size = batch_size // world_size * world_size
        parts = [order[begin : begin + size] for begin in range(0, len(order), size)]
        if seed is not None and len(parts) > 1 and len(parts[-1]) < max(size // 2, world_size):
            parts.pop()  # a handful of samples makes a noisy step, and other epochs have them
        self.parts = [part[rank::world_size] for part in parts]
        self.rank = rank

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, k: int) -> Batch:
        """Return a `Batch`, with a generator if there is a seed."""
        if not 0 <= k < len(self.parts):
            raise IndexError(k)
        part = self.parts[k]
        rng = None if self.seed is None else np.random.default_rng([self.seed, self.epoch, k, self.rank])
        generator = None if rng is None else torch.Generator().manual_seed(int(rng.integers(2**62)))
        events = self.binning.events(self.recordings, part, rng)
        return Batch(events, torch.as_tensor(self.recordings.labels[part]), generator)

    def loader(self):
        """Return what Lightning iterates over."""
        return torch.utils.data.DataLoader(self, batch_size=None, shuffle=False, collate_fn=_whole)


@checked(
    batch_size=count,
    binning=of(Binning, advice="give the bins"),
    training=optional(of(Recordings, advice="load them, or make one")),
    validation=optional(of(Recordings, advice="load them, or make one")),
    test=optional(of(Recordings, advice="load them, or make one")),
    seed=stream_seed,
)
class EpochBatches(lightning.LightningDataModule):
    """
    Give Lightning the batches of each epoch and split.

    Parameters
    ----------
    batch_size : int
        Samples in a batch.
    binning : Binning
        How samples become events.
    training, validation, test : Recordings or None
        Samples; only those of training come in random order, with random changes.
    seed : int
        Sets the order and the random changes.
    is_test_followed : bool
        Whether the test samples are looked at after each epoch too.
    """

    def __init__(
        self,
        batch_size: int,
        binning: Binning,
        training: Recordings | None,
        validation: Recordings | None,
        test: Recordings | None,
        seed: int,
        is_test_followed: bool = False,
    ) -> None:
        super().__init__()
        self.batch_size, self.binning, self.seed = batch_size, binning, seed
        self.splits = {"training": training, "validation": validation, "test": test}
        wanted = {"validation": "validation", **({"test": "epoch_test"} if is_test_followed else {})}
        self.followed = {split: name for split, name in wanted.items() if self.splits[split] is not None}

    def _loader(self, split, seed=None, epoch=0):
        trainer: Any = self.trainer
        process = trainer.global_rank, trainer.world_size
        recordings = self.splits[split]
        if recordings is None:
            return []
        return Batches(recordings, self.binning, self.batch_size, seed, epoch, *process).loader()

    def train_dataloader(self):
        """Return those of the current epoch."""
        trainer: Any = self.trainer
        return self._loader("training", self.seed, trainer.current_epoch)

    def val_dataloader(self):
        """Return those of the splits in ``followed``, which maps each to its name in the history."""
        return [self._loader(split) for split in self.followed]

    def test_dataloader(self):
        """Return those of the test, none without samples."""
        return self._loader("test")


def _whole(batch):
    return batch
