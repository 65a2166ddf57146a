"""A run as its folder tells it: ``run.json`` if it was committed, else what its owner left."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.core.errors import ReaderError, RunError
from workbench.core.files import read_json, sha256_of
from workbench.runs.owner import LET_GO_S, OWNER_FILE, owner_is_alive

Status = Literal["done", "failed", "interrupted", "running", "lost"]
"""The first three are written in ``run.json``; the last two are derived from the owner file."""
COMMITTED: tuple[Status, ...] = ("done", "failed", "interrupted")

RUN_FILE = "run.json"
REVIEWS_FOLDER = "reviews"


@dataclass(frozen=True)
class Run:
    """One run: what was asked, what came out of it, and how it ended."""

    id: str
    folder: Path
    kind: str
    """What was done: ``train``, ``evaluate``, ``explain``, ``compare`` ..."""
    parameters: dict[str, Any]
    status: Status
    created: str
    """ISO 8601, UTC."""
    artefacts: dict[str, str] = field(default_factory=dict)
    """Relative POSIX path -> SHA-256; empty until the run is committed."""
    error: str = ""
    """Why it failed, in one line."""
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Parameter -> ``path`` and ``sha256`` of the file that it named."""
    environment: dict[str, Any] = field(default_factory=dict)
    duration_s: float | None = None

    def artefact(self, relative: str) -> Path:
        """Return the path of an artefact.

        Parameters
        ----------
        relative
            Its POSIX path in the run's folder.

        Returns
        -------
        An existing file.

        Raises
        ------
        RunError
            The run did not commit such an artefact, or it is gone.
        """
        path = self.folder / relative
        if relative not in self.artefacts or not path.is_file():
            known = ", ".join(sorted(self.artefacts)) or "none"
            raise RunError(f"{self.id} ({self.status}): has no artefact {relative!r}; it has {known}")
        return path


def read_run(folder: Path) -> Run:
    """Read a run from its folder; the status is derived, so a killed run is never taken for a finished one.

    Parameters
    ----------
    folder
        Holds ``run.json``, or ``owner.json`` while nothing is committed.

    Returns
    -------
    The run. A damaged mark gives a lost run whose ``error`` says so.

    Raises
    ------
    RunError
        The folder is not a run's.
    """
    if (folder / RUN_FILE).is_file():
        return _committed_run(folder)
    if not (folder / OWNER_FILE).is_file():
        raise RunError(f"{folder}: is not a run, it holds neither {RUN_FILE} nor {OWNER_FILE}")
    return _uncommitted_run(folder)


def artefact_paths(folder: Path) -> dict[str, Path]:
    """List the files that a run is answerable for: relative POSIX path -> path, sorted.

    Left out are the run's own marks, reviewers' verdicts, and hidden files and folders (half-written files of a
    killed process, JupyterLab's checkpoints).
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        ours = relative.as_posix() in (RUN_FILE, OWNER_FILE) or relative.parts[0] == REVIEWS_FOLDER
        if path.is_file() and not hidden and not ours:
            found[relative.as_posix()] = path
    return found


def artefact_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every artefact now in a run's folder."""
    return {relative: sha256_of(path) for relative, path in artefact_paths(folder).items()}


def _committed_run(folder: Path) -> Run:
    path = folder / RUN_FILE
    try:
        content = read_json(path)
        status = content["status"]
        if status not in COMMITTED or not isinstance(content["artefacts"], dict):
            raise ValueError(f"status {status!r}")
        return Run(
            id=folder.name,
            folder=folder,
            kind=str(content["kind"]),
            parameters=dict(content["parameters"]),
            status=status,
            created=str(content["created"]),
            artefacts={str(name): str(digest) for name, digest in content["artefacts"].items()},
            error=str(content["error"]),
            inputs=dict(content["inputs"]),
            environment=dict(content["environment"]),
            duration_s=content["duration_s"],
        )
    except (ReaderError, KeyError, TypeError, ValueError) as error:
        return _stranger(folder, f"{path} is damaged ({type(error).__name__}: {error})")


def _uncommitted_run(folder: Path) -> Run:
    path = folder / OWNER_FILE
    try:
        heard_of = path.stat().st_mtime
        owner = json.loads(path.read_text(encoding="utf-8"))
        alive = owner_is_alive(owner, heard_of)
        return Run(
            id=folder.name,
            folder=folder,
            kind=str(owner["kind"]),
            parameters=dict(owner["parameters"]),
            status="running" if alive else "lost",
            created=str(owner["created"]),
            error="" if alive else _last_sign(owner, heard_of),
            inputs=dict(owner["inputs"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return _stranger(folder, f"{path} is damaged ({type(error).__name__}: {error})")


def _last_sign(owner: dict[str, Any], heard_of: float) -> str:
    if heard_of == LET_GO_S:
        return "its end could not be written; is the disk full?"
    return f"its process {owner['pid']} on {owner['host']} ended without a word"


def _stranger(folder: Path, error: str) -> Run:
    """Return a run of which only the folder's name is known."""
    stamp, _, rest = folder.name.partition("-")
    kind = rest.rpartition("-")[0] or "unknown"
    return Run(id=folder.name, folder=folder, kind=kind, parameters={}, status="lost", created=stamp, error=error)
