"""What a model said about a list of cases."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.core.arrays import ClassIndices, Json, Outputs, Probabilities
from workbench.core.errors import ReaderError
from workbench.core.files import read_json, write_json, write_text


@dataclass(frozen=True)
class Predictions:
    """Outputs and probabilities of n cases.

    Parameters
    ----------
    case_ids
        n ids, in the order of every array here.
    labels
        Class index (n), -1 where the label is not known.
    outputs
        Raw network outputs (n, o).
    probabilities
        (n, k); rows sum to 1 for softmax and for one sigmoid.
    positive
        Names of the abnormal classes.
    head
        Name of the head that made probabilities of outputs.
    provenance
        Plain JSON: weights, manifest, recipe.
    """

    case_ids: tuple[str, ...]
    labels: ClassIndices
    outputs: Outputs
    probabilities: Probabilities
    class_names: tuple[str, ...]
    positive: tuple[str, ...]
    head: str
    provenance: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.case_ids)

    @property
    def abnormal(self) -> np.ndarray:
        """Probability (n) of any abnormal class."""
        columns = [self.class_names.index(name) for name in self.positive]
        return self.probabilities[:, columns].sum(axis=1)

    @property
    def truth(self) -> np.ndarray:
        """Whether each case is abnormal (n): 1, 0, or -1 where the label is not known."""
        columns = [self.class_names.index(name) for name in self.positive]
        return np.where(self.labels < 0, -1, np.isin(self.labels, columns).astype(np.int64))

    def select(self, case_ids: Iterable[str]) -> "Predictions":
        """Return the predictions of these cases, in their order; a missing one is a KeyError."""
        position = {case_id: index for index, case_id in enumerate(self.case_ids)}
        rows = np.array([position[case_id] for case_id in case_ids], dtype=np.int64)
        return Predictions(
            tuple(self.case_ids[row] for row in rows),
            self.labels[rows],
            self.outputs[rows],
            self.probabilities[rows],
            self.class_names,
            self.positive,
            self.head,
            self.provenance,
        )

    def joined(self, other: "Predictions") -> "Predictions":
        """Return these and others of the same model; where both know a case, the other's stand."""
        new = set(other.case_ids)
        own = self.select(case_id for case_id in self.case_ids if case_id not in new)
        return replace(
            other,
            case_ids=own.case_ids + other.case_ids,
            labels=np.concatenate([own.labels, other.labels]),
            outputs=np.concatenate([own.outputs, other.outputs]),
            probabilities=np.concatenate([own.probabilities, other.probabilities]),
        )

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: case_id, label, one column per class, and ``abnormal``."""
        import pandas as pd

        names = [self.class_names[label] if label >= 0 else None for label in self.labels]
        columns = {f"p_{name}": self.probabilities[:, k] for k, name in enumerate(self.class_names)}
        return pd.DataFrame({"case_id": self.case_ids, "label": names, **columns, "abnormal": self.abnormal})

    def save(self, path: Path) -> None:
        """Write ``path`` (CSV, full precision) and the rest beside it as JSON."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["case_id", "label", *(f"output_{o}" for o in range(self.outputs.shape[1])), *self._names()])
        rows = zip(self.case_ids, self.labels, self.outputs, self.probabilities, strict=True)
        for case_id, label, outputs, probabilities in rows:
            writer.writerow([case_id, int(label), *map(repr_float, outputs), *map(repr_float, probabilities)])
        write_text(path, text.getvalue())
        about: Json = {"class_names": self.class_names, "positive": self.positive, "head": self.head}
        write_json(path.with_suffix(".json"), about | {"provenance": self.provenance})

    def _names(self) -> list[str]:
        return [f"p_{name}" for name in self.class_names]


def load_predictions(path: Path) -> Predictions:
    """Read what :meth:`Predictions.save` wrote; a ReaderError where a file is absent or damaged."""
    about = read_json(path.with_suffix(".json"))
    try:
        with path.open(encoding="utf-8", newline="") as file:
            columns, *rows = list(csv.reader(file, strict=True))
        width = sum(column.startswith("output_") for column in columns)
        numbers = np.array([[float(value) for value in row[2:]] for row in rows], dtype=np.float64)
        numbers = numbers.reshape(len(rows), len(columns) - 2)
        if columns[2 + width :] != [f"p_{name}" for name in about["class_names"]]:
            raise ValueError(f"its columns are not of the classes {about['class_names']}")
        return Predictions(
            case_ids=tuple(row[0] for row in rows),
            labels=np.array([int(row[1]) for row in rows], dtype=np.int64),
            outputs=numbers[:, :width].astype(np.float32),
            probabilities=numbers[:, width:],
            class_names=tuple(about["class_names"]),
            positive=tuple(about["positive"]),
            head=about["head"],
            provenance=about["provenance"],
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError, csv.Error) as error:
        raise ReaderError(f"{path}: not predictions of the workbench ({error})") from error


def repr_float(value: float | np.floating) -> str:
    """Return the shortest text that reads back as the same number."""
    return repr(float(value))
