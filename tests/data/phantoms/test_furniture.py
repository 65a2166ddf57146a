"""Flags, text, logos and frames: seen, where they should be, other families for testing, blind to the label."""

from dataclasses import replace

import numpy as np
import pytest

from workbench.data.phantoms.bare_film import BareFilm
from workbench.data.phantoms.borders import frame_paint
from workbench.data.phantoms.flags import LARGEST_FLAG, Flag, draw_flag_design, flag_paint
from workbench.data.phantoms.furniture import FURNITURE, furniture_of
from workbench.data.phantoms.glyphs import FAMILIES, letter_strokes, word_strokes
from workbench.data.phantoms.ink import Paint, bounds, plate_cover, rectangle, ring, stroke_cover, turned_by
from workbench.data.phantoms.labels import MARKS, Logo, draw_logo_design, draw_text_design, logo_paint, text_place
from workbench.data.phantoms.options import PhantomOptions
from workbench.data.phantoms.placing import Place, free_place

SIZE = (120, 100)
MIDDLE = Place(60, 50, 40, 40)
FULL = PhantomOptions(height=120, width=100, flag="R", frame=True, text=True, logo=True)


def bare_film(crowding: np.ndarray, seed: int = 3) -> BareFilm:
    """Return a film of even grey, so that only the furniture is on trial."""
    return BareFilm(np.full(SIZE, 51 / 255, np.float32), crowding.astype(np.float32), {}, FULL, seed, 0.5)


def flag_of(letter: str, family_index: int, glyphs: str) -> Flag:
    return Flag(letter, FAMILIES[glyphs][family_index], "plain", "", False, 60.0, 10.0, 0.0, False, 1.0, 0.9)


# ----- ink


def test_a_stroke_covers_its_length_times_its_thickness() -> None:
    line = np.array([(20.0, 30.0), (80.0, 30.0)])
    assert stroke_cover(SIZE, [line], 6.0).sum() == pytest.approx(60 * 6 + np.pi * 9, rel=0.02)
    assert stroke_cover(SIZE, [line, line], 6.0).max() == 1.0
    dot = np.array([(50.0, 60.0), (50.0, 60.0)])
    assert stroke_cover(SIZE, [dot], 20.0).sum() == pytest.approx(np.pi * 100, rel=0.02)


def test_strokes_outside_the_film_leave_it_clean() -> None:
    away = [np.array([(-50.0, -50.0), (-20.0, -40.0)]), np.array([(150.0, 300.0), (160.0, 310.0)])]
    assert not stroke_cover(SIZE, away, 8.0).any()
    assert stroke_cover(SIZE, [np.array([(-10.0, 60.0), (10.0, 60.0)])], 4.0)[60, 0] == 1.0


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, -140.0])
def test_a_plate_covers_its_area_however_it_is_turned(angle: float) -> None:
    corners = rectangle(-20, -10, 20, 10)[:-1] @ turned_by(angle).T + np.array([50.0, 60.0])
    assert plate_cover(SIZE, corners).sum() == pytest.approx(800, rel=0.01)
    assert plate_cover(SIZE, ring(20.0)[:-1] + np.array([50.0, 60.0])).sum() == pytest.approx(400 * np.pi, rel=0.02)


def test_paint_acts_on_each_pixel_alone() -> None:
    """So films with and without what lies below differ inside its mask only, also where grey levels coincide."""
    generator = np.random.default_rng(0)
    under = generator.integers(0, 256, SIZE).astype(np.float32) / np.float32(255)
    for _ in range(20):
        lower, upper = (
            Paint(
                generator.choice([0.0, 0.3, 1.0], SIZE).astype(np.float32),
                generator.choice([0.2, 0.8], SIZE).astype(np.float32),
            )
            for _ in range(2)
        )
        both, without_lower = upper.over(lower.over(under)), upper.over(under)
        mask = lower.over(under) != under
        assert mask.any()
        np.testing.assert_array_equal(both[~mask], without_lower[~mask])


# ----- letters


def test_there_are_many_families_and_none_is_shared_by_training_and_testing() -> None:
    assert len(FAMILIES["train"]) >= 12
    assert len(FAMILIES["test"]) >= 6
    assert not set(FAMILIES["train"]) & set(FAMILIES["test"])


@pytest.mark.parametrize("letter", ["L", "R"])
def test_no_two_families_look_alike(letter: str) -> None:
    every = [(glyphs, index) for glyphs, families in FAMILIES.items() for index in range(len(families))]
    seen = [flag_paint(flag_of(letter, index, glyphs), MIDDLE, SIZE).opacity for glyphs, index in every]
    for place, one in enumerate(seen):
        for other in seen[:place]:
            overlap = np.minimum(one, other).sum() / np.maximum(one, other).sum()
            assert overlap < 0.93


