"""The viewer in a real browser, without a kernel and with all networking refused."""

import base64
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from workbench.core.errors import ReportError
from workbench.core.explanation import Explanation
from workbench.core.geometry import scaling, translation
from workbench.data.phantoms.options import PhantomOptions
from workbench.data.phantoms.phantom import Phantom, draw_phantom
from workbench.imaging.regions import mask_box
from workbench.plots.overlays import film_map_of, overlay
from workbench.plots.viewer.content import FilmView, MapLayer, Mark, map_layer
from workbench.plots.viewer.static import VIEW_MIME, viewer_page
from workbench.reports.to_html import export_notebook

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror='window.hacked = true'>"
FIRST = "document.querySelectorAll('.film-viewer')[0].mounted.model.state"
SECOND = "document.querySelectorAll('.film-viewer')[1].mounted.model.state"
CANVAS = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  await frame();
  do await frame(); while (document.querySelector(".fv[data-coarse]"));
  return document.querySelector(".fv-stage canvas").toDataURL("image/png").split(",")[1];
}"""


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return draw_phantom(PhantomOptions(height=112, width=96, kind="fracture", flag="L"), seed=3)


@pytest.fixture(scope="module")
def explanation(phantom: Phantom) -> Explanation:
    """A signed map of a network that was shown the film without its left edge, padded below."""
    height, width = phantom.pixels.shape
    maps = np.random.default_rng(0).normal(size=(1, 7, 6)).astype(np.float32)
    to_film = (translation(9, 3) @ scaling(14.5, 16.5))[None]
    size = np.array([[height, width]])
    return Explanation("grad-cam", ("a",), np.array([1]), maps, to_film, size, np.array([[0.2, 0.8]]))


@pytest.fixture(scope="module")
def views(phantom: Phantom, explanation: Explanation) -> list[FilmView]:
    box = mask_box(phantom.masks["flag"])
    assert box is not None
    first = map_layer(explanation, 0, scale=(-2.0, 2.0))
    second = MapLayer(np.abs(first.values), first.to_film, (0.0, 2.0), EVIL)
    marks = [Mark("flag", box, phantom.masks["flag"], EVIL)]
    return [
        FilmView(phantom.pixels, [first, second], marks, f"before {EVIL}"),
        FilmView(phantom.pixels[:, ::-1].copy(), [first], title="after"),
    ]


@pytest.fixture(scope="module")
def path(views: list[FilmView], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("viewer") / "viewers.html"
    path.write_text(viewer_page(views, title="Two films"), encoding="utf-8")
    return path


class Reader:
    """Somebody who uses the first viewer of a page."""

    def __init__(self, page: Any, ready: str = ".film-viewer[data-mounted] ~ .film-viewer[data-mounted]") -> None:
        self.page = page
        page.wait_for_selector(ready)
        self.box = page.locator(".fv-stage").first.bounding_box()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place on the page of a film pixel; the film fills the stage's height at first."""
        scale = self.box["height"] / 112
        left = self.box["x"] + (self.box["width"] - 96 * scale) / 2
        return left + x * scale, self.box["y"] + y * scale

    def drag(self, start: tuple[float, float], end: tuple[float, float], button: str = "left") -> None:
        mouse = self.page.mouse
        mouse.move(*self.at(*start))
        mouse.down(button=button)
        mouse.move(*self.at(*end), steps=5)
        mouse.up(button=button)

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def tool(self, name: str) -> None:
        self.page.locator(f"[data-tool={name}]").first.click()

    def state(self, name: str, viewer: str = FIRST) -> Any:
        return self.page.evaluate(f"{viewer}.{name}")

    def view(self, viewer: int = 0) -> dict[str, float]:
        """Return where the film lies by what the stage says under the same two places of the page."""
        return self.page.evaluate(f"""async () => {{
          const stage = document.querySelectorAll(".fv-stage")[{viewer}];
          const {{left, top, width, height}} = stage.getBoundingClientRect();
          const read = (x, y) => {{
            const at = {{ clientX: left + x * width, clientY: top + y * height }};
            stage.dispatchEvent(new PointerEvent("pointermove", at));
            return stage.querySelector(".fv-readout").textContent.match(/x (\\d+)  y (\\d+)/).slice(1).map(Number);
          }};
          const [[x0, y0], [x1, y1]] = [read(0.4, 0.4), read(0.6, 0.6)];
          return {{ left: x0, top: y0, right: x1, bottom: y1 }};
        }}""")

    def canvas(self) -> np.ndarray:
        picture = Image.open(io.BytesIO(base64.b64decode(self.page.evaluate(CANVAS))))
        return np.asarray(picture.convert("RGB"))


