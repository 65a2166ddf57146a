"""Phantoms: same seed same pixels, every mask where it should be, and twins that differ in one thing alone."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.data.phantoms.bare_film import draw_bare_film
from workbench.data.phantoms.flags import LARGEST_FLAG
from workbench.data.phantoms.options import BODY_PARTS, GLYPHS, KINDS, VIEWS, PhantomOptions
from workbench.data.phantoms.phantom import Phantom, draw_phantom

ABNORMAL = KINDS[1:]


@pytest.mark.parametrize("body_part", BODY_PARTS)
def test_the_same_seed_gives_the_same_pixels_and_another_gives_others(body_part: str) -> None:
    options = PhantomOptions(body_part=body_part, kind="fracture", flag="L", frame=True)
    first, again, other = (draw_phantom(options, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    for category in first.masks:
        np.testing.assert_array_equal(first.masks[category], again.masks[category])
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize(("body_part", "kind"), list(product(BODY_PARTS, KINDS)))
def test_pixels_are_grey_levels_of_a_png_and_the_label_follows_from_the_kind(body_part: str, kind: str) -> None:
    phantom = draw_phantom(PhantomOptions(body_part=body_part, kind=kind), 5)
    assert phantom.pixels.dtype == np.float32
    assert phantom.pixels.shape == (176, 144)
    assert phantom.label == ("normal" if kind == "normal" else "abnormal")
    levels = phantom.pixels * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    assert levels.min() >= 0
    assert levels.max() <= 255


FULL = PhantomOptions(flag="L", frame=True, text=True, logo=True)
FURNITURE = ("flag", "frame", "text", "logo")


@pytest.mark.parametrize("seed", range(20))
def test_each_twin_differs_exactly_inside_the_mask_of_what_it_lacks(seed: int) -> None:
    kind = KINDS[seed % len(KINDS)]
    options = replace(FULL, body_part=BODY_PARTS[seed % 7], view=VIEWS[seed % 3], kind=kind, flag="LR"[seed % 2])
    phantom = draw_phantom(options, seed)
    assert set(phantom.twins) == {*FURNITURE, *(() if kind == "normal" else ("lesion",))}
    for name in FURNITURE:
        changed, mask = phantom.twins[name] != phantom.pixels, phantom.masks[name]
        assert changed.any()
        assert not (changed & ~mask).any()
    np.testing.assert_array_equal(phantom.twins["flag"] != phantom.pixels, phantom.masks["flag"])  # it lies uppermost


@pytest.mark.parametrize("name", FURNITURE)
@pytest.mark.parametrize("kind", ["normal", "hardware"])
def test_a_twin_is_what_is_drawn_when_the_thing_is_not_wanted(name: str, kind: str) -> None:
    for seed, body_part in enumerate(("shoulder", "finger", "elbow")):
        phantom = draw_phantom(replace(FULL, body_part=body_part, kind=kind), seed)
        twin, drawn = phantom.without(name), draw_phantom(phantom.options.without(name), seed)
        np.testing.assert_array_equal(twin.pixels, drawn.pixels)
        assert twin.options == drawn.options
        assert twin.masks.keys() == drawn.masks.keys() == phantom.masks.keys() - {name}
        for category, mask in drawn.masks.items():
            np.testing.assert_array_equal(twin.masks[category], mask)


@pytest.mark.parametrize("kind", ABNORMAL)
def test_the_twin_without_its_lesion_is_healthy_and_keeps_its_furniture(kind: str) -> None:
    for seed in range(3):
        phantom = draw_phantom(replace(FULL, body_part=BODY_PARTS[(2 * seed) % 7], kind=kind, difficulty=0.1), seed)
        twin = phantom.without("lesion")
        changed = twin.pixels != phantom.pixels
        lesion = changed_by_healing(phantom)
        assert changed.any()
        assert not (changed & ~lesion).any()
        assert twin.label == "normal"
        assert not {"evidence", "hardware", "lesion"} & twin.masks.keys()
        flag = phantom.masks["flag"] & ~lesion
        np.testing.assert_array_equal(twin.pixels[flag], phantom.pixels[flag])
        assert "lesion" not in twin.twins


def changed_by_healing(phantom: Phantom) -> np.ndarray:
    return draw_bare_film(phantom.bare.options, phantom.seed, healthy=True).masks["lesion"]


def test_what_is_not_on_a_film_cannot_be_taken_off() -> None:
    phantom = draw_phantom(PhantomOptions(flag="L"), 1)
    with pytest.raises(OptionError, match="'frame' is not on this film; what can be removed: flag"):
        phantom.without("frame")
    assert set(phantom.twins) == {"flag"}
    assert draw_phantom(PhantomOptions(), 1).twins == {}


def test_a_frame_changes_nothing_outside_its_mask_and_leaves_the_flag_where_it_was() -> None:
    for seed in range(7):
        options = PhantomOptions(flag="R", body_part=BODY_PARTS[seed % 7])
        plain, framed = draw_phantom(options, seed), draw_phantom(replace(options, frame=True), seed)
        mask = framed.masks["frame"]
        assert mask.any()
        np.testing.assert_array_equal(plain.pixels[~mask], framed.pixels[~mask])
        np.testing.assert_array_equal(plain.masks["flag"], framed.masks["flag"])


@pytest.mark.parametrize("size", [(176, 144), (128, 128), (96, 240)])
def test_a_flag_is_small_bright_and_away_from_the_evidence(size: tuple[int, int]) -> None:
    for seed in range(14):
        options = PhantomOptions(
            height=size[0],
            width=size[1],
            body_part=BODY_PARTS[seed % 7],
            view=VIEWS[seed % 3],
            kind=ABNORMAL[seed % 5],
            flag="LR"[seed % 2],
            glyphs=GLYPHS[seed % 2],
        )
        phantom = draw_phantom(options, seed)
        flag = phantom.masks["flag"]
        assert 0 < flag.mean() <= LARGEST_FLAG
        assert np.quantile(phantom.pixels[flag], 0.9) > 0.6
        assert not (flag & phantom.masks["evidence"]).any()


@pytest.mark.parametrize(("body_part", "view", "kind"), list(product(BODY_PARTS, VIEWS, ABNORMAL)))
def test_evidence_is_on_every_film_of_an_abnormal_patient(body_part: str, view: str, kind: str) -> None:
    for seed in range(2):
        phantom = draw_phantom(PhantomOptions(body_part=body_part, view=view, kind=kind), seed)
        evidence = phantom.masks["evidence"]
        assert 8 < evidence.sum() < 0.2 * evidence.size
        assert (evidence & (phantom.masks["anatomy"] | phantom.masks.get("hardware", evidence & False))).any()
        assert ("hardware" in phantom.masks) == (kind == "hardware")


def test_a_normal_film_has_no_evidence() -> None:
    assert set(draw_phantom(FULL, 3).masks) == {"anatomy", *FURNITURE}


@pytest.mark.parametrize("kind", ABNORMAL)
def test_an_abnormality_changes_the_film_where_the_evidence_is(kind: str) -> None:
    changes = []
    for seed in range(14):
        options = PhantomOptions(body_part=BODY_PARTS[seed % 7], kind=kind, difficulty=0.0)
        abnormal, normal = draw_phantom(options, seed), draw_phantom(replace(options, kind="normal"), seed)
        change, evidence = np.abs(abnormal.pixels - normal.pixels), abnormal.masks["evidence"]
        changes.append(change[evidence].mean() / max(change[~evidence].mean(), 1e-6))  # a lesion changes nothing else
    assert np.median(changes) > 5


def test_an_abnormality_grows_fainter_with_difficulty() -> None:
    def contrast(difficulty: float) -> float:
        found = []
        for seed in range(14):
            options = PhantomOptions(body_part=BODY_PARTS[seed % 7], kind="fracture", difficulty=difficulty)
            abnormal, normal = draw_phantom(options, seed), draw_phantom(replace(options, kind="normal"), seed)
            found.append(np.abs(abnormal.pixels - normal.pixels)[abnormal.masks["evidence"]].mean())
        return float(np.mean(found))

    assert contrast(0.0) > 1.3 * contrast(1.0)


def test_left_and_right_are_mirror_images_but_for_noise() -> None:
    left, right = (
        draw_phantom(PhantomOptions(body_part="hand", laterality=side), 4).masks["anatomy"] for side in ("L", "R")
    )
    assert abs(int(left.sum()) - int(right.sum())) < 0.2 * left.sum()
    assert not np.array_equal(left, right)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"body_part": "knee"}, "body_part: 'knee' is not one of elbow"),
        ({"kind": "tumour"}, "'tumour' is not one of normal"),
        ({"height": 8}, "height: 8 is below 64"),
        ({"difficulty": float("nan")}, "difficulty"),
        ({"flag": "X"}, "flag: 'X' is not one of none, L, R"),
        ({"laterality": "left"}, "laterality: 'left' is not one of L, R"),
    ],
)
def test_wrong_options_are_refused_in_one_line(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError) as refused:
        PhantomOptions(**wrong)  # type: ignore[arg-type]
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
