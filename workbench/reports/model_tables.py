"""Tables and chart data of several models: pairs, body parts, curves, disagreements."""

from collections.abc import Mapping, Sequence

import pandas as pd

from workbench.audit.scorecard import Scorecard, learned_models, model_titles, signed
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.agreement import disagreements
from workbench.evaluation.comparison import Comparison, compare_predictions
from workbench.evaluation.curves import calibration_points, precision_recall_points
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Resampling
from workbench.evaluation.metrics import precision, recall
from workbench.evaluation.scores import KIND_PREFIX, OVERALL
from workbench.evaluation.units import IMAGE, labelled_sample
from workbench.reports.tables import predictions_by_model
from workbench.runs import Run

NOT_TESTED = "-"
MOST_COLUMNS = 6
"""Models that have a column of their own beside each other."""


def model_groups(runs: Sequence[Run], cards: Sequence[Scorecard]) -> dict[str, dict[str, Predictions]]:
    """Put together the models that were evaluated on the same films, which alone can be compared case by case.

    Parameters
    ----------
    runs
        Evaluations.
    cards
        Their scorecards.

    Returns
    -------
    dict[str, dict[str, Predictions]]
        Title of the films -> model -> what it said. The title is the split's name; where models of one split were
        evaluated on different films, such as one body part each, with what these films are called in the runs.
    """
    groups: dict[str, dict[str, Predictions]] = {}
    parts = dict(zip(model_titles(cards), (_body_part(run) for run in runs), strict=True))
    for split in dict.fromkeys(split for card in cards for split in card.evaluations):
        by_films: dict[frozenset[str], dict[str, Predictions]] = {}
        for name, said in predictions_by_model(runs, cards, split).items():
            by_films.setdefault(frozenset(said.case_ids), {})[name] = said
        for number, said_of in enumerate(by_films.values(), start=1):
            part = parts[next(iter(said_of))] or f"films {number}"
            groups[split if len(by_films) == 1 else f"{split}, {part}"] = said_of
    return groups


