"""Who does tasks: processes of this machine, or the workers of a Dask cluster."""

from workbench.runs.executors.local import LocalExecutor
from workbench.runs.executors.tasks import AbstractExecutor, Outcome, Task

__all__ = ["AbstractExecutor", "LocalExecutor", "Outcome", "Task"]
