"""Overlays as files: the film where it was, the box where it lies, and a bar that says what the colours mean."""

import io

import numpy as np
import pytest
from PIL import Image

from workbench.core.explanation import Explanation
from workbench.core.geometry import scaling
from workbench.plots.overlay_picture import Caption, overlay_picture, png_bytes
from workbench.plots.overlays import coloured, laid_over, overlay
from workbench.plots.sheet import shrunk_size

CAPTION = Caption("Grad-CAM · abnormal · p = 0.93", "own scale")


def explained(height, width, cells=(8, 8)):
    maps = np.random.default_rng(0).normal(size=(1, *cells)).astype(np.float32)
    to_film = scaling(width / cells[1], height / cells[0])[None]
    sizes, targets = np.array([[height, width]]), np.zeros(1, dtype=np.int64)
    return Explanation("grad-cam", ("a",), targets, maps, to_film, sizes, np.ones((1, 1)))


def film(height, width):
    return np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)


def test_film_of_a_usual_size_keeps_its_pixels():
    explanation = explained(400, 300)
    drawn = overlay_picture(film(400, 300), explanation, 0, scale=(-2.0, 2.0), caption=CAPTION)
    assert drawn.shape[1] == 300
    assert 400 < drawn.shape[0] < 480
    wanted = overlay(film(400, 300), explanation.on_film(0), scale=(-2.0, 2.0))
    np.testing.assert_array_equal(drawn[:400], wanted)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((2000, 1000), (1024, 512)), ((100, 150), (300, 450)), ((60, 30), (480, 240)), ((512, 400), (512, 400))],
)
def test_large_films_are_shrunk_and_small_ones_magnified(size, shown):
    drawn = overlay_picture(film(*size), explained(*size), 0, scale=(-2.0, 2.0), caption=CAPTION)
    assert drawn.shape[1] == max(shown[1], 260)
    assert 40 <= drawn.shape[0] - shown[0] <= 100
    assert drawn.dtype == np.uint8


def test_bar_shows_the_colours_of_its_scale_from_low_to_high():
    drawn = overlay_picture(film(400, 400), explained(400, 400), 0, scale=(-1.0, 3.0), caption=CAPTION, colormap="bwr")
    wanted = 255 * coloured(np.array([-1.0, 1.0, 3.0]), colormap="bwr", scale=(-1.0, 3.0))
    strip = drawn[400:].astype(int)
    bars = [row for row in strip if np.abs(row[[12, 200, 387]] - wanted).max() < 8]
    assert len(bars) >= 5
    assert not [row for row in strip[:10] if np.abs(row[[12, 200, 387]] - wanted).max() < 8]


def test_words_are_written_and_cut_where_they_have_no_room():
    pictures = [
        overlay_picture(film(300, 300), explained(300, 300), 0, scale=(0.0, 1.0), caption=Caption(words, "own scale"))
        for words in ("", "Grad-CAM", "W" * 200)
    ]
    lit = [np.flatnonzero((picture[300:323].max(axis=2) > 120).any(axis=0)) for picture in pictures]
    assert lit[0].size == 0
    assert 0 < lit[1].max() < lit[2].max() < 297


def test_box_is_outlined_at_its_place_and_lies_inside_the_film():
    black, explanation = np.zeros((400, 300), dtype=np.float32), explained(400, 300)
    explanation.maps[:] = 0
    drawn = overlay_picture(black, explanation, 0, scale=(0.0, 1.0), caption=CAPTION, box=(30, 50, 300, 400))
    rows, columns = np.nonzero(drawn[:400].max(axis=2) > 200)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (31, 51, 298, 398)
    inside = drawn[60:390, 40:290]
    assert inside.max() == 0


@pytest.mark.parametrize("size", [(3000, 105), (3000, 100), (105, 3000), (400, 300)])
def test_box_as_large_as_the_film_shows_on_all_four_sides(size):
    """A narrow film is shrunk by one factor across and another one down, because its sides are whole pixels."""
    explanation = explained(*size)
    explanation.maps[:] = 0
    black, box = np.zeros(size, dtype=np.float32), (0, 0, size[1], size[0])
    drawn = overlay_picture(black, explanation, 0, scale=(0.0, 1.0), caption=CAPTION, box=box)
    height, width = shrunk_size(size, 1024)
    left = (drawn.shape[1] - width) // 2
    rows, columns = np.nonzero(drawn[:height, left : left + width].max(axis=2) > 200)
    line = max(round(max(height, width) / 500), 1)
    ends = (columns.min(), rows.min(), width - 1 - columns.max(), height - 1 - rows.max())
    assert ends == (line, line, line, line)


def test_one_pixel_s_box_can_be_drawn():
    drawn = overlay_picture(film(400, 300), explained(400, 300), 0, scale=(0.0, 1.0), caption=CAPTION, box=(5, 5, 6, 6))
    assert drawn.shape[1] == 300


def test_fine_maps_lie_on_a_darker_film():
    bright = np.ones((100, 100), dtype=np.float32)
    fine, coarse = explained(100, 100, (100, 100)), explained(100, 100)
    for explanation in (fine, coarse):
        explanation.maps[:] = 0
    means = [laid_over(bright, each, 0, scale=(-1.0, 1.0)).mean() for each in (fine, coarse)]
    assert means[1] == 255
    assert 50 < means[0] < 150


def test_png_gives_the_picture_back():
    drawn = overlay_picture(film(300, 280), explained(300, 280), 0, scale=(-2.0, 2.0), caption=CAPTION)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(drawn)))), drawn)
