"""Sets of phantoms: flags given out as promised, patients that never cross, and films equal whoever draws them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from workbench.core.errors import OptionError, UnknownNameError
from workbench.core.manifest import Manifest, read_manifest
from workbench.data.phantoms.sets import SETS, PhantomSetOptions, draw_phantom_set, planned_films
from workbench.imaging.pixels import read_radiograph

SMALL = PhantomSetOptions(name="small", train=18, valid=4, test=8)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    folder = tmp_path_factory.mktemp("small")
    return draw_phantom_set(SMALL, folder / "films", folder / "small.csv", workers=1), folder


def flagged(case_tags: tuple[str, ...]) -> bool:
    return "flag:none" not in case_tags


def test_the_demo_set_is_as_large_as_the_demo_needs() -> None:
    plan = planned_films(SETS["phantom-demo"])
    counts = {part: sum(film.part == part for film in plan) for part in ("train", "valid", "test")}
    assert counts == {"train": 1200, "valid": 200, "test": 420}
    assert {film.options.body_part for film in plan} == {
        "elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist",
    }  # fmt: skip
    for part in counts:
        abnormal = np.mean([film.options.label == "abnormal" for film in plan if film.part == part])
        assert 0.4 < abnormal < 0.56


@pytest.mark.parametrize("strength", [1.0, 0.8, 0.0, -0.5])
def test_flags_go_with_the_label_exactly_as_strongly_as_asked(strength: float) -> None:
    plan = planned_films(replace(SETS["phantom-demo"], confounded=strength))
    for part in ("train", "valid", "test"):
        for label, share in (("abnormal", (1 + strength) / 2), ("normal", (1 - strength) / 2)):
            flags = [film.flagged[0] for film in plan if film.part == part and film.options.label == label]
            assert sum(flags) == round(share * len(flags))


def test_balanced_flags_and_frames_say_nothing_about_the_label() -> None:
    plan = planned_films(SETS["phantom-demo"])
    abnormal = np.array([film.options.label == "abnormal" for film in plan])
    flags, frames = (
        np.array(given) for given in ([film.flagged[1] for film in plan], [film.options.frame for film in plan])
    )
    assert abs(flags[abnormal].mean() - flags[~abnormal].mean()) < 0.01
    assert abs(frames[abnormal].mean() - frames[~abnormal].mean()) < 0.06


def test_patients_never_cross_and_their_films_share_a_label() -> None:
    plan = planned_films(SETS["phantom-demo"])
    parts: dict[str, set[str]] = {}
    labels: dict[str, set[str]] = {}
    views: dict[str, list[str]] = {}
    for film in plan:
        parts.setdefault(film.patient, set()).add(film.part)
        labels.setdefault(film.patient, set()).add(film.options.label)
        views.setdefault(film.patient, []).append(film.options.view)
    assert all(len(each) == 1 for each in (*parts.values(), *labels.values()))
    assert all(len(set(each)) == len(each) for each in views.values())
    assert {len(each) for each in views.values()} == {1, 2, 3}
    assert len({film.seed for film in plan}) == len(parts)


def test_what_is_written_is_what_is_read(drawn: tuple[Manifest, Path]) -> None:
    manifest, folder = drawn
    again = read_manifest(folder / "small.csv", folder / "films")
    assert again.digest == manifest.digest
    assert again.options == manifest.options
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


def test_trivial_statistics_do_not_tell_the_label() -> None:
    """Mean brightness and mean contrast of 180 films, one a patient, stay within 0.5 +- 0.12 (standard error 0.043)."""
    from workbench.data.phantoms.bare_film import draw_bare_film

    one_each = {film.patient: film for film in planned_films(SETS["phantom-demo"])}.values()
    plan = list(one_each)[:180]
    films = [draw_bare_film(film.options, film.seed).pixels for film in plan]
    abnormal = [film.options.label == "abnormal" for film in plan]
    for statistic in (np.mean, np.std):
        assert abs(roc_auc_score(abnormal, [float(statistic(film)) for film in films]) - 0.5) < 0.12


def test_unknown_sets_and_wrong_shares_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'phantom-demo'"):
        draw_phantom_set("phantom-dmo", tmp_path, tmp_path / "set.csv")
    with pytest.raises(OptionError, match="workers: 0 is below 1"):
        draw_phantom_set(SMALL, tmp_path, tmp_path / "set.csv", workers=0)
    with pytest.raises(OptionError, match="is above 1; they share the abnormal"):
        PhantomSetOptions(fracture=0.7, hardware=0.6)
    with pytest.raises(OptionError, match=r"confounded: 1\.5 is above 1\.0"):
        PhantomSetOptions(confounded=1.5)
    assert not list(tmp_path.iterdir())
