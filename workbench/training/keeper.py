"""What is on disk after each whole epoch: the kept weights, the history, and all that the next epoch needs."""

import dataclasses
import signal
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from typing_extensions import override

from workbench.core.errors import ModelError
from workbench.core.options import option_values
from workbench.models.checkpoints import save_classifier
from workbench.training.checkpoint_io import SafeCheckpointIO
from workbench.training.history import EpochRecord, epochs_without_gain, kept_epoch, write_history
from workbench.training.module import ClassifierTraining
from workbench.training.options import TrainingOptions
from workbench.training.progress import Follow, Progress
from workbench.training.result import CHECKPOINT_NAME, HISTORY_NAME
from workbench.training.spec import TrainingSpec


@dataclasses.dataclass(frozen=True)
class Checkpointed:
    """What ``last.ckpt`` holds: the state after the last whole epoch."""

    history: tuple[EpochRecord, ...]
    weights: dict[str, Any]
    optimiser: dict[str, Any]
    precision: dict[str, Any]


def read_checkpoint(folder: Path, spec: TrainingSpec) -> Checkpointed | None:
    """Return the state after the last whole epoch, None before the first; a ModelError where it is another's."""
    path = folder / CHECKPOINT_NAME
    if not path.exists():
        return None
    content = SafeCheckpointIO().load_checkpoint(path)
    if content.get("training") != spec.digest:
        raise ModelError(f"{path}: belongs to another training; remove it to start anew")
    history = tuple(EpochRecord(**record) for record in content["history"])
    return Checkpointed(history, content["weights"], content["optimiser"], content["precision"])


def is_finished(history: tuple[EpochRecord, ...], options: TrainingOptions) -> bool:
    """Say whether there is no further epoch to train."""
    if not history:
        return False
    return len(history) >= options.epochs or has_stalled(history, options)


def has_stalled(history: tuple[EpochRecord, ...], options: TrainingOptions) -> bool:
    """Say whether the patience is at an end."""
    return 0 < options.patience <= epochs_without_gain(history, options.keep)


class EpochKeeper(Checkpoint):
    """Writes and reports each whole epoch, and stops the training when its patience is at an end.

    The kept weights and the history are written before ``last.ckpt``. A process that dies between them leaves the
    checkpoint of the epoch before, from which the same epoch is done again with the same outcome.

    Parameters
    ----------
    folder
        Of the training.
    spec
        Of the training.
    send
        Is told how far it is.
    """

    def __init__(self, folder: Path, spec: TrainingSpec, send: Follow) -> None:
        self._folder = folder
        self._spec = spec
        self._send = send

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning's own handler waits for the end of a step and, with several processes, for all of them.
        signal.signal(signal.SIGTERM, stop_at_once)

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        steps = trainer.num_training_batches
        self._send(Progress("steps", pl_module.epoch * steps + batch_idx + 1, self._spec.options.epochs * steps))

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        history, options = pl_module.history, self._spec.options
        if trainer.is_global_zero:
            if kept_epoch(history, options.keep) == len(history):
                self._keep(pl_module)
            write_history(history, self._folder / HISTORY_NAME)
        trainer.strategy.save_checkpoint(self._state(trainer, pl_module), self._folder / CHECKPOINT_NAME)
        self._send(Progress("epochs", len(history), options.epochs, history[-1]))
        trainer.should_stop = is_finished(history, options)

    def _keep(self, module: ClassifierTraining) -> None:
        training = {
            "options": option_values(self._spec.options),
            "data": self._spec.data | {"train_split": self._spec.train_split, "valid_split": self._spec.valid_split},
            "initial_weights_sha256": self._spec.model["initial_weights_sha256"],
            "kept": dataclasses.asdict(module.history[-1]),
        }
        provenance = module.classifier.provenance | {"training": training}
        save_classifier(dataclasses.replace(module.classifier, provenance=provenance), self._folder)

    def _state(self, trainer: Trainer, module: ClassifierTraining) -> dict[str, Any]:
        return {
            "training": self._spec.digest,
            "history": [dataclasses.asdict(record) for record in module.history],
            "weights": module.network.state_dict(),
            "optimiser": trainer.optimizers[0].state_dict(),
            "precision": trainer.precision_plugin.state_dict(),
        }


def stop_at_once(number: int, _frame: Any) -> None:
    """End the process as SIGTERM asks, but clear away what was half-written first."""
    raise SystemExit(128 + number)
