"""An executed notebook as the pieces that a report shows, in order; nothing is dropped without a word."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

from nbconvert.filters import Highlight2HTML, ansi2html, strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from workbench.core.errors import ReportError
from workbench.plots.viewer.static import VIEW_MIME, state_html
from workbench.reports.figures import PLOTLY_MIME, figure_json
from workbench.reports.markup import harmless_html
from workbench.reports.verdicts import VERDICT_MIME, form_html

Kind = Literal["prose", "code", "text", "messages", "html", "picture", "figure", "viewer", "verdict", "error"]
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
ADDED_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})
"""Cells that papermill added; the author does not count them."""
HIDDEN_TAGS = ADDED_TAGS | {"parameters"}
"""Parameters stand in the report's head, and so does the error."""
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
PLOT = "plotly-graph-div"
TITLE = re.compile(r"\s*#\s+(\S.*?)[\s#]*(?:\n|$)")
SCRIPTS_ONLY = re.compile(r"(\s|<script\b.*?</script>|<link\b[^>]*>|<style\b.*?</style>)*", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """One thing that the report shows: safe HTML, or a figure's JSON."""

    kind: Kind
    html: str


def notebook_pieces(notebook: NotebookNode, folder: Path, *, hide_code: bool = False) -> list[Piece]:
    """Turn a notebook into pieces.

    Parameters
    ----------
    notebook
        Format 4, executed.
    folder
        Where pictures of markdown cells are looked for.
    hide_code
        Leave the code out altogether; otherwise the page folds it.

    Returns
    -------
    The pieces in the order of the notebook.

    Raises
    ------
    ReportError
        Names the cell and the output that a report cannot show without a kernel or a network.
    """
    pieces: list[Piece] = []
    highlighted = Highlight2HTML(pygments_lexer="ipython3")
    number = 0
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        number += not tags & ADDED_TAGS
        if cell.cell_type == "markdown" and cell.source.strip() and not tags & HIDDEN_TAGS:
            html = _rendered(cell.source, folder, cell.get("attachments"))
            pieces.append(Piece("prose", harmless_html(html, f"cell {number}")))
        if cell.cell_type == "code":
            if cell.source.strip() and not hide_code and not tags & HIDDEN_TAGS:
                pieces.append(Piece("code", highlighted(cell.source)))
            pieces.extend(_outputs(cell, number, folder))
    return pieces


def take_title(notebook: NotebookNode) -> str:
    """Take the heading with which the notebook begins out of it, for the page's own head; empty if there is none."""
    first = next((cell for cell in notebook.cells if not set(cell.metadata.get("tags", [])) & HIDDEN_TAGS), None)
    found = TITLE.match(first.source) if first is not None and first.cell_type == "markdown" else None
    if first is None or found is None:
        return ""
    first.source = first.source[found.end() :]
    return found.group(1)


def _outputs(cell: NotebookNode, number: int, folder: Path) -> Iterator[Piece]:
    for position, output in enumerate(cell.outputs, start=1):
        where = f"cell {number}, output {position}"
        if output.output_type == "stream":
            kind: Kind = "messages" if output.name == "stderr" else "text"
            yield Piece(kind, _terminal_text(output.text))
        elif output.output_type == "error":
            trace = ansi2html("\n".join(output.traceback))
            yield Piece("error", f"<summary>{escape(f'{output.ename}: {output.evalue}')}</summary><pre>{trace}</pre>")
        else:
            yield from _shown(output.data, where, folder)


def _shown(data: Mapping[str, Any], where: str, folder: Path) -> Iterator[Piece]:
    """Yield the richest form of an output that a page without a kernel can show."""
    picture = next((mime for mime in PICTURES if mime in data), None)
    if VIEW_MIME in data:
        yield Piece("viewer", _viewer(data, where))
    elif VERDICT_MIME in data:
        yield Piece("verdict", form_html(data[VERDICT_MIME], where))
    elif PLOTLY_MIME in data:
        yield Piece("figure", figure_json(data[PLOTLY_MIME], where))
    elif picture:
        yield Piece("picture", _picture(picture, data[picture], where))
    elif "text/html" in data:
        yield from _html(data["text/html"], where)
    elif WIDGET_MIME in data:
        raise ReportError(
            f"{where}: a live widget cannot be shown without its kernel; display a figure or a table as well"
        )
    elif "text/markdown" in data:
        yield Piece("prose", harmless_html(_rendered(data["text/markdown"], folder, None), where))
    elif "text/plain" in data:
        yield Piece("text", _terminal_text(data["text/plain"]))
    elif data:
        raise ReportError(f"{where}: {', '.join(data)} cannot be shown in a report; display text, a table or a figure")


def _rendered(markdown: str, folder: Path, attachments: Mapping[str, Any] | None) -> str:
    renderer = IPythonRenderer(
        escape=False,
        embed_images=True,
        exclude_anchor_links=True,
        path=str(folder),
        attachments=dict(attachments or {}),
    )
    return MarkdownWithMath(renderer=renderer).render(markdown)


def _picture(mime: str, content: str, where: str) -> str:
    """Return an ``img``: inside one, scripts of an SVG do not run and its links are not followed."""
    if mime == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    if not BASE64.fullmatch(content):
        raise ReportError(f"{where}: its {mime} is not base64")
    return f'<img alt="{escape(where)}" src="data:{mime};base64,{"".join(content.split())}"/>'


def _viewer(data: Mapping[str, Any], where: str) -> str:
    """Return a film that the page's own script makes a viewer of, above its picture."""
    try:
        poster = base64.b64decode(data["image/png"], validate=True)
        return state_html(dict(data[VIEW_MIME]) | {"theme": "light"}, poster)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ReportError(f"{where}: is not a film as the viewer shows it ({error!r})") from error


def _terminal_text(text: str) -> str:
    """Return terminal output as HTML: colours kept, of lines that were overwritten (progress bars) the last state."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    shown = "\n".join(lines).strip("\n")
    return ansi2html(shown) if shown != strip_ansi(shown) else escape(shown, quote=False)


def _html(html: str, where: str) -> Iterator[Piece]:
    if "Plotly.newPlot(" in html and PLOT in html:
        raise ReportError(
            f"{where}: a plotly figure without its data; set PLOTLY_RENDERER=plotly_mimetype and run again"
        )
    if "plotly" not in html or not SCRIPTS_ONLY.fullmatch(html):  # plotly's loader: the report brings its own
        yield Piece("html", harmless_html(html, where))