@pytest.fixture
def reader(path: Path, open_page: Callable[..., tuple[Any, Any]]) -> Iterator[Reader]:
    page, seen = open_page(path)
    yield Reader(page)
    assert seen.complaints == [], "the browser complained"
    assert seen.requests == [], "the page asked for something"
    assert page.evaluate("window.hacked") is None


def test_the_page_is_whole(path: Path, check_report: Any, open_page: Callable[..., tuple[Any, Any]]) -> None:
    check_report(path)
    page, _ = open_page(path)
    reader = Reader(page)
    assert EVIL in page.locator(".fv-title").first.inner_text()
    assert page.locator(".film-viewer > img").first.is_hidden()
    assert reader.canvas().std() > 10


@pytest.mark.parametrize("width", [420, 1280, 1920])
def test_the_page_fits(path: Path, open_page: Callable[..., tuple[Any, Any]], width: int) -> None:
    page, seen = open_page(path, width=width)
    page.wait_for_selector(".film-viewer[data-mounted]")
    assert seen.overflow_px <= 0
    wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_overlay_lies_where_on_film_puts_it(
    tmp_path: Path, explanation: Explanation, phantom: Phantom, open_page: Callable[..., tuple[Any, Any]], theme: Any
) -> None:
    """At five screen pixels a film pixel, the middle one of them lies on the film pixel's centre."""
    view = FilmView(phantom.pixels, [map_layer(explanation, 0, scale=(-2.0, 2.0))], title="one")
    html = viewer_page([view], title="One film", theme=theme).replace('"height_px":520', '"height_px":560')
    (tmp_path / "one.html").write_text(html)
    page, _ = open_page(tmp_path / "one.html")
    page.wait_for_selector(".film-viewer[data-mounted]")
    seen = Reader.canvas(page_reader(page))
    height, width = phantom.pixels.shape
    assert seen.shape[0] == 5 * height
    left = (seen.shape[1] - 5 * width) / 2
    assert left == int(left)
    shown = seen[2::5, int(left) + 2 :: 5][:, :width].astype(float)
    wanted = overlay(phantom.pixels, film_map_of(explanation, 0), scale=(-2.0, 2.0), colormap="managua_r")
    assert np.abs(shown - wanted).max() < 2.5
    moved = overlay(phantom.pixels, np.roll(film_map_of(explanation, 0), 1, axis=1), scale=(-2.0, 2.0))
    assert np.abs(shown - moved).max() > 10  # negative control: a pixel to the side


