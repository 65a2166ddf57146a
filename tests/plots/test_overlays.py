"""Maps laid over films: the right place, the right colour, the scale that is said."""

import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.core.geometry import scaling, translation
from workbench.plots.overlays import coloured, draw_colour_bar, drawn_map, film_map_of, overlay
from workbench.plots.scales import scale_of
from workbench.plots.sheet import Picture, shrunk


def redness(rgb):
    return rgb[..., 0].astype(float) - rgb[..., 2].astype(float)


def test_peak_of_a_known_map_lands_on_the_known_pixel():
    rows, columns = np.mgrid[:90, :60]
    film_map = np.exp(-((rows - 71) ** 2 + (columns - 13) ** 2) / 400).astype(np.float32)
    pixels = np.full((90, 60), 0.3, dtype=np.float32)
    jet = overlay(pixels, film_map, colormap="jet", opacity=1.0) / 255
    assert (
        np.argmin(np.abs(jet - coloured(np.ones(1), colormap="jet", scale=(0.0, 1.0))[0]).sum(axis=2)) == 71 * 60 + 13
    )
    light = overlay(pixels, film_map).sum(axis=2, dtype=int)
    assert np.unravel_index(light.argmax(), light.shape) == (71, 13)


@pytest.mark.parametrize("name", ["jet", "bwr"])
def test_lowest_is_blue_and_highest_is_red_wherever_zero_lies(name):
    values = np.array([[5.0, 6.0], [7.0, 9.0]])
    rgb = coloured(values, colormap=name, scale=scale_of(values, kind="range"))
    assert redness(rgb)[0, 0] < -0.4
    assert redness(rgb)[1, 1] > 0.4
    if name == "bwr":
        np.testing.assert_allclose(rgb[0, 0], [0, 0, 1])
        np.testing.assert_allclose(rgb[1, 1], [1, 0, 0])
        np.testing.assert_allclose(rgb[1, 0], [1, 1, 1], atol=0.02)  # halfway is white, not zero


def test_shared_scale_gives_equal_values_equal_colours():
    weak, strong = np.array([[0.0, 1.0]], dtype=np.float32), np.array([[1.0, 4.0]], dtype=np.float32)
    film = np.zeros((1, 2), dtype=np.float32)
    shared = scale_of(weak, strong)
    assert shared == (0.0, 4.0)
    together = [overlay(film, each, scale=shared) for each in (weak, strong)]
    np.testing.assert_array_equal(together[0][0, 1], together[1][0, 0])
    alone = [overlay(film, each) for each in (weak, strong)]
    assert not np.allclose(alone[0][0, 1], alone[1][0, 0])


def test_zero_and_nan_leave_the_film_bare():
    film = np.random.default_rng(0).random((4, 5)).astype(np.float32)
    film_map = np.zeros((4, 5), dtype=np.float32)
    film_map[0, 0], film_map[1, 1] = 1.0, np.nan
    rgb = overlay(film, film_map)
    bare = np.rint(np.repeat(film[..., None], 3, axis=2) * 255).astype(np.uint8)
    assert not np.array_equal(rgb[0, 0], bare[0, 0])
    np.testing.assert_array_equal(rgb[1:], bare[1:])
    jet = overlay(film, film_map, colormap="jet")
    np.testing.assert_array_equal(jet[1, 1], bare[1, 1])
    assert not np.array_equal(jet[2, 2], bare[2, 2])
    signed = overlay(film, film_map, scale=(-1.0, 1.0))
    np.testing.assert_array_equal(signed[1:], bare[1:])


def test_both_signs_are_told_apart():
    rgb = overlay(np.zeros((1, 2), dtype=np.float32), np.array([[-1.0, 1.0]], dtype=np.float32))
    assert redness(rgb)[0, 0] < -25 < 25 < redness(rgb)[0, 1]


