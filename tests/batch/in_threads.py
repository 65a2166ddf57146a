"""An executor that saves the tests the start of a process for each task; everything else is as it is."""

import importlib
import queue
from concurrent.futures import ThreadPoolExecutor

from typing_extensions import override

from workbench.core.provenance import plain
from workbench.runs.executors import AbstractExecutor, Outcome, Task
from workbench.runs.store import one_line


class InThreads(AbstractExecutor):
    """Two tasks at once, in this process: they cannot be stopped."""

    jobs = 2
    place = "this process"

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2)
        self._ended: queue.Queue[Outcome] = queue.Queue()

    @override
    def submit(self, task: Task) -> None:
        self._pool.submit(self._do, task)

    @override
    def outcomes(self, *, timeout_s: float) -> list[Outcome]:
        try:
            return [self._ended.get(timeout=timeout_s)]
        except queue.Empty:
            return []

    @override
    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _do(self, task: Task) -> None:
        module, _, name = task.function.partition(":")
        try:
            value = getattr(importlib.import_module(module), name)(**task.arguments)
        except Exception as error:  # noqa: BLE001 - as the process of a task does
            self._ended.put(Outcome(task.name, "failed", error=one_line(error)))
        else:
            self._ended.put(Outcome(task.name, "done", plain(value)))
