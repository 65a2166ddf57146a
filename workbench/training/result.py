"""What a finished training left in its folder."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.core.errors import ReaderError, RunError, Skipped
from workbench.core.files import read_json
from workbench.training.history import COLUMNS, EpochRecord, read_history

RESULT_NAME = "training.json"
HISTORY_NAME = "history.csv"
CHECKPOINT_NAME = "last.ckpt"
LOG_NAME = "training.log"
INITIAL_FOLDER = "initial"
MANIFEST_NAME = "films.csv"


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Parameters
    ----------
    history
        One record an epoch, those of earlier sittings included.
    kept_epoch
        Whose weights are in the folder, from 1.
    reason
        Why it ended, and by which rule the epoch was kept.
    folder
        Holds ``model.safetensors`` and ``model.json``: :func:`workbench.models.checkpoints.load_classifier` reads it.
    train_films, valid_films
        How many were used.
    skipped
        Films of both splits that could not be used.
    """

    history: tuple[EpochRecord, ...]
    kept_epoch: int
    reason: str
    folder: Path
    train_films: int
    valid_films: int
    skipped: tuple[Skipped, ...]

    @property
    def kept(self) -> EpochRecord:
        """The record of the kept epoch."""
        return self.history[self.kept_epoch - 1]

    @property
    def seconds(self) -> float:
        """Time of all epochs, without the start of the process and the reading of the films."""
        return sum(record.seconds for record in self.history)

    def to_frame(self) -> Any:
        """Return the history as a pandas DataFrame, one row an epoch."""
        import pandas as pd

        return pd.DataFrame([dataclasses.astuple(record) for record in self.history], columns=list(COLUMNS))


def training_seconds(folder: Path) -> float | None:
    """Return how long the training in this folder took; None where the model was trained elsewhere."""
    return read_result(folder).seconds if (folder / RESULT_NAME).is_file() else None


def read_result(folder: Path) -> TrainingResult:
    """Read what a finished training left; a RunError where it did not finish or a file is damaged."""
    try:
        content = read_json(folder / RESULT_NAME)
        return TrainingResult(
            history=read_history(folder / HISTORY_NAME),
            kept_epoch=content["kept_epoch"],
            reason=content["reason"],
            folder=folder,
            train_films=content["train_films"],
            valid_films=content["valid_films"],
            skipped=tuple(Skipped(what, reason) for what, reason in content["skipped"]),
        )
    except (ReaderError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder}: no finished training ({error})") from error