def test_an_l_is_not_an_r_in_any_family() -> None:
    for glyphs, families in FAMILIES.items():
        for index in range(len(families)):
            left, right = (flag_paint(flag_of(letter, index, glyphs), MIDDLE, SIZE).opacity for letter in "LR")
            assert np.minimum(left, right).sum() < 0.75 * right.sum()
            assert right[33:58, 55:80].sum() > 50  # only R has a bowl
            assert left[33:58, 55:80].sum() < 20


def test_every_family_stands_on_its_line_one_high() -> None:
    for families in FAMILIES.values():
        for family in families:
            for letter in "LR":
                left, top, right, bottom = bounds(letter_strokes(letter, family))
                assert (top, bottom) == pytest.approx((0.0, 1.0), abs=1e-6)
                assert 0.3 < right - left < 1.3


def test_words_are_set_from_left_to_right() -> None:
    left, top, _, bottom = bounds(word_strokes("A0Z9:-/."))
    assert left >= 0
    assert (top, bottom) == (0.0, 1.0)
    assert bounds(word_strokes("8"))[2] < bounds(word_strokes("88"))[0] + bounds(word_strokes("88"))[2]
    assert not word_strokes(" ")


def test_flags_come_in_all_styles_sizes_and_angles() -> None:
    flags = [draw_flag_design("L", (176, 144), np.random.default_rng(seed), glyphs="train") for seed in range(300)]
    assert {flag.style for flag in flags} == {"plain", "outlined", "plate", "ringed", "disc"}
    heights, angles = [flag.height_px for flag in flags], [abs(flag.angle_deg) for flag in flags]
    assert max(heights) > 1.5 * min(heights)
    assert min(angles) < 1
    assert max(angles) > 80
    assert 0.05 < np.mean([flag.mirrored for flag in flags]) < 0.3
    assert 0.15 < np.mean([flag.opacity < 1 for flag in flags]) < 0.45
    assert 0.15 < np.mean([bool(flag.words) for flag in flags]) < 0.5
    used = {flag.family.hollow for flag in flags}
    assert used == {True, False}


