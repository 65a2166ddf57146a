"""A notebook becomes one file that holds everything it shows, or no file at all."""

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench.core.errors import ReportError
from workbench.reports.page import ReportHead
from workbench.reports.to_html import export_notebook

Report = Callable[..., str]

FIGURE = {"application/vnd.plotly.v1+json": {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {}}}
PIXEL = base64.b64encode(b"not looked at").decode()
EVIL = "<script>alert(1)</script>"


def test_title_is_the_first_heading_and_stands_once(report_of: Report) -> None:
    html = report_of("# Two models\n\nwords", {"text/plain": "42"})
    assert "<title>Two models</title>" in html
    assert html.count("Two models") == 2
    assert "<p>words</p>" in html
    assert ">42<" in html


def test_given_title_replaces_the_heading(report_of: Report) -> None:
    html = report_of("# Two models", head=ReportHead(title="The report"))
    assert "<h1>The report</h1>" in html
    assert "Two models" not in html


def test_head_is_escaped(report_of: Report) -> None:
    head = ReportHead(title=EVIL, facts={EVIL: EVIL}, parameters={EVIL: EVIL}, error=EVIL)
    html = report_of("words", head=head)
    assert EVIL not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 7


def test_code_is_folded_or_left_out(report_of: Report) -> None:
    assert '<details class="code">' in report_of({"text/plain": "42"})
    assert "<summary>Code" not in report_of({"text/plain": "42"}, hide_code=True)


def test_parameters_cells_and_papermills_marks_are_not_shown(tmp_path: Path) -> None:
    cells = [
        new_markdown_cell("papermill says an error happened", metadata={"tags": ["papermill-error-cell-tag"]}),
        new_markdown_cell("# Title"),
        new_code_cell("epochs = 3", metadata={"tags": ["parameters"]}),
        new_code_cell("epochs = 4", metadata={"tags": ["injected-parameters"]}),
        new_code_cell("x", outputs=[new_output("display_data", data={"application/x-unknown": "?"})]),
    ]
    nbformat.write(new_notebook(cells=cells[:4]), tmp_path / "a.ipynb")
    export_notebook(tmp_path / "a.ipynb", tmp_path / "a.html")
    html = (tmp_path / "a.html").read_text()
    assert "papermill" not in html
    assert "epochs" not in html
    assert "<h1>Title</h1>" in html
    nbformat.write(new_notebook(cells=cells), tmp_path / "b.ipynb")
    with pytest.raises(ReportError, match=r"^cell 3, output 1: application/x-unknown cannot be shown"):
        export_notebook(tmp_path / "b.ipynb", tmp_path / "b.html")


def test_plotly_is_carried_once_and_only_with_figures(report_of: Report) -> None:
    assert "plotly.js v" not in report_of({"text/plain": "42"})
    html = report_of(FIGURE, FIGURE, FIGURE)
    assert html.count("plotly.js v") == 1
    assert html.count('<script type="application/json">') == 3


def test_only_the_pages_own_scripts_are_allowed(report_of: Report) -> None:
    html = report_of(FIGURE)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.group(1).replace("&#39;", "'").split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert len(scripts) == 2


def test_page_without_figures_allows_no_script(report_of: Report) -> None:
    assert "script-src &#39;none&#39;" in report_of("words")


def test_text_of_figures_cannot_leave_its_script(report_of: Report) -> None:
    figure = {"data": [{"y": [1], "name": "</script>" + EVIL}], "layout": {}}
    assert EVIL not in report_of({"application/vnd.plotly.v1+json": figure})


