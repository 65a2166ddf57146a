"""ROC points: scikit-learn's, and the area under them is the AUROC."""

import numpy as np
import pytest
import sklearn.metrics as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.errors import OptionError
from workbench.evaluation.curves import roc_curve_points
from workbench.evaluation.metrics import auroc, recall, specificity


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
