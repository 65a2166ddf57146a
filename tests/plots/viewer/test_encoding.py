"""What is sent to the browser: nothing lost, nothing clipped, everything where it lies."""

import json
from typing import Any

import numpy as np
import pytest

from workbench.core.annotation import Annotation, annotation_from_mask
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.core.geometry import scaling, translation
from workbench.plots.viewer.content import FilmView, MapLayer, Mark, map_layer, marks_of
from workbench.plots.viewer.encoding import (
    colormap_contents,
    film_content,
    layer_content,
    mark_content,
    mask_edges,
    opening_window,
)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def decoded(content: dict[str, Any]) -> np.ndarray:
    whole = np.frombuffer(content["values"], dtype="<i2").astype(np.float64)
    return np.where(whole == -32768, np.nan, whole * content["step"]).reshape(content["height"], content["width"])


def test_a_film_in_steps_of_255_is_sent_as_bytes() -> None:
    film = (np.round(random(5, 7) * 255) / 255).astype(np.float32)
    content = film_content(film, "XR-1")
    assert (content["bits"], content["height"], content["width"], content["key"]) == (8, 5, 7, "XR-1")
    sent = np.frombuffer(content["pixels"], np.uint8).reshape(5, 7)
    np.testing.assert_allclose(sent / 255, film, atol=1e-7)


def test_a_finer_film_is_sent_with_16_bits_little_endian() -> None:
    film = random(5, 7)
    content = film_content(film)
    assert content["bits"] == 16
    np.testing.assert_allclose(np.frombuffer(content["pixels"], "<u2").reshape(5, 7) / 65535, film, atol=0.51 / 65535)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_whole_numbers_are_sent_as_they_are(kind: type) -> None:
    film = np.arange(12, dtype=kind).reshape(3, 4)
    assert film_content(film)["pixels"] == film.tobytes()


@pytest.mark.parametrize("film", [np.full((2, 2), 1.5), np.full((2, 2), np.nan), np.ones((2, 2), np.int64)])
def test_other_films_are_refused(film: np.ndarray) -> None:
    with pytest.raises(OptionError, match="wanted 0 to 1"):
        film_content(film)


@pytest.mark.parametrize("magnitude", [1e-12, 1.0, 1e9])
def test_maps_keep_their_sign_and_unit(magnitude: float) -> None:
    values = ((random(6, 4) - 0.5) * magnitude).astype(np.float32)
    values[2, 1] = np.nan
    content = layer_content(MapLayer(values, np.eye(3), (-magnitude, magnitude)))
    np.testing.assert_allclose(decoded(content), values, atol=0.51 * content["step"])
    assert content["step"] < magnitude / 60000
    assert content["extent"] == [np.nanmin(values), np.nanmax(values)]


def test_a_map_of_zeros_is_a_map() -> None:
    content = layer_content(MapLayer(np.zeros((2, 2), np.float32), np.eye(3), (0.0, 1.0)))
    assert not decoded(content).any()


def test_the_affine_leads_from_film_pixels_to_cells() -> None:
    to_film = translation(10, 20) @ scaling(4, 8)
    a, b, c, d, e, f = layer_content(MapLayer(random(3, 3), to_film, (0.0, 1.0)))["to_map"]
    assert (a * 14 + b * 28 + c, d * 14 + e * 28 + f) == (1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": (1.0, 1.0)}, "is empty"),
        ({"scale": (0.0, np.nan)}, "is empty"),
        ({"values": np.zeros((0, 3), np.float32)}, "is not a map"),
        ({"values": np.full((2, 2), np.nan, np.float32)}, "no finite value"),
        ({"colormap": "rainbow"}, "no colour map of the viewer"),
    ],
)
def test_maps_that_cannot_be_shown_are_refused(change: dict[str, Any], message: str) -> None:
    given = {"values": random(2, 2), "to_film": np.eye(3), "scale": (0.0, 1.0)} | change
    with pytest.raises(OptionError, match=message):
        layer_content(MapLayer(**given))


