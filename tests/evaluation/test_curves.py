"""Points of curves: scikit-learn's, and what they add up to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.errors import OptionError
from workbench.evaluation.curves import calibration_points, precision_recall_points, roc_curve_points
from workbench.evaluation.intervals import Resampling
from workbench.evaluation.metrics import (
    CALIBRATION_BINS,
    auroc,
    average_precision,
    expected_calibration_error,
    recall,
    specificity,
)
from workbench.evaluation.units import PATIENT, labelled_sample


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), max_size=40))
@settings(deadline=None, max_examples=100)
def test_points_equal_scikit_learn_and_the_calls_they_stand_for(drawn: list[tuple[int, int]]) -> None:
    drawn = [(0, 3), (1, 5), *drawn]
    truth = np.array([t for t, _ in drawn], dtype=np.int64)
    probability = np.array([p for _, p in drawn]) / 8
    curve = roc_curve_points(truth, probability)
    false_positive_rate, true_positive_rate, _ = theirs.roc_curve(truth, probability, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, false_positive_rate, atol=1e-15)
    np.testing.assert_allclose(curve.true_positive_rate, true_positive_rate, atol=1e-15)
    assert np.trapezoid(curve.true_positive_rate, curve.false_positive_rate) == pytest.approx(auroc(truth, probability))
    for i, threshold in enumerate(curve.thresholds):
        assert curve.true_positive_rate[i] == pytest.approx(recall(truth, probability, threshold=float(threshold)))
        false_positives = 1 - specificity(truth, probability, threshold=float(threshold))
        assert curve.false_positive_rate[i] == pytest.approx(false_positives)


def test_one_class_has_no_curve() -> None:
    with pytest.raises(OptionError, match="given 0 and 2"):
        roc_curve_points(np.array([1, 1]), np.array([0.1, 0.2]))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), max_size=40))
@settings(deadline=None, max_examples=100)
def test_steps_of_precision_equal_scikit_learn_and_hold_the_average_precision(drawn: list[tuple[int, int]]) -> None:
    drawn = [(1, 5), *drawn]
    truth = np.array([t for t, _ in drawn], dtype=np.int64)
    probability = np.array([p for _, p in drawn]) / 8
    curve = precision_recall_points(truth, probability)
    their_precision, their_recall, thresholds = theirs.precision_recall_curve(truth, probability)
    np.testing.assert_allclose(curve.precision[::-1], their_precision[:-1])  # theirs adds a point where none is called
    np.testing.assert_allclose(curve.recall[::-1], their_recall[:-1])
    np.testing.assert_array_equal(curve.thresholds[::-1], thresholds)
    area = (np.diff(curve.recall, prepend=0) * curve.precision).sum()
    assert area == pytest.approx(average_precision(truth, probability))


def test_without_abnormal_cases_there_is_no_recall() -> None:
    with pytest.raises(OptionError, match="given none of 2"):
        precision_recall_points(np.array([0, 0]), np.array([0.1, 0.2]))


@pytest.mark.parametrize("unit", ["image", PATIENT])
def test_calibration_points_add_up_to_the_calibration_error(made_at_random: Callable[..., Any], unit: str) -> None:
    sample = labelled_sample(*made_at_random(30), unit=unit)
    points = calibration_points(sample, resampling=Resampling(100))
    assert sum(point.cases for point in points) == len(sample)
    apart = sum(point.cases * abs(point.share.estimate - point.probability) for point in points) / len(sample)
    assert apart == pytest.approx(expected_calibration_error(sample.truth, sample.probability))
    for point in points:
        assert point.low <= point.probability <= point.high == pytest.approx(point.low + 1 / CALIBRATION_BINS)
        assert point.share.low <= point.share.estimate <= point.share.high


def test_shares_resample_patients_and_not_films(make: Callable[..., Any]) -> None:
    """The same films, of twenty patients of one class each, or of two patients who are half abnormal."""
    truth, probability = [0, 1] * 10, [0.5] * 20
    widths = []
    for patients in ([f"p{i}" for i in range(20)], ["p"] * 10 + ["q"] * 10):
        (point,) = calibration_points(labelled_sample(*make(truth, probability, patients=patients)))
        widths.append(point.share.high - point.share.low)
        assert (point.cases, point.share.estimate) == (20, 0.5)
    assert widths[0] > 0.3
    assert widths[1] == 0
