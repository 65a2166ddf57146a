"""A notebook as a run: its parameters checked, executed in a kernel of its own, kept and exported whatever happens."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
from nbclient.exceptions import CellTimeoutError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from workbench.batch.kernel import kernel_manager_class, own_event_loop
from workbench.batch.parameters import OUT, cell_count, check_runnable, complete_parameters
from workbench.core.errors import ReportError, RunError
from workbench.core.files import write_text
from workbench.runs import OpenRun, Run, RunStore, environment_facts, read_run
from workbench.runs.stopping import heeding_stop_signals

EXECUTED = "executed.ipynb"
REPORT = "report.html"
DIED = "Kernel died"
"""All that nbclient says of a kernel that ended in the middle of a cell."""
MOST_OF_AN_ERROR = 1000
"""Characters; one that tells everything wrong at once is long."""

Progress = Callable[[int, int, str], None]
"""Called with cells done, cells in all, and the first line of the cell that starts (empty at the end)."""

log = logging.getLogger(__name__)
logging.getLogger("papermill").addHandler(logging.NullHandler())  # what it logs, we raise


def run_notebook(
    notebook: Path,
    parameters: Mapping[str, Any],
    *,
    store: RunStore,
    kind: str | None = None,
    title: str | None = None,
    progress: Progress | None = None,
    echo: Callable[[str], object] | None = None,
    timeout_s: float | None = None,
    resume: Run | None = None,
    made: Callable[[OpenRun], object] | None = None,
) -> Run:
    """Execute a notebook as a run and export its report.

    The kernel is the running interpreter, in the caller's working directory, so that relative paths mean what was
    typed. The run's folder holds ``executed.ipynb`` and ``report.html`` beside what the notebook writes to ``out``,
    also when a cell failed. SIGTERM and SIGUSR1 interrupt the run as Ctrl-C does, so that it can be resumed.

    Parameters
    ----------
    notebook
        Has one cell tagged ``parameters``, with ``out = ""`` in it.
    parameters
        Values, or their texts from the command line; checked before anything is made.
    store
        Where the run is made.
    kind
        Of the run; by default the notebook's name without its number: ``30_train.ipynb`` -> ``train``.
    title
        Of the report; by default the notebook's first heading.
    progress
        Told of every cell.
    echo
        Gets what the cells print, as they print it.
    timeout_s
        For each cell; by default none.
    resume
        A failed, interrupted or lost run, executed again in its own folder: the notebook finds what it had written.
    made
        Told of the run before its first cell.

    Returns
    -------
    The run, done.

    Raises
    ------
    UnknownNameError
        No such parameter; nothing was made.
    OptionError
        A parameter of the wrong type; nothing was made.
    RunError
        The notebook cannot be read (nothing was made), or a cell failed: the message names it.
    ReportError
        All cells were executed, but something in them cannot be shown; the run is failed.
    """
    complete = complete_parameters(notebook, parameters)
    check_runnable(notebook)
    if resume is not None and resume.parameters != complete:
        raise RunError(f"{resume.id}: was made with other parameters; resume it with {resume.parameters}")
    kind = kind or kind_of(notebook)
    opened = store.resume(resume) if resume else store.create(kind, complete, inputs=_inputs(notebook, complete))
    with heeding_stop_signals(), opened as work:
        if made:
            made(work)
        execution = _Execution(notebook, work, progress, echo, timeout_s, total=cell_count(notebook))
        try:
            execution.execute()
        except RunError as error:
            _export_failure(work, title, str(error))
            raise
        _export(work, title)
    return read_run(work.folder)


def find_run(notebook: Path, parameters: Mapping[str, Any], *, store: RunStore, kind: str | None = None) -> Run | None:
    """Return the newest done run of this very notebook with equal parameters and unchanged inputs, if there is one."""
    return store.find(kind or kind_of(notebook), complete_parameters(notebook, parameters))


def kind_of(notebook: Path) -> str:
    """Return a notebook's kind of run from its name: ``30_train.ipynb`` -> ``train``."""
    return notebook.stem.lstrip("0123456789_- ").lower().replace("_", "-").replace(" ", "-") or "notebook"


