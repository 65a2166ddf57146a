"""Ensembles: the plain average, and the best model of each body part chosen on patients that nobody scores."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from workbench.core.errors import ManifestError, OptionError
from workbench.evaluation.ensembles import averaged_predictions, best_of_each_part

TRUTH = [0, 1, 0, 1, 0, 1, 0, 1]
PARTS = ["hand"] * 4 + ["wrist"] * 4
GOOD, BAD = [0.1, 0.9, 0.2, 0.8], [0.9, 0.1, 0.8, 0.2]


def two_models(make: Callable[..., Any], patients: str) -> tuple[dict[str, Any], Any]:
    """``a`` knows hands, ``b`` wrists."""
    about = {"patients": [f"{patients}{row}" for row in range(8)], "body_parts": PARTS}
    a, manifest = make(TRUTH, GOOD + BAD, **about)
    b, _ = make(TRUTH, BAD + GOOD, **about)
    return {"a": a, "b": b}, manifest


def test_each_part_gets_the_model_that_knows_it(make: Callable[..., Any]) -> None:
    said, manifest = two_models(make, "p")
    best = best_of_each_part(said, manifest)
    assert best.chosen == {"hand": "a", "wrist": "b"}
    assert best.values == {"hand": {"a": 1.0, "b": -1.0}, "wrist": {"a": -1.0, "b": 1.0}}
    others, scored = two_models(make, "q")
    joined = best.combined(others, scored)
    assert joined.abnormal.tolist() == pytest.approx(GOOD + GOOD)
    np.testing.assert_allclose(np.exp(joined.outputs), joined.probabilities, rtol=1e-6)


@pytest.mark.parametrize(("metric", "hand"), [("brier-score", "a"), ("auroc", "a")])
def test_errors_are_better_the_lower(make: Callable[..., Any], metric: str, hand: str) -> None:
    assert best_of_each_part(*two_models(make, "p"), metric=metric).chosen["hand"] == hand


def test_patients_of_the_choice_are_not_scored(make: Callable[..., Any]) -> None:
    said, manifest = two_models(make, "p")
    with pytest.raises(ManifestError, match="8 patients, such as 'p0', were used to choose; score films of others"):
        best_of_each_part(said, manifest).combined(said, manifest)


def test_a_part_without_a_choice_is_named(make: Callable[..., Any]) -> None:
    said, manifest = two_models(make, "p")
    chosen = best_of_each_part({name: each.select(each.case_ids[:4]) for name, each in said.items()}, manifest)
    with pytest.raises(ManifestError, match="no model was chosen for 'wrist'; chosen were hand"):
        chosen.combined(*two_models(make, "q"))


def test_a_part_of_one_class_takes_the_first_model_and_says_that_nothing_is_known(make: Callable[..., Any]) -> None:
    about = {"patients": ["p", "q"], "body_parts": ["hand", "hand"]}
    a, manifest = make([0, 0], [0.2, 0.9], **about)
    b, _ = make([0, 0], [0.1, 0.2], **about)
    best = best_of_each_part({"a": a, "b": b}, manifest, metric="auroc")
    assert best.chosen == {"hand": "a"}
    assert best.values == {"hand": {"a": None, "b": None}}


def test_the_average_is_of_probabilities(make: Callable[..., Any]) -> None:
    said, _ = two_models(make, "p")
    joined = averaged_predictions(said)
    assert joined.abnormal.tolist() == pytest.approx([0.5] * 8)
    assert joined.provenance["members"] == ["a", "b"]


def test_what_is_refused(make: Callable[..., Any]) -> None:
    said, manifest = two_models(make, "p")
    with pytest.raises(OptionError, match="at least two models; given a"):
        averaged_predictions({"a": said["a"]})
    with pytest.raises(OptionError, match="no predictions of 'a', which was chosen; given b, c"):
        best_of_each_part(said, manifest).combined({"b": said["b"], "c": said["b"]}, manifest)
    other, _ = make([1 - each for each in TRUTH], GOOD + BAD, patients=["p"] * 8, body_parts=PARTS)
    with pytest.raises(OptionError, match="c and a were given different labels"):
        averaged_predictions({"a": said["a"], "c": other})
