"""Cover what a model should not read, look again, and compare with the same edit on a control patch.

A model that reads the bone does not care whether the flag is there. One that reads the flag loses its probability and
its AUROC when the flag is covered, and keeps both when an equal patch elsewhere is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from workbench.attribution.explain import explain
from workbench.attribution.methods import AbstractMethod
from workbench.core.arrays import FilmMask, FilmPixels, Json
from workbench.core.case import Case
from workbench.core.errors import ManifestError, ReaderError, Skipped
from workbench.core.explanation import Explanation
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.progress import Progress
from workbench.core.seeding import derived_generator
from workbench.evaluation.differences import metric_difference, probability_change
from workbench.evaluation.intervals import Interval, Resampling, mean_interval
from workbench.evaluation.metrics import METRICS
from workbench.imaging.edits import control_patch, cover, with_surroundings
from workbench.imaging.films import Edit
from workbench.imaging.regions import attribution_share, enrichment
from workbench.models.classifier import Classifier, predict

KEPT_CLEAR = ("evidence", "fracture", "hardware", "flag", "text", "logo", "frame")
"""Where a control patch must not lie."""


@dataclass(frozen=True)
class CoverEffect:
    """What covering one category of things does to a model, beside the same edit on control patches.

    Parameters
    ----------
    category
        What was covered.
    films, with_region
        How many films were looked at, and how many of them carry such a thing.
    without_control, without_map
        Films where no control patch found a place, and films whose map has no positive mass; both are left out of
        the means they would belong to.
    area
        Mean share of the film that the thing covers.
    share, enrichment
        Share of the positive attribution for the abnormal class on it, and that share over its area: 1 is chance.
    change, control_change
        Mean change of the probability of abnormal, over films that carry the thing: covered, and control patch.
    auroc, covered_auroc, control_auroc
        Over all films: as they are, with the thing covered, with a control patch covered.
    auroc_change, control_auroc_change
        Paired differences of these.
    """

    category: str
    films: int
    with_region: int
    without_control: int
    without_map: int
    area: float
    share: Interval
    enrichment: Interval
    change: Interval
    control_change: Interval
    auroc: float | None
    covered_auroc: float | None
    control_auroc: float | None
    auroc_change: Interval
    control_auroc_change: Interval

    def to_json(self) -> Json:
        """Return plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Json) -> "CoverEffect":
        """Return what :meth:`to_json` wrote; anything else is a ReaderError."""
        try:
            values: dict[str, Any] = {
                key: Interval(**value) if isinstance(value, dict) else value for key, value in content.items()
            }
            return cls(**values)
        except (TypeError, AttributeError) as error:
            raise ReaderError(f"not an effect of covering ({error})") from error


@dataclass(frozen=True)
class CoverStudy:
    """The effect with what it was computed from.

    Parameters
    ----------
    before, covered, control
        Predictions of the same films: as they are, with the thing covered, with a control patch covered.
    explanation
        Maps of the films that carry the thing, for the abnormal class.
    table
        A row a film that carries the thing: case id, area, share, enrichment, and the three probabilities.
    """

    effect: CoverEffect
    before: Predictions
    covered: Predictions
    control: Predictions
    explanation: Explanation
    table: tuple[dict[str, Any], ...]
    skipped: tuple[Skipped, ...]

    def to_frame(self) -> Any:
        """Return the table as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.table)

    def changes(self, model: str) -> Any:
        """Return a pandas DataFrame of columns model, edit, change: two rows a film that carries the thing."""
        import pandas as pd

        frame = self.to_frame()
        edits = {f"{self.effect.category} covered": "covered", "control patch covered": "control"}
        parts = [
            pd.DataFrame({"model": model, "edit": words, "change": frame[column] - frame["before"]})
            for words, column in edits.items()
        ]
        return pd.concat(parts, ignore_index=True)


def cover_regions(
    classifier: Classifier,
    manifest: Manifest,
    *,
    category: str = "flag",
    method: str | AbstractMethod = "grad-cam",
    seed: int = 0,
    resamples: int = 1000,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> CoverStudy:
    """Measure what covering every annotated thing of a category changes.

    Parameters
    ----------
    classifier
        The model.
    manifest
        Labelled films; its annotations say where the things are.
    category
        ``flag``, ``frame``, ``text``, ``hardware`` ...
    method
        Of the attribution whose share is measured.
    seed
        Of the places of the control patches (with the case id) and of the bootstrap.
    resamples
        Of patients, for the intervals.
    batch_size
        Films a pass.
    progress
        Called with films done, of all films of the four passes.

    Returns
    -------
    CoverStudy
        Effect, predictions, maps and a table.

    Raises
    ------
    ManifestError
        No film of the manifest carries such a thing.
    """
    carrying = manifest.where(case for case in manifest if case.has(category))
    if not len(carrying):
        known = ", ".join(sorted({each.category for case in manifest for each in case.annotations})) or "none"
        raise ManifestError(f"{manifest.name}: no film has a {category!r} annotated; known: {known}")
    steps = _Steps(progress, 3 * len(manifest) + len(carrying))
    run = partial(predict, classifier, manifest, batch_size=batch_size)
    before, skipped = run(progress=steps)
    covered, _ = run(edit=_covering(category), progress=steps.next())
    control, _ = run(edit=_covering_control(category, seed), progress=steps.next())
    readable = carrying.where(case for case in carrying if case.case_id in set(before.case_ids))
    found = explain(classifier, readable, [method], target=classifier.positive[0], progress=steps.next())
    without_control = [case.case_id for case in readable if control_region(case, category, seed=seed) is None]
    explanation = next(iter(found.values()))
    assert isinstance(explanation, Explanation)  # noqa: S101 - only activations are not, and they refuse a share
    table = _table(readable, explanation, category, before, covered, control)
    effect = _effect(
        manifest, category, table, before, covered, control, without_control, seed=seed, resamples=resamples
    )
    return CoverStudy(effect, before, covered, control, explanation, tuple(table), skipped)


def covered_film(case: Case, pixels: FilmPixels, category: str) -> FilmPixels:
    """Return the film with everything of a category painted in the mean of its surroundings."""
    return cover(pixels, case.mask(category)) if case.has(category) else pixels


def control_film(case: Case, pixels: FilmPixels, category: str, *, seed: int = 0) -> FilmPixels:
    """Return the film with a patch of equal shape elsewhere painted the same way; unchanged where none has a place."""
    patch = control_region(case, category, seed=seed)
    return pixels if patch is None else cover(pixels, patch)


def _covering(category: str) -> Edit:
    return lambda case, pixels: covered_film(case, pixels, category)


def _covering_control(category: str, seed: int) -> Edit:
    return lambda case, pixels: control_film(case, pixels, category, seed=seed)


def control_region(case: Case, category: str, *, seed: int = 0) -> FilmMask | None:
    """Return the control patch of a thing; None where the film has no such thing, or no place for a control."""
    return control_of(case, case.mask(category), seed=seed) if case.has(category) else None


def control_of(case: Case, region: FilmMask, *, seed: int = 0) -> FilmMask | None:
    """Return a region's control patch: of equal shape, clear of all that matters; None where none has a place."""
    # a patch that touched a flag would be painted in a mean that the flag's brightness is part of
    known = case.mask(*KEPT_CLEAR) if any(case.has(category) for category in KEPT_CLEAR) else np.zeros_like(region)
    return control_patch(region, with_surroundings(known | region), derived_generator(seed, "control", case.case_id))


