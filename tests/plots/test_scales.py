"""Scales: whose they are, what they hold, and where zero lies on them."""

import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.plots.overlays import coloured
from workbench.plots.scales import DIVERGING, SEQUENTIAL, colormap_of, scale_of, scale_words, scales_of


def explained(*maps):
    count = len(maps)
    stacked = np.array(maps, dtype=np.float32)
    sizes, places = np.full((count, 2), 8), np.tile(np.eye(3), (count, 1, 1))
    names = tuple(f"case-{index}" for index in range(count))
    return Explanation("cam", names, np.zeros(count, dtype=np.int64), stacked, places, sizes, np.ones((count, 1)))


POSITIVE = explained([[0.5, 1.0]], [[2.0, 4.0]])
SIGNED = explained([[0.5, 1.0]], [[-3.0, 2.0]])


def test_scale_is_symmetric_where_anything_is_negative_and_starts_at_zero_elsewhere():
    assert scale_of(np.array([-1.0, 3.0])) == (-3.0, 3.0)
    assert scale_of(np.array([2.0, 3.0])) == (0.0, 3.0)
    assert scale_of(np.array([-2.0, 3.0, np.nan]), kind="range") == (-2.0, 3.0)
    assert scale_of(np.array([2.0, 3.0]), kind="both") == (-3.0, 3.0)
    assert colormap_of((-3.0, 3.0)) == DIVERGING
    assert colormap_of((0.0, 3.0)) == SEQUENTIAL


@pytest.mark.parametrize("kind", ["zero", "both", "range"])
def test_scale_of_a_constant_map_is_not_empty(kind):
    low, high = scale_of(np.zeros((3, 3)), kind=kind)
    assert low < high
    middle = (low + high) / 2 if kind == "both" else low
    assert middle == 0.0
    np.testing.assert_allclose(coloured(np.zeros(1), colormap="bwr", scale=(0.0, high))[0], [0, 0, 1])


def test_clip_share_passes_over_a_lonely_peak():
    values = np.concatenate([np.linspace(0, 1, 9999), [1000.0]])
    assert scale_of(values)[1] == 1000.0
    assert scale_of(values, clip_share=0.001)[1] < 1.01


@pytest.mark.parametrize(
    ("explanation", "choice", "colormap", "wanted"),
    [
        (POSITIVE, "own", None, [(0.0, 1.0), (0.0, 4.0)]),
        (POSITIVE, "shared", None, [(0.0, 4.0)] * 2),
        (POSITIVE, "own", "jet", [(0.5, 1.0), (2.0, 4.0)]),
        (POSITIVE, "shared", "jet", [(0.5, 4.0)] * 2),
        (POSITIVE, "own", "bwr", [(-1.0, 1.0), (-4.0, 4.0)]),  # white stays zero
        (SIGNED, "own", None, [(-1.0, 1.0), (-3.0, 3.0)]),  # one colour map for both, so both hold both signs
        (SIGNED, "shared", None, [(-3.0, 3.0)] * 2),
        (SIGNED, "own", "jet", [(0.5, 1.0), (-3.0, 2.0)]),
        (SIGNED, (-5, 10), None, [(-5.0, 10.0)] * 2),
        (SIGNED, (0.0, 1.0), "jet", [(0.0, 1.0)] * 2),
    ],
)
def test_scales_are_each_map_s_own_shared_or_as_given(explanation, choice, colormap, wanted):
    assert scales_of(explanation, choice, colormap=colormap) == wanted


def test_a_fine_map_s_lonely_pixels_lie_beyond_its_scale():
    generator = np.random.default_rng(0)
    fine = generator.random((1, 100, 100))
    fine[0, 3, 3] = 1000.0
    assert scales_of(explained(*fine))[0][1] < 1.0
    assert scales_of(explained(*fine[:, :20, :20]))[0][1] == 1000.0


@pytest.mark.parametrize("choice", [(1.0, 1.0), (2.0, 1.0), (0.0, float("nan")), (0.0, float("inf"))])
def test_scales_that_are_none_are_refused(choice):
    with pytest.raises(OptionError, match="wanted"):
        scales_of(SIGNED, choice)


def test_bar_says_whose_scale_it_is():
    assert [scale_words(each) for each in ("own", "shared", (0.0, 1.0))] == [
        "own scale",
        "shared scale",
        "absolute scale",
    ]
