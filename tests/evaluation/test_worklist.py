"""Worth on a worklist, against counting positions in a list that was really sorted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from workbench.evaluation.intervals import Resampling
from workbench.evaluation.units import labelled_sample
from workbench.evaluation.worklist import worklist_value

FEW = Resampling(50)


def mean_wait(truth: np.ndarray, order: np.ndarray) -> float:
    """Share of the list before an abnormal case, with cases counted at their middle."""
    return float(((np.flatnonzero(truth[order] == 1) + 0.5) / len(truth)).mean())


def test_the_gain_is_what_sorting_gives(made_at_random: Callable[..., Any]) -> None:
    sample = labelled_sample(*made_at_random(60, seed=1))
    by_suspicion = np.argsort(-sample.probability, kind="stable")
    assert len(set(sample.probability.tolist())) == len(sample)
    found = worklist_value(sample, 0.5, resampling=FEW)
    assert found.gain.estimate == pytest.approx(0.5 - mean_wait(sample.truth, by_suspicion))
    assert found.gain.low < found.gain.estimate < found.gain.high


def test_a_perfect_model_gains_half_of_the_normal_share(make: Callable[..., Any]) -> None:
    sample = labelled_sample(*make([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.9], patients=list("pqrs"), body_parts=["hand"] * 4))
    found = worklist_value(sample, 0.25, resampling=FEW)
    assert found.gain.estimate == pytest.approx(0.375)
    assert found.cleared.estimate == pytest.approx(2 / 3)
    assert found.sensitivity.estimate == 1.0
    assert (found.cases, found.positives) == (4, 1)


def test_one_class_has_no_gain_but_a_reason(make: Callable[..., Any]) -> None:
    sample = labelled_sample(*make([0, 0], [0.1, 0.2], patients=["p", "q"], body_parts=["hand"] * 2))
    found = worklist_value(sample, 0.15, resampling=FEW)
    assert str(found.gain) == "undefined: all cases are of one class"
    assert str(found.sensitivity) == "undefined: no case is abnormal"
    assert found.cleared.estimate == 0.5