def test_a_mark_as_large_as_the_film_shows_with_all_its_width(
    tmp_path: Path, open_page: Callable[..., tuple[Any, Any]]
) -> None:
    black, box = np.zeros((112, 96), dtype=np.float32), (0, 0, 96, 112)
    (tmp_path / "one.html").write_text(viewer_page([FilmView(black, marks=[Mark("map", box)])], title="One film"))
    page, _ = open_page(tmp_path / "one.html")
    page.wait_for_selector(".film-viewer[data-mounted]")
    seen = Reader.canvas(page_reader(page)).max(axis=2).astype(float)
    shares = seen[:, seen.shape[1] // 2] / seen.max()  # down the middle: the label is at the left
    for end in (shares[:4], shares[::-1][:4]):
        assert end[0] < 0.2  # the dark rim is inside too
        assert end.sum() == pytest.approx(1.6, abs=0.25)


def page_reader(page: Any) -> Reader:
    reader = Reader.__new__(Reader)
    reader.page = page
    return reader


def test_left_drag_changes_the_window_and_double_click_resets(reader: Reader) -> None:
    before = reader.canvas()
    reader.drag((50, 50), (20, 60))
    low, high = reader.state("window")
    assert high - low < 0.6
    assert np.abs(before.astype(int) - reader.canvas()).max() > 30
    reader.page.mouse.dblclick(*reader.at(50, 50))
    assert reader.state("window") == [0, 1]
    np.testing.assert_array_equal(reader.canvas(), before)


def test_wheel_zooms_about_the_pointer(reader: Reader) -> None:
    before = reader.view()
    reader.page.mouse.move(*reader.at(48, 56))
    reader.page.mouse.wheel(0, -400)
    assert reader.view() == before  # the page scrolls until the film has the focus
    reader.click(48, 56)
    reader.page.mouse.wheel(0, -400)
    after = reader.view()
    assert (after["right"] - after["left"]) < 0.5 * (before["right"] - before["left"])
    middle = (after["left"] + after["right"]) / 2, (after["top"] + after["bottom"]) / 2
    assert np.hypot(middle[0] - 48, middle[1] - 56) < 3


def test_right_drag_zooms_and_middle_drag_pans(reader: Reader) -> None:
    before = reader.view()
    reader.drag((48, 56), (48, 30), "right")
    zoomed = reader.view()
    assert zoomed["right"] - zoomed["left"] < before["right"] - before["left"]
    reader.page.keyboard.press("=")
    assert reader.view() == before
    reader.drag((48, 56), (58, 66), "middle")
    panned = reader.view()
    assert abs(panned["left"] - (before["left"] - 10)) <= 1
    assert abs(panned["top"] - (before["top"] - 10)) <= 1
    assert reader.state("window") == [0, 1]


def test_a_drawn_box_comes_back_in_whole_film_pixels(reader: Reader) -> None:
    reader.tool("box")
    reader.drag((70.2, 80.4), (20.3, 30.1))
    assert reader.state("drawn") == [{"kind": "box", "corners": [[20, 30], [70, 80]]}]
    assert reader.state("selected") == 0
    reader.drag((70, 80), (60.1, 75.2))  # a handle
    reader.drag((20, 50), (25, 52))  # an edge
    assert reader.state("drawn")[0]["corners"] == [[25, 32], [65, 77]]
    reader.drag((50, 32), (50, -60))  # as far as the film goes
    assert reader.state("drawn")[0]["corners"] == [[25, 0], [65, 45]]
    reader.page.keyboard.press("Shift+ArrowRight")
    assert reader.state("drawn")[0]["corners"] == [[26, 0], [66, 45]]
    reader.page.keyboard.press("Delete")
    assert (reader.state("drawn"), reader.state("selected")) == ([], -1)


def test_a_box_that_leaves_the_film_is_cut_and_an_empty_one_dropped(reader: Reader) -> None:
    reader.tool("box")
    reader.drag((80, 100), (120, 111.9))
    assert reader.state("drawn") == [{"kind": "box", "corners": [[80, 100], [96, 112]]}]
    reader.drag((10, 10), (30, 10.2))
    assert len(reader.state("drawn")) == 1


@pytest.mark.parametrize("ending", ["double click", "enter", "first corner"])
def test_a_polygon_is_drawn_and_its_corners_move(reader: Reader, ending: str) -> None:
    reader.tool("polygon")
    corners = [[20, 20], [60, 25], [50, 70]]
    for corner in corners[:2]:
        reader.click(*corner)
    if ending == "double click":
        reader.page.mouse.dblclick(*reader.at(*corners[2]))
    else:
        reader.click(*corners[2])
    if ending == "enter":
        reader.page.keyboard.press("Enter")
    if ending == "first corner":
        reader.click(20.5, 20.5)
    assert reader.state("drawn") == [{"kind": "polygon", "corners": corners}]
    reader.drag((50, 70), (40, 80))
    assert reader.state("drawn")[0]["corners"] == [[20, 20], [60, 25], [40, 80]]


def test_two_corners_are_no_polygon(reader: Reader) -> None:
    reader.tool("polygon")
    reader.click(20, 20)
    reader.page.mouse.dblclick(*reader.at(50, 50))
    assert reader.state("drawn") == []


def test_a_box_can_be_drawn_by_keyboard(reader: Reader) -> None:
    reader.page.locator(".fv-stage").first.focus()
    for key in ("b", "Enter"):
        reader.page.keyboard.press(key)
    ((left, top), (right, bottom)) = reader.state("drawn")[0]["corners"]
    assert 0 < left < 48 < right < 96
    assert 0 < top < 56 < bottom < 112


def test_keys(reader: Reader) -> None:
    reader.click(50, 50)
    press = reader.page.keyboard.press
    before = reader.canvas()
    press("i")
    assert reader.state("invert")
    inverted = reader.canvas()
    assert inverted[5, inverted.shape[1] // 2].mean() > 200 > 50 > before[5, before.shape[1] // 2].mean()
    press("i")
    press("o")
    assert not reader.state("visible")
    assert not np.array_equal(reader.canvas(), before)
    press("o")
    wide = reader.view()
    press("+")
    assert reader.view() != wide
    press("-")
    assert reader.view() == wide
    press("+")
    press(" ")
    assert reader.view() == wide
    press("?")
    assert "Swap black and white" in reader.page.locator(".fv-keys").first.inner_text()
    press("Escape")
    assert reader.page.locator(".fv-keys").first.is_hidden()
    np.testing.assert_array_equal(reader.canvas(), before)


def test_keys_do_not_leave_the_viewer(reader: Reader) -> None:
    reader.page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))")
    reader.click(50, 50)
    for key in ("i", "x", "d", "ArrowRight", "PageDown", "?"):
        reader.page.keyboard.press(key)
    assert reader.page.evaluate("heard") == []
    assert reader.page.locator(".fv").first.get_attribute("data-lm-suppress-shortcuts") == "true"
    reader.page.evaluate("document.activeElement.blur()")
    reader.page.keyboard.press("x")
    assert reader.page.evaluate("heard") == ["x"]


