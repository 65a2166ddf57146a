import numpy as np
import pytest
from scipy import ndimage

from workbench.data.phantoms.options import BODY_PARTS, PhantomOptions
from workbench.data.phantoms.phantom import draw_phantom
from workbench.imaging.frames import SIDES, find_frame, without_frame


def anatomy(height: int = 240, width: int = 200) -> np.ndarray:
    """Return something soft in the middle of a dark film, without a straight edge."""
    rows, columns = np.mgrid[0:height, 0:width]
    spot = np.exp(-(((rows - height / 2) / 60) ** 2) - ((columns - width / 2) / 40) ** 2)
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(height, width)), 1)
    return np.clip(0.15 + 0.6 * spot + 0.02 * noise, 0, 1).astype(np.float32)


def quadrangle(shape: tuple[int, int], margin: float, tilt_deg: float) -> np.ndarray:
    """Return True inside a rectangle that is turned about the middle of the film."""
    height, width = shape
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    turn = np.deg2rad(tilt_deg)
    x, y = columns - width / 2, rows - height / 2
    across, down = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    return (abs(across) < width / 2 * (1 - margin)) & (abs(down) < height / 2 * (1 - margin))


def test_a_film_without_a_frame_has_none():
    film = anatomy()
    assert find_frame(film) is None
    cropped, back = without_frame(film)
    assert cropped is film
    np.testing.assert_array_equal(back, np.eye(3))


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("tilt_deg", [0.0, 3.0, -5.0])
def test_a_border_is_found_where_it_is(grey, tilt_deg):
    film = anatomy()
    inside = quadrangle(film.shape, 0.16, tilt_deg)
    film[~inside] = grey
    found = find_frame(film)
    assert found is not None
    assert found.sides == SIDES
    seen = ~found.mask
    assert (seen & inside).sum() / (seen | inside).sum() > 0.93
    left, top, right, bottom = found.box
    assert inside[top:bottom, left:right].mean() > 0.995
    assert (right - left) * (bottom - top) > 0.7 * inside.sum()


@pytest.mark.parametrize("side", SIDES)
def test_a_shield_on_one_side_has_that_side(side):
    film = anatomy()
    turns = SIDES.index(side)
    turned = np.ascontiguousarray(np.rot90(film, turns))  # the side in question comes to the left
    turned[:, :20] = 0.9
    shielded = np.ascontiguousarray(np.rot90(ndimage.gaussian_filter(turned, 1.5), -turns)).astype(np.float32)
    found = find_frame(shielded)
    assert found is not None
    assert found.sides == (side,)
    assert 0.07 < found.mask.mean() < 0.14


def test_cropping_leads_back_to_film_pixels():
    film = anatomy()
    film[~quadrangle(film.shape, 0.2, 0.0)] = 0.0
    film[100, 90] = 1.0
    cropped, back = without_frame(film)
    row, column = np.unravel_index(cropped.argmax(), cropped.shape)
    assert (back @ (column, row, 1)).tolist() == [90, 100, 1]
    assert cropped.shape < film.shape


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 3), (17, 17)])
def test_films_of_any_shape_are_taken(shape):
    for film in (np.zeros(shape, np.float32), np.random.default_rng(0).random(shape, np.float32)):
        cropped, _ = without_frame(film)
        assert cropped.size


def test_frames_of_phantoms_are_found():
    """Where a limb of the same grey touches the frame, or a straight skin runs beside it, it errs."""
    phantoms = [draw_phantom(PhantomOptions(body_part=part, frame=True), seed=11) for part in BODY_PARTS]
    found = [find_frame(phantom.pixels) for phantom in phantoms]
    assert all(found)
    shares = [each.mask[phantom.masks["frame"]].mean() for each, phantom in zip(found, phantoms, strict=True)]
    kept = [(~each.mask).mean() for each in found]
    assert np.mean(shares) > 0.85
    assert np.median(shares) > 0.98
    assert np.mean(kept) > 0.75
