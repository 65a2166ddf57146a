"""The whole evaluation: every unit and group against plain computations, and the verdict."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as theirs

from workbench.core.errors import ManifestError, OptionError, ReaderError, UnknownNameError
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import Resampling
from workbench.evaluation.metrics import METRICS
from workbench.evaluation.scores import Evaluation
from workbench.evaluation.studies import study_predictions
from workbench.evaluation.units import UNITS


def test_groups_and_counts(made_at_random: Callable[..., Any]) -> None:
    predictions, manifest = made_at_random(30)
    found = evaluate(predictions, manifest, resampling=Resampling(20))
    groups = ["overall", "part-0", "part-1", "part-2", "kind:crack"]
    assert [(each.unit, each.group) for each in found] == [(unit, group) for unit in UNITS for group in groups]
    overall, part, kind = (found.group(group) for group in ("overall", "part-1", "kind:crack"))
    assert (overall.cases, overall.positives, overall.clusters) == (120, 60, 30)
    assert (part.cases, part.clusters) == (40, 10)
    assert (kind.cases, kind.positives) == (60 + 40, 40)  # all normal films, and the two thirds that are cracks
    assert found.group("overall", unit="study-mean").cases == 60
    for each in found:
        assert tuple(each.intervals) == METRICS.names()
        counts = (each.true_positives, each.false_positives, each.true_negatives, each.false_negatives)
        assert sum(counts) == each.cases
        assert each.true_positives + each.false_negatives == each.positives


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_estimates_equal_scikit_learn(made_at_random: Callable[..., Any], threshold: float) -> None:
    predictions, manifest = made_at_random(30, seed=4)
    found = evaluate(predictions, manifest, resampling=Resampling(5), threshold=threshold)
    units = {"image": (predictions, threshold)}
    for rule, cut in (("majority", 0.5), ("mean", threshold)):
        joined = study_predictions(predictions, manifest, rule=rule, threshold=threshold)
        units[f"study-{rule}"] = (joined.predictions, cut)
    for unit, (each, cut) in units.items():
        kappa = theirs.cohen_kappa_score(each.truth, each.abnormal > cut)
        assert found.interval("cohen-kappa", unit=unit).estimate == pytest.approx(kappa)
        area = theirs.roc_auc_score(each.truth, each.abnormal)
        assert found.interval("auroc", unit=unit).estimate == pytest.approx(area)
    rows = [i for i, case in enumerate(manifest) if case.body_part == "part-2"]
    accuracy = theirs.accuracy_score(predictions.truth[rows], predictions.abnormal[rows] > threshold)
    assert found.interval("accuracy", "part-2").estimate == pytest.approx(accuracy)


def test_the_order_of_cases_does_not_matter_and_the_seed_does(made_at_random: Callable[..., Any]) -> None:
    predictions, manifest = made_at_random(12)
    shuffled = predictions.select(np.random.default_rng(0).permutation(predictions.case_ids).tolist())
    found = evaluate(predictions, manifest, resampling=Resampling(50))
    assert json.dumps(evaluate(shuffled, manifest, resampling=Resampling(50)).to_json()) == json.dumps(found.to_json())
    other = evaluate(predictions, manifest, resampling=Resampling(50, seed=1))
    assert other.interval("auroc").estimate == found.interval("auroc").estimate
    assert other.interval("auroc") != found.interval("auroc")


def test_intervals_by_patient_are_wider_than_by_film(made_at_random: Callable[..., Any]) -> None:
    predictions, manifest = made_at_random(60, films=6)
    patients, films = (evaluate(predictions, manifest, cluster_by=key) for key in ("patient_id", "case_id"))
    wide, narrow = patients.interval("auroc"), films.interval("auroc")
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)
    assert (wide.clusters, narrow.clusters) == (60, 360)


def test_a_body_part_of_one_class_is_undefined_with_a_reason(make: Callable[..., Any]) -> None:
    parts = ["hand"] * 4 + ["wrist"] * 4
    predictions, manifest = make([0, 1, 0, 1, 0, 0, 0, 0], [0.1, 0.9, 0.6, 0.7, 0.2, 0.3, 0.1, 0.2], body_parts=parts)
    found = evaluate(predictions, manifest, resampling=Resampling(50))
    area, kappa = found.interval("auroc", "wrist"), found.interval("cohen-kappa", "wrist")
    assert (area.estimate, area.low, area.undefined) == (None, None, 50)
    assert str(area) == "undefined: all cases are of one class"
    assert "p_e = 1" in str(kappa)
    assert found.interval("specificity", "wrist").estimate == 1
    assert found.interval("auroc", "hand").undefined > 0  # four patients: some resamples hold one class


def test_random_predictions_did_not_learn_and_good_ones_did(made_at_random: Callable[..., Any]) -> None:
    good = evaluate(*made_at_random(60), resampling=Resampling(300))
    assert good.learned
    assert good.verdict.startswith("learned: image-level AUROC 0.")
    chance = evaluate(*made_at_random(60, signal=0.0), resampling=Resampling(300))
    assert not chance.learned
    assert chance.interval("auroc").includes(0.5)
    assert chance.verdict.startswith("did not learn: the interval")
    swapped = evaluate(*made_at_random(60, signal=-2.0), resampling=Resampling(300))
    assert not swapped.learned
    assert "are the classes swapped?" in swapped.verdict


def test_one_class_alone_did_not_learn(make: Callable[..., Any]) -> None:
    found = evaluate(*make([0, 0, 0], [0.1, 0.2, 0.3]), resampling=Resampling(10))
    assert not found.learned
    assert found.verdict.endswith("undefined: all cases are of one class")


def test_what_is_left_out_is_counted(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0, 1, -1, 1, 0], [0.1, 0.9, 0.5, 0.7, 0.4], note="patients are blocks of 25 ids")
    found = evaluate(predictions.select(["c0", "c1", "c2", "c3"]), manifest, resampling=Resampling(10))
    assert (found.unlabelled, found.unpredicted) == (1, 1)
    assert (found.group().cases, found.group(unit="study-majority").cases) == (3, 3)
    assert found.note == "patients are blocks of 25 ids"


def test_json_is_strict_and_reads_back(made_at_random: Callable[..., Any], make: Callable[..., Any]) -> None:
    for predictions, manifest in (made_at_random(9), make([0, 0], [0.1, 0.2])):
        found = evaluate(predictions, manifest, resampling=Resampling(10))
        text = json.dumps(found.to_json(), allow_nan=False)
        assert Evaluation.from_json(json.loads(text)) == found
    for wrong in ({}, [], {"groups": [{"intervals": {}}]}, {"groups": 3}):
        with pytest.raises(ReaderError, match="not an evaluation"):
            Evaluation.from_json(wrong)


def test_frame_has_a_row_for_every_number(make: Callable[..., Any]) -> None:
    found = evaluate(*make([0, 0, 1], [0.1, 0.2, 0.9], body_parts=["hand", "hand", "wrist"]), resampling=Resampling(10))
    frame = found.to_frame()
    assert len(frame) == len(UNITS) * 3 * len(METRICS)
    row = frame[(frame.unit == "image") & (frame.group == "hand") & (frame.metric == "auroc")].iloc[0]
    assert math.isnan(row.estimate)
    assert row.reason == "all cases are of one class"
    assert row.cases == 2


def test_names_that_are_not_there(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0, 1], [0.1, 0.9])
    found = evaluate(predictions, manifest, resampling=Resampling(5))
    with pytest.raises(UnknownNameError, match="did you mean 'wrist'"):
        found.group("wrst")
    with pytest.raises(UnknownNameError, match="did you mean 'study-mean'"):
        found.group(unit="study-men")
    with pytest.raises(UnknownNameError, match="no metric is called 'auc'"):
        found.interval("auc")
    with pytest.raises(UnknownNameError, match="did you mean 'patient_id'"):
        evaluate(predictions, manifest, cluster_by="patient")


def test_what_is_refused(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0, 1], [0.1, 0.9])
    relabelled = replace(manifest, cases=tuple(replace(case, label="abnormal") for case in manifest))
    with pytest.raises(ManifestError, match=r"case 'c0' is 'abnormal' in made, but was predicted as normal"):
        evaluate(predictions, relabelled)
    with pytest.raises(ManifestError, match="none of the 2 predicted films has a label"):
        evaluate(*make([-1, -1], [0.1, 0.9]))
    with pytest.raises(OptionError, match="not a number"):
        evaluate(*make([0, 1], [0.1, math.nan]))
