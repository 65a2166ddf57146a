import json
from dataclasses import replace

import numpy as np
import pytest

from workbench.audit.cover import CoverEffect, control_film, control_region, cover_regions, covered_film
from workbench.core.annotation import Annotation
from workbench.core.case import Case
from workbench.core.errors import ManifestError, ReaderError
from workbench.imaging.edits import with_surroundings


@pytest.fixture(scope="module")
def caught(flag_reader, confounded):
    return cover_regions(flag_reader, confounded, resamples=200)


@pytest.fixture(scope="module")
def quiet(lesion_reader, confounded):
    return cover_regions(lesion_reader, confounded, resamples=200)


def test_the_reader_of_the_flag_is_caught(caught):
    effect = caught.effect
    assert effect.change.high < -0.4
    assert effect.auroc == 1
    assert effect.covered_auroc == pytest.approx(0.5, abs=0.2)
    assert effect.auroc_change.high < -0.2
    assert effect.enrichment.low > 10
    assert effect.share.low > 0.6


def test_its_control_patch_changes_nothing(caught):
    effect = caught.effect
    assert abs(effect.control_change.estimate) < 0.02
    assert effect.control_auroc == 1
    assert effect.control_auroc_change.estimate == 0


def test_the_reader_of_the_lesion_is_left_in_peace(quiet):
    """The negative control: the same films, the same flags, another place looked at."""
    effect = quiet.effect
    assert abs(effect.change.estimate) < 0.001
    assert abs(effect.control_change.estimate) < 0.001
    assert (effect.auroc, effect.covered_auroc, effect.control_auroc) == (1, 1, 1)
    assert effect.auroc_change.estimate == 0
    assert effect.enrichment.estimate < 0.5
    assert effect.share.estimate < 0.01


def test_covering_the_lesion_tells_them_apart_the_other_way(lesion_reader, flag_reader, confounded):
    by_lesion, by_flag = (
        cover_regions(model, confounded, category="evidence", resamples=100).effect
        for model in (lesion_reader, flag_reader)
    )
    assert by_lesion.change.high < -0.4
    assert abs(by_flag.change.estimate) < 0.001


def test_counts_and_area(caught, confounded):
    effect = caught.effect
    assert (effect.category, effect.films, effect.with_region) == ("flag", 24, 12)
    assert (effect.without_control, effect.without_map) == (0, 0)
    assert effect.area == pytest.approx(6 * 8 / (40 * 48))
    assert effect.change.clusters == 6
    assert len(caught.table) == len(caught.explanation) == 12
    assert [row["case_id"] for row in caught.table] == [case.case_id for case in confounded if case.has("flag")]


def test_the_table_is_what_the_predictions_say(caught):
    ids = [row["case_id"] for row in caught.table]
    for column, predictions in (("before", caught.before), ("covered", caught.covered), ("control", caught.control)):
        assert [row[column] for row in caught.table] == predictions.select(ids).abnormal.tolist()
    assert caught.effect.change.estimate == pytest.approx(
        np.mean([row["covered"] - row["before"] for row in caught.table])
    )
    assert caught.effect.enrichment.estimate == pytest.approx(np.mean([row["enrichment"] for row in caught.table]))
    assert len(caught.to_frame()) == 12
    changes = caught.changes("A")
    assert changes.groupby("edit")["change"].mean().round(3).to_dict() == {
        "control patch covered": round(caught.effect.control_change.estimate, 3),
        "flag covered": round(caught.effect.change.estimate, 3),
    }


def test_films_without_the_thing_are_not_changed(caught, confounded):
    without = [case.case_id for case in confounded if not case.has("flag")]
    before = caught.before.select(without).abnormal
    np.testing.assert_array_equal(caught.covered.select(without).abnormal, before)
    np.testing.assert_array_equal(caught.control.select(without).abnormal, before)


def test_the_same_seed_gives_the_same_study_whatever_the_batch(flag_reader, confounded, caught):
    again = cover_regions(flag_reader, confounded, resamples=200, batch_size=5)
    for name in ("share", "enrichment", "change", "control_change", "auroc_change"):
        one, other = (vars(getattr(study.effect, name)) for study in (again, caught))
        assert [one[each] for each in ("estimate", "low", "high")] == pytest.approx(
            [other[each] for each in ("estimate", "low", "high")], abs=1e-6
        )
    assert [row["control"] for row in again.table] == pytest.approx([row["control"] for row in caught.table])


