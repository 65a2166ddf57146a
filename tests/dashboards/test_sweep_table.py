"""The live table shows each cell of a sweep, changes while the sweep goes on, and ends with it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.batch.in_threads import InThreads
from tests.batch.tiny_notebooks import write_tiny_notebooks
from tests.batch.without_kernel import run_without_kernel
from workbench.batch.plan import plan_experiment
from workbench.batch.sweep import run_sweep
from workbench.batch.sweep_state import Sweep
from workbench.core.errors import RunError
from workbench.dashboards import sweep_table
from workbench.dashboards.sweep_table import SweepTable, watch_sweep
from workbench.runs import RunStore

SOON_S = 0.01


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that runs a sweep of two cells, the second with a fault, and returns its folder."""
    write_tiny_notebooks(tmp_path)
    monkeypatch.setattr("workbench.batch.cell_work.run_notebook", run_without_kernel)

    def run(fault: str) -> Path:
        path = tmp_path / "tiny.yaml"
        cells = f"cells: [{{id: a}}, {{id: b, fault: {fault!r}}}]"
        path.write_text(f"title: T <iny>\ndata: {{journal: {tmp_path}}}\n{cells}")
        store = RunStore(tmp_path / "runs")
        try:
            return run_sweep(plan_experiment(path), store=store, executor=InThreads(), source=path).folder
        except RunError:
            return [each.folder for each in store.list() if each.kind == "sweep"][-1]

    return run


def test_every_cell_has_a_row_and_errors_are_said(sweep: Callable[[str], Path]) -> None:
    shown = watch_sweep(sweep("error"))
    assert (shown.bar.value, shown.bar.max) == (1, 2)
    assert "failed (1 done, 1 failed)" in shown.heading.value
    assert "T &lt;iny&gt;" in shown.heading.value
    assert "no such luck" in shown.table.value
    assert "workbench-sweep" in shown.widget._dom_classes
    assert "report.html" in shown.table.value  # of what was done


def test_the_table_follows_until_the_sweep_is_done(
    sweep: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sweep("")
    done = sweep_table.read_sweep(folder)
    begun = replace(done, run=replace(done.run, status="running"))
    first = replace(begun, cells=tuple(replace(each, status="waiting") for each in done.cells))
    looks: list[Sweep | Exception] = [first, begun, RunError("gone <away>"), OSError("stale"), done]
    told: list[tuple[int, str]] = []

    def look(_folder: Path) -> Sweep:
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(sweep_table, "read_sweep", look)

    async def follow() -> SweepTable:
        shown = SweepTable(folder, every_s=SOON_S)
        assert shown._task is not None
        shown.bar.observe(lambda change: told.append((change["new"], shown.heading.value)), "value")
        shown.said.observe(lambda change: told.append((-1, change["new"])), "value")
        await shown._task
        return shown

    shown = asyncio.run(follow())
    assert [value for value, _ in told] == [2, -1, -1, -1]
    assert [words.partition(": ")[2] for _, words in told[1:]] == ["gone &lt;away&gt;", "stale", ""]
    assert "done (2 done)" in shown.heading.value
    assert "report.html" in shown.table.value
    assert not looks


def test_it_can_be_stopped(sweep: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    async def stopped() -> bool:
        state = sweep_table.read_sweep(sweep(""))
        running = replace(state, run=replace(state.run, status="running"))
        monkeypatch.setattr(sweep_table, "read_sweep", lambda _folder: running)
        shown = SweepTable(state.folder, every_s=60)
        assert shown._task is not None
        await asyncio.sleep(0)
        shown.stop()
        await asyncio.gather(shown._task, return_exceptions=True)
        return shown._task.cancelled()

    assert asyncio.run(stopped())


def test_the_newest_sweep_is_shown_whatever_its_status(
    sweep: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(tmp_path / "runs")
    monkeypatch.setattr(sweep_table, "default_store", lambda: store)
    with pytest.raises(RunError, match="start one by workbench sweep"):
        watch_sweep()
    done, failed = sweep(""), sweep("error")
    assert done != failed
    assert watch_sweep().sweep.folder == failed


def test_what_is_no_sweep_is_refused(tmp_path: Path) -> None:
    with RunStore(tmp_path).create("train", {}) as run:
        pass
    with pytest.raises(RunError):
        watch_sweep(run.folder)
