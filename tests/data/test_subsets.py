"""A part of a data set keeps patients whole, and a smaller part lies within a larger one."""

from pathlib import Path

import pytest

from workbench.core.case import Case
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.data.subsets import select_films


@pytest.fixture
def films() -> Manifest:
    cases = tuple(
        Case(
            case_id=f"{split}{number}",
            patient_id=f"{split}-p{number // 3}",
            study_id=f"{split}-s{number // 3}",
            image=f"{split}{number}.png",
            split=split,
            label=("normal", "abnormal")[number % 2],
            body_part=("wrist", "elbow", "hand")[number // 3 % 3],
        )
        for split in ("train", "valid")
        for number in range(60)
    )
    return Manifest("small", ("normal", "abnormal"), ("abnormal",), Path(), cases)


def test_all_is_all(films):
    assert select_films(films).cases == films.cases


def test_body_parts_are_joined_by_commas(films):
    assert {case.body_part for case in select_films(films, body_part="wrist")} == {"wrist"}
    assert {case.body_part for case in select_films(films, body_part="wrist, hand")} == {"wrist", "hand"}


def test_unknown_body_part_is_refused_with_the_nearest(films):
    with pytest.raises(ManifestError, match="no body part is called 'wirst'; did you mean 'wrist'"):
        select_films(films, body_part="wirst")


def test_limit_holds_for_each_split_and_keeps_patients_whole(films):
    few = select_films(films, limit=20)
    for split in ("train", "valid"):
        cases = few.split(split).cases
        assert 17 < len(cases) <= 20
        for patient in {case.patient_id for case in cases}:
            assert sum(case.patient_id == patient for case in cases) == 3


def test_smaller_limit_lies_within_larger_and_seed_draws_others(films):
    names = {limit: {case.case_id for case in select_films(films, limit=limit)} for limit in (10, 20, 40)}
    assert names[10] < names[20] < names[40]
    assert {case.case_id for case in select_films(films, limit=20, seed=1)} != names[20]


def test_limit_below_zero_is_refused(films):
    with pytest.raises(ManifestError, match="limit -1"):
        select_films(films, limit=-1)


def test_only_some_splits_are_limited(films):
    few = select_films(films, limit=20, limited=["train"])
    assert len(few.split("train")) <= 20
    assert few.split("valid").cases == films.split("valid").cases


def test_held_out_patients_leave_the_training_split_whole(films):
    parted = select_films(films, hold_out=0.3)
    held = {case.patient_id for case in parted.split("held-out")}
    left = {case.patient_id for case in parted.split("train")}
    assert 2 <= len(held) <= 10
    assert not held & left
    assert held | left == {case.patient_id for case in films.split("train")}
    assert parted.split("valid").cases == films.split("valid").cases
    wrists = select_films(films, hold_out=0.3, body_part="wrist", limit=20)
    assert {case.patient_id for case in wrists.split("held-out")} <= held


def test_a_share_that_is_none_and_a_second_holding_out_are_refused(films):
    with pytest.raises(ManifestError, match=r"hold_out 1\.5: wanted a share"):
        select_films(films, hold_out=1.5)
    with pytest.raises(ManifestError, match="has a split 'held-out' already"):
        select_films(select_films(films, hold_out=0.3), hold_out=0.3)
