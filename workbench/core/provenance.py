"""Where a result comes from: enough to make it again, as plain JSON beside it."""

import importlib.metadata
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

LIBRARIES = ("torch", "torchvision", "captum", "numpy", "scipy", "timm", "lightning", "radiograph-workbench")


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on; absent ones are left out."""
    found = {name: _version(name) for name in LIBRARIES}
    return {"python": platform.python_version()} | {name: version for name, version in found.items() if version}


@cache  # reading it takes a millisecond, and every explanation asks
def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def git_revision() -> str:
    """Return the commit of the checkout that the workbench runs from, ``-dirty`` appended; empty outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: tuples as lists, NumPy's numbers as Python's, other objects as text."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return value if isinstance(value, bool | int | float | str | None) else str(value)
