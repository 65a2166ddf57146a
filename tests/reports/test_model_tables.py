"""Tables of several models, from what their evaluations kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.audit.scorecard import Scorecard, ScoredFilms, learned_models
from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import Resampling
from workbench.plots.curve_charts import calibration_chart, precision_recall_chart
from workbench.plots.heat_charts import metric_heat_table
from workbench.reports import model_tables, tables
from workbench.runs import Run, RunStore, read_run

CLASSES = ("normal", "abnormal")
FEW = Resampling(100)
SIGNALS = {"good": 3.0, "guess": 0.0, "fair": 2.0}


@pytest.fixture(scope="module")
def films() -> Manifest:
    cases = tuple(
        Case(
            f"c{i:02d}",
            f"p{i // 2}",
            f"s{i}",
            f"{i}.png",
            label=CLASSES[i // 2 % 2],
            body_part="hand" if i % 3 else "wrist",
            tags=("kind:fracture",) if i // 2 % 2 else (),
            split="test",
        )
        for i in range(80)
    )
    return Manifest("drawn", CLASSES, CLASSES[1:], Path(), cases)


@pytest.fixture(scope="module")
def evaluated(films: Manifest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Run], list[Scorecard]]:
    """Return finished evaluations of two models that learned and one that did not."""
    store, runs, cards = RunStore(tmp_path_factory.mktemp("runs")), [], []
    for name, signal in SIGNALS.items():
        said = drawn_predictions(films, signal, seed=len(runs))
        scored = ScoredFilms("test", films, said, evaluate(said, films, resampling=FEW))
        with store.create("evaluate", {}) as run:
            scored.save(run.folder)
        runs.append(read_run(run.folder))
        cards.append(Scorecard(name, f"run-{name}", {"test": scored.evaluation}))
    return runs, cards


def drawn_predictions(films: Manifest, signal: float, *, seed: int) -> Predictions:
    labels = np.array([CLASSES.index(case.label or "") for case in films])
    abnormal = 1 / (1 + np.exp(-signal * (labels - 0.5) - np.random.default_rng(seed).normal(size=len(labels))))
    return Predictions(
        tuple(case.case_id for case in films),
        labels,
        np.zeros((len(labels), 1), dtype=np.float32),
        np.stack([1 - abnormal, abnormal], axis=1),
        CLASSES,
        CLASSES[1:],
        "sigmoid",
    )


def test_pairs_of_models_that_learned_have_a_row(evaluated: tuple[list[Run], list[Scorecard]], films: Manifest) -> None:
    runs, cards = evaluated
    (comparison,) = model_tables.comparisons(runs, cards, films, resampling=FEW).values()
    table = model_tables.pair_table(comparison)
    assert table[["first", "second"]].to_numpy().tolist() == [["good", "fair"]]
    assert table["only the first right"].tolist() == [comparison.pairs[0].mcnemar.only_a]
    assert table["DeLong p"].tolist() == [model_tables.p_value_text(comparison.pairs[0].delong_adjusted)]
    assert "not compared: guess." in comparison.note
    alone = [replace(card, evaluations={"test": cards[1].evaluations["test"]}) for card in cards]
    (comparison,) = model_tables.comparisons(runs, alone, films, resampling=FEW).values()
    assert model_tables.pair_table(comparison)["first"].tolist() == ["fewer than two models learned"]


def test_of_many_pairs_those_that_differ_most_are_kept(
    evaluated: tuple[list[Run], list[Scorecard]], films: Manifest
) -> None:
    runs, cards = evaluated
    learned = [replace(card, evaluations={"own": cards[0].evaluations["test"], **card.evaluations}) for card in cards]
    comparison = model_tables.comparisons(runs, learned, films, resampling=FEW)["test"]
    apart = {(pair.a, pair.b): abs(pair.difference.estimate) for pair in comparison.pairs}
    kept = model_tables.pair_table(comparison, most=2)[["first", "second"]].itertuples(index=False, name=None)
    assert list(kept) == sorted(apart, key=lambda pair: -apart[pair])[:2]
    assert len(model_tables.pair_table(comparison)) == len(apart) == 3


def test_who_learned_is_said_by_the_scorecard_and_not_by_the_split(
    evaluated: tuple[list[Run], list[Scorecard]], films: Manifest
) -> None:
    """A model is judged on its own kind of films, the first of its scorecard, also where it is scored on others."""
    runs, cards = evaluated
    fooled = replace(cards[1], evaluations={"own": cards[0].evaluations["test"], **cards[1].evaluations})
    comparison = model_tables.comparisons(runs, [cards[0], fooled, cards[2]], films, resampling=FEW)["test"]
    assert comparison.compared == ("good", "guess", "fair")


def test_one_evaluation_has_no_pairs(evaluated: tuple[list[Run], list[Scorecard]], films: Manifest) -> None:
    runs, cards = evaluated
    assert model_tables.comparisons(runs[:1], cards[:1], films) == {}


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0.0, "< 0.001"), (0.04449, "0.044"), (1.0, "1.000")])
def test_p_values_are_never_zero(value: float | None, text: str) -> None:
    assert model_tables.p_value_text(value) == text


def test_body_parts_come_before_all_and_kinds_stay_out(evaluated: tuple[list[Run], list[Scorecard]]) -> None:
    _, cards = evaluated
    frame = model_tables.part_frame(cards, "test")
    assert list(dict.fromkeys(frame["group"])) == ["hand", "wrist", "overall"]
    assert list(dict.fromkeys(frame["model"])) == ["good", "guess", "fair"]
    figure = metric_heat_table(frame, metric="auroc", learned=learned_models(cards))
    names = figure.layout.yaxis.ticktext
    assert [name for name in names if "did not learn" in name] == ["guess<br><i>(did not learn)</i>"]
    assert figure.data[0].z[0][2] == cards[0].evaluations["test"].interval("auroc").estimate
    by_patient = model_tables.part_frame(cards, "test", unit="patient")
    assert by_patient.loc[by_patient["group"] == "overall", "cases"].tolist() == [40] * (len(by_patient) // 3)


def test_curves_and_verdicts_fit_their_charts(evaluated: tuple[list[Run], list[Scorecard]], films: Manifest) -> None:
    said = tables.predictions_by_model(*evaluated, "test")
    curves = model_tables.precision_recall_frame(said, films)
    verdicts = model_tables.precision_recall_verdicts(said, films)
    evaluations = dict(zip(said, (card.evaluations["test"] for card in evaluated[1]), strict=True))
    for row in verdicts.itertuples():
        assert row.recall == pytest.approx(evaluations[row.model].interval("recall").estimate)
        assert row.precision == pytest.approx(evaluations[row.model].interval("precision").estimate)
    assert len(precision_recall_chart(curves, points=verdicts).data) == 2 * len(said)
    points = model_tables.calibration_frame(said, films, resampling=FEW)
    assert points.groupby("model")["cases"].sum().tolist() == [80, 80, 80]
    assert len(calibration_chart(points).data) == 2 * len(said)


def test_the_cases_furthest_apart_are_shown_with_what_they_are(
    evaluated: tuple[list[Run], list[Scorecard]], films: Manifest
) -> None:
    said = tables.predictions_by_model(*evaluated, "test")
    table = model_tables.disagreement_table(said, films, count=5)
    assert list(table.columns) == ["case", "body part", "label", "good", "guess", "fair", "apart", "verdicts"]
    first = table.iloc[0]
    probabilities = [each.abnormal[each.case_ids.index(first["case"])] for each in said.values()]
    assert float(first["apart"]) == pytest.approx(max(probabilities) - min(probabilities), abs=1e-3)
    assert pd.to_numeric(table["apart"]).is_monotonic_decreasing
    assert first["label"] == films.select([first["case"]])[0].label
    many = {f"{name} {number}": each for name, each in said.items() for number in range(3)}
    table = model_tables.disagreement_table(many, films, count=5)
    assert list(table.columns) == ["case", "body part", "label", "lowest", "highest", "apart", "verdicts"]
    for row in table.itertuples():
        (low, _), (high, _) = (text.split(" ", 1) for text in (row.lowest, row.highest))
        assert float(high) - float(low) == pytest.approx(float(row.apart), abs=2e-3)
