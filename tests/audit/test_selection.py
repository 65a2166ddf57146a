from dataclasses import replace

import numpy as np
import pytest

from workbench.audit.selection import RULES, choose_cases
from workbench.core.errors import ManifestError, UnknownNameError
from workbench.core.predictions import Predictions


def said(manifest, probabilities: dict[str, float]) -> Predictions:
    cases = [case for case in manifest if case.case_id in probabilities]
    abnormal = np.array([probabilities[case.case_id] for case in cases])
    return Predictions(
        tuple(case.case_id for case in cases),
        np.array([manifest.class_index(case) for case in cases], dtype=np.int64),
        np.zeros((len(cases), 1), dtype=np.float32),
        np.stack([1 - abnormal, abnormal], axis=1),
        manifest.class_names,
        manifest.positive,
        "sigmoid",
    )


def ids(manifest) -> list[str]:
    return [case.case_id for case in manifest]


def test_rules_by_label(balanced):
    assert {case.label for case in choose_cases(balanced, rule="abnormal", count=99)} == {"abnormal"}
    assert {case.label for case in choose_cases(balanced, rule="normal", count=99)} == {"normal"}
    assert len(choose_cases(balanced, rule="any", count=99)) == 12


def test_at_most_one_film_a_patient_and_parts_in_turn(balanced):
    chosen = choose_cases(balanced, rule="any", count=6)
    assert len({case.patient_id for case in chosen}) == 6
    assert [case.body_part for case in chosen] == ["hand", "wrist", "elbow"] * 2
    assert chosen.root == balanced.root


def test_a_category_narrows_the_choice_before_patients_are_counted(balanced):
    second = balanced.where(
        replace(case, annotations=()) if int(case.case_id[1:]) % 4 == 0 else case for case in balanced
    )
    chosen = choose_cases(second, rule="any", category="flag", count=99)
    assert all(case.has("flag") for case in chosen)
    assert len(chosen) == 6


def test_films_without_a_label_are_neither_normal_nor_abnormal(balanced):
    unknown = balanced.where(replace(case, label=None) for case in balanced)
    assert len(choose_cases(unknown, rule="any", count=99)) == 12
    for rule in ("normal", "abnormal"):
        with pytest.raises(ManifestError, match=f"no case fits the rule '{rule}' among 24 films"):
            choose_cases(unknown, rule=rule)


def test_errors_come_the_most_confident_first(balanced):
    one_part = balanced.where(replace(case, body_part="hand") for case in balanced)
    # c00, c04, c08 are normal, c02, c06, c10 abnormal; each is a patient of its own
    predictions = said(one_part, {"c00": 0.6, "c04": 0.99, "c08": 0.1, "c02": 0.2, "c06": 0.9, "c10": 0.05})
    chosen = {rule: ids(choose_cases(one_part, rule=rule, predictions=predictions)) for rule in RULES[3:]}
    assert chosen == {
        "wrong": ["c04", "c10", "c02", "c00"],
        "false-negative": ["c10", "c02"],
        "false-positive": ["c04", "c00"],
    }


def test_of_a_patient_the_most_confident_error_is_taken(balanced):
    predictions = said(balanced, {"c02": 0.4, "c03": 0.01})  # one patient
    assert ids(choose_cases(balanced, rule="wrong", predictions=predictions)) == ["c03"]


def test_one_half_is_normal(balanced):
    predictions = said(balanced, {"c00": 0.5, "c02": 0.5})
    assert ids(choose_cases(balanced, rule="wrong", predictions=predictions)) == ["c02"]


def test_what_cannot_be_chosen_is_refused(balanced):
    with pytest.raises(UnknownNameError, match="did you mean 'wrong'"):
        choose_cases(balanced, rule="wrnog")
    with pytest.raises(ManifestError, match="needs predictions; use abnormal, normal or any"):
        choose_cases(balanced, rule="wrong")
    with pytest.raises(ManifestError, match="no case fits the rule 'any' with a 'text'"):
        choose_cases(balanced, rule="any", category="text")
    with pytest.raises(ManifestError, match="no case fits the rule 'wrong'"):
        choose_cases(balanced, rule="wrong", predictions=said(balanced, {"c00": 0.1}))
