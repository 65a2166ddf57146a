"""Tables that reports show: pandas DataFrames with numbers made readable, an interval in every cell that has one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.audit.cover import CoverEffect
from workbench.audit.scorecard import Scorecard, comparison_rows, model_titles, percent, signed
from workbench.core.errors import Skipped
from workbench.core.explanation import Explanation
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions, load_predictions
from workbench.evaluation.curves import roc_curve_points
from workbench.evaluation.metrics import confusion_counts
from workbench.evaluation.scores import OVERALL, Evaluation
from workbench.evaluation.units import IMAGE
from workbench.imaging.regions import attribution_share, box_iou, enrichment, map_box, mask_box
from workbench.runs import Run


def metrics_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return every metric with its interval, a column for each unit (image, study by vote and by mean, patient)."""
    overall = [each for each in evaluation if each.group == OVERALL]
    columns = {each.unit: {"cases": str(each.cases)} | _texts(each.intervals) for each in overall}
    return pd.DataFrame(columns)


def group_frame(evaluation: Evaluation) -> pd.DataFrame:
    """Return the image-level scores of every body part and kind of abnormality, as the group chart takes them."""
    frame = evaluation.to_frame()
    chosen = frame[(frame["unit"] == IMAGE) & frame["estimate"].notna()]
    return chosen.reset_index(drop=True)


def effect_table(effect: CoverEffect) -> pd.DataFrame:
    """Return what covering a thing changed, with its control beside."""
    none = "-"
    rows = {
        "share of attribution on it": (percent(effect.share), f"{100 * effect.area:.1f} % of the film"),
        "enrichment over its area": (str(effect.enrichment), "1 is chance"),
        "mean change of the probability of abnormal": (signed(effect.change), signed(effect.control_change)),
        "AUROC with it covered": (_number(effect.covered_auroc), _number(effect.control_auroc)),
        "change of AUROC": (signed(effect.auroc_change), signed(effect.control_auroc_change)),
        "films": (f"{effect.with_region} of {effect.films} carry it", f"{effect.without_control} without a free place"),
        "AUROC as they are": (_number(effect.auroc), none),
    }
    columns = [f"{effect.category} covered", "control patch covered, or chance"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def skipped_table(skipped: Iterable[Skipped]) -> pd.DataFrame:
    """Return what was found but not used, with reasons; one row says so where everything was used."""
    rows = [(each.what, each.reason) for each in skipped] or [("none", "every film was used")]
    return pd.DataFrame(rows, columns=["skipped", "reason"])


def localisation_table(films: Manifest, maps: Mapping[str, Explanation]) -> pd.DataFrame:
    """Return how well each map marks each annotated category: means over the films that carry it.

    Columns: the share of the map's positive mass on the category, that share over its area (1 is chance), and the
    overlap (IoU) of the map's own box (20 % of the maximum, largest component) with the category's box.
    """
    rows = []
    for method, explanation in maps.items():
        for category in sorted({each.category for case in films for each in case.annotations}):
            carrying = [case for case in films if case.has(category) and case.case_id in explanation.case_ids]
            found = [(explanation.on_film(explanation.index(case.case_id)), case.mask(category)) for case in carrying]
            if found:
                share, over_area, overlap = np.nanmean([_localisation(*each) for each in found], axis=0)
                rows.append((method, category, len(found), f"{share:.1%}", f"{over_area:.1f}", f"{overlap:.2f}"))
    columns = ["method", "on", "films", "share of attribution", "enrichment over its area", "IoU of the map's box"]
    return pd.DataFrame(rows, columns=columns)


def _localisation(film_map: np.ndarray, mask: np.ndarray) -> tuple[float, float, float]:
    marked, wanted = map_box(film_map), mask_box(mask)
    overlap = box_iou(marked, wanted) if marked and wanted else 0.0
    return attribution_share(film_map, mask), enrichment(film_map, mask), overlap


def comparison_table(cards: Sequence[Scorecard]) -> pd.DataFrame:
    """Return the models side by side: a row for each measure, a column for each model."""
    rows = comparison_rows(cards)
    titles = model_titles(cards)
    return pd.DataFrame([texts for _, texts in rows], index=[title for title, _ in rows], columns=titles)


def scores_frame(cards: Sequence[Scorecard], split: str) -> pd.DataFrame:
    """Return the image-level scores on one split, as the model comparison chart takes them.

    The chart itself marks a model whose AUROC interval there includes 0.5.
    """
    frames = [
        _scored(card, split, title)
        for card, title in zip(cards, model_titles(cards), strict=True)
        if split in card.evaluations
    ]
    return pd.concat(frames, ignore_index=True)


def roc_frame(predictions: Mapping[str, Predictions]) -> pd.DataFrame:
    """Return the points of each model's ROC curve, as the chart takes them."""
    frames = []
    for model, said in predictions.items():
        curve = roc_curve_points(*_known(said))
        rates = {"false_positive_rate": curve.false_positive_rate, "true_positive_rate": curve.true_positive_rate}
        frames.append(pd.DataFrame({"model": model, **rates}))
    return pd.concat(frames, ignore_index=True)


def operating_points(predictions: Mapping[str, Predictions], *, threshold: float = 0.5) -> pd.DataFrame:
    """Return each model's false and true positive rate where abnormal is strictly above the threshold."""
    rows = []
    for model, said in predictions.items():
        count = confusion_counts(*_known(said), threshold=threshold)
        false = count.false_positives / max(count.false_positives + count.true_negatives, 1)
        true = count.true_positives / max(count.true_positives + count.false_negatives, 1)
        rows.append((model, float(false), float(true)))
    return pd.DataFrame(rows, columns=["model", "false_positive_rate", "true_positive_rate"])


def predictions_by_model(runs: Sequence[Run], cards: Sequence[Scorecard], split: str) -> dict[str, Predictions]:
    """Return what each evaluated model said of the films of one split."""
    paths = [Path(run.folder) / f"predictions-{split}.csv" for run in runs]
    titles = model_titles(cards)
    return {title: load_predictions(path) for title, path in zip(titles, paths, strict=True) if path.exists()}


def _scored(card: Scorecard, split: str, title: str) -> pd.DataFrame:
    frame = group_frame(card.evaluations[split])
    return frame[frame["group"] == OVERALL].assign(model=title)


def _known(said: Predictions) -> tuple[np.ndarray, np.ndarray]:
    labelled = said.truth >= 0
    return said.truth[labelled], said.abnormal[labelled]


def _texts(intervals: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(interval) for name, interval in intervals.items()}


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.2f}"
