"""One task in a process of its own: it can be stopped gently, and its death harms nobody."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import workbench
from workbench.runs.executors.tasks import Outcome, Task
from workbench.runs.resources import out_of_memory_kills

THREADS = "OMP_NUM_THREADS"
LOOK_AGAIN_S = 0.1
GRACE_S = 60.0
"""How long a task that was asked to end may take: kernel and training below it end first."""


def do_task(task: Task, environment: Mapping[str, str], stop: threading.Event) -> Outcome:
    """Do a task and return how it ended; this never raises for what the task does.

    Parameters
    ----------
    task
        What to do.
    environment
        Variables of the process besides our own.
    stop
        Set from outside to end the task: it gets SIGTERM, and after a minute SIGKILL.

    Returns
    -------
    Outcome
        Failed with the cause where the process was killed: out of memory where the kernel counted it so.
    """
    kills = out_of_memory_kills()
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as words:
        try:
            with _started(task, environment, answer, words) as process:
                stopped = _watch(process, stop)
        except OSError as error:
            return Outcome(task.name, "failed", error=f"its process could not be started ({error})")
        said = _content(answer)
        if said.endswith(b"\n"):
            return Outcome(task.name, **json.loads(said))
        if stopped:
            return Outcome(task.name, "interrupted", error="stopped")
        cause = _cause(process.returncode, _content(words), memory=out_of_memory_kills() > kills)
        return Outcome(task.name, "failed", error=cause)


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _started(
    task: Task, environment: Mapping[str, str], answer: IO[bytes], words: IO[bytes]
) -> "subprocess.Popen[bytes]":
    library = str(Path(workbench.__file__).resolve().parents[1])  # found alike where it is not installed
    paths = filter(None, [library, os.environ.get("PYTHONPATH")])
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.runs.executors.child"],
        stdin=subprocess.PIPE,  # stays open as long as we live: its end tells the child that we are gone
        stdout=answer,
        stderr=words,
        cwd=task.folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
        start_new_session=True,  # Ctrl-C reaches us alone
    )
    line = json.dumps({"function": task.function, "arguments": dict(task.arguments)})
    try:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once; its last words tell why
    return process


def _watch(process: "subprocess.Popen[bytes]", stop: threading.Event) -> bool:
    """Wait for the end of a process, which ends also when it should stop; return whether it was asked to."""
    while process.poll() is None:
        if stop.wait(LOOK_AGAIN_S) and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
            return True
    return False


def _cause(code: int, words: bytes, *, memory: bool) -> str:
    if memory:
        return "out of memory: the kernel killed a process of the run"
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory, or stopped from outside)" if name == "SIGKILL" else ""
        return f"its process was killed by {name}{hint}"
    lines = [line.strip() for line in words.decode(errors="replace").splitlines() if line.strip()]
    return f"its process ended with code {code}: {lines[-1][:200] if lines else 'it said nothing'}"
