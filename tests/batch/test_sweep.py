"""A sweep does each cell once, whatever happens on the way, and what failed is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.in_threads import InThreads
from tests.batch.without_kernel import run_without_kernel
from workbench.batch.plan import plan_experiment
from workbench.batch.sweep import find_sweep, run_sweep
from workbench.batch.sweep_state import Sweep, read_sweep
from workbench.core.errors import RunError
from workbench.runs import RunStore, verify
from workbench.runs.executors import LocalExecutor

Write = Callable[[str], Path]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.txt"


@pytest.fixture
def sweep(
    write_experiment: Write, store: RunStore, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Sweep]:
    """Return a function that does an experiment from its text; only the notebooks' kernels are left out."""
    monkeypatch.setattr("workbench.batch.cell_work.run_notebook", run_without_kernel)

    def do(text: str, **options: object) -> Sweep:
        path = write_experiment(f"title: Tiny\ndata: {{journal: {journal.parent}}}\n{text}")
        plan = plan_experiment(path)
        return run_sweep(plan, store=store, executor=InThreads(), source=path, **options)

    return do


def lines(journal: Path) -> list[str]:
    return sorted(journal.read_text().splitlines())


def test_cells_are_trained_evaluated_and_compared(sweep: Callable, store: RunStore, journal: Path) -> None:
    seen: list[dict[str, int]] = []
    done = sweep("cells: [{id: b, weights: 'cell:a'}, {id: a}]", follow=lambda state: seen.append(state.counts))
    assert done.run.status == "done"
    assert [(each.cell, each.status, each.error) for each in done.cells] == [("a", "done", ""), ("b", "done", "")]
    assert lines(journal) == [
        "a epoch 0", "a epoch 1", "a evaluated", "a trained", "ab evaluated", "b epoch 0", "b epoch 1", "b trained",
    ]  # fmt: skip
    assert (seen[0], seen[-1]) == ({"waiting": 2}, {"done": 2})
    report = done.run.artefact("report.html").read_text()
    assert "compared: ['a', 'ab'] True" in report
    assert "Tiny (paper, films)" in report
    assert verify(done.run) == []
    assert [run.status for run in store.list()] == ["done"] * 6
    for state in done.cells:
        for run in state.runs.values():
            assert "Tiny (paper, films)" in run.artefact("report.html").read_text()


def test_failing_cell_is_named_with_its_error_and_leaves_the_others_alone(
    sweep: Callable, store: RunStore, journal: Path
) -> None:
    with pytest.raises(RunError) as refused:
        sweep("""
cells:
  - {id: good}
  - {id: bad, fault: error}
  - {id: full, fault: full}
  - {id: after, weights: "cell:bad"}
train: {epochs: 1}
""")
    said = str(refused.value)
    assert said.startswith("3 of 4 cells failed; ")
    assert "bad: 30_train.ipynb, cell 2: ValueError: no such luck" in said
    assert "full: 30_train.ipynb, cell 2: OSError: [Errno 28] No space left on device" in said
    assert "after: starts from the weights of bad, which failed" in said
    assert lines(journal) == ["good epoch 0", "good evaluated", "good trained"]
    (folder,) = store.root.glob("*-sweep-*")
    state = read_sweep(folder)
    assert (state.run.status, state.counts) == ("failed", {"done": 1, "failed": 3})
    frame = state.to_frame()
    assert {cell: run.id for cell, run in state.trained.items()}["good"] == frame.loc["good", "train_run"]
    assert "after" not in state.trained
    assert frame.loc["good", "error"] == ""
    assert "no such luck" in frame.loc["bad", "error"]
    assert "which failed" in frame.loc["after", "error"]
    assert (frame.loc["full", "fault"], frame.loc["good", "evaluate_run"] != "") == ("full", True)
    assert "compared: ['good'] True" in (folder / "report.html").read_text()


