"""From films to studies: votes, ties, labels."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.errors import ManifestError, OptionError, UnknownNameError
from workbench.evaluation.studies import study_predictions

films = st.lists(st.integers(0, 16).map(lambda sixteenth: sixteenth / 16), min_size=1, max_size=6)  # exact sums


@given(st.lists(films, min_size=1, max_size=5), st.sampled_from([0.125, 0.5, 0.75]))
@settings(deadline=None, max_examples=150)
def test_both_rules_equal_their_words(make: Callable[..., Any], drawn: list[list[float]], threshold: float) -> None:
    studies = [f"s{i}" for i, probabilities in enumerate(drawn) for _ in probabilities]
    probability = [p for probabilities in drawn for p in probabilities]
    predictions, manifest = make([0] * len(studies), probability, studies=studies, patients=studies)
    majority = study_predictions(predictions, manifest, rule="majority", threshold=threshold)
    mean = study_predictions(predictions, manifest, rule="mean", threshold=threshold)
    ties = 0
    for row, probabilities in enumerate(drawn):
        average = float(np.mean(probabilities))
        votes = sum(p > threshold for p in probabilities)
        against = len(probabilities) - votes
        ties += votes == against
        expected = average > threshold if votes == against else votes > against
        assert (majority.predictions.abnormal[row] > 0.5) == expected
        assert mean.predictions.abnormal[row] == pytest.approx(average)
    assert majority.tied == ties
    assert majority.predictions.case_ids == tuple(f"s{i}" for i in range(len(drawn)))


def test_a_tie_is_decided_by_the_mean(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0, 0, 0, 0], [0.95, 0.4, 0.55, 0.1], studies=["a", "a", "b", "b"], patients=["p"] * 4)
    joined = study_predictions(predictions, manifest)
    assert joined.tied == 2
    assert (joined.predictions.abnormal > 0.5).tolist() == [True, False]


def test_a_majority_stands_against_the_mean(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0] * 3, [1.0, 0.45, 0.45], studies=["a"] * 3, patients=["p"] * 3)
    by_rule = {rule: study_predictions(predictions, manifest, rule=rule).predictions for rule in ("majority", "mean")}
    assert by_rule["majority"].abnormal[0] < 0.5 < by_rule["mean"].abnormal[0]


def test_labels_of_a_study(make: Callable[..., Any]) -> None:
    truth = [0, 1, 0, 0, -1, -1, 0, -1, 1]
    studies = ["mixed", "mixed", "normal", "normal", "unknown", "unknown", "half", "half", "ill"]
    predictions, manifest = make(truth, [0.3] * 9, studies=studies, patients=studies)
    joined = study_predictions(predictions, manifest)
    labels = dict(zip(joined.predictions.case_ids, joined.predictions.truth.tolist(), strict=True))
    assert labels == {"mixed": 1, "normal": 0, "unknown": -1, "half": 0, "ill": 1}
    assert joined.mixed == 1


def test_patients_follow_the_studies_of_shuffled_predictions(make: Callable[..., Any]) -> None:
    predictions, manifest = make(
        [0, 1, 1, 0], [0.1, 0.8, 0.9, 0.2], studies=["a", "b", "b", "a"], patients=["p", "q", "q", "p"]
    )
    joined = study_predictions(predictions.select(["c2", "c3", "c1", "c0"]), manifest)
    assert joined.predictions.case_ids == ("b", "a")
    assert joined.patients == ("q", "p")
    assert joined.predictions.truth.tolist() == [1, 0]


def test_a_film_without_prediction_has_no_vote(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0] * 3, [0.9, 0.2, 0.1], studies=["a"] * 3, patients=["p"] * 3)
    assert study_predictions(predictions.select(["c0"]), manifest, rule="mean").predictions.abnormal[0] == 0.9


def test_what_is_refused(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0, 0], [0.1, 0.2], studies=["a", "a"], patients=["p", "q"])
    with pytest.raises(ManifestError, match="study 'a' belongs to several patients"):
        study_predictions(predictions, manifest)
    with pytest.raises(UnknownNameError, match="did you mean 'majority'"):
        study_predictions(predictions, manifest, rule="majorty")
    with pytest.raises(OptionError, match="threshold: 1"):
        study_predictions(predictions, manifest, threshold=1.0)
    with pytest.raises(ManifestError, match="has no case 'c1'"):
        study_predictions(predictions, replace(manifest, cases=manifest.cases[:1]))
