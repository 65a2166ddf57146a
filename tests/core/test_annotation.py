import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from workbench.core.annotation import Annotation, annotation_from_mask
from workbench.core.errors import ManifestError

BOX = (1, 2, 5, 4)
MASKS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(MASKS)
@settings(deadline=None)
def test_a_mask_comes_back_with_its_tight_box(mask):
    annotation = annotation_from_mask("flag", mask, source="reviewed")
    if annotation is None:
        assert not mask.any()
        return
    np.testing.assert_array_equal(annotation.mask(*mask.shape), mask)
    left, top, right, bottom = annotation.box
    inside = np.zeros_like(mask)
    inside[top:bottom, left:right] = True
    assert not (mask & ~inside).any()
    for edge in (mask[top], mask[bottom - 1], mask[:, left], mask[:, right - 1]):
        assert edge.any()
    assert annotation.source == "reviewed"


@given(arrays(np.bool_, st.tuples(st.integers(1, 60), st.integers(1, 60)), elements=st.booleans()))
@settings(deadline=None, max_examples=50)
def test_run_lengths_read_as_cocos_own_decoder_reads_them(mask):
    runs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    segmentation = {"size": list(mask.shape), "counts": runs["counts"].decode()}
    ours = Annotation("flag", BOX, segmentation).mask(*mask.shape)
    np.testing.assert_array_equal(ours, coco.decode(runs).astype(bool))


def test_long_runs_read_as_cocos_own_decoder_reads_them():
    mask = np.zeros((1500, 2000), dtype=bool)
    mask[700:900, 11:1999] = True
    annotation = annotation_from_mask("frame", mask)
    assert annotation is not None
    np.testing.assert_array_equal(annotation.mask(1500, 2000), mask)


def test_plain_counts_run_down_the_columns():
    segmentation = {"size": [2, 3], "counts": [1, 2, 3]}
    expected = [[False, True, False], [True, False, False]]
    np.testing.assert_array_equal(Annotation("flag", BOX, segmentation).mask(2, 3), expected)


def test_a_box_alone_is_its_own_mask_cut_to_the_film():
    expected = np.zeros((3, 8), dtype=bool)
    expected[2:3, 1:5] = True
    np.testing.assert_array_equal(Annotation("flag", BOX).mask(3, 8), expected)
    assert not Annotation("flag", (-5, -5, -1, -1)).mask(10, 10).any()
    assert not Annotation("flag", (20, 20, 30, 30)).mask(10, 10).any()


def test_polygons_are_joined():
    squares = [[0, 0, 4, 0, 4, 4, 0, 4], [6, 6, 9, 6, 9, 9, 6, 9]]
    mask = Annotation("flag", (0, 0, 9, 9), squares).mask(10, 12)
    expected = np.zeros((10, 12), dtype=bool)
    expected[0:4, 0:4] = expected[6:9, 6:9] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_polygon_may_lean_over_the_edge():
    mask = Annotation("flag", (0, 0, 4, 4), [[-3, -3, 4, -3, 4, 4, -3, 4]]).mask(10, 10)
    expected = np.zeros((10, 10), dtype=bool)
    expected[:4, :4] = True
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ([[1, 2, 3]], "an outline of 3 numbers"),
        ([[1, 2, 3, 4, 5, 6, 7]], "an outline of 7 numbers"),
        ([[]], "an outline of 0 numbers"),
        ([[0, 0, 4, 0, math.nan, 4]], "far outside the film"),
        ([[0, 0, 1e9, 0, 4, 4]], "far outside the film"),
        ([[0, 0, 4, 0, 4, -math.inf]], "far outside the film"),
        (["hello"], "could not convert"),
        ("hello", "could not convert"),
        (7, "not iterable"),
        ({"size": [10, 12], "counts": [5, 5]}, "cover 10 pixels, wanted 120"),
        ({"size": [10, 12], "counts": [5, 5_000_000]}, "wanted 120"),
        ({"size": [10, 12], "counts": [130, -10]}, "wanted 120"),
        ({"size": [10, 12], "counts": [60.0, 60.0]}, "cannot be interpreted as an integer"),
        ({"size": [12, 10], "counts": [120]}, "its size is [12, 10], wanted [10, 12]"),
        ({"size": [10, 12]}, "lacks 'counts'"),
        ({"size": [10, 12], "counts": ""}, "cover 0 pixels"),
        ({"size": [10, 12], "counts": "é"}, "codec can't encode"),
        ({"size": [10, 12], "counts": "o" * 1000}, "not COCO's"),
        ({"size": [10, 12], "counts": "~~~~"}, "not COCO's"),
        ({"size": [10, 12], "counts": None}, "not iterable"),
    ],
)
def test_a_mask_that_cannot_be_drawn_is_refused_in_one_line(segmentation, words):
    """COCO's own decoder would read past short runs, and its own outlines would fill the memory."""
    with pytest.raises(ManifestError) as caught:
        Annotation("flag", BOX, segmentation).mask(10, 12)
    assert str(caught.value).startswith("mask of a 'flag' on a film of 12 x 10: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cut_run_lengths_are_refused_not_filled_with_whatever_lies_in_memory():
    mask = np.zeros((10, 10), dtype=bool)
    mask[2:4, 2:4] = True
    whole = annotation_from_mask("flag", mask)
    assert whole is not None
    counts = whole.segmentation["counts"]
    for length in range(len(counts)):
        with pytest.raises(ManifestError):
            Annotation("flag", BOX, {"size": [10, 10], "counts": counts[:length]}).mask(10, 10)


@pytest.mark.parametrize("box", [(5, 2, 5, 4), (1, 4, 5, 4), (5, 2, 1, 4), (0, 0, 0, 0)])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ManifestError, match="is empty; wanted left < right, top < bottom"):
        Annotation("flag", box)


def test_an_unknown_source_is_refused():
    with pytest.raises(ManifestError, match="source 'guessed' is not one of given, detected, reviewed"):
        Annotation("flag", BOX, source="guessed")


def test_annotations_can_be_hashed_whatever_their_mask():
    assert len({Annotation("flag", BOX, [[0, 0, 1, 0, 1, 1]]), Annotation("flag", BOX, {"size": [1, 1]})}) == 2
