"""Tasks on this machine, as many at once as its cores, memory or GPUs allow."""

import os
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from typing_extensions import override

from workbench.core.errors import OptionError
from workbench.runs.executors.gpus import GpuPool
from workbench.runs.executors.one_task import THREADS, do_task
from workbench.runs.executors.tasks import AbstractExecutor, Outcome, Task
from workbench.runs.resources import free_memory_gb, usable_cores, visible_gpus


class LocalExecutor(AbstractExecutor):
    """A process for each task, on this machine.

    Where there are GPUs, each task at work has its own; else each has its share of the cores, which its threads keep
    to unless ``OMP_NUM_THREADS`` says otherwise.

    Parameters
    ----------
    jobs
        Tasks at once; 0 takes what the machine allows.
    memory_gb
        What one task may need.
    most
        So many tasks there will be at most, so that few of them get more cores each; 0 where it is not known.
    """

    def __init__(self, *, jobs: int = 0, memory_gb: float = 4.0, most: int = 0) -> None:
        if jobs < 0:
            raise OptionError(f"jobs {jobs}: wanted how many at once, or 0 for what the machine allows")
        self._gpus = GpuPool(visible_gpus(os.environ))
        self._jobs = jobs or min(allowed_jobs(gpus=len(self._gpus), memory_gb=memory_gb), most or sys.maxsize)
        if len(self._gpus):
            self._jobs = min(self._jobs, len(self._gpus))
        self._stop = threading.Event()
        self._ended: queue.Queue[Outcome] = queue.Queue()
        self._threads = ThreadPoolExecutor(self._jobs, thread_name_prefix="task")

    @property
    @override
    def jobs(self) -> int:
        return self._jobs

    @property
    @override
    def place(self) -> str:
        what = f"{len(self._gpus)} GPUs" if len(self._gpus) else f"{usable_cores()} cores"
        return f"this machine, {what}, {self._jobs} at once"

    @override
    def submit(self, task: Task) -> None:
        self._threads.submit(self._do, task)

    @override
    def outcomes(self, *, timeout_s: float) -> list[Outcome]:
        try:
            found = [self._ended.get(timeout=timeout_s)]
        except queue.Empty:
            return []
        while not self._ended.empty():
            found.append(self._ended.get())
        return found

    @override
    def close(self) -> None:
        self._stop.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _do(self, task: Task) -> None:
        with self._gpus.lent(task.gpus) as environment:
            self._ended.put(do_task(task, environment | self._thread_share(), self._stop))

    def _thread_share(self) -> dict[str, str]:
        if THREADS in os.environ:
            return {}
        return {THREADS: str(max(1, usable_cores() // self._jobs))}


def allowed_jobs(*, gpus: int, memory_gb: float) -> int:
    """Return how many tasks this machine can do at once: one a GPU, else one a core while the memory lasts."""
    if gpus:
        return gpus
    free = free_memory_gb()
    by_memory = usable_cores() if free is None else int(free / memory_gb)
    return max(1, min(usable_cores(), by_memory))
