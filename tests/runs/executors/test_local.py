"""As many tasks at once as this machine allows, and each GPU to one of them."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.core.errors import OptionError
from workbench.runs.executors import LocalExecutor, Task
from workbench.runs.executors.gpus import GpuPool
from workbench.runs.executors.local import allowed_jobs

Make = Callable[..., Task]


def test_no_more_at_once_than_jobs(task: Make, tmp_path: Path, all_outcomes: Callable) -> None:
    crowd = tmp_path / "crowd"
    crowd.mkdir()
    with LocalExecutor(jobs=2) as executor:
        assert executor.jobs == 2
        for name in "abc":
            executor.submit(task("watch_crowd", name=name, folder=str(crowd), mark=name))
        found = all_outcomes(executor, 3)
    assert sorted(found) == ["a", "b", "c"]
    assert {each.status for each in found.values()} == {"done"}
    assert max(each.value for each in found.values()) <= 2


def test_each_gpu_goes_to_one_task(task: Make, all_outcomes: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    with LocalExecutor(jobs=8) as executor:
        assert (executor.jobs, executor.place) == (2, "this machine, 2 GPUs, 2 at once")
        for name in ("a", "b"):
            executor.submit(task("facts", name=name, names=["CUDA_VISIBLE_DEVICES"], gpus=1))
        executor.submit(task("facts", name="both", names=["CUDA_VISIBLE_DEVICES"], gpus=4))
        executor.submit(task("facts", name="none", names=["CUDA_VISIBLE_DEVICES"], gpus=0))
        found = {name: each.value["CUDA_VISIBLE_DEVICES"] for name, each in all_outcomes(executor, 4).items()}
    assert {found["a"], found["b"]} == {"3", "5"}
    assert (found["both"], found["none"]) == ("3,5", "")


def test_cores_are_shared_out_unless_someone_said_otherwise(
    task: Make, all_outcomes: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.executors.local.usable_cores", lambda: 9)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with LocalExecutor(jobs=2) as executor:
        executor.submit(task("facts", names=["OMP_NUM_THREADS"]))
        assert all_outcomes(executor, 1)["one"].value["OMP_NUM_THREADS"] == "4"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with LocalExecutor(jobs=2) as executor:
        executor.submit(task("facts", names=["OMP_NUM_THREADS"]))
        assert all_outcomes(executor, 1)["one"].value["OMP_NUM_THREADS"] == "7"


def test_leaving_stops_what_is_at_work_and_forgets_the_queue(task: Make, tmp_path: Path, wait_for: Callable) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with LocalExecutor(jobs=1) as executor:
        executor.submit(task("wait", name="first", mark=str(first)))
        executor.submit(task("wait", name="second", mark=str(second)))
        wait_for(first.exists)
    assert first.read_text().endswith("stopped\n")
    assert not second.exists()
    assert [(each.task, each.status) for each in executor.outcomes(timeout_s=0)] == [("first", "interrupted")]


@pytest.mark.parametrize(
    ("gpus", "cores", "free", "jobs"),
    [(2, 64, 1.0, 2), (0, 8, 100.0, 8), (0, 8, 13.0, 3), (0, 8, 0.5, 1), (0, 4, None, 4)],
)
def test_memory_cores_or_gpus_decide(
    gpus: int, cores: int, free: float | None, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.executors.local.usable_cores", lambda: cores)
    monkeypatch.setattr("workbench.runs.executors.local.free_memory_gb", lambda: free)
    assert allowed_jobs(gpus=gpus, memory_gb=4.0) == jobs


def test_jobs_below_zero_are_refused() -> None:
    with pytest.raises(OptionError, match="jobs -1"):
        LocalExecutor(jobs=-1)


def test_gpus_come_back_also_after_an_error_and_are_waited_for() -> None:
    pool = GpuPool(["0"])
    with pytest.raises(ValueError, match="x"), pool.lent(1):
        raise ValueError("x")
    seen = []

    def second() -> None:
        with pool.lent(1) as environment:
            seen.append(environment)

    other = threading.Thread(target=second)
    with pool.lent(1):
        other.start()
        other.join(0.2)
        assert seen == []
    other.join(10)
    assert seen == [{"CUDA_VISIBLE_DEVICES": "0"}]