@dataclass
class _Execution:
    """One execution of one notebook; knows in which cell it is."""

    notebook: Path
    work: OpenRun
    progress: Progress | None
    echo: Callable[[str], object] | None
    timeout_s: float | None
    total: int = 0
    """Cells of the notebook as its author sees it."""
    number: int = 0
    """Of the cell at work, from one; papermill's own cell is not counted."""
    cell: str = "its first moments"

    def execute(self) -> None:
        """Execute every cell, or raise a RunError that names the one that failed."""
        try:
            with own_event_loop():
                self._execute_cells()
        except PapermillExecutionError as error:
            raise RunError(f"{self.cell}: {_one_line(error.ename, error.evalue)}") from error
        except RuntimeError as error:  # nbclient's for a kernel that died or never answered
            raise RunError(f"the kernel died in {self.cell}; {self.last_words(str(error))}") from error
        except CellTimeoutError as error:
            raise RunError(f"{self.cell}: took longer than {self.timeout_s:g} s") from error
        finally:
            self.kernel_log.unlink(missing_ok=True)
        if self.progress:
            self.progress(self.total, self.total, "")

    def _execute_cells(self) -> None:
        printed = _Printed(self.echo) if self.echo else None
        papermill.execute_notebook(
            str(self.notebook),
            str(self.work.folder / EXECUTED),
            parameters={**self.work.parameters, OUT: str(self.work.folder)},
            kernel_name="python3",  # only a name: the kernel manager below starts this interpreter
            language="python",
            progress_bar=False,
            autosave_cell_every=0,
            stdout_file=printed,
            stderr_file=printed,
            execution_timeout=self.timeout_s,
            store_widget_state=False,
            kernel_manager_class=kernel_manager_class(self.kernel_log),
            on_cell_start=self.starts,
        )

    @property
    def kernel_log(self) -> Path:
        """What the kernel's process writes past the notebook, while it lives."""
        return self.work.folder / ".kernel.log"

    def last_words(self, otherwise: str) -> str:
        """Return what a dead kernel wrote last, and keep all that it wrote as ``kernel.log``."""
        written = self.kernel_log.read_text(encoding="utf-8", errors="replace") if self.kernel_log.is_file() else ""
        said = [line.strip() for line in written.splitlines() if line.strip()]
        if not said:
            return "out of memory, or stopped from outside?" if otherwise == DIED else otherwise
        write_text(self.work.folder / "kernel.log", written)
        return f"its last words: {said[-1][:200]}"

    def starts(self, cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG002 - nbclient calls by these names
        """Note which cell starts."""
        if "injected-parameters" in cell.metadata.get("tags", []):
            return
        self.number += 1
        first_line = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
        self.cell = f"{self.notebook.name}, cell {self.number} (`{first_line[:80]}`)"
        if self.progress:
            self.progress(self.number - 1, self.total, first_line)


@dataclass(frozen=True)
class _Printed:
    """What papermill takes for a file."""

    write: Callable[[str], object]

    def flush(self) -> None:
        """Nothing is held back."""


def _inputs(notebook: Path, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the files that the result depends on: the notebook, and every file that a parameter names."""
    files = {name: value for name, value in parameters.items() if isinstance(value, str) and Path(value).is_file()}
    return {"notebook": str(notebook), **files}


def _export(work: OpenRun, title: str | None, *, error: str = "") -> None:
    from workbench.reports.page import ReportHead  # loads the plots, which no run needs before its end
    from workbench.reports.to_html import export_notebook

    run = read_run(work.folder)
    made = run.created[:16].replace("T", " ") + " UTC"
    head = ReportHead(
        title=title or "",
        facts={"kind": run.kind, "made": made, "run": run.id, "device": environment_facts()["device"]},
        parameters=run.parameters,
        error=error,
    )
    export_notebook(work.folder / EXECUTED, work.folder / REPORT, head=head)


def _export_failure(work: OpenRun, title: str | None, message: str) -> None:
    """Show how far a failed run came, if that is possible at all: the failure itself is what must be told."""
    if not (work.folder / EXECUTED).is_file():
        return
    try:
        _export(work, title, error=message)
    except ReportError as error:
        log.warning("%s: no report of the failed run (%s)", work.id, error)


def _one_line(name: str, value: str) -> str:
    text = " ".join(value.split())
    return f"{name}: {text[:MOST_OF_AN_ERROR]}" if text else name
