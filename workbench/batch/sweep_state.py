"""How far a sweep is, derived from the folders of its runs: for the terminal, for notebooks, for its own end."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.batch.experiment import STEPS
from workbench.batch.ledger import COMPARISON, Ledger
from workbench.batch.plan import Cell, Plan, read_plan
from workbench.core.durations import duration_text
from workbench.core.errors import ReaderError
from workbench.runs import Run, Status, read_run

CellStatus = Status | Literal["waiting"]


@dataclass(frozen=True)
class CellState:
    """How far one cell is.

    Parameters
    ----------
    cell
        Its id.
    status
        ``waiting``, or that of the run at work; ``failed`` also where the cell could not be begun.
    step
        ``train`` or ``evaluate``: the one at work or next in turn, empty before the first.
    epochs
        Whole epochs of the training, of how many: ``3 of 32``; empty where the notebook keeps no history.
    valid_auroc
        Of the last whole epoch, None where it is not known.
    seconds
        That its finished runs took.
    error
        Why it is not done, in one line.
    runs
        Step -> run.
    """

    cell: str
    status: CellStatus
    step: str = ""
    epochs: str = ""
    valid_auroc: float | None = None
    seconds: float = 0.0
    error: str = ""
    runs: dict[str, Run] | None = None


@dataclass(frozen=True)
class Sweep:
    """A sweep as its folder tells it.

    Parameters
    ----------
    folder
        Of the sweep.
    run
        The sweep as a run, whose status is that of the sweep.
    plan
        What is to be done.
    cells
        One state a cell, in the order of the plan.
    comparison
        The run that compares them, None before it was begun.
    """

    folder: Path
    run: Run
    plan: Plan
    cells: tuple[CellState, ...]
    comparison: Run | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many cells have which status."""
        statuses = [each.status for each in self.cells]
        return {status: statuses.count(status) for status in dict.fromkeys(statuses)}

    @property
    def trained(self) -> dict[str, Run]:
        """The training run of each cell that has begun, by the cell's id."""
        return {each.cell: each.runs["train"] for each in self.cells if each.runs and "train" in each.runs}

    def to_frame(self) -> Any:
        """Return the cells as a pandas DataFrame: what differs, how far each is, and the ids of its runs."""
        import pandas as pd

        rows = []
        for cell, state in zip(self.plan.cells, self.cells, strict=True):
            shown = {name: getattr(state, name) for name in COLUMNS}
            runs = {step: (state.runs or {})[step].id if step in (state.runs or {}) else "" for step in STEPS}
            rows.append(shown | cell.values | {f"{step}_run": name for step, name in runs.items()})
        return pd.DataFrame(rows).set_index("cell")

    def rows(self) -> list[list[str]]:
        """Return a row of texts for each cell, under :data:`ROW_TITLES`: what a live table shows."""
        return [
            [
                each.cell,
                each.status,
                each.step,
                each.epochs,
                "" if each.valid_auroc is None else f"{each.valid_auroc:.3f}",
                duration_text(each.seconds) if each.seconds else "",
                each.error[:MOST_TEXT],
            ]
            for each in self.cells
        ]


COLUMNS = ("cell", "status", "step", "epochs", "valid_auroc", "seconds", "error")
ROW_TITLES = ("cell", "status", "at", "epochs", "AUROC", "time", "error")
MOST_TEXT = 120
"""Letters of an error in a row."""


def read_sweep(folder: str | Path) -> Sweep:
    """Read how far a sweep is; it may be at work in another process, or on other machines.

    Parameters
    ----------
    folder
        Of the sweep: a run of the kind ``sweep``.

    Returns
    -------
    Sweep
        Statuses are derived now.

    Raises
    ------
    RunError
        The folder is not a sweep's.
    """
    folder = Path(folder).resolve()
    plan, ledger = read_plan(folder), Ledger(folder)
    states = tuple(_cell_state(cell, ledger) for cell in plan.cells)
    return Sweep(folder, read_run(folder), plan, states, ledger.run("", COMPARISON))


def _cell_state(cell: Cell, ledger: Ledger) -> CellState:
    found = {step: ledger.run(cell.id, step) for step in STEPS}
    runs = {step: run for step, run in found.items() if run is not None}
    status, step = _status(runs)
    fault = "" if status in ("done", "running") else ledger.fault(cell.id)
    if fault and status in ("waiting", "lost"):
        status = "failed"
    history = _history(runs)
    return CellState(
        cell=cell.id,
        status=status,
        step=step,
        epochs=f"{len(history)} of {cell.train['epochs']}" if history and "epochs" in cell.train else "",
        valid_auroc=history[-1].valid_auroc if history else None,
        seconds=sum(run.duration_s or 0.0 for run in runs.values()),
        error=fault or (runs[step].error if step in runs and status != "done" else ""),
        runs=runs,
    )


def _status(runs: dict[str, Run]) -> tuple[CellStatus, str]:
    """Return the status of a cell, and the step that it is at."""
    for step in STEPS:
        if step not in runs:
            return "waiting", step if runs else ""
        if runs[step].status != "done":
            return runs[step].status, step
    return "done", STEPS[-1]


def _history(runs: dict[str, Run]) -> Sequence[Any]:
    """Return the records of the whole epochs; none where the notebook keeps no history."""
    if "train" not in runs:
        return ()
    from workbench.training.history import read_history  # loads torch
    from workbench.training.result import HISTORY_NAME

    with suppress(ReaderError):
        return read_history(runs["train"].folder / HISTORY_NAME)
    return ()
