"""Freed memory stays with the process while networks run on a CPU.

The C library of Linux hands every large block back to the kernel as soon as it is free, and the kernel fills it with
zeros again for the next tensor. Where a pass does little with each number (ReLUs, norms, concatenations and all of
their ways back), that takes several times as long as the work itself.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
"""Numbers of the options in glibc's malloc.h."""
MEBIBYTE = 2**20
KEEPING = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1}
AS_BEFORE = {MMAP_MAX: 65_536, TRIM_THRESHOLD: 64 * MEBIBYTE, MMAP_THRESHOLD: 32 * MEBIBYTE}
"""glibc's own values, of the thresholds those that it comes to by itself once a block of 32 MiB has been freed."""
VARIABLES = ("MALLOC_", "GLIBC_TUNABLES")
"""Who sets one of these has decided how memory is kept."""

_lock = Lock()
_users = 0


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory in the process until the last of all users has left; then hand it back to the kernel.

    A setting of the whole process; without glibc, or where its environment variables say how memory is kept, nothing
    is changed. The peak of memory grows by some tens of MiB, for what is kept has gaps.

    Yields
    ------
    None
        While memory is kept.
    """
    global _users  # noqa: PLW0603 - what it counts belongs to the process as well
    glibc = _glibc()
    if glibc is None:
        yield
        return
    with _lock:
        _users += 1
        if _users == 1:
            _set(glibc, KEEPING)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _set(glibc, AS_BEFORE)
                glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux" or any(name.startswith(VARIABLES) for name in os.environ):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def _set(glibc: ctypes.CDLL, values: dict[int, int]) -> None:
    for option, value in values.items():
        glibc.mallopt(option, value)
