"""Runs a tiny notebook's cells in this process, as a run: what takes its time in a kernel is not what a test is of."""

import contextlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat

from workbench.batch.parameters import complete_parameters
from workbench.batch.run_notebook import kind_of
from workbench.core.errors import RunError
from workbench.runs import OpenRun, Run, RunStore, read_run
from workbench.runs.store import one_line


def run_without_kernel(
    notebook: Path,
    parameters: Mapping[str, Any],
    *,
    store: RunStore,
    title: str,
    resume: Run | None,
    made: Callable[[OpenRun], object],
) -> Run:
    """Do what ``run_notebook`` does, for notebooks that only print."""
    complete = complete_parameters(notebook, parameters)
    opened = store.resume(resume) if resume else store.create(kind_of(notebook), complete)
    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells]
    with opened as work:
        made(work)
        names = complete | {"out": str(work.folder)}
        printed = io.StringIO()
        for number, source in enumerate(cells[1:], 2):
            try:
                with contextlib.redirect_stdout(printed):
                    exec(source, names)
            except Exception as error:
                raise RunError(f"{notebook.name}, cell {number}: {one_line(error)}") from error
        (work.folder / "report.html").write_text(f"{title}\n{printed.getvalue()}")
    return read_run(work.folder)
