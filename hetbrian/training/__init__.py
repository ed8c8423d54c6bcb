"""Event data and a preset give a trained layer."""

from hetbrian.training.baseline import gru_accuracy, logistic_accuracy
from hetbrian.training.batches import Batch, Batches, EpochBatches
from hetbrian.training.classifier import Classifier
from hetbrian.training.experiment import fit, train
from hetbrian.training.layers import exported, layer, layer_stack
from hetbrian.training.module import NonFiniteLoss, Training
from hetbrian.training.network import TrainedNetwork, build
from hetbrian.training.preset import PRESETS, Preset

__all__ = [
    "PRESETS", "Batch", "Batches", "Classifier", "EpochBatches", "NonFiniteLoss", "Preset", "TrainedNetwork",
    "Training", "build", "exported", "fit", "gru_accuracy", "layer", "layer_stack", "logistic_accuracy", "train",
]  # fmt: skip
