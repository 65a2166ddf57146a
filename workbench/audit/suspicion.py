"""Suspicion: how much a model seems to read a thing on a film that it should not, as one number to sort films by."""

from functools import partial
from pathlib import Path

import numpy as np

from workbench.attribution.explain import explain
from workbench.attribution.methods import AbstractMethod
from workbench.audit.cover import CoverStudy, covered_film
from workbench.core.errors import ReaderError
from workbench.core.explanation import Explanation
from workbench.core.files import write_text
from workbench.core.manifest import Manifest
from workbench.core.predictions import repr_float
from workbench.core.rows import csv_text, numbered_rows
from workbench.imaging.regions import attribution_share
from workbench.models.classifier import Classifier, predict

COVER_FILE = "cover.csv"
"""Where an evaluation leaves what covering a thing changed, film by film."""
NUMBERS = ("area", "share", "enrichment", "before", "covered", "control")
COLUMNS = ("case_id", "category", *NUMBERS)


def suspicion(share: float, change: float) -> float:
    """Return the share of the attribution on a thing times the size of the change when it is covered, in [0, 1].

    Either alone misleads: a map may lie on a flag that changes nothing, and covering may change what the map does not
    explain. Without a share (the map has no positive value) there is none: NaN.
    """
    return share * abs(change)


def suspicions(
    classifier: Classifier,
    manifest: Manifest,
    *,
    category: str = "flag",
    method: str | AbstractMethod = "grad-cam",
    batch_size: int = 16,
) -> dict[str, float]:
    """Measure on every film that carries a thing how much the model seems to read it.

    Parameters
    ----------
    classifier
        The model; the change is of the probability of abnormal, the maps are of its first abnormal class.
    manifest
        Films; labels are not needed.
    category
        What is covered in the mean of its surroundings.
    method
        Of the maps.
    batch_size
        Films a pass.

    Returns
    -------
    dict
        By case id, in [0, 1]; films without such a thing, that cannot be read or whose map has no positive value are
        left out.

    Raises
    ------
    ModelError
        None of the films that carry the thing could be read.
    """
    carrying = manifest.where(case for case in manifest if case.has(category))
    if not len(carrying):
        return {}
    covered, _ = predict(classifier, carrying, batch_size=batch_size, edit=partial(covered_film, category=category))
    readable = carrying.select(covered.case_ids)
    explanation = next(iter(explain(classifier, readable, [method], target=classifier.positive[0]).values()))
    assert isinstance(explanation, Explanation)  # noqa: S101 - only activations are not, and they refuse a target
    columns = [classifier.class_names.index(name) for name in classifier.positive]
    changes = covered.abnormal - explanation.probabilities[:, columns].sum(axis=1)
    found = {
        case.case_id: suspicion(attribution_share(explanation.on_film(index), case.mask(category)), float(change))
        for index, (case, change) in enumerate(zip(readable, changes, strict=True))
    }
    return {case_id: value for case_id, value in found.items() if np.isfinite(value)}


def write_cover_table(folder: Path, study: CoverStudy) -> None:
    """Write what covering a thing changed, film by film, as :data:`COVER_FILE` into the folder of a run."""
    rows = [[row["case_id"], study.effect.category, *(_text(row[name]) for name in NUMBERS)] for row in study.table]
    write_text(folder / COVER_FILE, csv_text([COLUMNS, *rows]))


def read_suspicions(folder: Path) -> dict[str, float]:
    """Return the suspicion of each film of the table that :func:`write_cover_table` left in a folder.

    Parameters
    ----------
    folder
        Of a run.

    Returns
    -------
    dict
        By case id; empty where there is no table.

    Raises
    ------
    ReaderError
        The file is another table, or damaged; the message names the line.
    """
    path = folder / COVER_FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(numbered_rows(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ReaderError(f"{path}: not readable as CSV ({error})") from error
    if not rows or tuple(rows[0][1]) != COLUMNS:
        raise ReaderError(f"{path}:1: the columns {', '.join(COLUMNS)} are wanted")
    found = dict(_suspicion_of(path, line, values) for line, values in rows[1:])
    return {case_id: value for case_id, value in found.items() if np.isfinite(value)}


def _suspicion_of(path: Path, line: int, values: list[str] | str) -> tuple[str, float]:
    if isinstance(values, str) or len(values) != len(COLUMNS):
        raise ReaderError(f"{path}:{line}: {len(COLUMNS)} values are wanted")
    row = dict(zip(COLUMNS, values, strict=True))
    try:
        share, before, covered = (float(row[name] or "nan") for name in ("share", "before", "covered"))
    except ValueError as error:
        raise ReaderError(f"{path}:{line}: {error}; numbers or nothing are wanted") from error
    return row["case_id"], suspicion(share, covered - before)


def _text(value: float) -> str:
    return repr_float(value) if np.isfinite(value) else ""
