"""A lock file that a dead process cannot leave locked: the operating system lets go of it."""

import errno
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.core.errors import RunError

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
"""What a shared file system says that knows no locks; there owner and heartbeat of the run must do."""
LOOK_AGAIN_S = 0.2
LONGEST_NAME = 200
"""Bytes that are read of who holds a lock."""


@contextmanager
def file_lock(path: Path, *, waits: bool = False) -> Iterator[None]:
    """Hold a lock against other processes and threads.

    Parameters
    ----------
    path
        A file of its own; it stays, and says who holds the lock.
    waits
        For the other one to end, instead of a refusal.

    Yields
    ------
    None
        While the lock is held.

    Raises
    ------
    RunError
        Another one holds the lock, or the file cannot be made.
    """
    if sys.platform == "win32":  # knows other locks; what a network file system without any has must do there too
        yield
        return
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise RunError(f"{path}: cannot be locked ({error.strerror})") from error
    try:
        while not _locked(file):
            if not waits:
                raise RunError(f"{path.parent}: another process is at work on it{_holder(file)}")
            time.sleep(LOOK_AGAIN_S)
        _sign(file)
        yield
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    import fcntl  # not on Windows, where this module must still load

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in NO_LOCKS
    return True


def _sign(file: int) -> None:
    """Write into the file who holds it, for whoever is refused; a full disk is no reason to stop."""
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)


def _holder(file: int) -> str:
    """Return who holds it in brackets, empty in the moment before the holder has signed."""
    name = " ".join(os.pread(file, LONGEST_NAME, 0).decode(errors="replace").split())
    return f" ({name})" if name else ""
