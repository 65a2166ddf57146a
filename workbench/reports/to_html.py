"""An executed notebook as one HTML file that opens by double click, also where there is no network."""

from dataclasses import replace
from pathlib import Path

import nbformat

from workbench.core.errors import ReportError
from workbench.core.files import write_text
from workbench.reports.cells import notebook_pieces, take_title
from workbench.reports.page import ReportHead, report_page


def export_notebook(executed: Path, html: Path, *, head: ReportHead | None = None, hide_code: bool = False) -> None:
    """Write a notebook's report, or nothing at all.

    Parameters
    ----------
    executed
        The executed notebook.
    html
        The file to write, atomically.
    head
        Title, facts and parameters. An empty title is filled by the heading with which the notebook begins.
    hide_code
        Leave the code out altogether; otherwise it is folded away.

    Raises
    ------
    ReportError
        The notebook cannot be read, or holds something that cannot be shown without a kernel or a network.
    """
    try:
        notebook = nbformat.read(executed, as_version=4)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        raise ReportError(
            f"{executed}: is not a notebook that can be shown ({' '.join(str(error).split())[:200]})"
        ) from error
    own_title = take_title(notebook)
    head = head or ReportHead()
    head = replace(head, title=head.title or own_title or executed.stem)
    write_text(html, report_page(head, notebook_pieces(notebook, executed.parent, hide_code=hide_code)))
