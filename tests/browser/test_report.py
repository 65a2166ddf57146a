"""A report in a real browser without a network: whole, silent, and deaf to what its data say."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench.reports.page import ReportHead
from workbench.reports.to_html import export_notebook

pytestmark = pytest.mark.browser
mpl.use("agg")

EVIL = "<script>window.hacked = true</script>"
EVIL_MARKUP = EVIL + '<b onmouseover="window.hacked = true">b</b><a href="javascript:window.hacked = true">a</a>'
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def shown(**data: Any) -> nbformat.NotebookNode:
    return new_code_cell("shown()", outputs=[new_output("display_data", data={**data, "text/plain": "."})])


def plotly(figure: go.Figure) -> nbformat.NotebookNode:
    return shown(**{"application/vnd.plotly.v1+json": json.loads(figure.to_json())})


def picture() -> nbformat.NotebookNode:
    figure = Figure(figsize=(12, 3))
    for axes in figure.subplots(1, 4):
        axes.imshow(np.arange(64).reshape(8, 8), cmap="jet")
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return shown(**{"image/png": base64.b64encode(held.getvalue()).decode()})


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    frame = pd.DataFrame({"case": [EVIL, "XR-2"], **{f"measure {column}": [0.5, 0.25] for column in range(20)}})
    trace = go.Figure(go.Scatter(y=[1, 3, 2], name=EVIL), layout={"title": EVIL, "hovermode": "x"})
    heatmap = go.Figure(go.Heatmap(z=np.eye(5)), layout={"width": 500, "height": 400})
    many = go.Figure(go.Scattergl(x=np.arange(2000), y=np.arange(2000), mode="markers"))
    cells = [
        new_markdown_cell(f"# Heading\n\nWords and {EVIL_MARKUP}\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        shown(**{"text/html": frame.to_html()}),
        shown(**{"text/html": EVIL_MARKUP}),
        plotly(trace),
        plotly(heatmap),
        plotly(many),
        picture(),
        new_code_cell("print(1)", outputs=[new_output("stream", name="stdout", text=EVIL)]),
    ]
    nbformat.write(new_notebook(cells=cells), folder / "executed.ipynb")
    head = ReportHead(title=EVIL, facts={"kind": "explain", "run": EVIL}, parameters={"cases": EVIL})
    export_notebook(folder / "executed.ipynb", folder / "report.html", head=head)
    return folder / "report.html"


def test_report_is_whole_and_asks_for_nothing(report: Path, check_report: Callable[[Path], Any]) -> None:
    seen = check_report(report)
    assert (seen.figures, seen.images, seen.title) == (3, 1, EVIL)
    assert seen.tables >= 2
    assert seen.text.count(EVIL) >= 5  # it is shown, as text


@pytest.mark.parametrize("width", [420, 1280, 1920])
def test_nothing_from_data_runs_and_the_page_fits(
    report: Path, open_page: Callable[..., tuple[Any, Any]], width: int
) -> None:
    page, seen = open_page(report, width=width)
    page.evaluate("document.querySelectorAll('b').forEach((b) => b.dispatchEvent(new MouseEvent('mouseover')))")
    assert page.evaluate("window.hacked") is None
    assert seen.overflow_px <= 0


def test_figures_answer_to_the_mouse(report: Path, open_page: Callable[..., tuple[Any, Any]]) -> None:
    page, _ = open_page(report)
    page.locator(".plot").first.scroll_into_view_if_needed()
    page.locator(".plot .nsewdrag").first.hover()
    page.wait_for_selector(".plot .hoverlayer .hovertext", timeout=10_000)


def test_figures_are_narrowed_to_the_paper_and_widened_again(
    report: Path, open_page: Callable[..., tuple[Any, Any]]
) -> None:
    page, _ = open_page(report)
    drawing = page.locator(".plot .main-svg").first
    wide = drawing.bounding_box()["width"]
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    narrow = drawing.bounding_box()["width"]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function("document.querySelector('.plot .main-svg').getBoundingClientRect().width > 700")
    assert narrow == 688 < wide == drawing.bounding_box()["width"]


def test_the_policy_alone_stops_scripts_and_handlers(
    report: Path, tmp_path: Path, open_page: Callable[..., tuple[Any, Any]]
) -> None:
    """The second wall without the first: markup put into the finished page by hand."""
    evil = f"{EVIL}<img src='data:,' onerror='window.hacked = true'>"
    (tmp_path / "bad.html").write_text(report.read_text().replace("<main>", f"<main>{evil}"))
    page, seen = open_page(tmp_path / "bad.html")
    assert page.evaluate("window.hacked") is None
    assert sum("Content Security Policy" in complaint for complaint in seen.complaints) >= 2


def test_scripts_do_run_where_no_policy_forbids_them(tmp_path: Path, open_page: Callable[..., tuple[Any, Any]]) -> None:
    """Negative control: the browser of these tests does run scripts."""
    (tmp_path / "bad.html").write_text(f"<html><body>{EVIL}</body></html>")
    page, _ = open_page(tmp_path / "bad.html")
    assert page.evaluate("window.hacked") is True


GOOD = "<html><head><link rel='icon' href='data:,'></head><body><main>{}</main>Research use only</body></html>"


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("<img src='https://example.org/a.png'>", "asked for something"),
        ("<script src='https://example.org/a.js'></script>", "asked for something"),
        ("<img src='near.png'>", "asked for something"),
        ("<script>fetch('https://example.org')</script>", "asked for something"),
        ("<script>console.error('no')</script>", "complained"),
        ("<script>undefined.x</script>", "complained"),
        ("<img src='data:image/png;base64,AAAA'>", "picture is empty"),
        ("<figure class='figure'><div class='plot undrawn'></div></figure>", "not drawn"),
        ("<div style='width: 3000px'>wide</div>", "wider than its window"),
    ],
)
def test_bad_pages_are_found(tmp_path: Path, check_report: Callable[[Path], Any], bad: str, complaint: str) -> None:
    """Negative control of the check itself."""
    (tmp_path / "good.html").write_text(GOOD.format(f"<img src='data:image/png;base64,{PIXEL}'>"))
    (tmp_path / "bad.html").write_text(GOOD.format(bad))
    assert check_report(tmp_path / "good.html").images == 1
    with pytest.raises(AssertionError, match=complaint):
        check_report(tmp_path / "bad.html")