def test_progress_counts_every_film_of_every_pass(flag_reader, confounded):
    seen = []
    cover_regions(flag_reader, confounded, resamples=10, batch_size=7, progress=lambda *done: seen.append(done))
    assert {total for _, total in seen} == {3 * 24 + 12}
    done = [count for count, _ in seen]
    assert done == sorted(done)
    assert done[-1] == 3 * 24 + 12


def test_effects_come_back_from_json(caught, quiet):
    for effect in (caught.effect, quiet.effect):
        assert CoverEffect.from_json(json.loads(json.dumps(effect.to_json(), allow_nan=False))) == effect


@pytest.mark.parametrize("content", [None, [], 3, {}, {"category": "flag"}, {"films": {"a": 1}}])
def test_what_is_no_effect_is_refused(content):
    with pytest.raises(ReaderError, match="not an effect of covering"):
        CoverEffect.from_json(content)


def test_a_thing_that_no_film_carries_is_refused(flag_reader, confounded):
    with pytest.raises(ManifestError, match="corners: no film has a 'text' annotated; known: evidence, flag"):
        cover_regions(flag_reader, confounded, category="text")
    bare = confounded.where(replace(case, annotations=()) for case in confounded)
    with pytest.raises(ManifestError, match="known: none"):
        cover_regions(flag_reader, bare)


def test_unreadable_films_are_skipped_and_the_rest_goes_on(flag_reader, confounded):
    broken = [replace(case, image="absent.png") if index in (2, 3) else case for index, case in enumerate(confounded)]
    study = cover_regions(flag_reader, confounded.where(broken), resamples=50)
    assert [each.what for each in study.skipped] == ["c02", "c03"]
    assert (study.effect.films, study.effect.with_region) == (22, 10)
    assert study.effect.change.high < -0.4


def test_films_without_a_place_for_a_control_are_counted_and_left_out(flag_reader, confounded):
    """Of two films the whole rest is a frame, where no control patch may lie."""
    frame = (Annotation("frame", (0, 0, 48, 40)),)
    crowded = [
        replace(case, annotations=case.annotations + frame) if index in (2, 3) else case
        for index, case in enumerate(confounded)
    ]
    effect = cover_regions(flag_reader, confounded.where(crowded), resamples=50).effect
    assert (effect.without_control, effect.with_region) == (2, 12)
    assert effect.control_change.clusters == 5


def test_a_model_without_positive_attribution_has_no_share(lesion_reader, balanced):
    """On normal films its map is empty: these are counted, and the mean is over the others."""
    effect = cover_regions(lesion_reader, balanced, resamples=50).effect
    assert effect.without_map == 6
    normal = balanced.where(case for case in balanced if case.label == "normal")
    alone = cover_regions(lesion_reader, normal, resamples=50).effect
    assert alone.without_map == alone.with_region
    assert alone.share.estimate is None
    assert alone.share.reason
    assert alone.auroc is None
    assert CoverEffect.from_json(json.loads(json.dumps(alone.to_json(), allow_nan=False))) == alone


def test_covered_and_control_films_change_their_regions_alone(confounded):
    case = confounded.cases[2]
    pixels = np.random.default_rng(0).random((case.height, case.width)).astype(np.float32)
    flag, patch = case.mask("flag"), control_region(case, "flag")
    assert patch is not None
    np.testing.assert_array_equal(covered_film(case, pixels, "flag") != pixels, flag)
    np.testing.assert_array_equal(control_film(case, pixels, "flag") != pixels, patch)
    assert patch.sum() == flag.sum()
    bare = Case("c", "p", "s", "a.png", width=48, height=40)
    assert covered_film(bare, pixels, "flag") is pixels
    assert control_film(bare, pixels, "flag") is pixels


@pytest.mark.parametrize("seed", range(30))
def test_a_control_keeps_so_far_away_that_nothing_that_matters_colours_it(confounded, seed):
    case = confounded.cases[2]
    patch = control_region(case, "flag", seed=seed)
    assert patch is not None
    assert not (with_surroundings(patch) & case.mask("flag", "evidence")).any()
