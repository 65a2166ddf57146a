"""A task ends in an outcome, whatever becomes of its process."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.runs.executors import Task
from workbench.runs.executors.one_task import do_task

Make = Callable[..., Task]
RUN_WAIT = """
import sys, threading
from workbench.runs.executors import Task
from workbench.runs.executors.one_task import do_task
task = Task("one", "tests.runs.executors.sample_tasks:wait", {"mark": sys.argv[1]}, sys.argv[2])
do_task(task, {}, threading.Event())
"""


def outcome_of(task: Task, **environment: str) -> tuple[str, object, str]:
    found = do_task(task, environment, threading.Event())
    assert found.task == task.name
    return found.status, found.value, found.error


def test_value_comes_back(task: Make) -> None:
    assert outcome_of(task("add", left=1, right=2)) == ("done", 3, "")


def test_folder_and_environment_are_those_asked_for(task: Make, tmp_path: Path) -> None:
    status, value, _ = outcome_of(task("facts", names=["FIRST"]), FIRST="1")
    assert (status, value) == ("done", {"folder": str(tmp_path), "FIRST": "1"})


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        ("fail", {"words": "no such luck"}, "ValueError: no such luck"),
        ("nowhere", {}, "has no attribute 'nowhere'"),
        ("die", {"number": 9}, "killed by SIGKILL (out of memory, or stopped from outside)"),
        ("die", {"number": 11}, "killed by SIGSEGV"),
        ("leave", {"code": 3}, "ended with code 3: last words"),
    ],
)
def test_failure_is_an_outcome_with_its_cause(task: Make, function: str, arguments: dict, error: str) -> None:
    status, value, said = outcome_of(task(function, **arguments))
    assert (status, value) == ("failed", None)
    assert error in said
    assert "\n" not in said


def test_process_killed_for_want_of_memory_is_named_so(task: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([2, 3])
    monkeypatch.setattr("workbench.runs.executors.one_task.out_of_memory_kills", lambda: next(counts))
    assert "out of memory: the kernel killed" in outcome_of(task("die", number=9))[2]


def test_folder_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    lost = Task("one", "tests.runs.executors.sample_tasks:add", {}, str(tmp_path / "gone"))
    status, _, error = outcome_of(lost)
    assert status == "failed"
    assert "could not be started" in error


def test_noise_and_long_values_do_no_harm(task: Make) -> None:
    assert outcome_of(task("chatter", lines=20_000))[1] == "x" * 200_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_task_heeds_the_cluster_signals(task: Make, tmp_path: Path, wait_for: Callable, number: int) -> None:
    mark = tmp_path / "mark"

    def send() -> None:
        wait_for(lambda: mark.exists() and mark.read_text().endswith("\n"))
        os.kill(int(mark.read_text().split()[1]), number)

    sender = threading.Thread(target=send)
    sender.start()
    assert outcome_of(task("wait", mark=str(mark))) == (
        "interrupted",
        None,
        f"asked to end by {signal.Signals(number).name}",
    )
    sender.join()
    assert mark.read_text().endswith("stopped\n")


def test_task_is_stopped_from_outside(task: Make, tmp_path: Path, wait_for: Callable) -> None:
    mark, stop = tmp_path / "mark", threading.Event()
    asker = threading.Thread(target=lambda: (wait_for(mark.exists), stop.set()))
    asker.start()
    assert do_task(task("wait", mark=str(mark)), {}, stop).status == "interrupted"
    asker.join()
    assert mark.read_text().endswith("stopped\n")


def test_task_ends_when_its_parent_is_killed(tmp_path: Path, wait_for: Callable) -> None:
    mark = tmp_path / "mark"
    parent = subprocess.Popen([sys.executable, "-c", RUN_WAIT, str(mark), str(tmp_path)])
    wait_for(mark.exists)
    parent.kill()
    parent.wait()
    wait_for(lambda: mark.read_text().endswith("stopped\n"))