@pytest.mark.parametrize("size", [(176, 144), (96, 240), (128, 128), (512, 416)])
def test_no_flag_covers_more_than_it_may(size: tuple[int, int]) -> None:
    for seed in range(60):
        flag = draw_flag_design("LR"[seed % 2], size, np.random.default_rng(seed), glyphs="train")
        place = Place(size[0] // 2, size[1] // 2, 1, 1)
        cover = flag_paint(flag, place, size).opacity > 0
        assert 0.001 < cover.mean() <= LARGEST_FLAG


@pytest.mark.parametrize("style", ["plain", "outlined", "plate", "ringed", "disc"])
def test_a_mirrored_flag_is_the_mirror_image(style: str) -> None:
    flag = replace(flag_of("R", 0, "train"), style=style, height_px=40.0, stroke_px=7.0)
    place = Place(60, 50, 40, 40)
    size = (121, 101)
    plain, mirrored = (flag_paint(replace(flag, mirrored=m), place, size).opacity for m in (False, True))
    np.testing.assert_allclose(mirrored, plain[:, ::-1], atol=1e-4)
    assert not np.allclose(mirrored, plain)


def test_a_plate_shows_its_letter_dark() -> None:
    flag = replace(flag_of("L", 0, "train"), style="plate", height_px=40.0)
    film = flag_paint(flag, MIDDLE, SIZE).over(np.full(SIZE, 0.1, np.float32))
    assert film[60, 50] > 0.8
    stem = film[60, 30:50].min()
    assert stem < 0.4


# ----- places


def test_things_lie_where_the_film_is_bare() -> None:
    crowding = np.ones(SIZE)
    crowding[70:, :60] = 0.0
    for seed in range(20):
        place = free_place(crowding.astype(np.float32), (8.0, 12.0), np.random.default_rng(seed))
        assert place.row - 8 >= 70
        assert place.column + 12 < 60
        assert (place.half_height, place.half_width) == (8, 12)


def test_what_is_taken_is_left_free() -> None:
    crowding = np.zeros(SIZE, np.float32)
    first = free_place(crowding, (10.0, 10.0), np.random.default_rng(1))
    for seed in range(30):
        second = free_place(crowding, (10.0, 20.0), np.random.default_rng(seed), taken=(first,))
        assert abs(second.row - first.row) > 20 or abs(second.column - first.column) > 30


def test_even_what_is_too_large_finds_a_place() -> None:
    place = free_place(np.zeros(SIZE, np.float32), (500.0, 500.0), np.random.default_rng(1))
    assert 0 <= place.row < SIZE[0]
    assert 0 <= place.column < SIZE[1]


# ----- all together


@pytest.mark.parametrize("seed", range(8))
def test_nothing_moves_when_something_else_comes_or_goes(seed: int) -> None:
    crowding = np.random.default_rng(seed).random(SIZE) > 0.6
    together = furniture_of(bare_film(crowding, seed), FULL)
    assert tuple(together) == FURNITURE
    for name in FURNITURE:
        alone = replace(PhantomOptions(height=120, width=100), **{name: getattr(FULL, name)}, laterality="R")
        (paint,) = furniture_of(bare_film(crowding, seed), alone).values()
        np.testing.assert_array_equal(paint.opacity, together[name].opacity)
        np.testing.assert_array_equal(paint.shade, together[name].shade)


def test_flag_text_and_logo_keep_apart_where_there_is_room() -> None:
    for seed in range(10):
        paints = furniture_of(bare_film(np.zeros(SIZE), seed), FULL)
        flag, text, logo = (paints[name].opacity > 0 for name in ("flag", "text", "logo"))
        assert flag.any()
        assert text.any()
        assert logo.any()
        assert not (flag & text).any()
        assert not (flag & logo).any()
        assert not (text & logo).any()


def test_furniture_does_not_know_the_label() -> None:
    for seed in range(6):
        films = [replace(FULL, kind=kind, difficulty=d) for kind, d in (("normal", 0.0), ("fracture", 1.0))]
        normal, abnormal = (furniture_of(bare_film(np.zeros(SIZE), seed), options) for options in films)
        for name in FURNITURE:
            np.testing.assert_array_equal(normal[name].opacity, abnormal[name].opacity)


def test_films_to_test_on_have_letters_of_their_own() -> None:
    for seed in range(10):
        design = draw_flag_design("R", SIZE, np.random.default_rng(seed), glyphs="test")
        looks = {
            glyphs: {(each.serif, each.bowl, each.waist) for each in families} for glyphs, families in FAMILIES.items()
        }
        look = (design.family.serif, design.family.bowl, design.family.waist)
        assert look in looks["test"]
        assert look not in looks["train"]


@pytest.mark.parametrize("mark", MARKS)
def test_every_logo_is_drawn_and_stays_in_its_square(mark: str) -> None:
    for inverted in (False, True):
        logo = Logo(mark, MARKS[mark][0], 30.0, inverted, 1.0)
        cover = logo_paint(logo, MIDDLE, SIZE).opacity
        assert 400 < cover.sum() < 4400
        rows, columns = np.nonzero(cover)
        assert 60 - 36 <= rows.min() <= rows.max() <= 60 + 36
        assert 50 - 36 <= columns.min() <= columns.max() <= 50 + 36


def test_text_fits_on_the_film_and_differs() -> None:
    texts = [draw_text_design((176, 144), np.random.default_rng(seed)) for seed in range(100)]
    assert all(text.reach_px[1] < 72 and text.reach_px[0] < 88 for text in texts)
    assert len({text.lines for text in texts}) > 80
    assert {len(text.lines) for text in texts} == {1, 2}
    assert {text.boxed for text in texts} == {True, False}


def test_text_is_turned_where_it_would_cover_bone_and_only_there() -> None:
    text = replace(draw_text_design(SIZE, np.random.default_rng(3)), lines=("ID 123456",), angle_deg=0.0, height_px=7.0)
    crowding = np.full(SIZE, 2.0, np.float32)
    crowding[:, :24] = 0.0  # room for a line that runs down, none for one that runs across
    turned, place = text_place(text, crowding, np.random.default_rng(0))
    assert turned.angle_deg == 90.0
    assert not crowding[place.pixels].any()
    stays, _ = text_place(text, np.zeros(SIZE, np.float32), np.random.default_rng(0))
    assert stays == text


def test_frames_lie_at_the_rim_and_come_in_three_styles() -> None:
    shares = set()
    for seed in range(40):
        opacity = frame_paint((176, 144), np.random.default_rng(seed)).opacity
        assert not opacity[12:-12, 12:-12].any()
        shares.add((bool(opacity[0, 0]), round(float(opacity.mean()), 2) > 0.02))
    assert {corner for corner, _ in shares} == {True, False}


def test_logo_sizes_follow_the_film() -> None:
    small, large = (draw_logo_design(size, np.random.default_rng(1)).radius_px for size in ((176, 144), (352, 288)))
    assert large == pytest.approx(2 * small)
