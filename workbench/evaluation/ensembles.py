"""Several models as one: the average of all, and the best model of each body part, which MuRAD's authors hope for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.core.errors import ManifestError, OptionError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.agreement import common_cases
from workbench.evaluation.metrics import LOWER_IS_BETTER, METRICS
from workbench.evaluation.units import STUDY_MEAN, labelled_sample

ENSEMBLE_HEAD = "ensemble"


def averaged_predictions(predictions: Mapping[str, Predictions]) -> Predictions:
    """Return the plain average of the models' probabilities on the cases that all of them have seen.

    Parameters
    ----------
    predictions
        Model -> what it said; classes and labels must be the same.

    Returns
    -------
    Predictions
        Outputs are the logarithms of the averaged probabilities; the provenance names the members.

    Raises
    ------
    OptionError
        Fewer than two models, or models of different classes or labels.
    """
    lined_up = _lined_up(predictions)
    mean = np.mean([each.probabilities for each in lined_up.values()], axis=0)
    first = next(iter(lined_up.values()))
    return _ensemble(first, mean, {"ensemble": "average", "members": list(lined_up)})


@dataclass(frozen=True)
class BestOfEachPart:
    """Which model speaks for which body part.

    Parameters
    ----------
    chosen
        Body part -> model.
    values
        Body part -> model -> the metric on the studies that it was chosen on; None where it is not defined.
    metric
        By which it was chosen.
    patients
        Those that it was chosen on: none of them may be scored.
    """

    chosen: dict[str, str]
    values: dict[str, dict[str, float | None]]
    metric: str
    patients: frozenset[str]

    def combined(self, predictions: Mapping[str, Predictions], manifest: Manifest) -> Predictions:
        """Let the chosen model of each film's body part speak.

        Parameters
        ----------
        predictions
            Model -> what it said of films of other patients than those of the choice.
        manifest
            Says body part and patient of each film.

        Returns
        -------
        Predictions
            Of the cases that all models have seen.

        Raises
        ------
        ManifestError
            A patient of the choice is among those to be scored, or a body part has no chosen model.
        OptionError
            A chosen model is missing, or models of different classes or labels.
        """
        missing = sorted(set(self.chosen.values()) - set(predictions))
        if missing:
            raise OptionError(f"no predictions of {missing[0]!r}, which was chosen; given {', '.join(predictions)}")
        lined_up = _lined_up(predictions)
        first = next(iter(lined_up.values()))
        cases = manifest.select(first.case_ids)
        seen = sorted(self.patients & {case.patient_id for case in cases})
        if seen:
            raise ManifestError(
                f"{len(seen)} patients, such as {seen[0]!r}, were used to choose; score films of others"
            )
        parts = [case.body_part for case in cases]
        unknown = sorted(set(parts) - set(self.chosen))
        if unknown:
            raise ManifestError(f"no model was chosen for {unknown[0]!r}; chosen were {', '.join(self.chosen)}")
        rows = [lined_up[self.chosen[part]].probabilities[row] for row, part in enumerate(parts)]
        return _ensemble(first, np.array(rows), {"ensemble": "best of each body part", "members": dict(self.chosen)})


def best_of_each_part(
    predictions: Mapping[str, Predictions], manifest: Manifest, *, metric: str = "cohen-kappa", unit: str = STUDY_MEAN
) -> BestOfEachPart:
    """Choose a model for each body part, on a split of the training patients.

    Parameters
    ----------
    predictions
        Model -> what it said of the films to choose on, which nobody trained on and nobody is scored on.
    manifest
        Holds these films.
    metric
        A name of :data:`METRICS`.
    unit
        What is counted.

    Returns
    -------
    BestOfEachPart
        Of equal models the first; a metric that is not defined (a part of one class only) loses against any other.

    Raises
    ------
    UnknownNameError
        No such metric.
    OptionError
        Fewer than two models, or models of different classes or labels.
    """
    score = METRICS.get(metric)
    lined_up = _lined_up(predictions)
    samples = {name: labelled_sample(each, manifest, unit=unit) for name, each in lined_up.items()}
    first = next(iter(samples.values()))
    parts = np.array([study.cases[0].body_part for study in first.members])
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    chosen: dict[str, str] = {}
    values: dict[str, dict[str, float | None]] = {}
    for part in sorted(set(parts.tolist())):
        here = parts == part
        found = {
            name: float(score(each.truth[here], each.probability[here], threshold=each.threshold))
            for name, each in samples.items()
        }
        values[part] = {name: None if np.isnan(value) else value for name, value in found.items()}
        ranked = [-np.inf if np.isnan(value) else sign * value for value in found.values()]
        chosen[part] = list(found)[int(np.argmax(ranked))]
    patients = frozenset(case.patient_id for study in first.members for case in study.cases)
    return BestOfEachPart(chosen, values, metric, patients)


def _lined_up(predictions: Mapping[str, Predictions]) -> dict[str, Predictions]:
    """Return the predictions of the cases that every model knows, in one order."""
    shared = common_cases(predictions)
    lined_up = {name: each.select(shared) for name, each in predictions.items()}
    names: Sequence[str] = list(lined_up)
    first = lined_up[names[0]]
    for name, each in lined_up.items():
        if (each.class_names, each.positive) != (first.class_names, first.positive):
            raise OptionError(
                f"{name} tells {', '.join(each.class_names)} apart, {names[0]} {', '.join(first.class_names)}"
            )
        if (each.labels != first.labels).any():
            raise OptionError(f"{name} and {names[0]} were given different labels of the same films")
    return lined_up


def _ensemble(first: Predictions, probabilities: np.ndarray, about: dict[str, object]) -> Predictions:
    floor = np.finfo(np.float32).tiny
    return replace(
        first,
        probabilities=probabilities,
        outputs=np.log(np.maximum(probabilities, floor)).astype(np.float32),
        head=ENSEMBLE_HEAD,
        provenance=about,
    )
