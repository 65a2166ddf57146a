"""Outlines lie on their masks; arrows point at the evidence from inside the film."""

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.contour import QuadContourSet
from PIL import Image

from workbench.core.errors import OptionError
from workbench.plots.marks import arrow_at, arrow_ends, outline
from workbench.plots.sheet import Picture, show_film


@pytest.fixture
def axes():
    axes = Picture(2.0, 2.0).panel(0.0, 0.0, width_in=2.0, height_in=2.0)
    show_film(axes, np.zeros((100, 80)), (100, 80))
    return axes


def distance_to_box(point, box):
    left, top, right, bottom = box
    return math.hypot(max(left - point[0], 0, point[0] - right), max(top - point[1], 0, point[1] - bottom))


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.integers(0, 150), st.integers(0, 90), st.integers(1, 50), st.integers(1, 30)))
def test_tip_lies_inside_the_film_and_just_outside_the_box(corner):
    left, top, width, height = corner
    box = (left, top, left + width, top + height)
    pixels = np.zeros((120, 200), dtype=np.float32)
    tail, tip = arrow_ends(box, pixels)
    for x, y in (tail, tip):
        assert 0 <= x <= 200
        assert 0 <= y <= 120
    assert 0 < distance_to_box(tip, box) < 0.02 * math.hypot(120, 200)
    assert distance_to_box(tail, box) > distance_to_box(tip, box)


def test_arrow_comes_from_the_darker_side():
    pixels = np.ones((100, 100), dtype=np.float32)
    pixels[:, 60:] = 0.0
    tail, tip = arrow_ends((45, 45, 55, 55), pixels)
    assert tail[0] > 60
    assert tail[0] > tip[0] > 55
    mirrored_tail, _ = arrow_ends((45, 45, 55, 55), pixels[:, ::-1])
    assert mirrored_tail[0] < 40


def test_arrow_at_a_box_as_large_as_the_film_stays_inside():
    for x, y in arrow_ends((0, 0, 80, 100), np.zeros((100, 80), dtype=np.float32)):
        assert 0 <= x <= 80
        assert 0 <= y <= 100


def test_mask_and_its_box_give_the_same_arrow():
    mask = np.zeros((100, 80), dtype=bool)
    mask[20:30, 40:60] = True
    pixels = np.random.default_rng(0).random((100, 80)).astype(np.float32)
    assert arrow_ends(mask, pixels) == arrow_ends((40, 20, 60, 30), pixels)


@pytest.mark.parametrize("target", [np.zeros((100, 80), dtype=bool), (90, 0, 99, 10), np.ones((5, 5), dtype=bool)])
def test_arrow_refuses_targets_that_are_not_on_the_film(target):
    with pytest.raises(OptionError) as refused:
        arrow_ends(target, np.zeros((100, 80), dtype=np.float32))
    assert "\n" not in str(refused.value)


def test_drawn_arrow_has_these_ends(axes):
    pixels = np.zeros((100, 80), dtype=np.float32)
    arrow_at(axes, (30, 40, 40, 50), pixels=pixels)
    tail, tip = arrow_ends((30, 40, 40, 50), pixels)
    assert axes.texts[0].xy == tip
    assert axes.texts[0].get_position() == tail


@pytest.mark.parametrize("rows", [(20, 30), (0, 12), (88, 100)])
def test_outline_runs_along_the_edge_of_the_mask(axes, rows):
    mask = np.zeros((100, 80), dtype=bool)
    mask[rows[0] : rows[1], 40:60] = True
    outline(axes, mask, label="fracture")
    lines = next(each for each in axes.get_children() if isinstance(each, QuadContourSet))
    points = lines.get_paths()[0].vertices
    rim = 1.35 / 72 * 50  # film pixels: half of line and rim, 50 film pixels an inch
    np.testing.assert_allclose(points.min(axis=0), [40, max(rows[0], rim)], atol=0.51)
    np.testing.assert_allclose(points.max(axis=0), [60, min(rows[1], 100 - rim)], atol=0.51)
    assert axes.texts[0].get_text() == "fracture"
    axes.figure.draw_without_rendering()


@pytest.mark.parametrize("size", [(100, 80), (2000, 1600)])
def test_outline_of_the_whole_film_is_drawn_with_all_its_width(size):
    """Cyan on grey; as wide as around a mask in the middle."""
    lines = []
    for margin in (0, size[0] // 4):
        picture = Picture(2.0, 2.0 * size[0] / size[1])
        axes = picture.panel(0.0, 0.0, width_in=2.0, height_in=2.0 * size[0] / size[1])
        mask = np.zeros(size, dtype=bool)
        mask[margin : size[0] - margin, margin : size[1] - margin] = True
        show_film(axes, np.full(size, 0.5), size)
        outline(axes, mask, "#00ffff", width=2.0)
        drawn = np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB")).astype(int)
        lines.append(drawn[..., 1] - drawn[..., 0] > 64)
    whole, inner = lines
    middle = whole.shape[0] // 2, whole.shape[1] // 2
    for place in (np.s_[middle[0], :], np.s_[:, middle[1]]):
        assert whole[place].sum() >= inner[place].sum() - 1
        for end in (whole[place], whole[place][::-1]):
            assert not end[0]  # the dark rim is inside too
            assert 1 <= end.argmax() <= 3


def test_empty_mask_draws_nothing(axes):
    before = len(axes.get_children())
    outline(axes, np.zeros((100, 80), dtype=bool), label="nothing")
    assert len(axes.get_children()) == before
