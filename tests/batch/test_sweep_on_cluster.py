"""A sweep on real Dask workers, killed in the middle; and one whose own process is stopped as a cluster stops jobs."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loopback_cluster import LoopbackCluster
from workbench.batch.plan import plan_experiment
from workbench.batch.sweep import run_sweep
from workbench.batch.sweep_state import read_sweep
from workbench.runs import RunStore, verify
from workbench.runs.executors import LocalExecutor
from workbench.runs.executors.dask_cluster import DaskExecutor

pytestmark = pytest.mark.slow

Write = Callable[[str], Path]
GIVE_UP_S = 240.0
FOUR = """
title: Tiny
data: {{journal: {folder}}}
train: {{epochs: 4, pause: 0.5}}
cells: [{{id: a}}, {{id: b}}, {{id: c}}, {{id: after, weights: "cell:a"}}]
"""
TWO = """
title: Tiny
data: {{journal: {folder}, manifest: ""}}
train: {{epochs: 6, pause: 0.5}}
evaluate: {{split: ""}}
cells: [{{id: a}}, {{id: b}}]
"""
COMMAND = "from workbench.cli.commands import main; main()"


def wait_until(holds: Callable[[], bool]) -> None:
    given_up = time.monotonic() + GIVE_UP_S
    while not holds():
        assert time.monotonic() < given_up
        time.sleep(0.05)


def journal(folder: Path) -> Counter[str]:
    path = folder / "journal.txt"
    return Counter(path.read_text().splitlines() if path.exists() else [])


def test_every_cell_is_done_once_although_workers_are_killed(
    write_experiment: Write, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = plan_experiment(write_experiment(FOUR.format(folder=tmp_path)))
    with LoopbackCluster(tmp_path) as cluster:
        workers = [cluster.add_worker() for _ in range(3)]
        killed_in_the_middle: list[Counter[str]] = []

        def kill() -> None:
            """Kill one worker while the first epochs are done, and another one later; a new one comes."""
            for worker, epochs in ((workers[0], 2), (workers[1], 7)):
                wait_until(lambda least=epochs: sum("epoch" in line for line in journal(tmp_path)) >= least)
                killed_in_the_middle.append(journal(tmp_path))
                worker.kill()
            cluster.add_worker()

        killer = threading.Thread(target=kill)
        killer.start()
        done = run_sweep(plan, store=store, executor=DaskExecutor(cluster.address))
        killer.join()
    assert done.counts == {"done": 4}
    assert all(sum("evaluated" in line for line in seen) < 4 for seen in killed_in_the_middle)
    trained = {line: count for line, count in journal(tmp_path).items() if "evaluated" not in line}
    assert len(trained) == 4 * 5
    assert set(trained.values()) == {1}
    assert Counter((run.kind, run.status) for run in store.list()) == {
        ("train", "done"): 4, ("evaluate", "done"): 4, ("compare", "done"): 1, ("sweep", "done"): 1,
    }  # fmt: skip
    assert [problem for run in store.list() for problem in verify(run)] == []


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGKILL])
def test_stopped_sweep_is_resumed_where_its_cells_were(
    write_experiment: Write, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_experiment(TWO.format(folder=tmp_path))
    command = [sys.executable, "-c", COMMAND, "sweep", str(path), "--runs", str(store.root), "--jobs", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: journal(tmp_path)["a epoch 1"] + journal(tmp_path)["b epoch 1"] == 2)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "`workbench sweep EXPERIMENT --resume` go on with it" in said
    (folder,) = store.root.glob("*-sweep-*")
    wait_until(lambda: "running" not in read_sweep(folder).counts)
    stopped = read_sweep(folder)
    assert stopped.run.status == ("lost" if number == signal.SIGKILL else "interrupted")
    assert stopped.counts == {"interrupted": 2}
    before = journal(tmp_path)
    assert not any("trained" in line for line in before)

    done = run_sweep(plan_experiment(path), store=store, executor=LocalExecutor(jobs=2), resume=stopped.run)
    assert done.counts == {"done": 2}
    assert [state.runs["train"].id for state in done.cells] == [state.runs["train"].id for state in stopped.cells]
    assert {line: count for line, count in journal(tmp_path).items() if count > 1} == {}
    assert len(journal(tmp_path)) == 16
