"""What a worker does for a sweep, in a process of its own: train and evaluate one cell, or compare all of them."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.batch.ledger import COMPARISON, Ledger
from workbench.batch.parameters import complete_parameters, notebook_parameters
from workbench.batch.plan import Cell, Plan, read_plan
from workbench.batch.run_notebook import run_notebook
from workbench.core.arrays import Json
from workbench.core.errors import RunError
from workbench.core.provenance import plain
from workbench.runs import Run
from workbench.runs.store import RESUMABLE

LOOK_AGAIN_S = 1.0
WEIGHTS = ".safetensors"


def do_cell(sweep: str, cell: str) -> Json:
    """Bring one cell to its end, wherever it was: what is done is kept, what was interrupted is resumed.

    Parameters
    ----------
    sweep
        Folder of the sweep.
    cell
        Its id.

    Returns
    -------
    Ids of the runs by step.

    Raises
    ------
    WorkbenchError
        A run failed: the message names notebook, cell and error.
    """
    plan, ledger = read_plan(Path(sweep)), Ledger(Path(sweep))
    mine = plan.cell(cell)
    with ledger.working(cell):
        ledger.forget_fault(cell)
        trained = _do_step(plan, ledger, mine, "train", _train_parameters(mine, ledger))
        given = mine.evaluate | {"run": str(trained.folder)}
        evaluated = _do_step(plan, ledger, mine, "evaluate", given)
    return {"train": trained.id, "evaluate": evaluated.id}


def do_comparison(sweep: str) -> Json:
    """Compare the evaluations that there are.

    Parameters
    ----------
    sweep
        Folder of the sweep.

    Returns
    -------
    The run's id.

    Raises
    ------
    WorkbenchError
        The comparing notebook failed.
    """
    folder = Path(sweep)
    plan, ledger = read_plan(folder), Ledger(folder)
    evaluated = [ledger.run(cell.id, "evaluate") for cell in plan.cells]
    of_sweep = {"runs": [str(run.folder) for run in evaluated if run and run.status == "done"], "sweep": sweep}
    notebook = Path(plan.notebooks[COMPARISON])
    known = notebook_parameters(notebook)
    given = plan.compare | {name: value for name, value in of_sweep.items() if name in known}
    with ledger.working(""):
        return _run(notebook, given, ledger, ("", COMPARISON), title=plan.heading).id


def _train_parameters(cell: Cell, ledger: Ledger) -> dict[str, Any]:
    """Return a cell's parameters with the weights of the cell that it starts from."""
    if not cell.needs:
        return cell.train
    earlier = ledger.run(cell.needs, "train")
    if earlier is None or earlier.status != "done":
        raise RunError(f"starts from the weights of {cell.needs}, whose training is not done")
    learned = next((name for name in earlier.artefacts if name.endswith(WEIGHTS)), None)
    if learned is None:
        raise RunError(f"starts from the weights of {cell.needs}, whose training left no {WEIGHTS}")
    return cell.train | {"weights": str(earlier.artefact(learned))}


def _do_step(plan: Plan, ledger: Ledger, cell: Cell, step: str, given: Mapping[str, Any]) -> Run:
    return _run(Path(plan.notebooks[step]), given, ledger, (cell.id, step), title=f"{cell.id}: {plan.heading}")


def _run(notebook: Path, given: Mapping[str, Any], ledger: Ledger, place: tuple[str, str], *, title: str) -> Run:
    """Do a step unless it is done; go on with it where it was begun with the same parameters."""
    begun = _ended(ledger, place)
    if begun is not None and begun.parameters != plain(complete_parameters(notebook, given)):
        begun = None  # the experiment was changed since: this run belongs to what it was
    if begun is not None and begun.status == "done":
        return begun
    resume = begun if begun is not None and begun.status in RESUMABLE else None
    return run_notebook(
        notebook,
        given,
        store=ledger.store,
        title=title,
        resume=resume,
        made=lambda run: ledger.note_run(*place, run.id),
    )


def _ended(ledger: Ledger, place: tuple[str, str]) -> Run | None:
    """Return the run of a step as soon as nobody is at work on it: its worker may be cut off, but alive."""
    while (run := ledger.run(*place)) is not None and run.status == "running":
        time.sleep(LOOK_AGAIN_S)
    return run
