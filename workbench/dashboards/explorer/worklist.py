"""The list of cases as a table: what is known of each, filters, and the order in which to look at them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.runs.reviews import Review

COLUMNS = (
    "case_id",
    "probability",
    "prediction",
    "label",
    "outcome",
    "body_part",
    "view",
    "split",
    "flag",
    "suspicion",
    "verdict",
    "study_id",
    "patient_id",
)
OUTCOMES = ("TP", "FP", "TN", "FN")
UNKNOWN = ""
THRESHOLD = 0.5
"""A film is called abnormal above it."""
ORDERS = {"probability": "most abnormal first", "suspicion": "most suspicious first", "manifest": "as in the manifest"}


def worklist(
    manifest: Manifest,
    predictions: Predictions | None = None,
    *,
    reviews: Mapping[tuple[str, str], Review] | None = None,
    reviewer: str = "",
    suspicion: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return one row a case; no film is read.

    Parameters
    ----------
    manifest
        The cases, in whose order the rows come.
    predictions
        Of these cases or some of them; the others have no probability, prediction or outcome.
    reviews
        The last verdict of each (reviewer, case_id).
    reviewer
        Whose verdicts the column shows; empty shows every reader's, joined.
    suspicion
        By case id: share of the attribution on the flag times the change in probability when it is covered.

    Returns
    -------
    DataFrame
        :data:`COLUMNS`; what is not known is NaN in numbers and empty in texts.
    """
    frame = pd.DataFrame([_known(case) for case in manifest], columns=[c for c in COLUMNS if c not in _COMPUTED])
    abnormal = _abnormal(manifest, predictions)
    frame["probability"] = abnormal
    frame["prediction"] = _predicted(manifest, predictions)
    frame["outcome"] = _outcomes(manifest, abnormal)
    frame["suspicion"] = [(suspicion or {}).get(case.case_id, np.nan) for case in manifest]
    verdicts = _verdicts(reviews or {}, reviewer)
    frame["verdict"] = [verdicts.get(case.case_id, UNKNOWN) for case in manifest]
    return frame[list(COLUMNS)]


_COMPUTED = ("probability", "prediction", "outcome", "suspicion", "verdict")


@dataclass(frozen=True)
class Filters:
    """Which rows to show; an empty choice lets everything through.

    Parameters
    ----------
    body_part, view, split, label, prediction, outcome, flag, verdict
        Values that are let through.
    probability
        Lowest and highest, both let through; rows without one pass only the whole range.
    case_ids
        Cases picked elsewhere: in a plot of the embedding, for example.
    """

    body_part: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    prediction: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    probability: tuple[float, float] = (0.0, 1.0)
    case_ids: tuple[str, ...] = ()

    def blinded(self) -> "Filters":
        """Return these filters without those that give away what the model says."""
        return replace(self, prediction=(), outcome=(), probability=(0.0, 1.0))

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that pass, in their order."""
        passing = np.ones(len(frame), dtype=bool)
        for each in fields(self):
            wanted = getattr(self, each.name)
            if each.name == "probability":
                if wanted != (0.0, 1.0):
                    passing &= frame["probability"].between(*wanted).to_numpy()
            elif wanted:
                column = "case_id" if each.name == "case_ids" else each.name
                passing &= frame[column].isin(wanted).to_numpy()
        return frame[passing]


def ordered(frame: pd.DataFrame, by: str = "probability") -> pd.DataFrame:
    """Return the rows in one of :data:`ORDERS`; equal ones stay as they were, those without a number come last."""
    if by not in ORDERS:
        raise OptionError(f"order {by!r} is not one of {', '.join(ORDERS)}")
    if by == "manifest":
        return frame
    return frame.sort_values(by, ascending=False, kind="stable", na_position="last")


def choices(frame: pd.DataFrame, column: str) -> tuple[str, ...]:
    """Return the values that a column holds, sorted, the unknown one left out."""
    return tuple(sorted(value for value in frame[column].unique() if value != UNKNOWN))


def confusion_counts(frame: pd.DataFrame) -> dict[str, int]:
    """Return how many rows have each of :data:`OUTCOMES`."""
    return {outcome: int((frame["outcome"] == outcome).sum()) for outcome in OUTCOMES}


def _known(case: Case) -> dict[str, Any]:
    flag = UNKNOWN if not case.annotations else "yes" if case.has("flag") else "no"
    return {
        "case_id": case.case_id,
        "label": case.label or UNKNOWN,
        "body_part": case.body_part,
        "view": case.view,
        "split": case.split,
        "flag": flag,
        "study_id": case.study_id,
        "patient_id": case.patient_id,
    }


def _abnormal(manifest: Manifest, predictions: Predictions | None) -> np.ndarray:
    said = {} if predictions is None else dict(zip(predictions.case_ids, predictions.abnormal, strict=True))
    return np.array([said.get(case.case_id, np.nan) for case in manifest], dtype=np.float64)


def _predicted(manifest: Manifest, predictions: Predictions | None) -> list[str]:
    if predictions is None:
        return [UNKNOWN] * len(manifest)
    names = [predictions.class_names[index] for index in predictions.probabilities.argmax(axis=1)]
    said = dict(zip(predictions.case_ids, names, strict=True))
    return [said.get(case.case_id, UNKNOWN) for case in manifest]


def _outcomes(manifest: Manifest, abnormal: np.ndarray) -> list[str]:
    found = []
    for case, probability in zip(manifest, abnormal, strict=True):
        if case.label is None or np.isnan(probability):
            found.append(UNKNOWN)
            continue
        called, is_abnormal = probability > THRESHOLD, case.label in manifest.positive
        found.append(("T" if called == is_abnormal else "F") + ("P" if called else "N"))
    return found


def _verdicts(reviews: Mapping[tuple[str, str], Review], reviewer: str) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for (reader, case_id), review in sorted(reviews.items()):
        if not reviewer or reader == reviewer:
            said.setdefault(case_id, []).append(review.verdict)
    return {case_id: " / ".join(dict.fromkeys(verdicts)) for case_id, verdicts in said.items()}
