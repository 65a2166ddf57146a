"""Several models as one, and what they are worth on a worklist: tables for the comparing report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.audit.scorecard import Scorecard, learned_models
from workbench.core.errors import WorkbenchError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.ensembles import averaged_predictions, best_of_each_part
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Resampling
from workbench.evaluation.scores import Evaluation
from workbench.evaluation.studies import study_predictions
from workbench.evaluation.thresholds import choose_threshold
from workbench.evaluation.units import STUDY_MEAN, labelled_sample
from workbench.evaluation.worklist import worklist_value
from workbench.reports.tables import predictions_by_model
from workbench.runs import Run

AVERAGE, BEST = "average of all models", "best model of each body part"
SHOWN = ("accuracy", "precision", "recall", "f1", "cohen-kappa", "auroc", "brier-score")


@dataclass(frozen=True)
class JoinedModels:
    """Models and their ensembles on the same films.

    Parameters
    ----------
    choice
        A row for each body part: the model chosen for it, and every model's metric where it was chosen.
    evaluations
        Model or ensemble -> its evaluation on the films that are scored.
    worklist
        A row for each model and ensemble: gain, threshold, share of normals cleared, sensitivity kept.
    notes
        What could not be done, and why.
    """

    choice: pd.DataFrame
    evaluations: Mapping[str, Evaluation]
    worklist: pd.DataFrame
    notes: tuple[str, ...] = ()

    def scores(self, unit: str = STUDY_MEAN) -> pd.DataFrame:
        """Return the metrics with intervals, a row for each model and ensemble."""
        rows = {
            name: {metric: str(evaluation.interval(metric, unit=unit)) for metric in SHOWN}
            for name, evaluation in self.evaluations.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")


def joined_models(
    runs: Sequence[Run],
    cards: Sequence[Scorecard],
    films: Manifest,
    *,
    split: str,
    choose_split: str,
    metric: str = "cohen-kappa",
    sensitivity: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> JoinedModels:
    """Join models by average and by body part; whatever is chosen is chosen on other patients than those scored.

    Parameters
    ----------
    runs
        Evaluations with predictions on both splits (``threshold_split`` of the notebook 40_evaluate).
    cards
        Their scorecards.
    films
        The manifest of the evaluations.
    split
        The films that are scored.
    choose_split
        The films on which the model of each body part and the thresholds are chosen.
    metric
        By which the model of a body part is chosen.
    sensitivity
        Wanted where the thresholds for ruling out are chosen.
    resampling
        Of patients.

    Returns
    -------
    JoinedModels
        Ensembles only of models that learned; what cannot be joined is said in the notes.
    """
    said = predictions_by_model(runs, cards, split)
    choosing = predictions_by_model(runs, cards, choose_split)
    notes: list[str] = []
    learned = _usable(said, choosing, cards, choose_split, notes)
    scored, chosen_on = ({name: each[name] for name in learned} for each in (said, choosing))
    choice = pd.DataFrame()
    try:
        best = best_of_each_part(chosen_on, films, metric=metric)
        choice = _choice_table(best.chosen, best.values)
        scored |= {AVERAGE: averaged_predictions(scored), BEST: best.combined(scored, films)}
        chosen_on |= {AVERAGE: averaged_predictions(chosen_on)}
    except WorkbenchError as error:
        notes.append(f"No ensemble: {error}")
    evaluations = {
        name: evaluate(each, films.select(each.case_ids), resampling=resampling) for name, each in scored.items()
    }
    worklist = _worklist_table(scored, chosen_on, films, sensitivity, resampling, notes)
    return JoinedModels(choice, evaluations, worklist, tuple(notes))


def _usable(
    said: Mapping[str, Predictions],
    choosing: Mapping[str, Predictions],
    cards: Sequence[Scorecard],
    choose_split: str,
    notes: list[str],
) -> list[str]:
    """Return the models that learned and have predictions on both splits; note the others."""
    known = learned_models(cards)
    lost = [name for name in said if not known[name]]
    absent = [name for name in said if known[name] and name not in choosing]
    if lost:
        notes.append(f"Did not learn, so not joined: {', '.join(lost)}")
    if absent:
        notes.append(f"Not evaluated on {choose_split}, so not joined: {', '.join(absent)}")
    return [name for name in said if name not in (*lost, *absent)]


def _choice_table(chosen: Mapping[str, str], values: Mapping[str, Mapping[str, float | None]]) -> pd.DataFrame:
    rows = [
        {"body part": part, "chosen": name}
        | {model: "not defined" if value is None else f"{value:.3f}" for model, value in values[part].items()}
        for part, name in chosen.items()
    ]
    return pd.DataFrame(rows)


def _worklist_table(
    scored: Mapping[str, Predictions],
    chosen_on: Mapping[str, Predictions],
    films: Manifest,
    sensitivity: float,
    resampling: Resampling,
    notes: list[str],
) -> pd.DataFrame:
    """Return the worth on a worklist of studies; thresholds are chosen on studies of other patients.

    The best of each part has none: it was itself chosen on those patients.
    """
    rows = []
    for name, each in scored.items():
        if name not in chosen_on:
            continue
        try:
            studies = study_predictions(chosen_on[name], films, rule="mean").predictions
            threshold = choose_threshold(studies, rule="sensitivity", sensitivity=sensitivity).threshold
            value = worklist_value(labelled_sample(each, films, unit=STUDY_MEAN), threshold, resampling=resampling)
        except WorkbenchError as error:
            notes.append(f"{name}: no worklist value ({error})")
            continue
        rows.append(
            {
                "model": name,
                "abnormal studies are read sooner by this share of the list": str(value.gain),
                "threshold": f"{threshold:.3f}",
                "share of normal studies ruled out": str(value.cleared),
                "sensitivity kept": str(value.sensitivity),
            }
        )
    return pd.DataFrame(rows)
