"""Freed memory that stays with the process while somebody wants it, told by the page faults of large new blocks."""

import resource
import sys

import numpy as np
import pytest

from workbench.runs import freed_memory
from workbench.runs.freed_memory import VARIABLES, freed_memory_kept

BLOCK = 16 * freed_memory.MEBIBYTE
PAGE = 4096
TIMES = 20

pytestmark = pytest.mark.skipif(freed_memory._glibc() is None, reason="no glibc, or memory is set by a variable")


def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(TIMES):
        np.empty(2 * BLOCK, dtype=np.uint8).fill(1)  # above what glibc keeps by itself, now and then
        np.empty(3 * BLOCK, dtype=np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * PAGE


def test_blocks_are_used_again_while_memory_is_kept_and_only_then() -> None:
    without = faults()
    with freed_memory_kept():
        faults()
        kept = faults()
    assert kept < without / 10
    assert faults() > kept * 5


def test_memory_is_handed_back_by_the_last_user() -> None:
    with freed_memory_kept():
        before = resident()
        with freed_memory_kept():
            np.empty(4 * BLOCK, dtype=np.uint8).fill(1)
        assert resident() > before + 3 * BLOCK
    assert resident() < before + BLOCK


def test_an_error_hands_it_back_too() -> None:
    before = resident()
    with pytest.raises(ZeroDivisionError):
        _fail_with_memory()
    assert resident() < before + BLOCK
    assert freed_memory._users == 0


def _fail_with_memory() -> None:
    with freed_memory_kept():
        np.empty(4 * BLOCK, dtype=np.uint8).fill(1)
        raise ZeroDivisionError


@pytest.mark.parametrize("variable", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_who_sets_memory_by_a_variable_is_left_alone(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert variable.startswith(VARIABLES)
    monkeypatch.setenv(variable, "1")
    assert freed_memory._glibc() is None
    with freed_memory_kept():
        assert freed_memory._users == 0


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert freed_memory._glibc() is None
