"""A classifier as Lightning trains it, with nothing done at a step that can wait for the end of the epoch."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from typing_extensions import override

from workbench.core.errors import RunError
from workbench.core.seeding import derived_seed
from workbench.evaluation.metrics import auroc
from workbench.models.classifier import Classifier
from workbench.training.history import EpochRecord
from workbench.training.options import TrainingOptions
from workbench.training.schedules import learning_rate

Batch = Sequence[Tensor]
"""Placed films (n, size, size) in 0..1, class indices (n), indices of the films (n)."""


class ClassifierTraining(LightningModule):
    """Trains a classifier's network by the loss of its head.

    Parameters
    ----------
    classifier
        Its network is trained in place.
    options
        How.
    history
        The epochs that are already behind; :attr:`history` grows with each one.
    optimiser_state
        Of the optimiser after these epochs.
    """

    def __init__(
        self,
        classifier: Classifier,
        options: TrainingOptions,
        *,
        history: Sequence[EpochRecord] = (),
        optimiser_state: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.network = classifier.module
        self.options = options
        self.history = tuple(history)
        self._optimiser_state = optimiser_state
        self._layout = torch.channels_last if options.channels_last else torch.contiguous_format
        self.network.to(memory_format=self._layout)
        self._first_epoch = len(self.history)
        self._train_outputs = EpochOutputs()
        self._valid_outputs = EpochOutputs()
        self._started_s = 0.0

    @property
    def epoch(self) -> int:
        """Whole epochs behind us, those of an earlier process included."""
        return self._first_epoch + int(self.current_epoch)

    @override
    def train(self, mode: bool = True) -> "ClassifierTraining":
        super().train(mode)
        if mode and self.options.freeze_batch_norm:
            for part in self.network.modules():
                if isinstance(part, _BatchNorm):
                    part.eval()
        return self

    @override
    def configure_optimizers(self) -> torch.optim.Optimizer:
        trainable = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        decay = self.options.weight_decay
        optimiser = torch.optim.Adam(trainable, lr=self.options.learning_rate, weight_decay=decay, fused=True)
        if self._optimiser_state is not None:
            optimiser.load_state_dict(self._optimiser_state)
            self._optimiser_state = None
        return optimiser

    @override
    def on_train_epoch_start(self) -> None:
        self._started_s = time.monotonic()
        self.train()

    @override
    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if batch_idx == 0:
            # Dropout draws from (seed, epoch, process) alone, so a resumed epoch draws as it would have drawn. Not
            # sooner: the loader draws as well, before the epoch starts in a new process and after that in an old one.
            torch.manual_seed(derived_seed(self.options.seed, self.epoch, f"process {self.global_rank}"))
        progress = self.epoch + batch_idx / self.trainer.num_training_batches
        rate = learning_rate(self.options, progress, [record.valid_loss for record in self.history])
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    @override
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self._step(batch, self._train_outputs)

    @override
    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self._step(batch, self._valid_outputs)

    @override
    def on_train_epoch_end(self) -> None:
        """Add the record of this epoch to the history; every process computes the same one."""
        train = self._measures(self._train_outputs)
        valid = self._measures(self._valid_outputs)
        self._check_finite(train[0], valid[0])
        record = EpochRecord(
            epoch=len(self.history) + 1,
            learning_rate=float(self.trainer.optimizers[0].param_groups[0]["lr"]),
            train_loss=train[0],
            train_accuracy=train[1],
            valid_loss=valid[0],
            valid_accuracy=valid[1],
            valid_auroc=valid[2],
            seconds=time.monotonic() - self._started_s,
        )
        self.history = (*self.history, record)

    def _step(self, batch: Batch, outputs: "EpochOutputs") -> Tensor:
        placed, labels, indices = batch
        images = self.classifier.recipe.normalise(placed).contiguous(memory_format=self._layout)
        logits = self.network(images)
        outputs.add(logits, labels, indices)
        return self.classifier.head.loss(logits, labels)

    def _measures(self, outputs: "EpochOutputs") -> tuple[float, float, float | None]:
        logits, labels, indices = (self.all_gather(part).cpu() for part in outputs.taken())
        logits, labels = first_of_each(logits.flatten(0, -2), labels.flatten(), indices.flatten())
        return measures(self.classifier, logits, labels)

    def _check_finite(self, train_loss: float, valid_loss: float) -> None:
        for split, loss in (("training", train_loss), ("validation", valid_loss)):
            if not np.isfinite(loss):
                raise RunError(
                    f"the {split} loss of epoch {len(self.history) + 1} is {loss}: the training diverged; "
                    f"try a learning rate below {self.options.learning_rate:g}"
                )


class EpochOutputs:
    """Logits, labels and film indices of an epoch's batches, left on their device until they are taken."""

    def __init__(self) -> None:
        self._batches: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, logits: Float[Tensor, "n o"], labels: Int[Tensor, " n"], indices: Int[Tensor, " n"]) -> None:
        """Keep one batch."""
        self._batches.append((logits.detach(), labels, indices))

    def taken(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (n, o), labels (n) and indices (n) of all batches, and forget them."""
        logits, labels, indices = (torch.cat(parts) for parts in zip(*self._batches, strict=True))
        self._batches = []
        return logits, labels, indices


def first_of_each(
    logits: Float[Tensor, "n o"], labels: Int[Tensor, " n"], indices: Int[Tensor, " n"]
) -> tuple[Float[Tensor, "m o"], Int[Tensor, " m"]]:
    """Return logits and labels of each film once, in the order of the data set.

    Several processes take equally many films, so that a few are seen twice when the number does not divide.
    """
    _, first = np.unique(indices.numpy(), return_index=True)
    return logits[first], labels[first]


def measures(
    classifier: Classifier, logits: Float[Tensor, "n o"], labels: Int[Tensor, " n"]
) -> tuple[float, float, float | None]:
    """Return mean loss, accuracy of the likeliest class, and AUROC of any abnormal class against none.

    Computed in float64. The AUROC is None where all films are normal or all are abnormal.
    """
    logits = logits.double()
    probabilities = classifier.head.probabilities(logits)
    loss = classifier.head.loss(logits, labels).item()
    accuracy = (probabilities.argmax(dim=1) == labels).double().mean().item()
    abnormal = [classifier.class_names.index(name) for name in classifier.positive]
    truth = np.isin(labels.numpy(), abnormal).astype(np.int64)
    if truth.all() or not truth.any() or not np.isfinite(loss):
        return loss, accuracy, None
    return loss, accuracy, float(auroc(truth, probabilities[:, abnormal].sum(dim=1).numpy()))
