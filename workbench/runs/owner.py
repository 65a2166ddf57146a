"""Who works on a run, and whether it still lives: host, process and heartbeat."""

import os
import socket
import time
from pathlib import Path

from workbench.core.arrays import Json

OWNER_FILE = "owner.json"
"""Stands in a run's folder while it is worked on; its time of change is the heartbeat."""
STALE_AFTER_S = 120.0
"""An owner on another host that has not been heard of for so long is taken for dead."""


def owner_facts() -> dict[str, Json]:
    """Return who this process is, so that another can tell whether it still lives."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "process_start": _process_start(os.getpid())}


LET_GO_S = 0.0
"""Heartbeat of an owner that lives on but could not write how its run ended: setting a time needs no disk space."""


def let_go(owner_file: Path) -> None:
    """Leave a run without an owner although this process lives on; its facts stay, so that it can be resumed."""
    os.utime(owner_file, (LET_GO_S, LET_GO_S))


def owner_is_alive(owner: dict[str, Json], heard_of: float) -> bool:
    """Tell whether the owner of a run is still at work.

    On its own host the process itself decides (a start time guards against a reused process number); elsewhere the
    heartbeat, ``heard_of`` in seconds since the epoch.
    """
    if heard_of == LET_GO_S:
        return False
    if owner.get("host") != socket.gethostname():
        return time.time() - heard_of < STALE_AFTER_S
    pid = owner.get("pid")
    return isinstance(pid, int) and _is_running(pid) and owner.get("process_start") == _process_start(pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _process_start(pid: int) -> str:
    """Return when a process started, in the kernel's ticks; empty where there is no ``/proc`` or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
