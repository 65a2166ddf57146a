"""Real Dask workers in processes of their own: what a killed one was doing is done by another."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.core.errors import RunError
from workbench.runs.executors import Task
from workbench.runs.executors.dask_cluster import DaskExecutor

Make = Callable[..., Task]
START = """
import sys
from distributed.cli.{part} import main
sys.argv = sys.argv[:1] + {arguments!r}
main()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Return a function that starts a part of a cluster on loopback; all are killed in the end."""
    started: list[subprocess.Popen] = []

    def begin(part: str, *arguments: str) -> subprocess.Popen:
        code = START.format(part=part, arguments=list(arguments))
        log = (tmp_path / f"{part}-{len(started)}.log").open("wb")
        environment = {**os.environ, "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "false"}
        with log:
            process = subprocess.Popen([sys.executable, "-c", code], stdout=log, stderr=log, env=environment)
        started.append(process)
        return process

    yield begin
    for process in reversed(started):
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(start: Callable, tmp_path: Path, wait_for: Callable) -> str:
    """Return the address of a scheduler."""
    facts = tmp_path / "scheduler.json"
    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(facts))
    wait_for(lambda: facts.exists() and facts.read_text().rstrip().endswith("}"))
    address = next(line.split('"')[3] for line in facts.read_text().splitlines() if '"address"' in line)
    assert address.startswith("tcp://127.0.0.1:")
    return address


def worker_arguments(scheduler: str, *more: str) -> tuple[str, ...]:
    quiet = ("--no-dashboard", "--no-nanny", "--nthreads", "1", "--death-timeout", "60", "--host", "127.0.0.1")
    return "dask_worker", scheduler, *quiet, *more


@pytest.mark.slow
def test_tasks_of_a_killed_worker_are_done_by_another(
    start: Callable, scheduler: str, task: Make, tmp_path: Path, wait_for: Callable, all_outcomes: Callable
) -> None:
    workers = [start(*worker_arguments(scheduler)) for _ in range(2)]
    with DaskExecutor(scheduler) as executor:
        wait_for(lambda: executor.jobs == 2)
        assert "2 workers, 2 at once" in executor.place
        marks = {name: tmp_path / name for name in ("a", "b")}
        for name, mark in marks.items():
            executor.submit(task("wait", name=name, mark=str(mark), seconds=5.0))
        wait_for(lambda: all(mark.exists() for mark in marks.values()))
        workers[0].send_signal(signal.SIGKILL)
        found = all_outcomes(executor, 2)
    assert {name: (each.status, each.value) for name, each in found.items()} == {
        "a": ("done", "ended"),
        "b": ("done", "ended"),
    }
    said = [mark.read_text() for mark in marks.values()]
    assert sorted(text.count("ended") for text in said) == [1, 1]
    assert sorted(text.count("stopped") for text in said) == [0, 1]


@pytest.mark.slow
def test_gpus_are_lent_by_workers_that_declare_them(
    start: Callable, scheduler: str, task: Make, wait_for: Callable, all_outcomes: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4")
    start(*worker_arguments(scheduler, "--resources", "GPU=1"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    start(*worker_arguments(scheduler))
    with DaskExecutor(scheduler) as executor:
        wait_for(lambda: executor.jobs == 2)
        for name in ("a", "b", "c"):
            executor.submit(task("facts", name=name, names=["CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"], gpus=1))
        executor.submit(task("fail", name="d", words="no such luck"))
        found = all_outcomes(executor, 4)
    assert {found[name].value["CUDA_VISIBLE_DEVICES"] for name in ("a", "b", "c")} == {"4"}
    assert int(found["a"].value["OMP_NUM_THREADS"]) >= 1
    assert (found["d"].status, found["d"].error) == ("failed", "ValueError: no such luck")


@pytest.mark.slow
def test_leaving_stops_what_the_workers_do(
    start: Callable, scheduler: str, task: Make, tmp_path: Path, wait_for: Callable
) -> None:
    start(*worker_arguments(scheduler))
    mark = tmp_path / "mark"
    with DaskExecutor(scheduler) as executor:
        executor.submit(task("wait", mark=str(mark)))
        wait_for(mark.exists)
    assert mark.read_text().endswith("stopped\n")


def test_scheduler_that_does_not_answer_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.runs.executors.dask_cluster.CONNECT_S", 0.5)
    with pytest.raises(
        RunError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9' .*give tcp://HOST:PORT"
    ) as refused:
        DaskExecutor("tcp://127.0.0.1:9")
    assert "\n" not in str(refused.value)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match=r"pip install 'radiograph-workbench\[cluster\]'"):
        DaskExecutor("tcp://127.0.0.1:9")
