"""The metrics equal scikit-learn's and plain loops, weighted or written out."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sklearn.metrics as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.errors import OptionError, UnknownNameError
from workbench.evaluation.metrics import (
    CALIBRATION_BINS,
    LOWER_IS_BETTER,
    METRICS,
    UNDEFINED_WHEN,
    Confusion,
    auroc,
    average_precision,
    brier_score,
    calibration_bin,
    cohen_kappa,
    confusion_counts,
    expected_calibration_error,
)

SCIKIT_LEARN = {
    "accuracy": lambda truth, called, _: theirs.accuracy_score(truth, called),
    "precision": lambda truth, called, _: theirs.precision_score(truth, called),
    "recall": lambda truth, called, _: theirs.recall_score(truth, called),
    "specificity": lambda truth, called, _: theirs.recall_score(truth, called, pos_label=0),
    "f1": lambda truth, called, _: theirs.f1_score(truth, called),
    "cohen-kappa": lambda truth, called, _: theirs.cohen_kappa_score(truth, called),
    "auroc": lambda truth, _, probability: theirs.roc_auc_score(truth, probability),
    "average-precision": lambda truth, _, probability: theirs.average_precision_score(truth, probability),
    "brier-score": lambda truth, _, probability: theirs.brier_score_loss(truth, probability),
}

tied = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.75, 1.0])
untied = st.floats(0, 1)
cases = st.lists(st.tuples(st.integers(0, 1), tied | untied), min_size=1, max_size=40)


def arrays(drawn: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([t for t, _ in drawn], dtype=np.int64), np.array([p for _, p in drawn], dtype=np.float64)


def slow_metrics(truth: np.ndarray, probability: np.ndarray, threshold: float) -> dict[str, float]:
    """Every metric from its definition, in whole numbers and fractions; NaN where a denominator is 0."""
    pairs = [(int(t), bool(p > threshold)) for t, p in zip(truth, probability, strict=True)]
    tp, fp, tn, fn = (pairs.count(pair) for pair in ((1, True), (0, True), (0, False), (1, False)))
    n = len(pairs)
    normal, abnormal = probability[truth == 0], probability[truth == 1]
    wins = sum(Fraction(int(a > b) * 2 + int(a == b), 2) for a in abnormal for b in normal)
    p_o = Fraction(tp + tn, max(n, 1))
    p_e = Fraction((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn), max(n, 1) ** 2)
    steps = sorted({Fraction(p) for p in probability}, reverse=True)
    ratios = {
        "accuracy": (tp + tn, n),
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "f1": (2 * tp, 2 * tp + fp + fn),
        "cohen-kappa": (p_o - p_e, 1 - p_e),
        "auroc": (wins, len(normal) * len(abnormal)),
        "average-precision": (sum(step_of_precision(truth, probability, step) for step in steps), len(abnormal)),
        "brier-score": (sum((Fraction(p) - int(t)) ** 2 for t, p in zip(truth, probability, strict=True)), n),
        "expected-calibration-error": (sum(gap_of_bin(truth, probability, k) for k in range(CALIBRATION_BINS)), n),
    }
    return {
        name: float(Fraction(part) / Fraction(whole)) if whole else math.nan for name, (part, whole) in ratios.items()
    }


def step_of_precision(truth: np.ndarray, probability: np.ndarray, step: Fraction) -> Fraction:
    """Return how many abnormal cases lie on a step, times the precision of all that is called at it."""
    here = sum(int(t) for t, p in zip(truth, probability, strict=True) if Fraction(p) == step)
    called = [int(t) for t, p in zip(truth, probability, strict=True) if Fraction(p) >= step]
    return here * Fraction(sum(called), len(called))


def gap_of_bin(truth: np.ndarray, probability: np.ndarray, k: int) -> Fraction:
    """Return the cases of a bin times the distance of their mean probability and share of abnormal ones."""
    low, high = k / CALIBRATION_BINS, (k + 1) / CALIBRATION_BINS
    held = [(int(t), p) for t, p in zip(truth, probability, strict=True) if low < p <= high or (k == 0 and p == 0)]
    return abs(sum((Fraction(p) - t for t, p in held), Fraction(0)))


@given(cases, st.sampled_from([0.1, 0.5, 0.75]))
@settings(deadline=None, max_examples=150)
def test_every_metric_equals_its_definition(drawn: list[tuple[int, float]], threshold: float) -> None:
    truth, probability = arrays(drawn)
    expected = slow_metrics(truth, probability, threshold)
    assert set(expected) == set(METRICS)
    for name in METRICS:
        found = METRICS.get(name)(truth, probability, threshold=threshold)
        assert isinstance(found, float)
        np.testing.assert_allclose(found, expected[name], rtol=1e-12, atol=1e-15, err_msg=name)


@given(cases)
@settings(deadline=None, max_examples=100)
def test_every_metric_equals_scikit_learn_where_defined(drawn: list[tuple[int, float]]) -> None:
    truth, probability = arrays([(0, 0.2), (1, 0.9), *drawn])  # one right call of each class: all metrics are defined
    for name, function in SCIKIT_LEARN.items():
        expected = function(truth, probability > 0.5, probability)
        np.testing.assert_allclose(METRICS.get(name)(truth, probability), expected, rtol=1e-12, err_msg=name)


@given(cases, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=100)
def test_weights_equal_the_sample_written_out(drawn: list[tuple[int, float]], seed: int) -> None:
    truth, probability = arrays(drawn)
    weights = np.random.default_rng(seed).integers(0, 4, size=(5, len(truth)))
    for name in METRICS:
        metric = METRICS.get(name)
        found = metric(truth, probability, weights)
        written_out = [metric(np.repeat(truth, row), np.repeat(probability, row)) for row in weights]
        assert found.shape == (5,)
        exact = name not in ("brier-score", "expected-calibration-error")  # sums of whole numbers, in one order
        np.testing.assert_allclose(
            found, written_out, rtol=0 if exact else 1e-9, atol=0 if exact else 1e-15, err_msg=name
        )
        np.testing.assert_array_equal(found, metric(truth, probability, weights.astype(np.float64)), err_msg=name)


def test_a_case_on_the_threshold_is_normal() -> None:
    counts = confusion_counts(np.array([1, 0]), np.array([0.5, 0.5]))
    assert counts == Confusion(true_positives=0.0, false_positives=0.0, true_negatives=1.0, false_negatives=1.0)


def test_ties_count_one_half() -> None:
    assert auroc(np.array([0, 1, 1, 0]), np.array([0.3, 0.3, 0.3, 0.3])) == 0.5
    assert auroc(np.array([0, 1, 1]), np.array([0.3, 0.3, 0.4])) == 0.75


def test_equal_probabilities_are_one_step_of_precision() -> None:
    assert average_precision(np.array([0, 1, 1, 0]), np.full(4, 0.3)) == 0.5  # guessing gives the prevalence
    assert average_precision(np.array([0, 1, 1]), np.array([0.1, 0.8, 0.9])) == 1
    assert average_precision(np.array([1, 0]), np.array([0.2, 0.7])) == 0.5


def test_a_bin_holds_its_upper_edge_and_the_first_its_lower_too() -> None:
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    assert calibration_bin(edges).tolist() == [0, *range(CALIBRATION_BINS)]
    assert calibration_bin(np.nextafter(edges[1:-1], 1)).tolist() == list(range(1, CALIBRATION_BINS))


def test_errors_of_calibration_of_known_forecasts() -> None:
    truth = np.array([1] * 7 + [0] * 3)
    assert expected_calibration_error(truth, np.full(10, 0.7)) == pytest.approx(0)
    assert expected_calibration_error(truth, np.full(10, 0.9)) == pytest.approx(0.2)
    assert brier_score(truth, np.full(10, 0.7)) == pytest.approx(0.7 * 0.3)
    assert brier_score(truth, truth * 1.0) == expected_calibration_error(truth, truth * 1.0) == 0


def test_what_is_better_lower_is_known() -> None:
    """A metric is filed under lower-is-better exactly where the right answers have less of it than the wrong."""
    truth = np.array([0, 1, 0, 1, 1, 0])
    right, wrong = truth * 0.8 + 0.1, 0.9 - truth * 0.8
    assert {n for n in METRICS if METRICS.get(n)(truth, right) < METRICS.get(n)(truth, wrong)} == LOWER_IS_BETTER


def test_errors_of_probabilities_need_probabilities() -> None:
    with pytest.raises(OptionError, match="1 of 2 probabilities are outside 0 to 1, such as"):
        brier_score(np.array([0, 1]), np.array([-0.5, 1.0]))


def test_kappa_of_a_published_table() -> None:
    """MuRAD's DenseNet-121 at study level: 405 and 43 of 538 abnormal and 661 normal studies called abnormal."""
    truth = np.repeat([1, 1, 0, 0], [405, 133, 43, 618])
    probability = np.repeat([0.9, 0.1, 0.9, 0.1], [405, 133, 43, 618])
    assert cohen_kappa(truth, probability) == pytest.approx(0.699, abs=5e-4)


