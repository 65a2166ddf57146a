import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.imaging.edits import control_patch, cover

MASKS = arrays(np.bool_, st.tuples(st.integers(2, 12), st.integers(2, 12)))


def film(height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    """Return soft shading with a little noise, as a film has between its bones."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(seed).normal(scale=0.01, size=(height, width))
    return (0.4 + 0.002 * rows + 0.001 * columns + noise).astype(np.float32)


def region(box: tuple[int, int, int, int], height: int = 60, width: int = 80) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def edge_step(pixels: np.ndarray, mask: np.ndarray) -> float:
    """Return the mean absolute step between neighbours of which one is inside: how well the edit can be seen."""
    down, across = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    steps = np.concatenate([np.abs(np.diff(pixels, axis=0))[down], np.abs(np.diff(pixels, axis=1))[across]])
    return float(steps.mean())


def test_covering_leaves_no_edge_and_a_blanked_box_does():
    flag = region((50, 6, 62, 16))
    marked = film()
    marked[flag] = 1.0
    blanked = np.where(flag, 0.0, marked).astype(np.float32)
    untouched = edge_step(film(), flag)
    assert edge_step(cover(marked, flag), flag) < 2 * untouched
    assert edge_step(blanked, flag) > 20 * untouched
    assert edge_step(marked, flag) > 20 * untouched


def test_nothing_of_the_thing_is_left():
    """Two films that differ in the covered region alone are equal afterwards."""
    flag = region((50, 6, 62, 16))
    one, other = film(), film()
    one[flag], other[flag] = 1.0, 0.1
    np.testing.assert_array_equal(cover(one, flag), cover(other, flag))


@given(MASKS)
@settings(deadline=None)
def test_nothing_outside_changes_and_no_value_is_new_in_range(mask):
    pixels = np.random.default_rng(0).random(mask.shape).astype(np.float32)
    kept = pixels.copy()
    covered = cover(pixels, mask)
    np.testing.assert_array_equal(pixels, kept)
    np.testing.assert_array_equal(covered[~mask], pixels[~mask])
    assert covered.dtype == np.float32
    if mask.any() and not mask.all():
        assert pixels[~mask].min() - 1e-6 <= covered[mask].min()
        assert covered[mask].max() <= pixels[~mask].max() + 1e-6


def test_parts_take_the_mean_of_their_own_surroundings():
    pixels = np.where(np.arange(80) < 40, 0.2, 0.8).astype(np.float32) * np.ones((60, 1), np.float32)
    two = region((5, 5, 10, 10)) | region((60, 40, 70, 50))
    pixels[two] = 1.0
    covered = cover(pixels, two)
    np.testing.assert_allclose(covered[5:10, 5:10], 0.2, atol=1e-6)
    np.testing.assert_allclose(covered[40:50, 60:70], 0.8, atol=1e-6)


def test_neighbouring_parts_do_not_colour_each_other():
    pixels = np.full((20, 20), 0.5, dtype=np.float32)
    near = region((2, 2, 5, 5), 20, 20) | region((7, 2, 10, 5), 20, 20)  # two pixels apart, so each lies in a ring
    pixels[near] = 1.0
    assert (cover(pixels, near) == 0.5).all()


def test_covering_nothing_and_everything():
    pixels = film()
    np.testing.assert_array_equal(cover(pixels, np.zeros_like(pixels, dtype=bool)), pixels)
    assert not cover(pixels, np.ones_like(pixels, dtype=bool)).any()


def shape_of(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.stack([rows - rows.min(), columns - columns.min()])


@given(MASKS, MASKS, st.integers(0, 5))
@settings(deadline=None, max_examples=200)
def test_a_control_patch_is_equal_and_never_on_forbidden_ground(mask, forbidden, seed):
    ground = np.zeros_like(mask)
    height, width = np.minimum(mask.shape, forbidden.shape)
    ground[:height, :width] = forbidden[:height, :width]
    patch = control_patch(mask, ground, np.random.default_rng(seed))
    if patch is None:
        return
    assert patch.shape == mask.shape
    np.testing.assert_array_equal(shape_of(patch), shape_of(mask))
    assert not (patch & ground).any()


def test_a_free_place_is_found_where_there_is_one():
    """The only place left is the lower right corner."""
    flag = region((0, 0, 4, 3), 6, 8)
    forbidden = ~region((4, 3, 8, 6), 6, 8)
    patch = control_patch(flag, forbidden, np.random.default_rng(0))
    assert patch is not None
    np.testing.assert_array_equal(patch, ~forbidden)


@pytest.mark.parametrize("forbidden", [np.ones((6, 8), bool), region((0, 0, 8, 4), 6, 8)], ids=["all", "most"])
def test_no_place_gives_none(forbidden):
    assert control_patch(region((0, 0, 4, 3), 6, 8), forbidden, np.random.default_rng(0)) is None


def test_an_empty_region_has_no_control():
    empty = np.zeros((6, 8), bool)
    assert control_patch(empty, empty, np.random.default_rng(0)) is None


def test_a_region_as_large_as_the_film_has_one_place():
    whole, nothing = np.ones((6, 8), bool), np.zeros((6, 8), bool)
    patch = control_patch(whole, nothing, np.random.default_rng(0))
    assert patch is not None
    assert patch.all()


def test_places_follow_the_generator_and_reach_every_corner():
    flag, nothing = region((2, 2, 4, 4), 6, 6), np.zeros((6, 6), bool)
    generator = np.random.default_rng(0)
    union, places = np.zeros((6, 6), bool), set()
    for _ in range(300):
        patch = control_patch(flag, nothing, generator)
        assert patch is not None
        union |= patch
        places.add(tuple(np.argwhere(patch)[0]))
    assert union.all()
    assert len(places) == 25
    one, again = (control_patch(flag, nothing, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
