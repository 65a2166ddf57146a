"""Agreement of models, and where they are furthest apart."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as theirs

from workbench.core.errors import ManifestError, OptionError
from workbench.evaluation.agreement import Agreement, agreement, disagreements


def test_agreement_equals_scikit_learn_either_way_round() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.random(60) > 0.4, generator.random(60) > 0.6
    found = agreement(a, b)
    assert found.kappa == pytest.approx(theirs.cohen_kappa_score(a, b))
    assert found.share == pytest.approx(theirs.accuracy_score(a, b))
    assert agreement(b, a).kappa == pytest.approx(found.kappa)


def test_all_of_one_call_has_no_kappa() -> None:
    assert agreement(np.ones(3, dtype=bool), np.ones(3, dtype=bool)) == Agreement(1.0, None)
    with pytest.raises(OptionError, match="no case to agree on"):
        agreement(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))


def test_the_furthest_apart_come_first(make: Callable[..., Any]) -> None:
    a, _ = make([0, 1, -1, 1], [0.1, 0.9, 0.2, 0.8])
    b, _ = make([0, 1, -1, 1], [0.4, 0.2, 0.2, 0.7])
    first, second, third, last = disagreements({"a": a, "b": b.select(["c3", "c2", "c1", "c0"])})
    assert (first.case_id, first.truth, first.disputed) == ("c1", 1, True)
    assert first.apart == pytest.approx(0.7)
    assert first.probabilities == pytest.approx({"a": 0.9, "b": 0.2})
    assert (second.case_id, second.disputed, third.case_id, last.truth) == ("c0", False, "c3", -1)
    assert [each.disputed for each in disagreements({"a": a, "b": b}, threshold=0.3)[:2]] == [True, True]
    assert len(disagreements({"a": a, "b": b}, count=2)) == 2


def test_films_that_one_model_has_not_seen_are_left_out(make: Callable[..., Any]) -> None:
    a, _ = make([0, 1, 1], [0.1, 0.9, 0.2])
    assert [each.case_id for each in disagreements({"a": a, "b": a.select(["c2"])})] == ["c2"]
    with pytest.raises(ManifestError, match="no film was predicted by all of a, b, c"):
        disagreements({"a": a, "b": a.select(["c2"]), "c": a.select(["c0"])})
    with pytest.raises(OptionError, match="at least two models; given a"):
        disagreements({"a": a})
