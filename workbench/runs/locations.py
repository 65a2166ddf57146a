"""Where runs lie when nobody says, and where a notebook writes that nobody started as a run."""

from datetime import UTC, datetime
from pathlib import Path

from workbench.core.files import project_root
from workbench.runs.run import Run
from workbench.runs.store import RunStore

SCRATCH_FOLDER = "scratch"


def default_store() -> RunStore:
    """Return the store of the project that the working directory belongs to: its ``runs/``."""
    return RunStore(project_root() / "runs")


def find_run(reference: str | Path) -> Run:
    """Find a run of the project by id, unique beginning, folder, ``latest`` or ``latest:train``; else a RunError."""
    return default_store().get(reference)


def output_folder(out: str, kind: str) -> Path:
    """Return the folder a notebook writes to: its run's, or a new one in ``runs/scratch`` when it is used by hand.

    Parameters
    ----------
    out
        What the run passed as the parameter ``out``; empty in JupyterLab.
    kind
        Names the folder made by hand.

    Returns
    -------
    Path
        Exists.
    """
    folder = Path(out)
    if not out:
        folder = project_root() / "runs" / SCRATCH_FOLDER / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
