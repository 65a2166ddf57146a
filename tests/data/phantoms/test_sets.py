"""Sets of phantoms on disk: films equal whoever draws them, all that is known beside them, and twins that hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from workbench.core.errors import OptionError, UnknownNameError
from workbench.core.manifest import Manifest, read_manifest, write_header
from workbench.data.phantoms.bare_film import draw_bare_film
from workbench.data.phantoms.options import TWINS
from workbench.data.phantoms.planning import planned_films
from workbench.data.phantoms.set_options import SETS, Confounder, PhantomSetOptions
from workbench.data.phantoms.sets import draw_phantom_set, empty_manifest
from workbench.imaging.pixels import read_radiograph

SMALL = replace(SETS["phantom-demo"], name="small", train=18, valid=4, test=8)

LOWER_ARM = ("wrist", "forearm")
"""Where whatever is worn is on the film."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    folder = tmp_path_factory.mktemp("small")
    return draw_phantom_set(SMALL, folder / "films", folder / "small.csv", workers=1), folder


def flagged(case_tags: tuple[str, ...]) -> bool:
    return "flag:none" not in case_tags


def test_what_is_written_is_what_is_read(drawn: tuple[Manifest, Path]) -> None:
    manifest, folder = drawn
    again = read_manifest(folder / "small.csv", folder / "films")
    assert again.digest == manifest.digest
    assert (again.options, again.counts) == (manifest.options, manifest.counts)
    assert not again.skipped
    assert len(again) == 60


def test_every_case_has_its_film_with_its_masks_inside(drawn: tuple[Manifest, Path]) -> None:
    manifest, _ = drawn
    for case in manifest:
        assert read_radiograph(manifest.path(case)).pixels.shape == (case.height, case.width)
        assert case.mask("anatomy").any()
        assert case.has("evidence") == (case.label == "abnormal")
        assert case.has("flag") == flagged(case.tags)
        for annotation in case.annotations:
            left, top, right, bottom = annotation.box
            assert 0 <= left < right <= case.width
            assert 0 <= top < bottom <= case.height


def test_twins_differ_in_their_flags_alone(drawn: tuple[Manifest, Path]) -> None:
    manifest, _ = drawn
    differing = 0
    for case in manifest:
        (twin,) = manifest.select(case.twins)
        assert twin.twins == (case.case_id,)
        assert (twin.patient_id, twin.study_id, twin.label) == (case.patient_id, case.study_id, case.label)
        pixels, others = (read_radiograph(manifest.path(each)).pixels for each in (case, twin))
        changed = pixels != others
        flags = case.mask("flag") | twin.mask("flag")
        np.testing.assert_array_equal(changed, flags if flagged(case.tags) != flagged(twin.tags) else changed & False)
        differing += bool(changed.any())
    assert differing >= 20


def test_two_workers_draw_what_one_draws(drawn: tuple[Manifest, Path], tmp_path: Path) -> None:
    manifest, _ = drawn
    seen: list[tuple[int, int]] = []
    again = draw_phantom_set(
        SMALL, tmp_path, tmp_path / "small.csv", workers=2, progress=lambda done, total: seen.append((done, total))
    )
    assert [case.sha256 for case in again] == [case.sha256 for case in manifest]
    assert seen[-1] == (30, 30)


def test_a_set_on_disk_is_drawn_again_only_where_something_is_missing(tmp_path: Path) -> None:
    options = replace(SMALL, train=3, valid=1, test=1)
    drawings: list[int] = []

    def draw(what: PhantomSetOptions) -> Manifest:
        return draw_phantom_set(
            what, tmp_path / "films", tmp_path / "set.csv", workers=1, progress=lambda done, _: drawings.append(done)
        )

    first = draw(options)
    assert drawings == [5]
    assert draw(options).digest == first.digest
    assert drawings == [5]
    first.path(first[0]).unlink()
    assert draw(options).digest == first.digest
    assert drawings == [5, 5]
    assert draw(replace(options, seed=99)).digest != first.digest
    assert drawings == [5, 5, 5]
    write_header(empty_manifest(options, tmp_path), tmp_path / "set.csv")  # as git brings it, newer than the films
    assert draw(options).digest == first.digest
    assert drawings == [5, 5, 5, 5]
    assert draw(options).digest == first.digest
    assert drawings == [5, 5, 5, 5]


def test_trivial_statistics_do_not_tell_the_label() -> None:
    """Mean brightness and mean contrast of 160 films, one a patient, stay within 0.5 +- 0.15 (standard error 0.046)."""
    options = replace(SETS["phantom-demo"], train=400, valid=1, test=1, height=88, width=72)
    one_each = {film.patient: film for film in planned_films(options)}.values()
    plan = list(one_each)[:160]
    films = [draw_bare_film(film.options, film.seed).pixels for film in plan]
    abnormal = [film.options.label == "abnormal" for film in plan]
    for statistic in (np.mean, np.std):
        assert abs(roc_auc_score(abnormal, [float(statistic(film)) for film in films]) - 0.5) < 0.15


def test_counterfactuals_are_written_and_differ_inside_their_masks_alone(tmp_path: Path) -> None:
    everything = tuple(Confounder(name, 1.0) for name in ("flag", "frame", "text", "logo"))
    options = PhantomSetOptions(
        train=5, valid=1, test=1, abnormal=1.0, height=128, width=104, twins=TWINS, confounders=everything
    )
    manifest = draw_phantom_set(options, tmp_path / "films", tmp_path / "set.csv", workers=1)
    assert len(manifest) == 7 * 6
    for case in manifest.split("train", "valid", "test"):
        pixels = read_radiograph(manifest.path(case)).pixels
        lacking = set()
        for twin in manifest.select(case.twins):
            (lacks,) = (tag.removeprefix("without:") for tag in twin.tags if tag.startswith("without:"))
            lacking.add(lacks)
            assert twin.split == f"{case.split}-without-{lacks}"
            assert case.case_id in twin.twins
            assert not twin.has(lacks)
            assert twin.label == ("normal" if lacks == "lesion" else "abnormal")
            changed = read_radiograph(manifest.path(twin)).pixels != pixels
            assert changed.any()
            assert lacks == "lesion" or not (changed & ~case.mask(lacks)).any()
            assert lacks != "lesion" or not (twin.has("evidence") or twin.has("hardware"))
        assert lacking == set(TWINS)


def test_everything_that_is_on_a_film_is_annotated_and_tagged(tmp_path: Path) -> None:
    names = ("flag", "frame", "text", "logo", "cast", "ring")
    options = PhantomSetOptions(
        train=3,
        valid=1,
        test=1,
        kinds={"hardware": 1.0},
        abnormal=1.0,
        confounders=tuple(Confounder(name, 1.0) for name in names),
    )
    for case in draw_phantom_set(options, tmp_path / "films", tmp_path / "set.csv", workers=1):
        there = (*names, "anatomy", "hardware", "evidence") if case.body_part in LOWER_ARM else names[:4]
        assert all(case.has(name) for name in there)
        assert {"kind:hardware", "cast:yes", "ring:yes", "frame:yes", "text:yes", "logo:yes"} <= set(case.tags)


def test_unknown_sets_and_wrong_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'phantom-demo'"):
        draw_phantom_set("phantom-dmo", tmp_path, tmp_path / "set.csv")
    with pytest.raises(OptionError, match="workers: 0 is below 1"):
        draw_phantom_set(SMALL, tmp_path, tmp_path / "set.csv", workers=0)
    assert not list(tmp_path.iterdir())
