"""Runs end in exactly one of five ways, and nothing that happens later changes how they ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from workbench.core.errors import ReportError, RunError
from workbench.core.files import sha256_of
from workbench.runs import RUN_FILE, Run, RunStore, read_run
from workbench.runs.owner import OWNER_FILE, STALE_AFTER_S

WORK_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from workbench.runs import RunStore
with RunStore(Path(sys.argv[1])).create("train", {"epochs": 3}) as run:
    (run.folder / "half.txt").write_text("half")
    print(run.id, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def finished(store: RunStore, kind: str = "train", **parameters: object) -> Run:
    with store.create(kind, parameters) as work:
        (work.folder / "model.txt").write_text("weights")
    return read_run(work.folder)


def failed(store: RunStore, error: BaseException) -> Run:
    def half_a_run() -> None:
        with store.create("train", {}) as work:
            (work.folder / "half.txt").write_text("half")
            raise error

    with pytest.raises(type(error)):
        half_a_run()
    return store.list()[-1]


def working_process(store: RunStore) -> tuple[subprocess.Popen[str], Run]:
    command = [sys.executable, "-c", WORK_UNTIL_KILLED, str(store.root)]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores Ctrl-C
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=heed)
    assert process.stdout is not None
    with process.stdout:
        name = process.stdout.readline().strip()
    return process, read_run(store.root / name)


def test_done_run_holds_what_was_asked_and_what_came_out(store: RunStore) -> None:
    run = finished(store, epochs=3, folder=Path("a/b"), sizes=(1, 2))
    assert run.status == "done"
    assert run.error == ""
    assert run.parameters == {"epochs": 3, "folder": str(Path("a/b")), "sizes": [1, 2]}
    assert run.artefacts == {"model.txt": sha256_of(run.folder / "model.txt")}
    assert run.environment["libraries"]["python"]
    assert run.duration_s is not None
    assert run.duration_s >= 0
    assert not (run.folder / OWNER_FILE).exists()
    assert run.artefact("model.txt").read_text() == "weights"


def test_artefact_that_is_not_there_is_refused_by_name(store: RunStore) -> None:
    with pytest.raises(RunError, match=r"has no artefact 'metrics\.json'; it has model\.txt"):
        finished(store).artefact("metrics.json")


def test_reviews_and_hidden_files_are_nobodys_artefacts(store: RunStore) -> None:
    with store.create("train", {}) as work:
        (work.folder / "reviews").mkdir()
        (work.folder / "reviews" / "verdict.csv").write_text("yes")
        (work.folder / ".ipynb_checkpoints").mkdir()
        (work.folder / ".ipynb_checkpoints" / "x.ipynb").write_text("{}")
        (work.folder / "plots").mkdir()
        (work.folder / "plots" / "a.png").write_bytes(b"png")
    assert list(read_run(work.folder).artefacts) == ["plots/a.png"]


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("two\nlines"), "failed", "ValueError: two lines"),
        (ReportError("own words"), "failed", "own words"),
        (KeyboardInterrupt(), "interrupted", "KeyboardInterrupt"),
        (SystemExit(3), "failed", "SystemExit: 3"),
    ],
)
def test_exception_is_recorded_kept_and_raised_again(
    store: RunStore, error: BaseException, status: str, line: str
) -> None:
    run = failed(store, error)
    assert (run.status, run.error) == (status, line)
    assert list(run.artefacts) == ["half.txt"]


def test_open_run_is_running(store: RunStore) -> None:
    with store.create("train", {"epochs": 3}) as work:
        run = read_run(work.folder)
    assert run.status == "running"
    assert (run.kind, run.parameters) == ("train", {"epochs": 3})


def test_killed_process_leaves_a_lost_run(store: RunStore) -> None:
    process, before = working_process(store)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    assert before.status == "running"
    after = read_run(before.folder)
    assert after.status == "lost"
    assert "without a word" in after.error
    assert after.parameters == {"epochs": 3}


def test_killed_process_that_nobody_waited_for_is_lost_too(store: RunStore) -> None:
    process, before = working_process(store)
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie: its number is still taken
    try:
        assert read_run(before.folder).status == "lost"
    finally:
        process.wait(timeout=30)


def test_ctrl_c_interrupts(store: RunStore) -> None:
    process, before = working_process(store)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert read_run(before.folder).status == "interrupted"


@pytest.mark.parametrize(("silence_s", "status"), [(0.0, "running"), (STALE_AFTER_S + 60, "lost")])
def test_on_another_host_the_heartbeat_decides(store: RunStore, silence_s: float, status: str) -> None:
    with store.create("train", {}) as work:
        owner = work.folder / OWNER_FILE
        facts = json.loads(owner.read_text())
        facts["host"] = "another-" + socket.gethostname()
        owner.write_text(json.dumps(facts))
        heard_of = time.time() - silence_s
        os.utime(owner, (heard_of, heard_of))
        assert read_run(work.folder).status == status


def test_reused_process_number_is_not_the_owner(store: RunStore) -> None:
    with store.create("train", {}) as work:
        owner = work.folder / OWNER_FILE
        facts = json.loads(owner.read_text())
        owner.write_text(json.dumps(facts | {"process_start": "1"}))
        assert read_run(work.folder).status == "lost"


def test_heartbeat_refreshes_the_owner_file(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.runs.store.HEARTBEAT_S", 0.01)
    with store.create("train", {}) as work:
        owner = work.folder / OWNER_FILE
        os.utime(owner, (0, 0))
        given_up = time.monotonic() + 30
        while owner.stat().st_mtime == 0:
            assert time.monotonic() < given_up
            time.sleep(0.01)


def test_commit_that_fails_leaves_a_lost_run(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device")

    work = store.create("train", {})
    monkeypatch.setattr("workbench.runs.store.write_json", full)
    with pytest.raises(OSError, match="No space"), work:
        pass
    monkeypatch.undo()
    lost = read_run(work.folder)
    assert (lost.status, lost.error) == ("lost", "its end could not be written; is the disk full?")
    with store.resume(lost):
        assert read_run(work.folder).status == "running"
    assert read_run(work.folder).status == "done"
    assert not any(thread.name.endswith(work.id) for thread in threading.enumerate())


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"status": "running", "artefacts": {}}'])
def test_damaged_commit_mark_is_a_lost_run_that_says_so(store: RunStore, damage: str) -> None:
    run = finished(store)
    (run.folder / RUN_FILE).write_text(damage)
    found = store.list()
    assert [each.status for each in found] == ["lost"]
    assert "damaged" in found[0].error
    assert found[0].kind == "train"


def test_runs_are_listed_oldest_first_and_strangers_are_passed_over(store: RunStore) -> None:
    made = [finished(store, kind).id for kind in ("train", "evaluate", "explain")]
    (store.root / "notes").mkdir()
    (store.root / "index.html").write_text("")
    assert [run.id for run in store.list()] == made


def test_get_by_id_beginning_path_and_latest(store: RunStore) -> None:
    train, evaluate = finished(store, "train"), finished(store, "evaluate")
    failed(store, ValueError("later"))
    assert store.get(train.id) == train
    assert store.get(evaluate.id[:-2]) == evaluate
    assert store.get(train.folder) == train
    assert store.get(str(train.folder)) == train
    assert store.get("latest") == evaluate
    assert store.get("latest:train") == train


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("2", "fits 2 runs"),
        ("latest:trian", "no finished run of kind 'trian'"),
        ("zzz", "no run is called 'zzz'"),
        ("", "no run is called ''"),
        ("../elsewhere", "is not a run"),
    ],
)
def test_reference_that_fits_nothing_or_too_much_is_refused(store: RunStore, reference: str, message: str) -> None:
    finished(store, "train")
    finished(store, "train")
    with pytest.raises(RunError, match=message):
        store.get(reference)


def test_empty_store_lists_nothing(store: RunStore) -> None:
    assert store.list() == ()
    with pytest.raises(RunError, match="holds none"):
        store.get("x")
    assert store.find("train", {}) is None
    assert not store.root.exists()


def test_find_gives_the_newest_done_run_with_equal_parameters(store: RunStore) -> None:
    finished(store, epochs=3)
    newer = finished(store, epochs=3)
    finished(store, epochs=4)
    finished(store, "evaluate", epochs=3)
    failed(store, ValueError())
    assert store.find("train", {"epochs": 3}) == newer
    assert store.find("train", {"epochs": 5}) is None


def test_find_passes_over_runs_without_their_artefacts(store: RunStore) -> None:
    run = finished(store, epochs=3)
    (run.folder / "model.txt").unlink()
    assert store.find("train", {"epochs": 3}) is None


def test_find_passes_over_runs_whose_inputs_changed(store: RunStore, tmp_path: Path) -> None:
    manifest = tmp_path / "films.csv"
    manifest.write_text("old")
    parameters = {"manifest": str(manifest)}
    with store.create("train", parameters, inputs={"manifest": manifest}) as work:
        pass
    assert store.find("train", parameters) == read_run(work.folder)
    manifest.write_text("new")
    assert store.find("train", parameters) is None


def test_interrupted_run_is_resumed_in_its_folder(store: RunStore) -> None:
    run = failed(store, KeyboardInterrupt())
    with store.resume(run) as work:
        assert read_run(run.folder).status == "running"
        assert not (run.folder / RUN_FILE).exists()
        (work.folder / "whole.txt").write_text("whole")
    again = read_run(run.folder)
    assert (again.id, again.created, again.status) == (run.id, run.created, "done")
    assert sorted(again.artefacts) == ["half.txt", "whole.txt"]


def test_lost_run_is_resumed_with_its_parameters(store: RunStore) -> None:
    process, run = working_process(store)
    process.kill()
    process.wait(timeout=30)
    with store.resume(run) as work:
        assert work.parameters == {"epochs": 3}
    assert read_run(run.folder).status == "done"


def test_done_and_running_runs_are_not_resumed(store: RunStore) -> None:
    with pytest.raises(RunError, match="is done; only"):
        store.resume(finished(store))
    with store.create("train", {}) as work, pytest.raises(RunError, match="is running; only"):
        store.resume(read_run(work.folder))


def test_run_is_resumed_by_one_process_only(store: RunStore) -> None:
    run = failed(store, KeyboardInterrupt())
    with store.resume(run), pytest.raises(RunError, match="is running"):
        store.resume(run)


@pytest.mark.parametrize("kind", ["", "Train", "../x", "a b", "a" * 41])
def test_kind_that_is_no_folder_name_is_refused(store: RunStore, kind: str) -> None:
    with pytest.raises(RunError, match="kind of run"):
        store.create(kind, {})
    assert not store.root.exists()


def test_root_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="no run can be made here"):
        RunStore(tmp_path / "runs").create("train", {})
