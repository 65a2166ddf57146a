"""What each epoch gave, which epoch is kept, and when there is no hope of a better one."""

import csv
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.core.errors import ReaderError
from workbench.core.files import write_text
from workbench.core.registry import unknown_name
from workbench.training.options import KEEP_RULES


@dataclass(frozen=True)
class EpochRecord:
    """One whole epoch. Losses are means over films, accuracies and the AUROC lie in 0..1.

    The numbers of the training split are collected while the weights still move, with augmentation and dropout.
    """

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """At the last step."""
    train_loss: float
    train_accuracy: float
    valid_loss: float
    valid_accuracy: float
    valid_auroc: float | None
    """Of any abnormal class against none; None where the split has only normal or only abnormal films."""
    seconds: float


COLUMNS = tuple(field.name for field in dataclasses.fields(EpochRecord))


def kept_epoch(history: Sequence[EpochRecord], rule: str) -> int:
    """Return the number (from 1) of the epoch whose weights a rule keeps.

    Parameters
    ----------
    history
        At least one epoch.
    rule
        "best-loss", "best-auroc" and "best-accuracy" look at the validation split; "least-gap" wants the least
        difference between training and validation accuracy; "last" is the last. Ties go to the lower validation
        loss, then to the earlier epoch.

    Returns
    -------
    int
        An epoch of the history.

    Raises
    ------
    UnknownNameError
        No such rule.
    """
    match rule:
        case "best-loss":
            return min(history, key=lambda record: record.valid_loss).epoch
        case "best-auroc":
            return min(history, key=lambda record: (-_or_zero(record.valid_auroc), record.valid_loss)).epoch
        case "best-accuracy":
            return min(history, key=lambda record: (-record.valid_accuracy, record.valid_loss)).epoch
        case "least-gap":
            return min(history, key=lambda record: (_gap(record), record.valid_loss)).epoch
        case "last":
            return history[-1].epoch
    raise unknown_name("rule of keeping", rule, KEEP_RULES)


def epochs_without_gain(history: Sequence[EpochRecord], rule: str) -> int:
    """Count the epochs since the best one: by what the rule keeps if it is a "best-", else by validation loss.

    The gap and "last" say nothing about getting better: the gap is often least before anything is learnt.
    """
    return history[-1].epoch - kept_epoch(history, rule if rule.startswith("best-") else "best-loss")


def write_history(history: Sequence[EpochRecord], path: Path) -> None:
    """Write one row an epoch as CSV, atomically, in full precision; an AUROC that is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(dataclasses.astuple(record) for record in history)
    write_text(path, text.getvalue())


def read_history(path: Path) -> tuple[EpochRecord, ...]:
    """Read what :func:`write_history` wrote; a ReaderError where there is no such file or it is no history."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_record(row) for row in csv.DictReader(file, strict=True))
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise ReaderError(f"{path}: not the history of a training ({error})") from error


def _record(row: dict[str, str]) -> EpochRecord:
    numbers: dict[str, Any] = {column: float(row[column]) for column in COLUMNS if row[column]}
    return EpochRecord(**{"valid_auroc": None} | numbers | {"epoch": int(row["epoch"])})


def _gap(record: EpochRecord) -> float:
    return abs(record.train_accuracy - record.valid_accuracy)


def _or_zero(auroc: float | None) -> float:
    return 0.0 if auroc is None else auroc
