"""``workbench import verdicts``: the new ones are merged, strange ones skipped and named, and the run still holds."""

import json
from pathlib import Path

import pytest

from workbench.core.case import Case
from workbench.core.files import write_json
from workbench.core.manifest import Manifest, write_manifest
from workbench.runs.reviews import Review, ReviewBook
from workbench.runs.run import REVIEWS_FOLDER, Run
from workbench.runs.store import RunStore


@pytest.fixture
def manifest(tmp_path) -> Path:
    cases = [Case(case_id=f"c{i}", patient_id="p", study_id="s", image=f"{i}.png", width=9, height=9) for i in range(3)]
    path = tmp_path / "films.csv"
    write_manifest(Manifest("films", ("normal", "abnormal"), ("abnormal",), tmp_path, tuple(cases)), path)
    return path


@pytest.fixture
def trained(tmp_path, manifest) -> Run:
    store = RunStore(tmp_path / "runs")
    with store.create("train", {"manifest": str(manifest), "root": ""}) as work:
        write_json(work.folder / "model.json", {"provenance": {"weights_sha256": "aa"}})
    return store.get(work.folder)


@pytest.fixture
def book(trained) -> ReviewBook:
    return ReviewBook(trained.folder / REVIEWS_FOLDER)


def written(path: Path, *verdicts: dict) -> Path:
    lines = [
        {"verdict": "unsure", "reviewer": "Ann", "at": "2026-01-01T10:00:00.000+00:00"} | each for each in verdicts
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_new_verdicts_are_merged_once_and_the_run_still_holds(workbench, tmp_path, trained, book):
    file = written(tmp_path / "v.jsonl", {"case_id": "c0", "note": "the L", "tags": ["flag"]}, {"case_id": "c1"})
    done = workbench("import", "verdicts", file, "--run", trained.id, "--runs", tmp_path / "runs")
    assert done.code == 0, done
    assert "2 new verdicts, 0 were there already, 0 skipped (by reader: Ann 2)" in done.out
    assert book.latest()["Ann", "c0"] == Review(
        "c0", "unsure", "Ann", "the L", ("flag",), at="2026-01-01T10:00:00.000+00:00"
    )
    again = workbench("import", "verdicts", file, "--run", trained.id, "--runs", tmp_path / "runs")
    assert "0 new verdicts, 2 were there already" in again.out
    assert len(book.read()[0]) == 2
    assert workbench("verify", trained.id, "--runs", tmp_path / "runs").out.strip() == f"{trained.id}: holds"


def test_strange_verdicts_are_skipped_and_named(workbench, tmp_path, trained, book):
    file = written(
        tmp_path / "v.jsonl",
        {"case_id": "c0", "weights_sha256": "aa"},
        {"case_id": "c1", "weights_sha256": "bb"},
        {"case_id": "elsewhere"},
        {"case_id": "c2", "verdict": "fine"},
    )
    done = workbench("import", "verdicts", file, "--run", trained.id, "--runs", tmp_path / "runs")
    assert "1 new verdicts, 0 were there already, 3 skipped" in done.out
    for reason in ("another model, weights bb", "no case 'elsewhere'", "verdict 'fine' is not one of"):
        assert reason in done.out
    assert [review.case_id for review in book.read()[0]] == ["c0"]


def test_without_the_manifest_and_the_model_every_case_is_taken_with_a_word(
    workbench, tmp_path, trained, manifest, book
):
    manifest.unlink()
    (trained.folder / "model.json").unlink()
    file = written(tmp_path / "v.jsonl", {"case_id": "anything", "weights_sha256": "bb"})
    done = workbench("import", "verdicts", file, "--run", trained.id, "--runs", tmp_path / "runs")
    assert done.out.count("note: verdicts are taken") == 2
    assert len(book.read()[0]) == 1


def test_more_than_a_few_skipped_ones_are_counted(workbench, tmp_path, trained):
    file = written(tmp_path / "v.jsonl", {"case_id": "c0"}, *({"case_id": f"x{i}"} for i in range(25)))
    done = workbench("import", "verdicts", file, "--run", trained.id, "--runs", tmp_path / "runs")
    assert "... and 5 more" in done.out


def test_a_run_whose_verdicts_nobody_would_see_is_refused(workbench, tmp_path):
    with RunStore(tmp_path / "runs").create("explain", {}) as work:
        pass
    file = written(tmp_path / "v.jsonl", {"case_id": "c0"})
    done = workbench("import", "verdicts", file, "--run", work.id, "--runs", tmp_path / "runs")
    assert "'explain', with which no dashboard shows verdicts" in done.refusal


@pytest.mark.parametrize(("content", "reason"), [("nonsense", "no verdict in it"), (None, "no such file")])
def test_a_file_of_something_else_is_refused_in_one_line(workbench, tmp_path, trained, content, reason):
    if content:
        (tmp_path / "v.jsonl").write_text(content)
    done = workbench("import", "verdicts", tmp_path / "v.jsonl", "--run", trained.id, "--runs", tmp_path / "runs")
    assert reason in done.refusal
