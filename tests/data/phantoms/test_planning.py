"""Plans of sets: things given out as promised, patients that never cross, and the counts that are committed."""

from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from workbench.core.manifest import write_header
from workbench.data.phantoms.options import BODY_PARTS, VIEWS
from workbench.data.phantoms.planning import PlannedCase, PlannedFilm, planned_counts, planned_films
from workbench.data.phantoms.set_options import CONFOUNDERS, MURA_STUDIES, SETS, Confounder, PhantomSetOptions
from workbench.data.phantoms.sets import empty_manifest

MANIFESTS = Path(__file__).resolve().parents[3] / "data_manifests"
WORN = ("cast", "ring")


@cache
def plan_of(name: str) -> list[PlannedFilm]:
    return planned_films(SETS[name])


def shown_in(plan: list[PlannedFilm], split: str) -> list[tuple[PlannedFilm, PlannedCase]]:
    return [(film, case) for film in plan for case in film.cases if case.split == split]


def has(case: PlannedCase, name: str) -> bool:
    value = getattr(case.shown, name)
    return value > 0 if name == "exposure" else value not in (False, "none")


@pytest.fixture
def seven_parts() -> list[PlannedFilm]:
    return plan_of("phantom-7parts")


@pytest.mark.parametrize("name", SETS)
def test_committed_headers_are_what_drawing_writes(name: str, tmp_path: Path) -> None:
    write_header(empty_manifest(SETS[name], tmp_path, plan_of(name)), tmp_path / f"{name}.csv")
    committed = MANIFESTS / f"{name}.toml"
    assert (tmp_path / f"{name}.toml").read_bytes() == committed.read_bytes(), (
        f"write it anew: workbench phantom data/{name} --set {name} --to data_manifests/{name}.csv --plan"
    )


@pytest.mark.parametrize("name", CONFOUNDERS)
@pytest.mark.parametrize(("strength", "share"), [(1.0, 0.5), (0.8, 0.5), (0.0, 0.5), (-0.5, 0.2)])
def test_things_go_with_the_label_exactly_as_strongly_as_asked(name: str, strength: float, share: float) -> None:
    confounder = Confounder(name, share, {"train": strength, "test": 0.0})
    plan = planned_films(PhantomSetOptions(train=120, valid=1, test=80, confounders=(confounder,)))
    for split, wanted in (("train", strength), ("test", 0.0)):
        for label, sign in (("abnormal", 1), ("normal", -1)):
            of_label = [(film, case) for film, case in shown_in(plan, split) if film.options.label == label]
            units = {film.study if name in WORN else film.name: has(case, name) for film, case in of_label}
            assert sum(units.values()) == round(share * (1 + sign * wanted) * len(units))


def test_exposure_goes_one_way_with_the_label_and_the_other_way_against_it() -> None:
    options = PhantomSetOptions(train=300, valid=1, test=1, confounders=(Confounder("exposure", 0.3, 0.5),))
    cases = shown_in(planned_films(options), "train")
    for label, over, under in (("abnormal", 0.45, 0.15), ("normal", 0.15, 0.45)):
        levels = np.array([case.shown.exposure for film, case in cases if film.options.label == label])
        assert (levels > 0).sum() == round(over * levels.size)
        assert (levels < 0).sum() == round(under * levels.size)


def test_several_confounders_are_independent_of_each_other() -> None:
    both = (Confounder("flag"), Confounder("text"), Confounder("frame"))
    cases = shown_in(planned_films(PhantomSetOptions(train=900, valid=1, test=1, confounders=both)), "train")
    given = np.array([[has(case, each.name) for each in both] for _, case in cases], dtype=float)
    correlation = np.corrcoef(given.T)
    assert np.abs(correlation - np.eye(3)).max() < 0.12


def test_casts_and_rings_are_on_every_film_of_a_study_or_on_none() -> None:
    plan = planned_films(
        PhantomSetOptions(train=200, valid=1, test=1, confounders=(Confounder("cast"), Confounder("ring")))
    )
    worn = defaultdict(set)
    for film, case in shown_in(plan, "train"):
        worn[film.study].add((case.shown.cast, case.shown.ring))
    assert all(len(each) == 1 for each in worn.values())
    assert len({tuple(each) for each in worn.values()}) == 4


