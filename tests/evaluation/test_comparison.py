"""Models in pairs: every number is that of its own test, and models that did not learn are left out."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from workbench.core.errors import ManifestError, OptionError, UnknownNameError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.comparison import COLUMNS, compare_predictions
from workbench.evaluation.corrections import adjusted_p_values
from workbench.evaluation.differences import metric_difference
from workbench.evaluation.intervals import Resampling
from workbench.evaluation.paired import delong_test, mcnemar_test
from workbench.evaluation.units import UNITS, labelled_sample

FEW = Resampling(200)


@pytest.fixture(scope="module")
def three(made_at_random: Callable[..., Any]) -> tuple[dict[str, Predictions], Manifest]:
    """Return two models that learned and one that guesses, on the same films."""
    good, manifest = made_at_random(40, signal=3.0, seed=1)
    fair, _ = made_at_random(40, signal=2.0, seed=2)
    guess, _ = made_at_random(40, signal=0.0, seed=3)
    return {"good": good, "guess": guess, "fair": fair.select(fair.case_ids[::-1])}, manifest


@pytest.mark.parametrize("unit", UNITS)
def test_a_pair_holds_what_each_test_says_alone(three: Any, unit: str) -> None:
    predictions, manifest = three
    found = compare_predictions(predictions, manifest, unit=unit, metric="accuracy", resampling=FEW)
    assert found.learned == {"good": True, "guess": False, "fair": True}
    (pair,) = found.pairs
    a, b = (labelled_sample(predictions[name], manifest, unit=unit) for name in ("good", "fair"))
    assert (pair.a, pair.b) == ("good", "fair")
    assert pair.delong == delong_test(a.truth, a.probability, b.probability, clusters=a.patients)
    assert pair.mcnemar == mcnemar_test(a.called == (a.truth == 1), b.called == (b.truth == 1))
    assert pair.difference == metric_difference(
        predictions["good"], manifest, predictions["fair"], manifest, unit=unit, metric="accuracy", resampling=FEW
    )
    assert pair.agreement.share == np.mean(a.called == b.called)
    assert (found.cases, found.patients) == (len(a), 40)


def test_what_did_not_learn_is_named_and_not_compared(three: Any) -> None:
    predictions, manifest = three
    found = compare_predictions(predictions, manifest, resampling=FEW)
    assert found.compared == ("good", "fair")
    assert "so not compared: guess." in found.note
    told = compare_predictions(predictions, manifest, resampling=FEW, learned={"good": False})
    assert told.learned == {"good": False, "guess": False, "fair": True}
    assert told.pairs == ()
    assert len(told.to_frame()) == 0
    assert list(told.to_frame().columns) == list(COLUMNS)


def test_every_pair_is_corrected_for_all(three: Any) -> None:
    predictions, manifest = three
    every = dict.fromkeys(predictions, True)
    found = compare_predictions(predictions, manifest, resampling=FEW, learned=every, correction="benjamini-hochberg")
    assert [(pair.a, pair.b) for pair in found.pairs] == [("good", "guess"), ("good", "fair"), ("guess", "fair")]
    for test in ("delong", "mcnemar"):
        raw = [getattr(pair, test).p_value for pair in found.pairs]
        expected = adjusted_p_values(raw, "benjamini-hochberg")
        assert tuple(getattr(pair, f"{test}_adjusted") for pair in found.pairs) == expected
    frame = found.to_frame()
    assert frame["delong_p_adjusted"].tolist() == [pair.delong_adjusted for pair in found.pairs]
    assert (frame["auroc_a"] - frame["auroc_b"]).tolist() == pytest.approx(frame["difference"].tolist())
    kappas = found.agreement_frame()
    assert kappas.loc["fair", "good"] == kappas.loc["good", "fair"] == found.pairs[1].agreement.kappa
    assert np.diag(kappas).tolist() == [1, 1, 1]
    assert found.agreement_frame(beyond_chance=False).loc["good", "guess"] == found.pairs[0].agreement.share


def test_the_caution_about_films_of_one_patient_is_gone_by_patient(three: Any) -> None:
    predictions, manifest = three
    films, patients = (compare_predictions(predictions, manifest, unit=u, resampling=FEW) for u in ("image", "patient"))
    assert "160 cases come from 40 patients" in films.note
    assert "patients" not in patients.note


def test_films_that_one_model_has_not_seen_are_left_out_and_counted(three: Any) -> None:
    predictions, manifest = three
    part = predictions | {"fair": predictions["fair"].select(predictions["fair"].case_ids[:100])}
    found = compare_predictions(part, manifest, resampling=FEW)
    assert (found.cases, found.unshared) == (100, 60)
    assert "60 films were not predicted by every model" in found.note


def test_json_is_strict(three: Any, make: Callable[..., Any]) -> None:
    predictions, manifest = three
    text = json.dumps(compare_predictions(predictions, manifest, resampling=FEW).to_json(), allow_nan=False)
    assert json.loads(text)["pairs"][0]["a"] == "good"
    few, its_manifest = make([0, 1], [0.1, 0.9])
    both = compare_predictions(
        {"a": few, "b": few}, its_manifest, resampling=Resampling(5), learned={"a": True, "b": True}
    )
    assert json.loads(json.dumps(both.to_json(), allow_nan=False))["pairs"][0]["delong"]["p_value"] is None
    assert np.isnan(both.to_frame()["delong_p"].iloc[0])


def test_what_is_refused(three: Any, make: Callable[..., Any]) -> None:
    predictions, manifest = three
    with pytest.raises(OptionError, match="at least two models; given good"):
        compare_predictions({"good": predictions["good"]}, manifest)
    for wrong in ({"unit": "films"}, {"metric": "aurocc"}, {"correction": "bonferoni"}):
        with pytest.raises(UnknownNameError):
            compare_predictions(predictions, manifest, **wrong)
    one, its_manifest = make([-1, 1], [0.1, 0.9])
    other, _ = make([0, 1], [0.1, 0.9])
    with pytest.raises(ManifestError, match="b was told other labels than a"):
        compare_predictions({"a": one, "b": other}, replace(its_manifest))
