"""What a child process of ours owes its parent: an undisturbed channel, and an end when the parent has ended."""

import os
import signal
import threading
import time
from typing import TextIO

GRACE_S = 10.0
"""How long a process may take to end by itself after it was left alone."""


def claimed_output() -> TextIO:
    """Take standard output for our lines alone; what libraries (and further processes) print goes to the log."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


def end_with_parent(*, grace_s: float = GRACE_S) -> None:
    """Watch standard input, which closes when the parent is gone, however it ended; then SIGTERM, then the end."""
    threading.Thread(target=_wait_for_parent, args=(grace_s,), daemon=True).start()


def _wait_for_parent(grace_s: float) -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    os._exit(128 + signal.SIGTERM)
