import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.imaging.regions import attribution_share, box_iou, enrichment, largest_component, map_box, mask_box

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 10), st.integers(1, 10)))


def region(height: int, width: int, box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


@given(MASKS, st.floats(0.125, 1e6, width=32))
def test_a_uniform_map_gives_each_region_its_area(mask, value):
    assume(mask.any())
    uniform = np.full(mask.shape, value, dtype=np.float32)
    assert attribution_share(uniform, mask) == pytest.approx(mask.mean())
    assert enrichment(uniform, mask) == pytest.approx(1)


def test_share_counts_positive_mass_alone():
    film_map = np.array([[3, -100], [1, -7]], dtype=np.float32)
    left_top = np.array([[True, True], [False, False]])
    assert attribution_share(film_map, left_top) == 0.75
    assert enrichment(film_map, left_top) == 1.5
    assert attribution_share(film_map, ~left_top) == 0.25


def test_all_mass_on_a_small_region():
    mask = region(10, 10, (2, 2, 4, 4))
    assert enrichment(mask.astype(np.float32), mask) == pytest.approx(25)
    assert enrichment((~mask).astype(np.float32), mask) == 0


def test_what_has_no_share_is_nan():
    mask = region(4, 4, (0, 0, 1, 1))
    negative = np.full((4, 4), -1, dtype=np.float32)
    assert math.isnan(attribution_share(negative, mask))
    assert math.isnan(enrichment(negative, mask))
    assert math.isnan(enrichment(-negative, np.zeros((4, 4), bool)))
    assert attribution_share(-negative, np.zeros((4, 4), bool)) == 0


def test_large_films_lose_no_mass_to_rounding():
    """A float32 sum of 16 million ones would stop at 16,777,216 and then shares would be wrong."""
    ones = np.ones((4200, 4200), dtype=np.float32)
    assert attribution_share(ones, region(4200, 4200, (0, 0, 2100, 4200))) == 0.5


def test_the_largest_component_joins_corners_and_the_first_wins_a_tie():
    mask = np.array([[1, 0, 0, 0, 1], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]], dtype=bool)
    expected = np.zeros_like(mask)
    expected[0, 0] = expected[1, 1] = True
    np.testing.assert_array_equal(largest_component(mask), expected)
    assert not largest_component(np.zeros((3, 3), bool)).any()


@given(MASKS)
def test_a_component_is_part_of_its_mask_and_is_whole(mask):
    part = largest_component(mask)
    assert not (part & ~mask).any()
    assert part.any() == mask.any()
    grown = np.zeros(np.add(mask.shape, 2), dtype=bool)
    for dy in range(3):
        for dx in range(3):
            grown[dy : dy + mask.shape[0], dx : dx + mask.shape[1]] |= part
    np.testing.assert_array_equal(grown[1:-1, 1:-1] & mask, part)  # its neighbours in the mask are its own


def test_mask_box():
    assert mask_box(region(9, 12, (3, 1, 8, 6))) == (3, 1, 8, 6)
    assert mask_box(region(9, 12, (0, 0, 12, 9))) == (0, 0, 12, 9)
    assert mask_box(np.zeros((3, 3), bool)) is None


def test_map_box_takes_what_lies_above_a_fifth_of_the_maximum():
    film_map = np.zeros((20, 30), dtype=np.float32)
    film_map[4:9, 6:12] = 0.21
    film_map[5, 7] = 1
    film_map[9, 6:12] = 0.2  # exactly at the threshold: not above it
    film_map[15:17, 20:22] = 0.9  # higher, but smaller
    assert map_box(film_map) == (6, 4, 12, 9)
    assert map_box(film_map * 1000) == (6, 4, 12, 9)
    assert map_box(film_map, threshold=0.5) == (20, 15, 22, 17)


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan])
def test_a_map_without_a_positive_value_points_nowhere(value):
    assert map_box(np.full((5, 5), value, dtype=np.float32)) is None


def test_negative_mass_pushes_no_box():
    film_map = np.full((9, 9), -5, dtype=np.float32)
    film_map[2, 3] = 0.001
    assert map_box(film_map) == (3, 2, 4, 3)


CORNER = st.integers(0, 20)
BOXES = st.tuples(CORNER, CORNER, st.integers(1, 20), st.integers(1, 20)).map(
    lambda values: (values[0], values[1], values[0] + values[2], values[1] + values[3])
)


@given(BOXES, BOXES)
def test_box_iou_is_that_of_the_drawn_masks(first, second):
    one, other = region(40, 40, first), region(40, 40, second)
    assert box_iou(first, second) == pytest.approx((one & other).sum() / (one | other).sum())
    assert box_iou(first, second) == box_iou(second, first)


def test_boxes_that_only_touch_share_nothing():
    assert box_iou((0, 0, 2, 2), (2, 0, 4, 2)) == 0
    assert box_iou((0, 0, 2, 2), (5, 5, 6, 6)) == 0
    assert box_iou((1, 1, 3, 3), (1, 1, 3, 3)) == 1