def test_steps_and_extra_keys_are_told(reader: Reader) -> None:
    reader.page.evaluate("""() => {
      window.told = [];
      addEventListener("film-viewer-step", (event) => told.push(event.detail.by));
      addEventListener("film-viewer-key", (event) => told.push(event.detail.key));
      const { model } = document.querySelector(".film-viewer").mounted;
      model.set("stepping", true);
      model.set("extra_keys", [{ key: "r", label: "right reason" }]);
    }""")
    reader.click(50, 50)
    for key in ("ArrowRight", "PageUp", "r", "z"):
        reader.page.keyboard.press(key)
    assert reader.page.evaluate("told") == [1, -1, "r"]
    reader.page.keyboard.press("?")
    assert "right reason" in reader.page.locator(".fv-keys").first.inner_text()


def test_holding_shows_the_bare_film(reader: Reader) -> None:
    reader.click(50, 50)
    covered = reader.canvas()
    reader.page.keyboard.down("p")
    bare = reader.canvas()
    assert (bare[..., 0] == bare[..., 2]).all()
    reader.page.keyboard.up("p")
    np.testing.assert_array_equal(reader.canvas(), covered)
    holder = reader.page.locator(".fv-peek").first.bounding_box()
    reader.page.mouse.move(holder["x"] + 8, holder["y"] + 8)
    reader.page.mouse.down()
    np.testing.assert_array_equal(reader.canvas(), bare)
    reader.page.mouse.up()
    np.testing.assert_array_equal(reader.canvas(), covered)


def test_linked_viewers_move_together(reader: Reader) -> None:
    reader.drag((50, 50), (20, 60))
    assert reader.state("window") == reader.state("window", SECOND) != [0, 1]
    reader.page.mouse.wheel(0, -400)
    assert reader.view(0) == reader.view(1)
    assert reader.view(0)["right"] - reader.view(0)["left"] < 15
    reader.page.keyboard.press("o")
    assert reader.state("visible", SECOND) is False
    reader.tool("box")
    assert reader.state("tool", SECOND) == "window"  # what is drawn is each film's own


