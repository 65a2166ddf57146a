"""What was committed is compared with what is there now."""

from pathlib import Path

import pytest

from workbench.runs import Run, RunStore, read_run, verify


@pytest.fixture
def run(tmp_path: Path) -> Run:
    with RunStore(tmp_path).create("train", {}) as work:
        for name in ("a.txt", "b.txt", "deep/c.txt"):
            (work.folder / name).parent.mkdir(exist_ok=True)
            (work.folder / name).write_text(name)
    return read_run(work.folder)


def test_sound_run_has_no_problem(run: Run) -> None:
    assert verify(run) == []


def test_reviews_written_later_are_no_problem(run: Run) -> None:
    (run.folder / "reviews").mkdir()
    (run.folder / "reviews" / "verdicts.csv").write_text("yes")
    assert verify(run) == []


def test_missing_changed_and_extra_artefacts_are_named(run: Run) -> None:
    (run.folder / "a.txt").unlink()
    (run.folder / "deep" / "c.txt").write_text("C.TXT")
    (run.folder / "new.txt").write_text("new")
    assert verify(run) == [
        "a.txt: missing",
        "deep/c.txt: changed since the run was committed",
        "new.txt: not recorded in run.json",
    ]


def test_run_without_a_commit_has_nothing_to_compare_with(tmp_path: Path) -> None:
    with RunStore(tmp_path).create("train", {}) as work:
        (problem,) = verify(read_run(work.folder))
    assert "is running, nothing was committed" in problem
