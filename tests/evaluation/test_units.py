"""Films, studies and patients as what is counted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from workbench.core.errors import OptionError, UnknownNameError
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import Resampling
from workbench.evaluation.units import IMAGE, PATIENT, STUDY_MAJORITY, STUDY_MEAN, UNITS, labelled_sample

FEW = Resampling(5)


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_a_patient_is_called_abnormal_where_one_of_its_studies_is(
    made_at_random: Callable[..., Any], threshold: float
) -> None:
    predictions, manifest = made_at_random(30, seed=3)
    studies = labelled_sample(predictions, manifest, unit=STUDY_MEAN, threshold=threshold)
    patients = labelled_sample(predictions, manifest, unit=PATIENT, threshold=threshold)
    assert patients.ids == tuple(sorted({case.patient_id for case in manifest}))
    for row, name in enumerate(patients.ids):
        own = np.array(studies.patients) == name
        assert patients.called[row] == studies.called[own].any()
        assert patients.truth[row] == studies.truth[own].any()
        assert patients.probability[row] == studies.probability[own].max()
        assert {case.patient_id for case in patients.members[row].cases} == {name}


@pytest.mark.parametrize("unit", UNITS)
def test_a_sample_is_the_same_whatever_the_order(made_at_random: Callable[..., Any], unit: str) -> None:
    predictions, manifest = made_at_random(9)
    shuffled = predictions.select(np.random.default_rng(1).permutation(predictions.case_ids).tolist())
    one, other = (labelled_sample(each, manifest, unit=unit) for each in (predictions, shuffled))
    assert one.ids == other.ids
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.truth, other.truth)


def test_a_body_part_judges_a_patient_by_its_studies_of_that_part(make: Callable[..., Any]) -> None:
    """p has a normal hand and a fractured wrist; q is normal throughout."""
    predictions, manifest = make(
        [0, 1, 0, 0],
        [0.1, 0.9, 0.2, 0.3],
        patients=["p", "p", "q", "q"],
        body_parts=["hand", "wrist", "hand", "wrist"],
    )
    found = evaluate(predictions, manifest, resampling=FEW)
    counted = {part: found.group(part, unit=PATIENT) for part in ("overall", "hand", "wrist")}
    assert {part: (each.cases, each.positives) for part, each in counted.items()} == {
        "overall": (2, 1),
        "hand": (2, 0),
        "wrist": (2, 1),
    }
    assert counted["hand"].true_negatives == 2
    assert counted["overall"].true_positives == counted["wrist"].true_positives == 1


def test_units_have_their_own_threshold_and_leave_out_what_has_no_label(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0, -1, 1], [0.35, 0.9, 0.4], studies=["a", "b", "c"])
    samples = {unit: labelled_sample(predictions, manifest, unit=unit, threshold=0.3) for unit in UNITS}
    assert {unit: each.threshold for unit, each in samples.items()} == {
        IMAGE: 0.3,
        STUDY_MAJORITY: 0.5,
        STUDY_MEAN: 0.3,
        PATIENT: 0.3,
    }
    assert samples[IMAGE].ids == ("c0", "c2")
    assert samples[STUDY_MEAN].ids == ("a", "c")
    assert all(each.called.all() and len(each) == 2 for each in samples.values())


def test_what_is_refused(make: Callable[..., Any]) -> None:
    predictions, manifest = make([0, 1], [0.1, 0.9])
    with pytest.raises(UnknownNameError, match="did you mean 'patient'"):
        labelled_sample(predictions, manifest, unit="patients")
    broken, manifest = make([0, 1], [0.1, float("nan")])
    with pytest.raises(OptionError, match="1 of 2 probabilities are not a number"):
        labelled_sample(broken, manifest, unit=PATIENT)
