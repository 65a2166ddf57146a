"""Phantoms: same seed same pixels, every mask where it should be, and a twin that differs in the flag alone."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.data.phantoms.confounders import LARGEST_FLAG
from workbench.data.phantoms.options import BODY_PARTS, KINDS, VIEWS, PhantomOptions
from workbench.data.phantoms.phantom import draw_phantom

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


@pytest.mark.parametrize(("flag", "frame"), list(product("LR", (False, True))))
@pytest.mark.parametrize("kind", ["normal", "hardware"])
def test_a_film_and_its_twin_differ_exactly_inside_the_flag(flag: str, frame: bool, kind: str) -> None:
    for seed, body_part in enumerate(("shoulder", "finger", "elbow")):
        options = PhantomOptions(body_part=body_part, flag=flag, frame=frame, kind=kind)
        phantom, without = draw_phantom(options, seed), draw_phantom(replace(options, flag="none"), seed)
        np.testing.assert_array_equal(phantom.without_flag, without.pixels)
        np.testing.assert_array_equal(phantom.masks["flag"], phantom.pixels != without.pixels)
        assert "flag" not in without.masks
        assert phantom.masks["anatomy"].sum() == without.masks["anatomy"].sum()


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
            kind=ABNORMAL[seed % 3],
            flag="LR"[seed % 2],
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
    assert set(draw_phantom(PhantomOptions(flag="L", frame=True), 3).masks) == {"anatomy", "flag", "frame"}


@pytest.mark.parametrize("kind", ABNORMAL)
def test_an_abnormality_changes_the_film_where_the_evidence_is(kind: str) -> None:
    changes = []
    for seed in range(14):
        options = PhantomOptions(body_part=BODY_PARTS[seed % 7], kind=kind, difficulty=0.0)
        abnormal, normal = draw_phantom(options, seed), draw_phantom(replace(options, kind="normal"), seed)
        change, evidence = np.abs(abnormal.pixels - normal.pixels), abnormal.masks["evidence"]
        changes.append(change[evidence].mean() / change[~evidence].mean())
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