@pytest.mark.parametrize("truth", [0, 1])
def test_kappa_is_undefined_when_chance_agreement_is_certain(truth: int) -> None:
    only = np.full(7, truth)
    assert math.isnan(cohen_kappa(only, only * 0.9))
    assert cohen_kappa(only, 0.9 - only * 0.9) == 0  # all called the other class: defined, and no agreement


def test_undefined_values_are_nan_without_a_warning_and_have_a_reason() -> None:
    nobody, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    assert set(UNDEFINED_WHEN) == set(METRICS)
    assert all(math.isnan(METRICS.get(name)(nobody, nothing)) for name in METRICS)
    found = auroc(np.array([0, 1]), np.array([0.2, 0.8]), np.array([[1, 1], [2, 0], [0, 2], [0, 0]]))
    np.testing.assert_array_equal(found, [1, np.nan, np.nan, np.nan])


def test_unlabelled_cases_and_missing_numbers_are_refused() -> None:
    with pytest.raises(OptionError, match="leave out the cases without a label"):
        METRICS.get("accuracy")(np.array([0, -1]), np.array([0.1, 0.2]))
    with pytest.raises(OptionError, match="1 of 2 probabilities are not a number"):
        auroc(np.array([0, 1]), np.array([0.1, np.nan]))


def test_a_misspelt_metric_is_offered_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'auroc'"):
        METRICS.get("aurocc")
