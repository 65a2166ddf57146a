"""Where runs lie, seen from the project's root and from its notebooks."""

from pathlib import Path

import pytest

from workbench.core.errors import RunError
from workbench.runs.locations import default_store, find_run, output_folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data_manifests").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def test_a_notebook_finds_the_runs_of_its_project(project: Path) -> None:
    with default_store().create("train", {}) as run:
        pass
    assert run.folder.parent == project / "runs"
    assert find_run("latest:train").id == run.id


def test_no_run_is_one_line(project: Path) -> None:
    with pytest.raises(RunError, match="no finished run of kind 'train'"):
        find_run("latest:train")


def test_a_run_writes_into_its_own_folder(project: Path) -> None:
    assert output_folder(str(project / "here"), "train") == project / "here"
    assert (project / "here").is_dir()


def test_a_notebook_used_by_hand_writes_where_no_run_is_looked_for(project: Path) -> None:
    folder = output_folder("", "train")
    assert folder.is_dir()
    assert folder.parent == project / "runs" / "scratch"
    assert default_store().list() == ()
