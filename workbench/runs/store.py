"""Where runs are made and found again. The commit mark ``run.json`` is written last, so nothing is half a run."""

import contextlib
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from workbench.core.arrays import Json
from workbench.core.errors import RunError, WorkbenchError
from workbench.core.files import sha256_of, write_json
from workbench.core.provenance import plain
from workbench.core.registry import unknown_name
from workbench.runs.environment import environment_facts
from workbench.runs.locks import file_lock
from workbench.runs.owner import OWNER_FILE, let_go, owner_facts
from workbench.runs.run import RUN_FILE, Run, Status, artefact_digests, read_run

HEARTBEAT_S = 5.0
KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")
CLAIM_LOCK = ".claiming"
"""Of a run's folder: one process at a time looks at it and claims it."""
RESUMABLE: tuple[Status, ...] = ("failed", "interrupted", "lost")


class OpenRun:
    """A run at work: a context manager around whatever fills its folder.

    Leaving it commits ``run.json``: done, or failed with the error, or interrupted by Ctrl-C; the exception goes on.
    A killed process commits nothing, and the run is derived as lost.
    """

    def __init__(self, folder: Path, owner: dict[str, Json]) -> None:
        self.folder = folder
        self._owner = owner
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name=f"heartbeat of {folder.name}", daemon=True)

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def kind(self) -> str:
        """What is being done."""
        return str(self._owner["kind"])

    @property
    def parameters(self) -> dict[str, Any]:
        """What was asked for."""
        return dict(self._owner["parameters"])

    def __enter__(self) -> "OpenRun":
        self._heartbeat.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._heartbeat.join()
        owner = self.folder / OWNER_FILE
        try:
            self._commit(_status_after(error), "" if error is None else one_line(error))
        except BaseException:
            with contextlib.suppress(OSError):
                let_go(owner)  # lost, but not forgotten: it can be resumed
            raise
        owner.unlink(missing_ok=True)

    def _commit(self, status: Status, error: str) -> None:
        content = {
            "kind": self._owner["kind"],
            "status": status,
            "created": self._owner["created"],
            "duration_s": round(time.monotonic() - self._started, 3),
            "error": error,
            "parameters": self._owner["parameters"],
            "inputs": self._owner["inputs"],
            "environment": environment_facts(),
            "artefacts": artefact_digests(self.folder),
        }
        write_json(self.folder / RUN_FILE, content)

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            with contextlib.suppress(OSError):  # a full or absent disk must not kill the work itself
                os.utime(self.folder / OWNER_FILE)


