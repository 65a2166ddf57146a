"""The films that models have all seen, those first on which they are furthest apart, and who of them is right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.agreement import disagreements

COLUMNS = ("case_id", "label", "body_part", "disputed", "right", "apart")
"""Of the list; after them a column of probabilities for each model, :func:`probability_column`."""
ALL_RIGHT, NONE_RIGHT, UNKNOWN = "all", "none", ""


@dataclass(frozen=True)
class DisagreementFilters:
    """Which films to list; an empty choice lets everything through.

    Parameters
    ----------
    disputed
        Only films that some models call abnormal and others normal.
    body_part, label
        The value that is let through.
    right
        Who is right: ``all``, ``none``, or a text of :func:`who_is_right`.
    """

    disputed: bool = False
    body_part: str = ""
    label: str = ""
    right: str = ""

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that pass, in their order."""
        passing = frame["disputed"] if self.disputed else pd.Series(data=True, index=frame.index)
        for column in ("body_part", "label", "right"):
            if wanted := getattr(self, column):
                passing = passing & (frame[column] == wanted)
        return frame[passing.astype(bool)]


def disagreement_frame(
    said: Mapping[str, Predictions], films: Manifest, *, threshold: float = 0.5, case_ids: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return a row for each film that all models have classified, those first that they are furthest apart on.

    Parameters
    ----------
    said
        By model; at least two.
    films
        Say label and body part.
    threshold
        Abnormal is strictly above it.
    case_ids
        Only these films; None takes all.

    Returns
    -------
    pd.DataFrame
        :data:`COLUMNS`, and a column of probabilities of abnormal for each model. Without a label nobody is right.

    Raises
    ------
    OptionError
        Fewer than two models.
    ManifestError
        No film was classified by all, or one is not among ``films``.
    """
    found = disagreements(said, threshold=threshold)
    if case_ids is not None:
        wanted = set(case_ids)
        found = tuple(each for each in found if each.case_id in wanted)
    rows = []
    for each, case in zip(found, films.select(one.case_id for one in found), strict=True):
        right = [name for name, value in each.probabilities.items() if (value > threshold) == (each.truth == 1)]
        who = UNKNOWN if each.truth < 0 else who_is_right(right, said)
        shown = (each.case_id, case.label or UNKNOWN, case.body_part, each.disputed, who, each.apart)
        rows.append((*shown, *each.probabilities.values()))
    return pd.DataFrame(rows, columns=[*COLUMNS, *map(probability_column, said)])


def who_is_right(right: Iterable[str], models: Iterable[str]) -> str:
    """Return the models that are right as a text: ``all``, ``none``, ``only A``, or ``A and B``."""
    right, models = list(right), list(models)
    if len(right) == len(models):
        return ALL_RIGHT
    if not right:
        return NONE_RIGHT
    return f"only {right[0]}" if len(right) == 1 else " and ".join(right)


def probability_column(model: str) -> str:
    """Return the name of a model's column of probabilities of abnormal."""
    return f"p({model})"
