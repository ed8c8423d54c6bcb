"""Event data and a preset give a trained layer."""

from hetbrian.training.baseline import logistic_accuracy
from hetbrian.training.batches import Batch, Batches, EpochBatches
from hetbrian.training.classifier import Classifier
from hetbrian.training.experiment import build, choose, fit, splits, train
from hetbrian.training.layers import exported, layer, scales
from hetbrian.training.module import NonFiniteLoss, Training
from hetbrian.training.preset import Preset

__all__ = [
    "Batch", "Batches", "Classifier", "EpochBatches", "NonFiniteLoss", "Preset", "Training", "build", "choose",
    "exported", "fit", "layer", "logistic_accuracy", "scales", "splits", "train",
]  # fmt: skip