@pytest.mark.parametrize("colormap", ["inferno", "managua_r", "jet", "bwr", "viridis"])
def test_overlay_is_film_and_colour_by_shares(colormap):
    generator = np.random.default_rng(0)
    film, film_map = generator.random((40, 50)).astype(np.float32), generator.normal(size=(40, 50)).astype(np.float32)
    scale = (-1.5, 1.5) if colormap != "inferno" else (0.0, 1.5)
    fades = colormap in ("inferno", "managua_r")
    shares = 0.85 * np.sqrt(np.clip(np.abs(film_map) / 1.5, 0, 1)) if fades else np.full(film.shape, 0.45)
    shares = np.where((film_map < 0) & (colormap == "inferno"), 0, shares)[
        ..., None
    ]  # below the scale: its first colour
    wanted = 255 * (film[..., None] * (1 - shares) + coloured(film_map, colormap=colormap, scale=scale) * shares)
    laid = overlay(film, film_map, colormap=colormap, scale=scale)
    assert laid.dtype == np.uint8
    assert np.abs(laid - wanted).max() < 2.5  # steps of the scale, and whole numbers


def test_map_on_a_shrunk_film_is_the_film_s_map_shrunk():
    generator = np.random.default_rng(0)
    maps = generator.normal(size=(1, 5, 5)).astype(np.float32)
    to_film = translation(40, 0) @ scaling(60, 80)
    sizes = np.array([[400, 360]])
    explanation = Explanation("cam", ("a",), np.zeros(1, dtype=np.int64), maps, to_film[None], sizes, np.ones((1, 1)))
    whole, small = film_map_of(explanation, 0), film_map_of(explanation, 0, limit=200)
    assert small.shape == (200, 180)
    np.testing.assert_array_equal(np.isnan(small), np.isnan(whole[::2, ::2]))
    np.testing.assert_allclose(np.nan_to_num(small), np.nan_to_num(shrunk(whole, 200)), atol=0.02)
    np.testing.assert_array_equal(drawn_map(maps[0], to_film, (400, 360), (400, 360)), whole)


def test_inputs_are_not_modified():
    film, film_map = np.full((4, 4), 0.5, dtype=np.float32), np.eye(4, dtype=np.float32) - 0.5
    before = film.copy(), film_map.copy()
    overlay(film, film_map, colormap="jet")
    overlay(film, film_map)
    np.testing.assert_array_equal(film, before[0])
    np.testing.assert_array_equal(film_map, before[1])


@pytest.mark.parametrize(
    ("pixels", "film_map", "options", "says"),
    [
        (np.zeros((4, 4)), np.zeros((4, 5)), {}, r"\(4, 5\).*\(4, 4\)"),
        (np.zeros((4, 4, 3)), np.zeros((4, 4)), {}, r"\(4, 4, 3\)"),
        (np.full((4, 4), 255.0), np.zeros((4, 4)), {}, "255"),
        (np.zeros((4, 4)), np.full((4, 4), np.nan), {}, "finite"),
        (np.zeros((4, 4)), np.eye(4), {"colormap": "rainbow-unicorn"}, "rainbow-unicorn"),
        (np.zeros((4, 4)), np.eye(4), {"opacity": 3.0}, "opacity"),
        (np.zeros((4, 4)), np.eye(4), {"scale": (1.0, 1.0)}, "empty"),
    ],
)
def test_wrong_input_is_refused_in_one_line(pixels, film_map, options, says):
    with pytest.raises(OptionError, match=says) as refused:
        overlay(pixels, film_map, **options)
    assert "\n" not in str(refused.value)


def test_film_map_is_nan_where_the_network_did_not_look():
    crop = translation(20, 10) @ scaling(5, 5)  # 4 x 4 cells on rows 10..30, columns 20..40
    explanation = Explanation(
        "cam",
        ("a",),
        np.zeros(1, dtype=np.int64),
        np.full((1, 4, 4), 2.0, dtype=np.float32),
        crop[None],
        np.array([[50, 60]]),
        np.array([[0.5, 0.5]]),
    )
    film_map = film_map_of(explanation, 0)
    inside = np.zeros((50, 60), dtype=bool)
    inside[10:30, 20:40] = True
    np.testing.assert_array_equal(np.isfinite(film_map), inside)
    np.testing.assert_allclose(film_map[inside], 2.0)


def test_colour_bar_prints_its_scale():
    picture = Picture(3.0, 1.0)
    axes = picture.panel(0.2, 0.2, width_in=2.0, height_in=0.1)
    draw_colour_bar(axes, colormap="jet", scale=(-0.5, 2.25))
    picture.png()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["−0.5", "2.25"]
    assert tuple(axes.get_xlim()) == (-0.5, 2.25)
