"""The boxes that models' maps mark, scored against what is annotated: how the per-body-part paper localises."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.attribution import METHODS, explain
from workbench.audit.scorecard import Scorecard
from workbench.audit.selection import choose_cases
from workbench.core.errors import MethodRefusedError, OptionError, WorkbenchError
from workbench.core.explanation import Explanation
from workbench.core.manifest import Manifest
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Resampling, mean_interval
from workbench.imaging.map_boxes import THRESHOLD, map_boxes
from workbench.imaging.regions import box_iou, mask_box
from workbench.models.checkpoints import load_classifier
from workbench.models.classifier import Classifier
from workbench.plots.contact_sheet import contact_sheet
from workbench.plots.explanation_sheet import Row
from workbench.plots.sheet import Picture
from workbench.reports.cases import film_of
from workbench.reports.published import measured_models
from workbench.runs import Run

MOST_FILMS, SHOWN_FILMS = 60, 6
WORDS = {"cam": "class activation map", "grad-cam": "Grad-CAM, because the head has no exact CAM"}


@dataclass(frozen=True)
class LocatedBoxes:
    """Boxes of several models.

    Parameters
    ----------
    frame
        A row a model: method, films, mean overlap (IoU) with its interval, share of boxes that hit, films without one.
    figure
        Some films of each model with the annotated and the marked box; None where no model could be drawn.
    """

    frame: pd.DataFrame
    figure: Picture | None


def boxes_of_models(
    runs: Sequence[Run],
    cards: Sequence[Scorecard],
    films: Manifest,
    *,
    split: str,
    category: str,
    threshold: float = THRESHOLD,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> LocatedBoxes:
    """Box what each model's map marks for the abnormal class, and compare with the annotated box.

    Parameters
    ----------
    runs
        Evaluations, beside the training runs that they name.
    cards
        Their scorecards.
    films
        The manifest of the evaluations.
    split
        The films that were scored.
    category
        What is annotated on them, such as ``evidence``.
    threshold
        Share of the map's maximum.
    resampling
        Of patients.

    Returns
    -------
    LocatedBoxes
        A model of which no film carries the category, or which cannot be loaded, has a row that says so.

    Raises
    ------
    OptionError
        No evaluation of the split is given.
    """
    models = measured_models(runs, cards, split)
    if not models:
        raise OptionError(f"no model was evaluated on {split}")
    folders = {card.run: run.folder.parent / card.run for run, card in zip(runs, cards, strict=True)}
    rows, shown = [], []
    for each in models:
        own = films.select(each.predictions.case_ids)
        try:
            chosen = choose_cases(own, rule="any", category=category, count=MOST_FILMS)
            found = _explained(load_classifier(folders[each.card.run]), chosen, films.positive[0])
        except WorkbenchError as error:
            rows.append({"model": each.title, "method": f"none: {error}"})
            continue
        rows.append({"model": each.title} | _scored(found, chosen, category, threshold, resampling))
        shown += _drawn(found, chosen, category, threshold, each.title)
    title = f"Boxes over {threshold:.0%} of the maximum, and {category}"
    return LocatedBoxes(pd.DataFrame(rows), contact_sheet(shown, columns=SHOWN_FILMS, title=title) if shown else None)


def _explained(classifier: Classifier, films: Manifest, target: str) -> Explanation:
    """Return CAMs, or Grad-CAMs where the network has none."""
    method = "cam"
    try:
        METHODS.make(method).check(classifier)
    except MethodRefusedError:
        method = "grad-cam"
    found = explain(classifier, films, [method], target=target)[method]
    assert isinstance(found, Explanation)  # noqa: S101 - both are maps
    return found


def _overlaps(found: Explanation, films: Manifest, category: str, threshold: float) -> tuple[np.ndarray, list[str]]:
    """Return the IoU of each film's box with the annotated one, 0 where the map marks none, and the patients."""
    cases = films.select(found.case_ids)
    overlaps = []
    for case, marked in zip(cases, map_boxes(found, threshold=threshold), strict=True):
        wanted = mask_box(case.mask(category))
        overlaps.append(box_iou(marked.box, wanted) if marked.box and wanted else 0.0)
    return np.array(overlaps), [case.patient_id for case in cases]


def _scored(
    found: Explanation, films: Manifest, category: str, threshold: float, resampling: Resampling
) -> dict[str, str]:
    overlaps, patients = _overlaps(found, films, category, threshold)
    without = sum(each.box is None for each in map_boxes(found, threshold=threshold))
    return {
        "method": WORDS[found.method],
        "films": str(len(found)),
        f"IoU with {category}": str(mean_interval(overlaps, patients, resampling=resampling)),
        "boxes with IoU of at least 0.5": str(mean_interval((overlaps >= 0.5) * 1.0, patients, resampling=resampling)),
        "maps without a box": str(without),
    }


def _drawn(found: Explanation, films: Manifest, category: str, threshold: float, title: str) -> list[Row]:
    rows = []
    marked = map_boxes(found, threshold=threshold)
    for case, mark in list(zip(films.select(found.case_ids), marked, strict=True))[:SHOWN_FILMS]:
        pixels = film_of(films, case)
        masks = {category: case.mask(category)}
        if mark.box:
            left, top, right, bottom = mark.box
            boxed = np.zeros(pixels.shape, dtype=bool)
            boxed[top:bottom, left:right] = True
            masks["box of the map"] = boxed
        rows.append(Row(pixels, masks, title))
    return rows
