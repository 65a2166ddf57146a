"""Each edit: what it changes, what it leaves, and where its pixels lay before."""

import numpy as np
import pytest

from workbench.audit.edits import EDITS, Equalise, PasteFlag, RemoveFrame, Rotate
from workbench.core.errors import OptionError
from workbench.core.options import options_of
from workbench.imaging.intensities import equalised


@pytest.fixture
def film():
    """A dark film with a bright square off its centre; its greys are finer than those of a PNG."""
    pixels = np.full((120, 80), 0.20001, dtype=np.float32)
    pixels[20:30, 60:70] = 0.9
    return pixels


def box_mask(shape, left, top, right, bottom):
    mask = np.zeros(shape, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def on_film(edited, x, y):
    """Where a point of the edited film lay."""
    return (edited.to_film @ [x, y, 1])[:2]


@pytest.mark.parametrize("name", EDITS.names())
def test_an_edit_leaves_the_given_film_as_it_is_and_stays_in_range(name, film):
    film[:, :10] = film[:, -10:] = film[:10] = film[-10:] = 0.0  # a frame, which one of the edits looks for
    rough = np.random.default_rng(0).normal(0, 0.01, (100, 60)).astype(np.float32)
    film[10:-10, 10:-10] += rough
    before = film.copy()
    edited = EDITS.make(name).apply(film, box_mask(film.shape, 20, 40, 50, 80))
    np.testing.assert_array_equal(film, before)
    assert edited.pixels.dtype == np.float32
    assert 0 <= edited.pixels.min() <= edited.pixels.max() <= 1
    corners = np.array(
        [on_film(edited, x, y) for x in (0, edited.pixels.shape[1]) for y in (0, edited.pixels.shape[0])]
    )
    assert np.abs(corners).max() < 2 * max(film.shape)
    assert all(each.help for each in options_of(type(EDITS.make(name))))


@pytest.mark.parametrize("angle_deg", [10.0, -35.0, 90.0, 180.0])
def test_a_turned_film_knows_where_every_pixel_lay(angle_deg, film):
    edited = Rotate(angle_deg=angle_deg).apply(film, np.ones(film.shape, dtype=bool))
    rows, columns = np.nonzero(edited.pixels > 0.7)
    x, y = on_film(edited, columns.mean() + 0.5, rows.mean() + 0.5)
    assert (x, y) == pytest.approx((65, 25), abs=0.5)
    assert edited.pixels.sum() == pytest.approx(film.sum(), rel=0.03)  # nothing is cut off


def test_a_quarter_turn_is_exact_and_counter_clockwise(film):
    edited = Rotate(angle_deg=90.0).apply(film, np.ones(film.shape, dtype=bool))
    np.testing.assert_allclose(edited.pixels, np.rot90(film), atol=1e-5)


def framed(film):
    pixels = np.pad(film, ((12, 8), (6, 10)))
    pixels[12:-8, 6:-10] += np.random.default_rng(1).normal(0, 0.01, film.shape).astype(np.float32)
    return pixels


def test_a_frame_is_cropped_away_and_a_film_without_one_is_a_sentence(film):
    pixels = framed(film)
    edited = RemoveFrame().apply(pixels, np.ones(pixels.shape, dtype=bool))
    left, top = on_film(edited, 0, 0)
    assert 6 <= left <= 8  # the edge itself is left out too
    assert 12 <= top <= 14
    rows, columns = edited.pixels.shape
    np.testing.assert_array_equal(edited.pixels, pixels[int(top) : int(top) + rows, int(left) : int(left) + columns])
    assert edited.pixels.min() > 0.1
    with pytest.raises(OptionError, match="no frame is found"):
        RemoveFrame().apply(np.full((64, 64), 0.5, dtype=np.float32), np.ones((64, 64), dtype=bool))


def test_equalising_is_imaging_s_and_moves_nothing(film):
    edited = Equalise().apply(film, np.ones(film.shape, dtype=bool))
    np.testing.assert_array_equal(edited.pixels, equalised(film))
    np.testing.assert_array_equal(edited.to_film, np.eye(3))


@pytest.mark.parametrize("letter", ["L", "R"])
def test_a_letter_lies_inside_its_box_and_the_rest_keeps_its_greys(letter, film):
    region = box_mask(film.shape, 10, 40, 40, 90)
    edited = PasteFlag(letter=letter).apply(film, region)
    changed = edited.pixels != film
    assert changed.any()
    assert not (changed & ~region).any()
    rows, columns = np.nonzero(changed)
    assert np.ptp(columns) > 0.6 * 30  # the narrower side decides its size
    assert edited.pixels[changed].max() == pytest.approx(0.9, abs=0.01)
    if letter == "L":  # the stem is on the left, nothing on the upper right
        assert not changed[: int(rows.mean()), 27:].any()


def test_letters_differ(film):
    region = box_mask(film.shape, 10, 40, 40, 90)
    assert not np.array_equal(PasteFlag("L").apply(film, region).pixels, PasteFlag("R").apply(film, region).pixels)


def test_the_control_of_a_letter_is_a_square_of_as_much_ink_elsewhere(film):
    region, patch = box_mask(film.shape, 10, 40, 40, 90), box_mask(film.shape, 45, 60, 75, 110)
    ink = (PasteFlag().apply(film, region).pixels - film).sum()
    control = PasteFlag().control(film, patch).pixels - film
    assert control.sum() == pytest.approx(ink, rel=0.05)
    rows, columns = np.nonzero(control)
    assert np.ptp(rows) == np.ptp(columns)
    assert not control[~patch].any()


@pytest.mark.parametrize(("region", "words"), [((10, 10, 15, 60), "8 or more"), ((10, 10, 10, 10), "empty")])
def test_a_letter_needs_room(region, words, film):
    with pytest.raises(OptionError, match=words):
        PasteFlag().apply(film, box_mask(film.shape, *region))
    with pytest.raises(OptionError, match="X"):
        PasteFlag(letter="X")
