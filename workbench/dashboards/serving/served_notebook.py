"""The copy of a notebook that visitors get: parameters set, a title, and errors told as sentences."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell

from workbench.batch.parameters import complete_parameters
from workbench.core.errors import WorkbenchError
from workbench.core.files import write_text

TELL = "from workbench.dashboards.serving.served_notebook import tell_errors\n\ntell_errors()"
"""The first cell of the copy, unless tracebacks are wanted."""


def write_served_notebook(
    notebook: Path, parameters: Mapping[str, Any], folder: Path, *, tracebacks: bool = False
) -> Path:
    """Write a copy of a notebook with parameters set.

    Values are checked against the notebook's own parameters and written as Python literals, so that whatever text is
    given stays a text.

    Parameters
    ----------
    notebook
        Has one cell tagged ``parameters``.
    parameters
        Name -> value, or its text from the command line.
    folder
        Gets the copy, under the notebook's own name.
    tracebacks
        Whether an error shows where it was raised, instead of a sentence.

    Returns
    -------
    Path
        The copy.

    Raises
    ------
    UnknownNameError
        No such parameter.
    OptionError
        A value of the wrong type.
    RunError
        The file is not a notebook, or has no readable parameters.
    """
    complete = complete_parameters(notebook, parameters)
    content = nbformat.read(notebook, as_version=4)
    place = next(i for i, cell in enumerate(content.cells) if "parameters" in cell.metadata.get("tags", []))
    given = "\n".join(f"{name} = {value!r}" for name, value in complete.items())
    content.cells.insert(place + 1, new_code_cell(given, metadata={"tags": ["injected-parameters"]}))
    if not tracebacks:
        content.cells.insert(0, new_code_cell(TELL))
    content.metadata["title"] = title_of(content) or notebook.stem
    copy = folder / notebook.name
    write_text(copy, nbformat.writes(content))
    return copy


def title_of(content: nbformat.NotebookNode) -> str:
    """Return a notebook's first heading; empty where it has none."""
    lines = (line for cell in content.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), "")


def problem_html(error: BaseException) -> str:
    """Return what a visitor reads of an error: ours are sentences already, others are named."""
    if isinstance(error, WorkbenchError):
        return _problem(str(error))
    named = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return _problem(f"This went wrong unexpectedly ({named}). Whoever started the dashboard sees more with --debug.")


def tell_errors() -> None:
    """Show errors of this notebook's cells as sentences, without a traceback; to be called within a kernel."""
    from IPython.core.getipython import get_ipython
    from IPython.display import HTML, display

    def told(_shell: Any, _kind: type[BaseException], error: BaseException, _trace: Any, **_options: Any) -> list[str]:
        display(HTML(problem_html(error)))
        return []

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((Exception,), told)


def _problem(sentence: str) -> str:
    return f'<p class="dashboard-problem" role="alert">{escape(sentence)}</p>'