def _table(
    carrying: Manifest,
    explanation: Explanation,
    category: str,
    before: Predictions,
    covered: Predictions,
    control: Predictions,
) -> list[dict[str, Any]]:
    ids = [case.case_id for case in carrying]
    columns = {
        "before": before.select(ids).abnormal,
        "covered": covered.select(ids).abnormal,
        "control": control.select(ids).abnormal,
    }
    rows = []
    for index, case in enumerate(carrying):
        region, film_map = case.mask(category), explanation.on_film(index)
        row: dict[str, Any] = {"case_id": case.case_id, "patient_id": case.patient_id, "label": case.label}
        row |= {"area": float(region.mean()), "share": attribution_share(film_map, region)}
        row |= {"enrichment": enrichment(film_map, region)}
        rows.append(row | {name: float(values[index]) for name, values in columns.items()})
    return rows


def _effect(
    manifest: Manifest,
    category: str,
    table: Sequence[dict[str, Any]],
    before: Predictions,
    covered: Predictions,
    control: Predictions,
    without_control: Sequence[str],
    *,
    seed: int,
    resamples: int,
) -> CoverEffect:
    carrying = [row["case_id"] for row in table]
    controlled = [case_id for case_id in carrying if case_id not in set(without_control)]
    mapped = [row for row in table if np.isfinite(row["share"])]
    patients = [row["patient_id"] for row in mapped]
    resampling = Resampling(resamples, seed=seed)

    def mean(column: str) -> Interval:
        if not mapped:
            return Interval(None, None, None, resampling.level, resamples, 0, reason="no map has positive mass")
        return mean_interval(np.array([row[column] for row in mapped]), patients, resampling=resampling)

    def change(after: Predictions, ids: list[str]) -> Interval:
        return probability_change(before.select(ids), after.select(ids), manifest, resampling=resampling)

    def auroc(predictions: Predictions) -> float | None:
        known = predictions.truth >= 0
        value = float(METRICS.get("auroc")(predictions.truth[known], predictions.abnormal[known]))
        return value if np.isfinite(value) else None

    return CoverEffect(
        category=category,
        films=len(before),
        with_region=len(table),
        without_control=len(without_control),
        without_map=len(table) - len(mapped),
        area=float(np.mean([row["area"] for row in table])),
        share=mean("share"),
        enrichment=mean("enrichment"),
        change=change(covered, carrying),
        control_change=change(control, controlled),
        auroc=auroc(before),
        covered_auroc=auroc(covered),
        control_auroc=auroc(control),
        auroc_change=metric_difference(covered, manifest, before, manifest, metric="auroc", resampling=resampling),
        control_auroc_change=metric_difference(
            control, manifest, before, manifest, metric="auroc", resampling=resampling
        ),
    )


class _Steps:
    """One progress bar over several passes."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total = progress, total
        self._before = self._last = 0

    def __call__(self, done: int, _of: int) -> None:
        self._last = self._before + done
        if self._progress:
            self._progress(self._last, self._total)

    def next(self) -> "_Steps":
        self._before = self._last
        return self
