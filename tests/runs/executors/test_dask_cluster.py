"""Real Dask workers in processes of their own: what a killed one was doing is done by another."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.loopback_cluster import LoopbackCluster
from workbench.core.errors import RunError
from workbench.runs.executors import Task
from workbench.runs.executors.dask_cluster import DaskExecutor

Make = Callable[..., Task]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LoopbackCluster]:
    with LoopbackCluster(tmp_path) as started:
        yield started


@pytest.mark.slow
def test_tasks_of_a_killed_worker_are_done_by_another(
    cluster: LoopbackCluster, task: Make, tmp_path: Path, wait_for: Callable, all_outcomes: Callable
) -> None:
    workers = [cluster.add_worker() for _ in range(2)]
    with DaskExecutor(cluster.address) as executor:
        wait_for(lambda: executor.jobs == 2)
        assert "2 workers, 2 at once" in executor.place
        marks = {name: tmp_path / name for name in ("a", "b")}
        for name, mark in marks.items():
            executor.submit(task("wait", name=name, mark=str(mark), seconds=5.0))
        wait_for(lambda: all(mark.exists() for mark in marks.values()))
        workers[0].kill()
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
    cluster: LoopbackCluster, task: Make, wait_for: Callable, all_outcomes: Callable
) -> None:
    cluster.add_worker("--resources", "GPU=1", environment={"CUDA_VISIBLE_DEVICES": "4"})
    cluster.add_worker(environment={"CUDA_VISIBLE_DEVICES": ""})
    with DaskExecutor(cluster.address) as executor:
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
    cluster: LoopbackCluster, task: Make, tmp_path: Path, wait_for: Callable
) -> None:
    cluster.add_worker()
    mark = tmp_path / "mark"
    with DaskExecutor(cluster.address) as executor:
        executor.submit(task("wait", mark=str(mark)))
        wait_for(mark.exists)
    assert mark.read_text().endswith("stopped\n")


def test_scheduler_that_does_not_answer_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.runs.executors.dask_cluster.CONNECT_S", 0.5)
    wanted = r"no Dask scheduler answers at 'tcp://127.0.0.1:9' .*give tcp://HOST:PORT"
    with pytest.raises(RunError, match=wanted) as refused:
        DaskExecutor("tcp://127.0.0.1:9")
    assert "\n" not in str(refused.value)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match=r"pip install 'radiograph-workbench\[cluster\]'"):
        DaskExecutor("tcp://127.0.0.1:9")
