"""Tasks of the sample functions."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.runs.executors import AbstractExecutor, Outcome, Task

GIVE_UP_S = 120.0


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., Task]:
    """Return a function that makes a task of a sample function."""

    def make(function: str, *, name: str = "one", gpus: int = 0, **arguments: object) -> Task:
        return Task(name, f"tests.runs.executors.sample_tasks:{function}", arguments, str(tmp_path), gpus)

    return make


@pytest.fixture
def all_outcomes() -> Callable[[AbstractExecutor, int], dict[str, Outcome]]:
    """Return a function that waits for so many outcomes."""

    def collect(executor: AbstractExecutor, count: int) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        given_up = time.monotonic() + GIVE_UP_S
        while len(found) < count:
            assert time.monotonic() < given_up, found
            found |= {each.task: each for each in executor.outcomes(timeout_s=1.0)}
        return found

    return collect


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits until something holds."""

    def wait(holds: Callable[[], bool]) -> None:
        given_up = time.monotonic() + GIVE_UP_S
        while not holds():
            assert time.monotonic() < given_up
            time.sleep(0.05)

    return wait
