"""What this machine has to give: cores, memory and GPUs, as far as the process may use them; no torch is loaded."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from workbench.runs.environment import NVIDIA_GPUS, bound_cores

CGROUP = Path("/sys/fs/cgroup")
MEMORY_FACTS = Path("/proc/meminfo")
VISIBLE = "CUDA_VISIBLE_DEVICES"


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Return how many cores the process may use: those it is bound to, or fewer where a container has a quota."""
    cores = bound_cores()
    quota, _, period = _text(cgroup / "cpu.max").partition(" ")
    if quota.isdecimal() and period.isdecimal():
        cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def free_memory_gb(cgroup: Path = CGROUP, memory_facts: Path = MEMORY_FACTS) -> float | None:
    """Return the memory that can still be had, in GB: the machine's, or what a container has left; None if unknown."""
    free = [_available(memory_facts), _left_of_limit(cgroup)]
    known = [each for each in free if each is not None]
    return min(known) / 1e9 if known else None


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that the process may use, as CUDA_VISIBLE_DEVICES names them."""
    if VISIBLE in environment:
        named = [each.strip() for each in environment[VISIBLE].split(",")]
        return tuple(each for each in named if each and each != "-1")
    count = len(list(NVIDIA_GPUS.glob("*"))) if NVIDIA_GPUS.is_dir() else _counted_by_driver()
    return tuple(map(str, range(count)))


def out_of_memory_kills(cgroup: Path = CGROUP) -> int:
    """Return how often the kernel has killed a process of this container for want of memory."""
    lines = [line.split() for line in _text(cgroup / "memory.events").splitlines()]
    return next((int(words[1]) for words in lines if words[0] == "oom_kill"), 0)


def _available(memory_facts: Path) -> int | None:
    lines = [line.split() for line in _text(memory_facts).splitlines()]
    return next((int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"), None)


def _left_of_limit(cgroup: Path) -> int | None:
    limit, used = _text(cgroup / "memory.max"), _text(cgroup / "memory.current")
    return int(limit) - int(used) if limit.isdecimal() and used.isdecimal() else None


def _counted_by_driver() -> int:
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines()) if done.returncode == 0 else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
