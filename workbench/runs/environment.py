"""What a run was computed with: libraries, revision, device and threads, without loading torch for it."""

import os
import platform
import sys
from pathlib import Path
from types import ModuleType

from workbench.core.arrays import Json
from workbench.core.provenance import git_revision, library_versions

NVIDIA_GPUS = Path("/proc/driver/nvidia/gpus")
CPU_FACTS = Path("/proc/cpuinfo")


def environment_facts(*, load_torch: bool = False) -> dict[str, Json]:
    """Return library versions, git revision, device, thread count and operating system, as JSON.

    Parameters
    ----------
    load_torch
        Import torch (1.6 s) to ask it; otherwise it is asked only where something else has loaded it.

    Returns
    -------
    ``libraries``, ``git_revision``, ``device``, ``threads``, ``system``.
    """
    torch = _torch(load_torch=load_torch)
    return {
        "libraries": library_versions(),
        "git_revision": git_revision(),
        "device": device_name(torch),
        "threads": thread_count(torch),
        "system": platform.platform(),
    }


def device_name(torch: ModuleType | None) -> str:
    """Return the first GPU's name, else the processor's; without ``torch`` the driver is asked."""
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    if torch is None and NVIDIA_GPUS.is_dir():
        for facts in sorted(NVIDIA_GPUS.glob("*/information")):
            return _field(facts, "Model") or "unknown GPU"
    return _field(CPU_FACTS, "model name") or platform.processor() or platform.machine()


def thread_count(torch: ModuleType | None) -> int:
    """Return how many threads one operation may use."""
    if torch is not None:
        return int(torch.get_num_threads())
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) > 0 else bound_cores()


def bound_cores() -> int:
    """Return how many cores this process is bound to."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _torch(*, load_torch: bool) -> ModuleType | None:
    if load_torch:
        import torch

        return torch
    return sys.modules.get("torch")


def _field(facts: Path, name: str) -> str:
    """Return what stands after ``name :`` in a file of the kernel's, empty if the file or the line is absent."""
    try:
        lines = facts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name)
    return next(found, "")