def comparisons(
    runs: Sequence[Run],
    cards: Sequence[Scorecard],
    films: Manifest,
    *,
    unit: str = IMAGE,
    metric: str = "auroc",
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> dict[str, Comparison]:
    """Compare evaluated models in pairs on all films that two or more of them were evaluated on.

    Parameters
    ----------
    runs
        Their evaluations.
    cards
        Their scorecards, which say who learned on its own kind of films.
    films
        The manifest of the evaluations.
    unit
        What is counted.
    metric
        Whose difference is resampled.
    resampling
        Of patients.

    Returns
    -------
    dict[str, Comparison]
        By title of the films, as in :func:`model_groups`; empty where no two models share any.

    Raises
    ------
    UnknownNameError
        No such unit or metric.
    """
    return {
        title: compare_predictions(
            said, films, unit=unit, metric=metric, resampling=resampling, learned=learned_models(cards)
        )
        for title, said in model_groups(runs, cards).items()
        if len(said) > 1
    }


def cost_frame(cards: Sequence[Scorecard], split: str, *, unit: str = IMAGE, metric: str = "auroc") -> pd.DataFrame:
    """Return what each model costs and gives on one split, as the cost chart takes it.

    Parameters
    ----------
    cards
        One a model; those that were not evaluated on the split are left out.
    split
        Name of the split.
    unit
        What is counted.
    metric
        What a model gives.

    Returns
    -------
    pd.DataFrame
        Columns ``model, parameters, training_s, metric, estimate, low, high, learned``.
    """
    rows = []
    for card, title in zip(cards, model_titles(cards), strict=True):
        if split in card.evaluations:
            found = card.evaluations[split].interval(metric, unit=unit)
            worth = (metric, found.estimate, found.low, found.high)
            rows.append((title, card.parameters, card.training_s, *worth, card.learned))
    return pd.DataFrame(
        rows, columns=["model", "parameters", "training_s", "metric", "estimate", "low", "high", "learned"]
    )


def pair_table(comparison: Comparison, *, most: int | None = None) -> pd.DataFrame:
    """Return a row for each pair of models: the first minus the second, p-values corrected for the number of pairs.

    Of more pairs than ``most`` those that differ most are kept.
    """
    pairs = list(comparison.pairs)
    if most is not None and len(pairs) > most:
        pairs = sorted(pairs, key=lambda pair: -abs(pair.difference.estimate or 0.0))[:most]
    rows = [
        {
            "first": pair.a,
            "second": pair.b,
            f"difference in {comparison.metric}": signed(pair.difference),
            "AUROCs": f"{pair.delong.auroc_a:.3f}, {pair.delong.auroc_b:.3f}",
            "DeLong p": p_value_text(pair.delong_adjusted),
            "only the first right": pair.mcnemar.only_a,
            "only the second right": pair.mcnemar.only_b,
            "McNemar p": p_value_text(pair.mcnemar_adjusted),
            "called alike": f"{pair.agreement.share:.1%}",
        }
        for pair in pairs
    ]
    return pd.DataFrame(rows or [{"first": "fewer than two models learned"}])


def p_value_text(value: float | None) -> str:
    """Return a p-value for readers, never 0; a dash where there was no test."""
    if value is None:
        return NOT_TESTED
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def part_frame(cards: Sequence[Scorecard], split: str, *, unit: str = IMAGE) -> pd.DataFrame:
    """Return scores by model and body part on one split, as the heat table takes them; all parts come last.

    Parameters
    ----------
    cards
        One a model; those that were not evaluated on the split are left out.
    split
        Name of the split.
    unit
        What is counted.

    Returns
    -------
    pd.DataFrame
        Columns ``model, group, metric, estimate, low, high, cases``.
    """
    frames = []
    for card, title in zip(cards, model_titles(cards), strict=True):
        if split in card.evaluations:
            frame = card.evaluations[split].to_frame()
            chosen = (frame["unit"] == unit) & ~frame["group"].str.startswith(KIND_PREFIX)
            frames.append(frame[chosen].assign(model=title))
    scores = pd.concat(frames, ignore_index=True)
    return scores.sort_values("group", key=lambda groups: groups == OVERALL, kind="stable", ignore_index=True)


def precision_recall_frame(predictions: Mapping[str, Predictions], films: Manifest) -> pd.DataFrame:
    """Return the steps of each model's precision-recall curve, as the chart takes them."""
    frames = []
    for model, said in predictions.items():
        sample = labelled_sample(said, films)
        curve = precision_recall_points(sample.truth, sample.probability)
        frames.append(pd.DataFrame({"model": model, "recall": curve.recall, "precision": curve.precision}))
    return pd.concat(frames, ignore_index=True)


def precision_recall_verdicts(
    predictions: Mapping[str, Predictions], films: Manifest, *, threshold: float = 0.5
) -> pd.DataFrame:
    """Return each model's recall and precision where abnormal is strictly above the threshold."""
    rows = []
    for model, said in predictions.items():
        sample = labelled_sample(said, films)
        rates = (rate(sample.truth, sample.probability, threshold=threshold) for rate in (recall, precision))
        rows.append((model, *rates))
    return pd.DataFrame(rows, columns=["model", "recall", "precision"])


def calibration_frame(
    predictions: Mapping[str, Predictions], films: Manifest, *, resampling: Resampling = DEFAULT_RESAMPLING
) -> pd.DataFrame:
    """Return what each model said and what is so, by bin, as the calibration chart takes it."""
    rows = [
        (model, point.probability, point.share.estimate, point.share.low, point.share.high, point.cases)
        for model, said in predictions.items()
        for point in calibration_points(labelled_sample(said, films), resampling=resampling)
    ]
    columns = ["model", "probability", "share", "low", "high", "cases"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:5], float))


def disagreement_table(predictions: Mapping[str, Predictions], films: Manifest, *, count: int = 10) -> pd.DataFrame:
    """Return the films on which the models' probabilities of abnormal are furthest apart, with what they show.

    Of many models only the lowest and the highest probability are told, each with its model.
    """
    found = disagreements(predictions, count=count)
    cases = films.select(each.case_id for each in found)
    told = _each_probability if len(predictions) <= MOST_COLUMNS else _lowest_and_highest
    rows = [
        {"case": case.case_id, "body part": case.body_part, "label": case.label}
        | told(each.probabilities)
        | {"apart": f"{each.apart:.3f}", "verdicts": "differ" if each.disputed else "agree"}
        for each, case in zip(found, cases, strict=True)
    ]
    return pd.DataFrame(rows)


def _each_probability(probabilities: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.3f}" for name, value in probabilities.items()}


def _lowest_and_highest(probabilities: Mapping[str, float]) -> dict[str, str]:
    ordered = sorted(probabilities, key=lambda name: probabilities[name])
    ends = {"lowest": ordered[0], "highest": ordered[-1]}
    return {end: f"{probabilities[name]:.3f} {name}" for end, name in ends.items()}


def _body_part(run: Run) -> str:
    return str(run.parameters.get("body_part", ""))
