"""``workbench sweep``: what it prints, what it refuses, and that it goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.in_threads import InThreads
from tests.batch.tiny_notebooks import write_tiny_notebooks
from tests.batch.without_kernel import run_without_kernel

TINY = """
title: Tiny
data: {manifest: ""}
evaluate: {split: ""}
cells: [{id: a}, {id: b, fault: FAULT}]
"""


@pytest.fixture
def write_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that writes an experiment of two cells, the second with a fault; no kernel is started."""
    write_tiny_notebooks(tmp_path)
    monkeypatch.setattr("workbench.batch.cell_work.run_notebook", run_without_kernel)
    monkeypatch.setattr("workbench.cli.sweeping._executor", lambda plan, scheduler, jobs: InThreads())

    def write(fault: str) -> None:
        (tmp_path / "tiny.yaml").write_text(TINY.replace("FAULT", repr(fault)))

    return write


def test_failed_sweep_is_resumed_and_ends(workbench: Callable, write_tiny: Callable) -> None:
    write_tiny("error")
    failed = workbench("sweep", "tiny.yaml")
    assert failed.refusal.startswith("1 of 2 cells failed; b: 30_train.ipynb, cell 2: ValueError: no such luck")
    assert "Tiny (paper): 2 cells on this process" in failed.out
    assert "a  waiting" in failed.out
    assert "a  done  evaluate" in failed.out
    again = workbench("sweep", "tiny.yaml", "--resume")
    assert "no such luck" in again.refusal
    write_tiny("")
    done = workbench("sweep", "tiny.yaml", "--resume")
    assert (done.code, done.err) == (0, "")
    assert "all 2 cells are done" in done.out
    assert done.out.rstrip().endswith("report.html")
    folders = list(Path("runs").iterdir())
    assert "all 2 cells are done" in workbench("sweep", "tiny.yaml", "--resume").out
    assert list(Path("runs").iterdir()) == folders


def test_dry_run_lists_cells_and_cost_and_makes_nothing(workbench: Callable, write_tiny: Callable) -> None:
    write_tiny("")
    listed = workbench("sweep", "tiny.yaml", "--dry-run")
    assert listed.code == 0
    assert "2 cells, no errors; expected" in listed.out
    assert "Estimated as epochs x" in listed.out
    assert not Path("runs").exists()


def test_weights_to_be_downloaded_are_noted_and_nothing_stops(
    workbench: Callable, write_tiny: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny("")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    given = ("-p", "weights=imagenet", "-p", "architecture=resnet18")
    note = "note: every cell: ImageNet weights are not on this machine yet; each is downloaded when its first cell"
    for option in ("--dry-run", "--resume"):
        done = workbench("sweep", "tiny.yaml", *given, option)
        assert (done.code, done.err, done.out.count(note)) == (0, "", 1)
        assert "`workbench weights fetch resnet18`" in done.out
    assert "note:" not in workbench("sweep", "tiny.yaml", "--dry-run").out


def test_all_errors_are_listed_and_nothing_is_started(workbench: Callable, write_tiny: Callable) -> None:
    write_tiny("")
    refused = workbench("sweep", "tiny.yaml", "--scale", "smal", "-p", "epohcs=3", "-p", "architecture=resnet81")
    assert refused.refusal == "tiny.yaml: 3 errors, listed above; nothing was started"
    assert "error: no scale of this experiment is called 'smal'" in refused.out
    assert "error: -p: no parameter is called 'epohcs'; did you mean 'epochs'?" in refused.out
    assert "error: every cell: no architecture is called 'resnet81'; did you mean" in refused.out
    assert not Path("runs").exists()


def test_single_error_is_the_one_line(workbench: Callable) -> None:
    assert workbench("sweep", "none.yaml").refusal == "none.yaml: no such file"