def test_opacity_threshold_and_colours(reader: Reader) -> None:
    page, covered = reader.page, reader.canvas()
    opacity, threshold = (page.locator(f"input[aria-label='{name}']").first for name in ("Opacity", "Hide below"))
    opacity.fill("0")
    bare = reader.canvas()
    opacity.fill("0.85")
    np.testing.assert_array_equal(reader.canvas(), covered)
    threshold.fill("0.5")
    cut = reader.canvas()
    hidden = (cut == bare).all(axis=2) & (covered != bare).any(axis=2)
    assert 0.1 < hidden.sum() / (covered != bare).any(axis=2).sum() < 1
    assert "±1" in page.locator(".fv-settings output").nth(1).inner_text()
    page.locator("select[aria-label=Colours]").first.select_option("jet")
    assert reader.state("opacity") is None
    assert reader.page.locator(".fv-settings output").first.inner_text() == "45 %"


def test_the_scale_is_printed_and_what_lies_beyond_is_said(reader: Reader) -> None:
    panel = reader.page.locator(".fv-panel").first
    assert panel.locator(".fv-ticks span").all_inner_texts() == ["−2", "0", "2"]
    assert "beyond this scale" in panel.locator(".fv-extent").inner_text()
    panel.locator("select[aria-label=Map]").select_option("1")
    assert panel.locator(".fv-ticks span").all_inner_texts() == ["0", "2"]
    assert reader.state("layer") == 1


def test_the_film_can_be_used_by_keyboard_alone(reader: Reader) -> None:
    names = []
    for _ in range(16):
        reader.page.keyboard.press("Tab")
        names.append(reader.page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert all(names)
    assert any(name.startswith("before") for name in names)
    ring = "getComputedStyle(document.querySelector('.fv-stage'), '::after').borderTopWidth"
    reader.page.locator(".fv-stage").first.focus()
    assert reader.page.evaluate(ring) == "2px"


def test_the_poster_stays_where_scripts_do_not_run(path: Path, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator(".film-viewer > img").first.is_visible()
    assert page.locator(".film-viewer > img").first.bounding_box()["width"] > 200
    assert "on a scale from −2 to 2" in page.locator("figcaption").first.inner_text()
    context.close()


def test_a_damaged_viewer_leaves_its_poster_and_the_others(
    path: Path, tmp_path: Path, open_page: Callable[..., tuple[Any, Any]]
) -> None:
    head, mark, tail = path.read_text().partition('<script type="application/json">')
    (tmp_path / "bad.html").write_text(head + mark + "{" + tail)
    page, _ = open_page(tmp_path / "bad.html")
    page.wait_for_selector(".film-viewer[data-mounted]")
    assert page.locator(".film-viewer > img").first.is_visible()
    assert page.locator(".film-viewer > img").nth(1).is_hidden()


def test_a_film_whose_bytes_do_not_fit_says_so(reader: Reader) -> None:
    reader.page.evaluate("""() => {
      const { model } = document.querySelector(".film-viewer").mounted;
      model.set("film", { ...model.get("film"), width: 5, key: "other" });
    }""")
    assert "cannot be shown" in reader.page.locator(".fv-notice").first.inner_text()


def test_a_view_in_a_notebook_is_a_viewer_in_its_report(
    views: list[FilmView], tmp_path: Path, check_report: Any, open_page: Callable[..., tuple[Any, Any]]
) -> None:
    cell = new_code_cell("view", outputs=[new_output("display_data", data=views[0]._repr_mimebundle_())])
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "executed.ipynb")
    export_notebook(tmp_path / "executed.ipynb", tmp_path / "report.html")
    check_report(tmp_path / "report.html")
    page, _ = open_page(tmp_path / "report.html")
    reader = Reader(page, ".viewer [data-mounted]")
    reader.drag((50, 50), (20, 60))
    assert reader.state("window") != [0, 1]
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("view", [{}, [], {"title": "a"}, {"title": "a", "layers": [{}]}, {"title": "a", "layers": 1}])
def test_what_is_no_view_is_refused(view: Any, tmp_path: Path) -> None:
    data = {VIEW_MIME: view, "image/png": "aaaa"}
    cell = new_code_cell("view", outputs=[new_output("display_data", data=data)])
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "executed.ipynb")
    with pytest.raises(ReportError, match="cell 1, output 1: is not a film"):
        export_notebook(tmp_path / "executed.ipynb", tmp_path / "report.html")