def test_resumed_sweep_does_only_what_is_missing_or_failed(sweep: Callable, store: RunStore, journal: Path) -> None:
    with pytest.raises(RunError, match="1 of 2 cells failed; b: "):
        sweep("cells: [{id: a}, {id: b, fault: error}]")
    before = lines(journal)
    (folder,) = store.root.glob("*-sweep-*")
    interrupted = read_sweep(folder)
    again = sweep("cells: [{id: a}, {id: b}, {id: c}]", resume=interrupted.run)
    assert again.folder == folder
    assert again.counts == {"done": 3}
    assert again.cells[0].runs == interrupted.cells[0].runs
    assert [line for line in lines(journal) if line.startswith("a")] == before
    assert len(lines(journal)) == 12


def test_failed_run_goes_on_in_its_own_folder(sweep: Callable, store: RunStore, tmp_path: Path, journal: Path) -> None:
    text = "cells: [{id: a}]\nevaluate: {split: broken}"
    broken = tmp_path / "40_evaluate.ipynb"
    sound = broken.read_text()
    broken.write_text(sound.replace("from pathlib import Path", "1 / 0 #", 1))
    with pytest.raises(RunError, match="a: 40_evaluate"):
        sweep(text)
    broken.write_text(sound)
    (folder,) = store.root.glob("*-sweep-*")
    before = read_sweep(folder).cells[0]
    assert (before.status, before.step) == ("failed", "evaluate")
    after = sweep(text, resume=read_sweep(folder).run).cells[0]
    assert {step: run.id for step, run in before.runs.items()} == {step: run.id for step, run in after.runs.items()}
    assert lines(journal).count("a trained") == 1


def test_comparison_that_fails_leaves_the_cells_done(sweep: Callable, store: RunStore, tmp_path: Path) -> None:
    comparing = tmp_path / "60_compare.ipynb"
    comparing.write_text(comparing.read_text().replace("from pathlib import Path", "1 / 0 #", 1))
    with pytest.raises(RunError, match=r"^all cells are done; the comparison failed: 60_compare\.ipynb, cell 2: Zero"):
        sweep("cells: [{id: a}]")
    (folder,) = store.root.glob("*-sweep-*")
    assert (read_sweep(folder).run.status, read_sweep(folder).counts) == ("failed", {"done": 1})


def test_cell_between_its_two_runs_waits_for_the_second(sweep: Callable) -> None:
    done = sweep("cells: [{id: a}]")
    (done.folder / "ledger" / "cells" / "a" / "evaluate.json").unlink()
    (state,) = read_sweep(done.folder).cells
    assert (state.status, state.step, state.error) == ("waiting", "evaluate", "")


def test_newest_sweep_of_the_same_experiment_is_found(sweep: Callable, store: RunStore, tmp_path: Path) -> None:
    done = sweep("cells: [{id: a}]")
    plan = plan_experiment(tmp_path / "tiny.yaml")
    assert find_sweep(plan, {}, store=store) == done.run
    assert find_sweep(plan, {"epochs": "3"}, store=store) is None


def test_folder_that_is_no_sweep_is_refused(store: RunStore) -> None:
    with store.create("train", {}) as work:
        pass
    with pytest.raises(RunError, match="is not the folder of a sweep"):
        read_sweep(work.folder)


def test_with_kernels_on_this_machine_a_dead_one_is_named(
    write_experiment: Write, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_experiment("title: Tiny\ncells: [{id: a}, {id: killed, fault: kernel}]")
    with pytest.raises(RunError) as refused:
        run_sweep(plan_experiment(path), store=store, executor=LocalExecutor(jobs=2), source=path)
    assert str(refused.value) == (
        "1 of 2 cells failed; killed: the kernel died in 30_train.ipynb, cell 2 (`import os, time`); "
        "out of memory, or stopped from outside?"
    )
    (folder,) = store.root.glob("*-sweep-*")
    state = read_sweep(folder)
    assert [(each.cell, each.status, each.step) for each in state.cells] == [
        ("a", "done", "evaluate"), ("killed", "failed", "train"),
    ]  # fmt: skip
    report = (folder / "report.html").read_text()
    assert "compared: ['a'] True" in report
    assert "Tiny (paper, films)" in report
    for run in state.cells[0].runs.values():
        assert "a: Tiny (paper, films)" in run.artefact("report.html").read_text()
