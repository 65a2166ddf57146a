"""Paired differences: joint resampling of patients."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from workbench.core.errors import ManifestError, UnknownNameError
from workbench.core.predictions import Predictions
from workbench.evaluation.differences import metric_difference, probability_change
from workbench.evaluation.intervals import Resampling, cluster_weights
from workbench.evaluation.metrics import METRICS, auroc


def shifted(predictions: Predictions, by: float) -> Predictions:
    abnormal = np.clip(predictions.abnormal + by, 0, 1)
    return replace(predictions, probabilities=np.stack([1 - abnormal, abnormal], axis=1))


@pytest.mark.parametrize("metric", METRICS.names())
def test_a_model_does_not_differ_from_itself(made_at_random: Callable[..., Any], metric: str) -> None:
    predictions, manifest = made_at_random(20)
    shuffled = predictions.select(predictions.case_ids[::-1])
    found = metric_difference(predictions, manifest, shuffled, manifest, metric=metric, resampling=Resampling(100))
    assert (found.estimate, found.low, found.high) == (0, 0, 0)


def test_joint_resampling_equals_the_loop_written_out(made_at_random: Callable[..., Any]) -> None:
    a, manifest = made_at_random(15, seed=1)
    b, _ = made_at_random(15, seed=2)
    part = [case.case_id for case in manifest if case.patient_id not in ("p0", "p4")]
    b, manifest_b = b.select(part), manifest.select(part)
    found = metric_difference(a, manifest, b, manifest_b, resampling=Resampling(80, seed=6))
    assert found.clusters == 15
    names = sorted({case.patient_id for case in manifest})
    values = []
    for row in cluster_weights(names, Resampling(80, seed=6)).astype(int):
        times = dict(zip(names, row, strict=True))
        sides = []
        for side, cases in ((a, manifest), (b, manifest_b)):
            again = np.repeat(np.arange(len(side)), [times[case.patient_id] for case in cases])
            sides.append(auroc(side.truth[again], side.abnormal[again]))
        values.append(sides[0] - sides[1])
    assert found.estimate == auroc(a.truth, a.abnormal) - auroc(b.truth, b.abnormal)
    assert (found.low, found.high) == pytest.approx(tuple(np.nanquantile(values, [0.025, 0.975])))


def test_sharing_patients_makes_the_interval_narrower(made_at_random: Callable[..., Any]) -> None:
    predictions, manifest = made_at_random(60)
    noise = np.random.default_rng(0).normal(scale=0.02, size=len(predictions))
    near = replace(predictions, probabilities=predictions.probabilities + np.stack([-noise, noise], axis=1))
    strangers = replace(manifest, cases=tuple(replace(c, patient_id=f"other {c.patient_id}") for c in manifest))
    paired = metric_difference(predictions, manifest, near, manifest)
    unpaired = metric_difference(predictions, manifest, near, strangers)
    assert paired.estimate == unpaired.estimate
    assert unpaired.high - unpaired.low > 4 * (paired.high - paired.low)
    assert (paired.clusters, unpaired.clusters) == (60, 120)


def test_a_fall_is_found_and_has_its_sign(made_at_random: Callable[..., Any]) -> None:
    own, manifest = made_at_random(80, signal=3.0, seed=1)
    other, _ = made_at_random(80, signal=0.2, seed=2)
    found = metric_difference(own, manifest, other, manifest)
    assert found.low > 0.2
    back = metric_difference(other, manifest, own, manifest)
    assert (back.estimate, back.low, back.high) == pytest.approx((-found.estimate, -found.high, -found.low))


def test_one_side_of_one_class_is_undefined(make: Callable[..., Any]) -> None:
    a, manifest = make([0, 1, 0, 1], [0.1, 0.9, 0.2, 0.8])
    found = metric_difference(a, manifest, a.select(["c0", "c2"]), manifest, resampling=Resampling(30))
    assert str(found) == "undefined: on one side all cases are of one class"
    assert found.undefined == 30


def test_unlabelled_films_do_not_count(make: Callable[..., Any]) -> None:
    with_unknown, manifest = make([0, 1, -1, 0, 1], [0.1, 0.9, 0.99, 0.5, 0.3])
    kept = with_unknown.select(["c0", "c1", "c3", "c4"])
    found = metric_difference(with_unknown, manifest, kept, manifest, resampling=Resampling(30))
    assert (found.estimate, found.clusters) == (0, 4)


def test_change_of_probability(make: Callable[..., Any]) -> None:
    before, manifest = make([0, 1, -1, 1], [0.5, 0.6, 0.7, 0.8], patients=["p", "p", "q", "r"])
    after = shifted(before, -0.25).select(["c3", "c1", "c0", "c2"])
    found = probability_change(before, after, manifest, resampling=Resampling(40))
    assert (found.estimate, found.low, found.high) == pytest.approx((-0.25, -0.25, -0.25))
    assert found.clusters == 3
    still = probability_change(before, before, manifest)
    assert (still.estimate, still.low, still.high) == (0, 0, 0)


def test_what_is_refused(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0, 1], [0.1, 0.9])
    with pytest.raises(ManifestError, match="1 cases are predicted on one side only, such as 'c1'"):
        probability_change(predictions, predictions.select(["c0"]), manifest)
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        metric_difference(predictions, manifest, predictions, manifest, metric="acuracy")
    unlabelled, its_manifest = make([-1, -1], [0.1, 0.9])
    with pytest.raises(ManifestError, match="none of the 2 predicted films has a label"):
        metric_difference(predictions, manifest, unlabelled, its_manifest)
