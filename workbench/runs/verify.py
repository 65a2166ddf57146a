"""Whether a run still is what it was when it was committed."""

from workbench.core.files import sha256_of
from workbench.runs.run import RUN_FILE, Run, artefact_paths


def verify(run: Run) -> list[str]:
    """Compare every artefact with its recorded SHA-256 and return the problems, one line each; none is a sound run.

    Hidden files and the ``reviews`` folder are nobody's artefacts and are not looked at.
    """
    if not run.artefacts and run.status in ("running", "lost"):
        return [f"{run.id}: is {run.status}, nothing was committed to compare with{_because(run.error)}"]
    present = artefact_paths(run.folder)
    missing = [f"{name}: missing" for name in sorted(run.artefacts.keys() - present.keys())]
    changed = [
        f"{name}: changed since the run was committed"
        for name in sorted(run.artefacts.keys() & present.keys())
        if sha256_of(present[name]) != run.artefacts[name]
    ]
    extra = [f"{name}: not recorded in {RUN_FILE}" for name in sorted(present.keys() - run.artefacts.keys())]
    return missing + changed + extra


def _because(error: str) -> str:
    return f" ({error})" if error else ""
