"""Tasks on an existing Dask cluster; Dask is loaded here only."""

import os
import queue
import threading
from contextlib import suppress
from typing import Any

from typing_extensions import override

from workbench.core.errors import RunError
from workbench.runs.executors.gpus import GpuPool
from workbench.runs.executors.one_task import THREADS, do_task
from workbench.runs.executors.tasks import AbstractExecutor, Outcome, Task
from workbench.runs.resources import usable_cores, visible_gpus

CONNECT_S = 20.0
END_S = 90.0
"""How long tasks that were asked to end may take, all together."""
GPU = "GPU"
"""The resource that workers with GPUs declare: ``dask worker ... --resources GPU=1``."""


class DaskExecutor(AbstractExecutor):
    """A cluster whose workers see the same files as this process.

    A worker does each task in a process of its own, so that a killed worker stops what it was doing, and Dask gives
    the task to another one. Where workers declare the resource ``GPU``, tasks that want one wait for it, and a worker
    with several lends each to one task. A task's threads are the worker's cores over the worker's own threads.

    Parameters
    ----------
    scheduler
        Address of the scheduler, ``tcp://host:8786``.
    """

    def __init__(self, scheduler: str) -> None:
        distributed = _distributed()
        try:
            self._client = distributed.Client(scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RunError(
                f"no Dask scheduler answers at {scheduler!r} ({reason}); give tcp://HOST:PORT of one"
            ) from error
        self._address = scheduler
        self._sitting = os.urandom(4).hex()
        self._futures: dict[str, Any] = {}
        self._count = 0
        self._ended: queue.Queue[tuple[str, Any]] = queue.Queue()

    @property
    @override
    def jobs(self) -> int:
        return max(1, sum(int(worker["nthreads"]) for worker in self._workers()))

    @property
    @override
    def place(self) -> str:
        return f"Dask at {self._address}, {len(self._workers())} workers, {self.jobs} at once"

    @override
    def submit(self, task: Task) -> None:
        has_gpus = any(worker.get("resources", {}).get(GPU) for worker in self._workers())
        self._count += 1
        future = self._client.submit(
            do_on_worker,
            task,
            self._sitting,
            key=f"{task.name}-{self._sitting}-{self._count}",
            resources={GPU: task.gpus} if has_gpus and task.gpus else None,
            pure=False,
        )
        self._futures[task.name] = future
        future.add_done_callback(lambda ended, name=task.name: self._ended.put((name, ended)))

    @override
    def outcomes(self, *, timeout_s: float) -> list[Outcome]:
        try:
            ended = [self._ended.get(timeout=timeout_s)]
        except queue.Empty:
            return []
        while not self._ended.empty():
            ended.append(self._ended.get())
        return [_outcome(name, future) for name, future in ended if self._futures.pop(name, None) is not None]

    @override
    def close(self) -> None:
        if self._futures and self._client.status == "running":
            with suppress(Exception):  # workers that are gone cannot be asked; what is left is interrupted all the same
                self._client.run(stop_tasks, self._sitting)
                _distributed().wait(list(self._futures.values()), timeout=END_S)
                self._client.cancel(list(self._futures.values()))
        self._client.close()

    def _workers(self) -> list[dict[str, Any]]:
        return list(self._client.scheduler_info(n_workers=-1)["workers"].values())


def do_on_worker(task: Task, sitting: str) -> Outcome:
    """Do a task in a process beside the worker's."""
    stop = _stop_of(sitting)
    threads = max(1, usable_cores() // _distributed().get_worker().state.nthreads)  # Dask's nanny would leave us one
    with _worker_gpus().lent(task.gpus) as environment:
        return do_task(task, {THREADS: str(threads)} | environment, stop)


def stop_tasks(sitting: str) -> None:
    """End what this worker does for one client."""
    _stop_of(sitting).set()


_lock = threading.Lock()
_stops: dict[str, threading.Event] = {}
_gpus: list[GpuPool] = []


def _stop_of(sitting: str) -> threading.Event:
    with _lock:
        return _stops.setdefault(sitting, threading.Event())


def _worker_gpus() -> GpuPool:
    with _lock:
        if not _gpus:
            _gpus.append(GpuPool(visible_gpus(os.environ)))
        return _gpus[0]


def _outcome(name: str, future: Any) -> Outcome:
    if future.status == "finished":
        outcome: Outcome = future.result()
        return outcome
    if future.status != "error":
        return Outcome(name, "interrupted", error=f"the cluster has {future.status} it")
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        return Outcome(name, "failed", error=f"its workers were killed again and again ({error})"[:300])
    return Outcome(name, "failed", error=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise RunError(
            "--scheduler needs Dask, which is not installed; pip install 'radiograph-workbench[cluster]'"
        ) from error
    return distributed
