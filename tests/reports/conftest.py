"""Notebooks as they look after execution, written without executing them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench.reports.page import ReportHead
from workbench.reports.to_html import export_notebook


@pytest.fixture
def report_of(tmp_path: Path) -> Callable[..., str]:
    """Return a function from cells (text is markdown, a mapping is one output's data) to the report's HTML."""

    def report(*cells: str | Mapping[str, Any], head: ReportHead | None = None, hide_code: bool = False) -> str:
        made = [new_markdown_cell(each) if isinstance(each, str) else _code(each) for each in cells]
        nbformat.write(new_notebook(cells=made), tmp_path / "executed.ipynb")
        export_notebook(tmp_path / "executed.ipynb", tmp_path / "report.html", head=head, hide_code=hide_code)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return report


def _code(data: Mapping[str, Any]) -> nbformat.NotebookNode:
    if "output_type" in data:
        return new_code_cell("shown()", outputs=[nbformat.from_dict(dict(data))])
    return new_code_cell("shown()", outputs=[new_output("display_data", data=dict(data))])
