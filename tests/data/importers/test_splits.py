"""Splits by whole patients: near their shares, the same in any order, never through a patient."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.data.importers.splits import SHARES, split_cases, split_groups

groups_of_films = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 12), min_size=1, max_size=40)


def films_of(sizes: dict[str, int]) -> list[str]:
    return [group for group, size in sizes.items() for _ in range(size)]


@given(sizes=groups_of_films, seed=st.integers(0, 1000))
@settings(deadline=None)
def test_sizes_are_near_the_shares(sizes, seed):
    chosen = split_groups(films_of(sizes), seed=seed)
    held = Counter(chosen[group] for group in films_of(sizes))
    largest = max(sizes.values())
    for split, share in SHARES.items():
        wanted = share * sum(sizes.values())
        assert wanted - (len(SHARES) - 1) * largest < held[split] < wanted + largest


@given(sizes=groups_of_films)
@settings(deadline=None)
def test_order_does_not_matter(sizes):
    backwards = dict(reversed(sizes.items()))
    assert split_groups(films_of(sizes)) == split_groups(films_of(backwards))


def test_the_split_is_the_same_on_every_machine():
    chosen = split_groups([f"patient-{number}" for number in range(8)])
    assert [chosen[f"patient-{number}"] for number in range(8)] == [
        "train",
        "valid",
        "train",
        "train",
        "valid",
        "test",
        "train",
        "test",
    ]


def test_the_seed_changes_the_split():
    groups = [str(number) for number in range(50)]
    assert split_groups(groups, seed=0) != split_groups(groups, seed=1)


def test_other_shares_and_no_films():
    assert set(split_groups("abcdefgh", shares={"only": 1.0}).values()) == {"only"}
    assert split_groups([]) == {}


@pytest.mark.parametrize("shares", [{}, {"train": 0.5}, {"train": 1.5, "test": -0.5}, {"train": float("nan")}])
def test_bad_shares(shares):
    with pytest.raises(OptionError, match="wanted positive numbers that sum to 1"):
        split_groups(["a"], shares=shares)


def test_films_of_one_patient_stay_together():
    cases = [Case(f"{number}", f"patient-{number // 3}", f"{number}", f"{number}.png") for number in range(60)]
    splits = {(case.patient_id, case.split) for case in split_cases(cases)}
    assert len(splits) == 20
    assert {split for _, split in splits} == set(SHARES)


def test_byte_equal_films_keep_their_patients_together():
    apart = [
        Case(f"{number}", f"{number // 2}", f"{number}", f"{number}.png", sha256=f"{number}") for number in range(80)
    ]
    chain = [
        Case(f"copy-{number}", f"{number}", "s", "c.png", sha256=f"{2 * number + 2}") for number in range(0, 39, 3)
    ]
    chosen = {case.patient_id: case.split for case in split_cases([*apart, *chain])}
    alone = {case.patient_id: case.split for case in split_cases(apart)}
    assert all(chosen[f"{number}"] == chosen[f"{number + 1}"] for number in range(0, 39, 3))
    assert any(alone[f"{number}"] != alone[f"{number + 1}"] for number in range(0, 39, 3))


def test_cases_keep_their_order_and_forget_their_splits():
    cases = [Case(f"{number}", f"{number}", f"{number}", f"{number}.png", split="old") for number in range(9)]
    split = split_cases(cases)
    assert [case.case_id for case in split] == [case.case_id for case in cases]
    assert {case.split for case in split} <= set(SHARES)
