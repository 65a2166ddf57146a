"""Averages over both classes, against scikit-learn."""

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.metrics import precision_recall_fscore_support

from workbench.core.errors import OptionError
from workbench.evaluation.class_averages import AVERAGES, class_averages
from workbench.evaluation.intervals import Resampling
from workbench.evaluation.units import labelled_sample

FEW = Resampling(20)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6, 1.0])
def test_they_equal_scikit_learns(made_at_random: Callable[..., Any], average: str, threshold: float) -> None:
    sample = labelled_sample(*made_at_random(40, seed=2), threshold=threshold)
    found = class_averages(sample, average, resampling=FEW)
    wanted = precision_recall_fscore_support(sample.truth, sample.called, average=average, zero_division=0)
    assert [found[name].estimate for name in ("precision", "recall", "f1")] == pytest.approx(wanted[:3])


def test_an_unknown_average_is_refused(made_at_random: Callable[..., Any]) -> None:
    with pytest.raises(OptionError, match="average: 'micro' is not one of macro, weighted"):
        class_averages(labelled_sample(*made_at_random(5)), "micro")
