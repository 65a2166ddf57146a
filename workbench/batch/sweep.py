"""A sweep: every cell of an experiment trained and evaluated by somebody, exactly once, then all of them compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.batch.ledger import COMPARISON, Ledger
from workbench.batch.plan import Cell, Plan
from workbench.batch.sweep_state import Sweep, read_sweep
from workbench.core.errors import RunError
from workbench.core.files import write_bytes
from workbench.core.provenance import plain
from workbench.runs import OpenRun, Run, RunStore
from workbench.runs.executors import AbstractExecutor, Outcome, Task
from workbench.runs.stopping import heeding_stop_signals

KIND = "sweep"
LOOK_AGAIN_S = 1.0
MOST_TRIES = 5
"""How often a cell is given to a worker again that was stopped from outside, while the sweep itself goes on."""

Follow = Callable[[Sweep], object]
"""Told about once a second how far the sweep is."""


def run_sweep(
    plan: Plan,
    *,
    store: RunStore,
    executor: AbstractExecutor,
    source: Path | None = None,
    given: Mapping[str, Any] | None = None,
    resume: Run | None = None,
    follow: Follow | None = None,
) -> Sweep:
    """Do what a plan says; a cell that fails leaves the others alone.

    The sweep is a run of its own, whose folder holds the plan, the ledger and in the end the comparison's report; the
    runs of the cells lie beside it. SIGTERM, SIGUSR1 and Ctrl-C stop the cells at work after what they have saved, and
    the sweep is interrupted.

    Parameters
    ----------
    plan
        Checked.
    store
        Where the runs are made; with several machines a folder that they share.
    executor
        Who does the work.
    source
        The experiment's file, whose hash is kept.
    given
        Parameters that were given in place of the experiment's.
    resume
        A sweep that did not come to its end: only what is missing or failed is done.
    follow
        Is told how far it is.

    Returns
    -------
    Sweep
        Done, every cell of it.

    Raises
    ------
    RunError
        Cells failed, each named with its error, or the comparison did; whatever was finished is kept.
    """
    inputs = {"experiment": source} if source else {}
    opened = store.resume(resume) if resume else store.create(KIND, sweep_parameters(plan, given or {}), inputs=inputs)
    with heeding_stop_signals(), opened as work:
        plan.write(work.folder)
        _Driver(plan, work, executor, follow).drive()
    return read_sweep(work.folder)


def find_sweep(plan: Plan, given: Mapping[str, Any], *, store: RunStore) -> Run | None:
    """Return the newest sweep of an experiment at a scale with the same given parameters, whatever its status."""
    wanted = sweep_parameters(plan, given)
    return next((run for run in reversed(store.list()) if run.kind == KIND and run.parameters == wanted), None)


def sweep_parameters(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sweep records of what was asked for."""
    return {"experiment": plan.experiment, "scale": plan.scale, "given": plain(dict(given))}


@dataclass
class _Driver:
    """Gives cells to the executor as soon as they can be done, and notes how they end."""

    plan: Plan
    work: OpenRun
    executor: AbstractExecutor
    follow: Follow | None
    waiting: list[Cell] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.work.folder)
        self.waiting = list(self.plan.cells)

    def drive(self) -> None:
        """Do every cell, compare them, and raise a RunError where anything failed."""
        with self.executor:
            self._tell()
            self._give_out()
            while self.tries.keys() - self.done - self.failed.keys():
                self._tell()
                for outcome in self.executor.outcomes(timeout_s=LOOK_AGAIN_S):
                    self._note(outcome)
                self._give_out()
            if self.done:
                self._compare()
        self._tell()
        if self.failed:
            raise RunError(self._failure())

    def _failure(self) -> str:
        cells = {cell: error for cell, error in self.failed.items() if cell}
        said = [f"{len(cells)} of {len(self.plan.cells)} cells failed"] if cells else ["all cells are done"]
        said += [f"{cell}: {error}" for cell, error in cells.items()]
        said += [f"the comparison failed: {self.failed['']}"] if "" in self.failed else []
        return "; ".join(said)

    def _give_out(self) -> None:
        """Submit the cells whose predecessor is done; those of a failed one fail with it."""
        for cell in list(self.waiting):
            if cell.needs in self.failed:
                self.waiting.remove(cell)
                self._fail(cell.id, f"starts from the weights of {cell.needs}, which failed")
            elif not cell.needs or cell.needs in self.done:
                self.waiting.remove(cell)
                self._submit(cell)

    def _submit(self, cell: Cell) -> None:
        self.tries[cell.id] = self.tries.get(cell.id, 0) + 1
        arguments = {"sweep": str(self.work.folder), "cell": cell.id}
        self.executor.submit(
            Task(cell.id, "workbench.batch.cell_work:do_cell", arguments, str(Path.cwd()), wanted_gpus(cell))
        )

    def _note(self, outcome: Outcome) -> None:
        if outcome.status == "done":
            self.done.add(outcome.task)
        elif outcome.status == "interrupted" and self.tries[outcome.task] < MOST_TRIES:
            self._submit(self.plan.cell(outcome.task))  # its worker was stopped, not we
        else:
            self._fail(outcome.task, outcome.error)

    def _fail(self, cell: str, error: str) -> None:
        self.failed[cell] = error
        self.ledger.note_fault(cell, error)

    def _compare(self) -> None:
        """Compare what was evaluated, and keep the report as the experiment's own."""
        arguments = {"sweep": str(self.work.folder)}
        task = Task(COMPARISON, "workbench.batch.cell_work:do_comparison", arguments, str(Path.cwd()), gpus=1)
        self.executor.submit(task)
        outcomes: list[Outcome] = []
        while not outcomes:
            self._tell()
            outcomes = self.executor.outcomes(timeout_s=LOOK_AGAIN_S)
        if outcomes[0].status != "done":
            self._fail("", outcomes[0].error)
            return
        compared = self.ledger.run("", COMPARISON)
        if compared is not None:
            write_bytes(self.work.folder / "report.html", compared.artefact("report.html").read_bytes())

    def _tell(self) -> None:
        if self.follow:
            self.follow(read_sweep(self.work.folder))


def wanted_gpus(cell: Cell) -> int:
    """Return how many GPUs a cell's training would use: ``auto`` one, a number so many, ``cpu`` none."""
    devices = str(cell.train.get("devices", "auto"))
    return int(devices) if devices.isdecimal() else int(devices == "auto")