def test_a_layer_of_an_explanation_is_the_map_on_film() -> None:
    """Drawn at the film's size it is what ``on_film`` gives, and NaN where the network was not shown the film."""
    to_film = np.stack([translation(5, 0) @ scaling(8, 8)])
    maps, sizes = random(1, 4, 4), np.array([[40, 44]])
    found = Explanation("grad-cam", ("a",), np.array([1]), maps - 0.5, to_film, sizes, np.array([[0.4, 0.6]]))
    layer = map_layer(found, 0)
    drawn = layer.drawn((40, 44), (40, 44))
    np.testing.assert_allclose(np.nan_to_num(drawn), found.on_film(0), atol=1e-6)
    assert np.isnan(drawn[:, :4]).all()
    assert (layer.title, layer.colours) == ("Grad-CAM", "managua_r")
    assert layer.scale[0] == -layer.scale[1]


def drawn_edges(lines: list[int]) -> set[tuple[int, int, int, int]]:
    """Cut lines into pieces one pixel long."""
    pieces = set()
    for x0, y0, x1, y1 in np.array(lines).reshape(-1, 4).tolist():
        assert (x0 == x1) != (y0 == y1)
        length = abs(x1 - x0) + abs(y1 - y0)
        for i in range(length):
            x, y = x0 + (x1 > x0) * i, y0 + (y1 > y0) * i
            pieces.add((x, y, x + (x1 > x0), y + (y1 > y0)))
    return pieces


def test_the_edge_of_a_mask_lies_between_pixels_that_differ() -> None:
    mask = random(9, 11) > 0.5
    padded = np.pad(mask, 1)
    wanted = {(x, y, x + 1, y) for y in range(10) for x in range(11) if padded[y, x + 1] != padded[y + 1, x + 1]}
    wanted |= {(x, y, x, y + 1) for y in range(9) for x in range(12) if padded[y + 1, x] != padded[y + 1, x + 1]}
    assert drawn_edges(mask_edges(mask)) == wanted


def test_an_empty_mask_has_no_edge() -> None:
    assert mask_edges(np.zeros((3, 3), bool)) == []


def test_marks_of_annotations() -> None:
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3:8] = True
    known = annotation_from_mask("flag", mask)
    assert known is not None
    flag, box = marks_of([known, Annotation("evidence", (1, 1, 4, 9))], (10, 12))
    assert flag.mask is not None
    assert (flag.mask == mask).all()
    rim = mark_content(Mark("flag", (3, 2, 8, 5)))["lines"]
    assert drawn_edges(mark_content(flag)["lines"]) == drawn_edges(rim)
    assert (box.mask, mark_content(box)["label"], mark_content(box)["box"]) == (None, "evidence", [1, 1, 4, 9])


def test_colour_maps_are_256_colours_each() -> None:
    contents = colormap_contents()
    assert {len(content["colours"]) for content in contents.values()} == {768}
    assert {name for name, content in contents.items() if content["fading"]} == {"managua_r", "inferno"}


def test_windows() -> None:
    raw = np.linspace(1000, 3000, 900, dtype=np.uint16).reshape(30, 30)
    low, high = opening_window(FilmView(raw))
    assert 1000 < low * 65535 < 1050
    assert 2850 < high * 65535 < 3000
    assert opening_window(FilmView(random(4, 4))) == (0.0, 1.0)
    assert opening_window(FilmView(raw, window=(0.2, 0.3))) == (0.2, 0.3)
    assert opening_window(FilmView(np.full((4, 4), 7, np.uint16))) == (0.0, 1.0)
    with pytest.raises(OptionError, match="window"):
        FilmView(raw, window=(0.3, 0.3))


def test_a_film_must_be_one() -> None:
    with pytest.raises(OptionError, match="is not a film"):
        FilmView(np.zeros((2, 3, 4)))


def test_contents_are_plain_but_for_their_bytes() -> None:
    content = layer_content(MapLayer(random(2, 2), np.eye(3), (0.0, 1.0))) | {"values": ""}
    assert json.loads(json.dumps(content, allow_nan=False)) == content
