"""Work as plain data: the name of a function and its arguments, what came out of it, and who does it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

from workbench.core.arrays import Json

OutcomeStatus = Literal["done", "failed", "interrupted"]


@dataclass(frozen=True)
class Task:
    """A call of a function in a process of its own.

    Parameters
    ----------
    name
        For readers; one executor has each name once at a time.
    function
        ``package.module:function``; takes and returns what JSON can hold.
    arguments
        By keyword.
    folder
        Working directory; with several machines on a file system that they share.
    gpus
        How many it would use: a machine with fewer gives those that it has, one without gives none.
    """

    name: str
    function: str
    arguments: Mapping[str, Json]
    folder: str
    gpus: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Parameters
    ----------
    task
        Its name.
    status
        ``interrupted`` means that it was stopped from outside and can be done again.
    value
        What the function returned.
    error
        One line, empty for a task that is done.
    """

    task: str
    status: OutcomeStatus
    value: Json = field(default=None)
    error: str = ""


class AbstractExecutor(ABC):
    """Does tasks, several at a time; a context manager that stops what is still at work when it is left."""

    @property
    @abstractmethod
    def jobs(self) -> int:
        """How many tasks are done at once, as far as is known."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the tasks are done, for readers."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Queue a task."""

    @abstractmethod
    def outcomes(self, *, timeout_s: float) -> list[Outcome]:
        """Return the tasks that ended since the last call, after waiting for the first one for so long at most."""

    @abstractmethod
    def close(self) -> None:
        """Ask every task at work to end, wait until it has, and forget those in the queue."""

    def __enter__(self) -> "AbstractExecutor":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
