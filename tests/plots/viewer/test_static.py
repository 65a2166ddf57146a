"""Viewers as HTML: whole, harmless, with a picture beneath."""

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench.plots.overlays import overlay
from workbench.plots.viewer.content import FilmView, MapLayer, Mark
from workbench.plots.viewer.poster import poster, windowed
from workbench.plots.viewer.static import VIEW_MIME, script_hash, static_viewer, viewer_page, viewer_script

EVIL = "</script><script>alert(1)</script><b title='\"'>"


@pytest.fixture
def view() -> FilmView:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 24)).astype(np.uint8)
    values = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)
    layer = MapLayer(values, np.diag([6.0, 7.5, 1.0]), (-2.0, 2.0), EVIL)
    return FilmView(pixels, [layer], [Mark("flag", (2, 2, 9, 9), label=EVIL)], EVIL)


def parsed(html: str) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]:
    tags: list[tuple[str, dict[str, Any]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append((tag, dict(attributes)))  # type: ignore[method-assign]
    parser.feed(html)
    (state,) = re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    return tags, json.loads(state)


def test_text_from_data_opens_no_tag(view: FilmView) -> None:
    tags, state = parsed(static_viewer(view))
    assert [tag for tag, _ in tags] == ["figure", "img", "figcaption", "script"]
    assert tags[1][1]["alt"].startswith(EVIL)
    assert state["title"] == state["layers"][0]["title"] == state["marks"][0]["label"] == EVIL


def test_the_fragment_holds_the_very_pixels(view: FilmView) -> None:
    _, state = parsed(static_viewer(view, link_group="pair", height_px=300, theme="dark"))
    assert base64.b64decode(state["film"]["pixels"]["base64"]) == view.pixels.tobytes()
    assert (state["link_group"], state["height_px"], state["theme"]) == ("pair", 300, "dark")
    assert len(base64.b64decode(state["colormaps"]["managua_r"]["colours"]["base64"])) == 768


def test_the_poster_is_a_picture_of_the_view(view: FilmView) -> None:
    tags, _ = parsed(static_viewer(view))
    picture = Image.open(io.BytesIO(base64.b64decode(tags[1][1]["src"].partition(",")[2])))
    assert picture.format == "PNG"
    assert picture.width > picture.height / 2 > 100
    bare = FilmView(view.pixels)
    assert Image.open(io.BytesIO(poster(bare))).height < picture.height  # neither title nor colour bar


def test_the_poster_shows_the_window() -> None:
    pixels = np.array([[0, 51, 102, 255]], dtype=np.uint8)
    np.testing.assert_allclose(windowed(FilmView(pixels, window=(0.2, 0.6))), [[0, 0, 0.5, 1]], atol=1e-6)


@pytest.mark.parametrize("value", [-2.0, -0.7, 0.0, 1.5, 9.0])
def test_the_poster_has_the_colours_of_the_given_scale(value: float) -> None:
    pixels = np.full((30, 24), 102, np.uint8)
    layer = MapLayer(np.full((4, 4), value, np.float32), np.diag([6.0, 7.5, 1.0]), (-2.0, 2.0))
    picture = np.asarray(Image.open(io.BytesIO(poster(FilmView(pixels, [layer])))).convert("RGB"))
    wanted = overlay(np.full((1, 1), 0.4, np.float32), np.full((1, 1), value), colormap="managua_r", scale=(-2, 2))
    assert np.abs(picture[300, 250] - wanted[0, 0].astype(float)).max() < 2.6


def test_a_page_allows_its_own_script_only(view: FilmView) -> None:
    page = viewer_page([view, view], title=EVIL)
    (script,) = re.findall(r'<script type="module">(.*)</script>\n</body>', page, re.DOTALL)
    assert script == viewer_script()
    assert "</script" not in script.lower()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page
    assert script_hash() == f"'sha256-{digest}'"
    assert page.count('class="film-viewer"') == 2
    assert "<script>alert" not in page


def test_a_view_shows_itself_in_a_notebook(view: FilmView) -> None:
    bundle = view._repr_mimebundle_()
    assert set(bundle) == {VIEW_MIME, "image/png", "text/plain"}
    json.dumps(bundle, allow_nan=False)
