"""A kernel of this very interpreter for each run, reached through its own socket files."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from typing_extensions import override

ENVIRONMENT = {"PLOTLY_RENDERER": "plotly_mimetype"}
"""Figures as data: JupyterLab draws them, and so does the report; the notebook carries no copy of plotly.js."""
LAUNCHER = "ipykernel_launcher"
LONGEST_SOCKET_FOLDER = 70
"""Unix sockets allow about 100 characters of path, whatever TMPDIR says."""


class OwnKernelManager(AsyncKernelManager):
    """Starts the running interpreter as kernel, on Unix sockets, so that parallel runs never meet on a port.

    Not one of the installed kernel specs: ``python3`` there may be another environment. Make a subclass with its own
    ``log_file`` for each run: nbclient makes the instance.
    """

    log_file: ClassVar[Path]
    """Gets what the kernel's process writes past the notebook: last words of a crash, output of its children."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._folder = Path(_short_folder())
        self.connection_file = str(self._folder / "kernel.json")
        if sys.platform != "win32":
            self.transport = "ipc"
            self.ip = str(self._folder / "socket")

    @property
    @override
    def kernel_spec(self) -> KernelSpec:
        """What to start."""
        command = [sys.executable, "-m", LAUNCHER, "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="this interpreter", language="python", env=ENVIRONMENT)

    @override
    async def start_kernel(self, **settings: Any) -> None:
        """Start it, its own output kept away from the terminal."""
        with self.log_file.open("ab") as words:
            await super().start_kernel(**{**settings, "stdout": words, "stderr": words})

    @override
    async def cleanup_resources(self, restart: bool = False) -> None:
        """Remove the sockets when the kernel has ended for good."""
        await super().cleanup_resources(restart=restart)
        if not restart:
            shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def own_event_loop() -> Iterator[None]:
    """Close the event loop that nbclient opens for this thread and would leave open, and whatever still waits in it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = ensure_event_loop()
    else:  # called from a notebook: jupyter_core uses a thread of its own
        yield
        return
    try:
        yield
    finally:
        waiting = asyncio.all_tasks(loop)
        for task in waiting:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)


def kernel_manager_class(log_file: Path) -> type[OwnKernelManager]:
    """Return the kernel manager of one run, its kernel's own output going to ``log_file``."""
    return type("KernelManagerOfRun", (OwnKernelManager,), {"log_file": log_file})


def _short_folder() -> str:
    folder = tempfile.mkdtemp(prefix="wb-")
    if len(folder) <= LONGEST_SOCKET_FOLDER or sys.platform == "win32":
        return folder
    Path(folder).rmdir()
    return tempfile.mkdtemp(prefix="wb-", dir="/tmp")
