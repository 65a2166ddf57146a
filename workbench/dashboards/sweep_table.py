"""A sweep's cells in a notebook, live: the table of the terminal, while the sweep is at work here or anywhere else."""

import asyncio
import logging
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from workbench.batch.sweep_state import ROW_TITLES, Sweep, read_sweep
from workbench.core.errors import RunError
from workbench.dashboards.tables import html_table
from workbench.plots.theme import BLUE, GREEN, MUTED, VERMILLION
from workbench.runs.locations import default_store, find_run
from workbench.runs.run import COMMITTED, Run

logger = logging.getLogger(__name__)
STATUS_COLOURS = {"done": GREEN, "running": BLUE, "failed": VERMILLION, "lost": VERMILLION}
"""Of the mark beside a status, which is also written out; others are grey."""


class SweepTable:
    """A row for each cell of a sweep, and how many are done.

    It displays itself at the end of a notebook's cell, and follows the sweep until that has ended. The kernel stays
    free.

    Parameters
    ----------
    folder
        Of the sweep.
    every_s
        Seconds from one look at the folder to the next.
    """

    def __init__(self, folder: Path, *, every_s: float = 5.0) -> None:
        self.sweep = read_sweep(folder)
        self.bar = widgets.IntProgress(min=0, max=max(len(self.sweep.cells), 1), layout={"width": "220px"})
        self.heading, self.table, self.said = widgets.HTML(), widgets.HTML(), widgets.HTML()
        head = widgets.HBox([self.bar, self.heading], layout={"align_items": "center"})
        self.widget = widgets.VBox([head, self.said, self.table])
        self.widget.add_class("workbench-sweep")
        self._draw()
        self._task: asyncio.Task[None] | None = None
        with suppress(RuntimeError):  # without a kernel (in a script) it is a picture of now
            self._task = asyncio.get_running_loop().create_task(self._follow(every_s))

    def stop(self) -> None:
        """Follow no longer."""
        if self._task is not None:
            self._task.cancel()

    async def _follow(self, every_s: float) -> None:
        while self.sweep.run.status not in COMMITTED:
            await asyncio.sleep(every_s)
            try:
                self.sweep = await asyncio.to_thread(read_sweep, self.sweep.folder)
                self._draw()
            except Exception as error:  # a task has nobody to raise it to
                logger.warning("the sweep cannot be read", exc_info=error)
                self.said.value = escape(f"cannot be read now, looking again: {error}")
            else:
                self.said.value = ""

    def _draw(self) -> None:
        sweep, counts = self.sweep, self.sweep.counts
        self.bar.value = counts.get("done", 0)
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        self.heading.value = f"<b>{escape(sweep.plan.heading)}</b>: {sweep.run.status} ({told})"
        rows = [_cells(row) for row in sweep.rows()]
        self.table.value = html_table(rows, ROW_TITLES) + _ending(sweep)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget._repr_mimebundle_(**kwargs)


def _cells(row: list[str]) -> list[str]:
    name, status, *rest = map(escape, row)
    mark = f'<span style="color:{STATUS_COLOURS.get(row[1], MUTED)}" aria-hidden="true">●</span>'
    return [f"<b>{name}</b>", f"{mark} {status}", *rest]


def _ending(sweep: Sweep) -> str:
    """Say where the report of the whole is, once there is one."""
    report = sweep.folder / "report.html"
    return f"<p>The report: <code>{escape(str(report))}</code></p>" if report.is_file() else ""


def watch_sweep(run: str | Path = "", *, every_s: float = 5.0) -> SweepTable:
    """Show how far the cells of a sweep are, and go on showing it until it has ended.

    Parameters
    ----------
    run
        The sweep: id, unique beginning or folder; without it the newest of the project, ended or not. It may be at work
        in another process, or on other machines that write into the same folder.
    every_s
        Seconds from one look at its folder to the next.

    Returns
    -------
    SweepTable
        Displays itself; ``.sweep`` is what it shows.

    Raises
    ------
    RunError
        There is no such run, or it is not a sweep.
    """
    found = find_run(run) if run else _newest_sweep()
    return SweepTable(found.folder, every_s=every_s)


def _newest_sweep() -> Run:
    store = default_store()
    sweeps = [run for run in store.list() if run.kind == "sweep"]
    if not sweeps:
        raise RunError(f"no sweep in {store.root}; start one by workbench sweep, or name its folder")
    return sweeps[-1]