def test_webgl_scatter_is_drawn_as_svg(report_of: Report) -> None:
    figure = {"data": [{"type": "scattergl", "y": [1]}], "layout": {}}
    assert '"type":"scatter"' in report_of({"application/vnd.plotly.v1+json": figure})


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ({"data": [{"type": "choropleth"}]}, "fetches its map"),
        ({"data": [{"type": "scattermap"}]}, "fetches its map"),
        ({"data": [{"type": "surface"}]}, "needs WebGL"),
        ({"data": [], "layout": {"images": [{"source": "https://example.org/a.png"}]}}, "have to be fetched"),
        ({"data": [{"type": "image", "source": "https://example.org/a.png"}]}, "have to be fetched"),
    ],
)
def test_figures_that_need_more_than_the_page_are_refused(
    report_of: Report, figure: dict[str, object], message: str
) -> None:
    with pytest.raises(ReportError, match=f"cell 1, output 1: .*{message}"):
        report_of({"application/vnd.plotly.v1+json": figure})


@pytest.mark.parametrize("kind", ["heatmap", "treemap", "bar", "image", "violin"])
def test_figures_with_similar_names_are_shown(report_of: Report, kind: str) -> None:
    assert f'"type":"{kind}"' in report_of({"application/vnd.plotly.v1+json": {"data": [{"type": kind}]}})


def test_plotlys_own_loader_is_left_out(report_of: Report) -> None:
    html = report_of({"text/html": '<script type="text/javascript">/* plotly.js v9 */ theLoader()</script>'}, FIGURE)
    assert "theLoader()" not in html


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"text/html": '<div class="plotly-graph-div"></div><script>Plotly.newPlot("x")</script>'}, "without its data"),
        ({"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntSlider()"}, "live widget"),
        ({"application/javascript": "alert(1)"}, "cannot be shown"),
        ({"image/png": "<script>"}, "not base64"),
        ({"text/html": '<img src="https://example.org/a.png">'}, "have to be fetched"),
        ({"text/html": '<script src="https://example.org/a.js"></script>'}, "have to be fetched"),
        ({"text/markdown": "![x](https://example.org/a.png)"}, "have to be fetched"),
    ],
)
def test_outputs_that_cannot_be_shown_are_refused_by_name(
    report_of: Report, tmp_path: Path, data: dict[str, object], message: str
) -> None:
    with pytest.raises(ReportError, match=f"^cell 2, output 1: .*{message}"):
        report_of("# Title", data)
    assert not (tmp_path / "report.html").exists()


def test_widget_with_a_picture_beside_it_is_shown_by_the_picture(report_of: Report) -> None:
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "image/png": PIXEL}
    assert f"data:image/png;base64,{PIXEL}" in report_of(data)


def test_remote_picture_in_markdown_is_refused_and_a_near_one_embedded(report_of: Report, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"^cell 1: "):
        report_of("![x](https://example.org/a.png)")
    (tmp_path / "near.png").write_bytes(b"png")
    assert f"data:image/png;base64,{base64.b64encode(b'png').decode()}" in report_of("![x](near.png)")


def test_svg_is_shown_as_a_picture(report_of: Report) -> None:
    html = report_of({"image/svg+xml": f"<svg>{EVIL}</svg>"})
    assert "data:image/svg+xml;base64," in html
    assert EVIL not in html


def test_progress_bars_show_their_last_state_and_colours_stay(report_of: Report) -> None:
    text = " 10%|#\r 50%|##\r100%|###\n\x1b[31mred\x1b[0m & plain\r\n"
    html = report_of({"output_type": "stream", "name": "stdout", "text": text})
    assert "100%|###" in html
    assert " 50%" not in html
    assert '<span class="ansi-red-fg">red</span> &amp; plain' in html


def test_errors_show_their_line_and_fold_their_trace(report_of: Report) -> None:
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": EVIL,
        "traceback": ["\x1b[31mtrace\x1b[0m" + EVIL],
    }
    html = report_of(error)
    assert "<summary>ValueError: &lt;script&gt;" in html
    assert EVIL not in html


@pytest.mark.parametrize("content", [None, "", "{}", '{"nbformat": 4, "nbformat_minor": 5, "cells": 3}'])
def test_file_that_is_no_notebook_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(ReportError, match="is not a notebook that can be shown"):
        export_notebook(tmp_path / "a.ipynb", tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()