def test_what_is_not_declared_is_never_there() -> None:
    plan = planned_films(PhantomSetOptions(train=60, valid=1, test=1, confounders=()))
    assert not any(has(case, name) for film in plan for case in film.cases for name in CONFOUNDERS)


def test_balanced_flags_and_frames_say_nothing_about_the_label() -> None:
    for split in ("train-balanced", "valid-balanced", "test-balanced"):
        cases = shown_in(plan_of("phantom-demo"), split)
        abnormal = np.array([film.options.label == "abnormal" for film, _ in cases])
        for name in ("flag", "frame"):
            given = np.array([has(case, name) for _, case in cases])
            assert abs(given[abnormal].mean() - given[~abnormal].mean()) < 0.02


def test_editions_of_a_film_differ_in_their_flags_alone() -> None:
    for name in ("phantom-demo", "phantom-planted-80"):
        differing = 0
        for film in plan_of(name):
            assert len({case.options.without("flag") for case in film.cases}) == 1
            differing += len({case.options.flag for case in film.cases}) > 1
            for case in film.cases:
                assert set(case.twins) == {each.case_id for each in film.cases} - {case.case_id}
        assert differing > 100


def test_a_planted_set_of_strength_0_is_balanced_throughout() -> None:
    for film in plan_of("phantom-planted-0"):
        assert len({case.options for case in film.cases}) == 1


def test_patients_have_studies_and_studies_have_views(seven_parts: list[PlannedFilm]) -> None:
    studies, parts, labels, views = (defaultdict(set) for _ in range(4))
    for film in seven_parts:
        studies[film.patient].add(film.study)
        parts[film.patient].add(film.part)
        labels[film.study].add((film.options.kind, film.options.body_part, film.options.laterality))
        assert film.options.view not in views[film.study]
        views[film.study].add(film.options.view)
    assert {len(each) for each in studies.values()} == {1, 2, 3}
    assert {len(each) for each in views.values()} == {1, 2, 3}
    assert all(len(each) == 1 for each in (*parts.values(), *labels.values()))
    assert len(views) == sum(map(len, studies.values()))  # a study's id is its own among all patients
    assert 1.1 < len(views) / len(studies) < 1.4
    seeds = {film.patient: film.seed for film in seven_parts}
    assert len(set(seeds.values())) == len(seeds)


def test_the_seven_parts_come_in_the_proportions_of_mura(seven_parts: list[PlannedFilm]) -> None:
    of_study = {film.study: film.options.body_part for film in seven_parts}
    for part in BODY_PARTS:
        share = sum(each == part for each in of_study.values()) / len(of_study)
        assert share == pytest.approx(MURA_STUDIES[part] / 14656, abs=0.025)


def test_films_to_test_on_have_letters_of_their_own(seven_parts: list[PlannedFilm]) -> None:
    assert {(film.part, film.options.glyphs) for film in seven_parts} == {
        ("train", "train"),
        ("valid", "train"),
        ("test", "test"),
    }


def test_counterfactuals_stand_in_splits_of_their_own_and_are_linked() -> None:
    plan = planned_films(replace(SETS["phantom-demo"], train=40, valid=5, test=5, twins=("flag", "lesion")))
    for film in plan:
        for case in film.cases:
            if case.lacks:
                assert case.split.endswith(f"-without-{case.lacks}")
                assert case.lacks in case.options.removable
                assert case.lacks not in case.shown.removable
            lacking = {each.lacks for each in film.cases if each.split.startswith(case.split.split("-without")[0])}
            assert lacking == {"", *({"flag", "lesion"} & set(case.options.removable))}
    assert {case.shown.label for film in plan for case in film.cases if case.lacks == "lesion"} == {"normal"}


def test_counts_are_those_of_the_cases() -> None:
    plan = planned_films(replace(SETS["phantom-demo"], train=30, valid=5, test=10))
    counts = planned_counts(plan)
    assert counts["films"] == {
        f"{part}-{edition}": films
        for part, films in (("train", 30), ("valid", 5), ("test", 10))
        for edition in ("confounded", "balanced")
    }
    for split, films in counts["films"].items():
        assert sum(counts[part][split] for part in BODY_PARTS) == films
        assert sum(counts[kind][split] for kind in ("normal", *SETS["phantom-demo"].kinds)) == films
        assert counts["patients"][split] <= counts["studies"][split] <= films <= len(VIEWS) * counts["studies"][split]
