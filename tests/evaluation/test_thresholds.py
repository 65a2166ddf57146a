"""Thresholds chosen on validation films."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.errors import OptionError, UnknownNameError
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import Resampling
from workbench.evaluation.metrics import recall, specificity
from workbench.evaluation.thresholds import choose_threshold

drawn_films = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 12)), max_size=25)


@given(drawn_films)
@settings(deadline=None, max_examples=100)
def test_no_other_threshold_does_better(make: Callable[..., Any], drawn: list[tuple[int, int]]) -> None:
    drawn = [(0, 5), (1, 7), *drawn]
    predictions, _ = make([t for t, _ in drawn], [p / 13 for _, p in drawn])
    truth, probability = predictions.truth, predictions.abnormal
    rates = {
        float(t): (recall(truth, probability, threshold=float(t)), specificity(truth, probability, threshold=float(t)))
        for t in (np.arange(13) + 0.5) / 13
    }
    best = choose_threshold(predictions)
    assert best.sensitivity + best.specificity == pytest.approx(max(map(sum, rates.values())))
    assert (best.sensitivity, best.specificity) == pytest.approx(
        (
            recall(truth, probability, threshold=best.threshold),
            specificity(truth, probability, threshold=best.threshold),
        )
    )
    sure = choose_threshold(predictions, rule="sensitivity", sensitivity=0.9)
    assert sure.sensitivity >= 0.9
    assert sure.specificity == pytest.approx(max(spared for hit, spared in rates.values() if hit >= 0.9))


def test_a_threshold_lies_between_films_and_of_equals_nearest_one_half(make: Callable[..., Any]) -> None:
    predictions, _ = make([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.9])
    assert choose_threshold(predictions).threshold == pytest.approx(0.5)
    # one abnormal film above the normal one and one below: calling one, or three, is worth the same
    even, _ = make([1, 0, 1], [0.2, 0.6, 0.8])
    assert choose_threshold(even).threshold == pytest.approx(0.7)


def test_it_is_applied_to_other_films(make: Callable[..., Any]) -> None:
    validation, _ = make([0, 0, 1, 1], [0.05, 0.1, 0.2, 0.3])  # right order, far too low
    test, manifest = make([0, 1, 1, 0], [0.02, 0.18, 0.4, 0.12])
    chosen = choose_threshold(validation)
    accuracy = [
        evaluate(test, manifest, threshold=threshold, resampling=Resampling(5)).interval("accuracy").estimate
        for threshold in (0.5, chosen.threshold)
    ]
    assert accuracy == [0.5, 1.0]
    assert str(chosen) == "0.150 (youden; on the 4 films it was chosen on sensitivity 1.00, specificity 1.00)"


def test_films_without_label_are_left_out(make: Callable[..., Any]) -> None:
    predictions, _ = make([0, -1, 1], [0.2, 0.99, 0.6])
    assert choose_threshold(predictions).cases == 2


def test_what_is_refused(make: Callable[..., Any]) -> None:
    predictions, _ = make([0, 1, 1], [0.1, 0.0, 0.9])
    with pytest.raises(OptionError, match="cannot be reached, some abnormal films have a probability of 0"):
        choose_threshold(predictions, rule="sensitivity", sensitivity=1.0)
    with pytest.raises(OptionError, match="sensitivity: 0"):
        choose_threshold(predictions, rule="sensitivity", sensitivity=0.0)
    with pytest.raises(UnknownNameError, match="did you mean 'youden'"):
        choose_threshold(predictions, rule="yuden")
    with pytest.raises(OptionError, match="1 films, such as 'c1', are to be scored; choose a threshold on others"):
        choose_threshold(predictions, scored=predictions.select(["c1"]))
    alone, _ = make([0, 0], [0.1, 0.2])
    with pytest.raises(OptionError, match="given 2 and 0"):
        choose_threshold(alone)
