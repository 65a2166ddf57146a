"""A Dask cluster of separate processes on this machine, whose workers can be killed."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

START = """
import sys
from distributed.cli.{part} import main
sys.argv = sys.argv[:1] + {arguments!r}
main()
"""
GIVE_UP_S = 60.0


class LoopbackCluster:
    """A context manager: a scheduler, and as many workers as were added; all are killed in the end.

    Parameters
    ----------
    folder
        For logs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def __enter__(self) -> "LoopbackCluster":
        facts = self._folder / "scheduler.json"
        self._start("dask_scheduler", "--port", "0", "--scheduler-file", str(facts))
        given_up = time.monotonic() + GIVE_UP_S
        while not (facts.exists() and facts.read_text().rstrip().endswith("}")):
            assert time.monotonic() < given_up
            time.sleep(0.05)
        self.address = next(line.split('"')[3] for line in facts.read_text().splitlines() if '"address"' in line)
        assert self.address.startswith("tcp://127.0.0.1:")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._started):
            process.kill()
            process.wait()

    def add_worker(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a worker of one thread without a nanny, so that its process is the worker."""
        alone = ("--no-nanny", "--nthreads", "1", "--death-timeout", str(GIVE_UP_S))
        return self._start("dask_worker", self.address, *alone, *arguments, environment=environment)

    def _start(
        self, part: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        code = START.format(part=part, arguments=[*arguments, "--host", "127.0.0.1", "--no-dashboard"])
        with (self._folder / f"{part}-{len(self._started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", code], stdout=log, stderr=log, env={**os.environ, **(environment or {})}
            )
        self._started.append(process)
        return process
