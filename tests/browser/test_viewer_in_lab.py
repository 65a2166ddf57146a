"""The viewer with a kernel: in JupyterLab, what a reader does arrives in Python and no key reaches the notebook."""

from collections.abc import Callable
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

CODE = """
import time
import ipywidgets
import numpy as np
from workbench.dashboards.viewer import FilmViewer
from workbench.plots.viewer.content import FilmView, MapLayer

def view(number):
    pixels = np.tile(np.linspace(number, 255, 320), (320, 1)).astype(np.uint8)
    values = np.random.default_rng(number).normal(size=(10, 10)).astype(np.float32)
    layer = MapLayer(values, np.diag([32.0, 32.0, 1.0]), (-3.0, 3.0), f"map {number}")
    return FilmView(pixels, [layer], title=f"film {number}")

pair = [FilmViewer(view(number), link_group="pair", height_px=400) for number in (0, 50)]
said, film, sleep = ipywidgets.Label("nothing"), ipywidgets.Button(), ipywidgets.Button()
said.add_class("said"), film.add_class("next-film"), sleep.add_class("sleep")
def say(words): said.value = str(words)
pair[0].observe(lambda _: say([region.box for region in pair[0].regions]), "drawn")
pair[0].on_step(lambda by: say(f"step {by}"))
pair[0].on_key({"r": "right reason"}, lambda key: say(f"key {key}"))
film.on_click(lambda _: pair[0].show(view(20)))
sleep.on_click(lambda _: (time.sleep(4), say("awake")))
both = ipywidgets.GridBox(pair, layout={"grid_template_columns": "1fr 1fr"})
ipywidgets.VBox([ipywidgets.HBox([film, sleep, said]), both])
"""


def heard(page: Any, words: str) -> None:
    page.wait_for_function("(words) => document.querySelector('.said').textContent === words", arg=words)


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    box = page.locator(".fv-stage").first.bounding_box()
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=5)
    page.mouse.up()


def test_a_reader_and_a_kernel(open_lab: Callable[..., tuple[Any, Any]]) -> None:
    page, seen = open_lab(new_notebook(cells=[new_code_cell(CODE), new_code_cell("1 + 1")]))
    page.wait_for_selector(".fv-stage canvas", timeout=60_000)
    page.evaluate("() => jupyterapp.commands.execute('notebook:hide-all-cell-code').then(() => true)")
    levels = page.locator(".fv-levels")

    page.locator(".sleep").click()  # a busy kernel
    drag(page, (200, 200), (150, 180))
    assert levels.all_inner_texts()[0] == levels.all_inner_texts()[1] != "W 1  L 0.5"
    assert page.locator(".said").inner_text() == "nothing"
    heard(page, "awake")

    cells = page.locator(".jp-Cell").count()
    for key in ("x", "d", "d", "m", "a", "b"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    size = page.locator(".fv-stage").first.bounding_box()
    scale, left = size["height"] / 320, (size["width"] - size["height"]) / 2
    drag(page, (left + 40 * scale, 50 * scale), (left + 120 * scale, 200 * scale))
    heard(page, "[(40, 50, 120, 200)]")
    page.keyboard.press("ArrowRight")
    heard(page, "step 1")
    page.keyboard.press("r")
    heard(page, "key r")

    page.locator(".next-film").click()
    page.wait_for_function("document.querySelector('.fv-title').textContent === 'film 20'")
    heard(page, "[]")
    assert (seen.requests, seen.complaints) == ([], [])