class RunStore:
    """All runs under one folder, newest last.

    Parameters
    ----------
    root
        Made when the first run is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(
        self, kind: str, parameters: Mapping[str, Any], *, inputs: Mapping[str, str | Path] | None = None
    ) -> OpenRun:
        """Make a new run's folder and claim it for this process.

        Parameters
        ----------
        kind
            Lower case with hyphens, at most 40 characters.
        parameters
            What was asked for; kept as JSON.
        inputs
            Name -> file that the result depends on; its SHA-256 is recorded now.

        Returns
        -------
        The run, to be entered by ``with``.

        Raises
        ------
        RunError
            The kind cannot be part of a folder's name, or the folder cannot be made.
        """
        if not KIND.fullmatch(kind):
            raise RunError(f"kind of run {kind!r}: wanted lower case letters, digits and hyphens, such as 'train'")
        now = datetime.now(UTC)
        owner = {
            "kind": kind,
            "parameters": plain(dict(parameters)),
            "inputs": {name: _input(path) for name, path in (inputs or {}).items()},
            "created": now.isoformat(timespec="microseconds"),
            **owner_facts(),
        }
        folder = self._new_folder(f"{now:%Y%m%dT%H%M%SZ}-{kind}")
        write_json(folder / OWNER_FILE, owner)
        return OpenRun(folder, owner)

    def resume(self, run: Run) -> OpenRun:
        """Claim a failed, interrupted or lost run for this process; it is running again, and keeps its files.

        Parameters
        ----------
        run
            Its folder is read again: another process may have claimed it since.

        Returns
        -------
        The run with its old id, kind, parameters and inputs.

        Raises
        ------
        RunError
            The run is done or still running.
        """
        with file_lock(run.folder / CLAIM_LOCK):
            now = read_run(run.folder)
            if now.status not in RESUMABLE:
                raise RunError(f"{now.id}: is {now.status}; only a failed, interrupted or lost run can be resumed")
            known = {"kind": now.kind, "parameters": now.parameters, "inputs": now.inputs, "created": now.created}
            owner = {**known, **owner_facts()}
            write_json(now.folder / OWNER_FILE, owner)  # first: a crash between the two leaves the old status standing
            (now.folder / RUN_FILE).unlink(missing_ok=True)
        return OpenRun(now.folder, owner)

    def list(self) -> tuple[Run, ...]:
        """Return every run under the root, oldest first."""
        return tuple(sorted(self._runs(), key=lambda run: (run.id.partition("-")[0], run.created, run.id)))

    def get(self, reference: str | Path) -> Run:
        """Find a run by its id, a unique beginning of it, its folder, ``latest``, or ``latest:train``.

        Parameters
        ----------
        reference
            ``latest`` means the newest run that is done. Text with a slash is a path, also outside this store.

        Returns
        -------
        The run, whatever its status.

        Raises
        ------
        RunError
            Nothing or more than one run fits.
        """
        if isinstance(reference, Path) or "/" in reference or "\\" in reference:
            return read_run(Path(reference).resolve())
        latest, _, kind = reference.partition(":")
        if latest == "latest":
            return self._latest(kind)
        runs = self.list()
        found = [run for run in runs if run.id == reference] or [run for run in runs if run.id.startswith(reference)]
        if not found or not reference:
            raise RunError(_not_found(reference, runs, self.root))
        if len(found) > 1:
            raise RunError(
                f"{reference!r} fits {len(found)} runs; give more of one: {', '.join(r.id for r in found[-3:])}"
            )
        return found[0]

    def find(self, kind: str, parameters: Mapping[str, Any]) -> Run | None:
        """Return the newest done run with equal parameters whose inputs are unchanged and whose artefacts stand."""
        wanted = plain(dict(parameters))
        fitting = (run for run in reversed(self.list()) if run.status == "done" and run.kind == kind)
        return next((run for run in fitting if run.parameters == wanted and _still_holds(run)), None)

    def _runs(self) -> Iterator[Run]:
        folders = sorted(self.root.iterdir()) if self.root.is_dir() else []
        for folder in folders:
            with contextlib.suppress(RunError):  # other folders may lie here
                yield read_run(folder)

    def _latest(self, kind: str) -> Run:
        done = [run for run in self.list() if run.status == "done" and kind in ("", run.kind)]
        if not done:
            of_kind = f" of kind {kind!r}" if kind else ""
            raise RunError(f"no finished run{of_kind} in {self.root}; `workbench runs` lists what is there")
        return done[-1]

    def _new_folder(self, stem: str) -> Path:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            while True:
                folder = self.root / f"{stem}-{secrets.token_hex(2)}"
                with contextlib.suppress(FileExistsError):
                    folder.mkdir()
                    return folder
        except OSError as error:
            raise RunError(f"{self.root}: no run can be made here ({error.strerror})") from error


def one_line(error: BaseException) -> str:
    """Return an error as one line: our own as it is, others after the name of their type."""
    text = " ".join(str(error).split())
    if isinstance(error, WorkbenchError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _status_after(error: BaseException | None) -> Status:
    if error is None:
        return "done"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def _input(path: str | Path) -> dict[str, str]:
    return {"path": str(path), "sha256": sha256_of(Path(path))}


def _still_holds(run: Run) -> bool:
    """Tell whether inputs are as they were and artefacts are there; these are not hashed, which ``verify`` does."""
    for each in run.inputs.values():
        path = Path(each["path"])
        if not path.is_file() or sha256_of(path) != each["sha256"]:
            return False
    return all((run.folder / name).is_file() for name in run.artefacts)


def _not_found(reference: str, runs: tuple[Run, ...], root: Path) -> str:
    if not runs:
        return f"no run is called {reference!r}: {root} holds none"
    return str(unknown_name("run", reference, [run.id for run in runs]))
