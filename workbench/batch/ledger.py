"""What a sweep has come to: which runs belong to which cell. One small file a fact, so that nothing is half-written."""

from contextlib import AbstractContextManager, suppress
from pathlib import Path

from workbench.core.errors import ReaderError, RunError
from workbench.core.files import read_json, write_json
from workbench.runs import Run, RunStore, read_run
from workbench.runs.locks import file_lock

FOLDER = "ledger"
COMPARISON = "compare"
"""The last step, of no cell."""
FAULT = "fault"


class Ledger:
    """The ledger of one sweep.

    Status is never written down: it is that of the runs, each derived from its own folder. A cell is worked on under
    a lock that a dead process lets go of, so that two workers never do the same.

    Parameters
    ----------
    folder
        Of the sweep; it lies among the runs that it is about.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self.store = RunStore(folder.parent)

    def run(self, cell: str, step: str) -> Run | None:
        """Return the run of a cell's step, None where there is none, or no longer."""
        try:
            name = read_json(self._path(cell, step))["run"]
            return read_run(self.store.root / str(name))
        except (ReaderError, RunError, KeyError, TypeError):
            return None

    def note_run(self, cell: str, step: str, run: str) -> None:
        """Note which run does a step."""
        write_json(self._path(cell, step), {"run": run})

    def fault(self, cell: str) -> str:
        """Return why a cell did not come to its end, where no run can tell; empty where nothing is known."""
        with suppress(ReaderError, KeyError, TypeError):
            return str(read_json(self._path(cell, FAULT))["error"])
        return ""

    def note_fault(self, cell: str, error: str) -> None:
        """Note why a cell did not come to its end; on a full disk only the terminal can tell."""
        with suppress(OSError):
            write_json(self._path(cell, FAULT), {"error": error})

    def forget_fault(self, cell: str) -> None:
        """Forget why a cell did not come to its end, because it is worked on again."""
        self._path(cell, FAULT).unlink(missing_ok=True)

    def working(self, cell: str) -> AbstractContextManager[None]:
        """Be the only one who works on a cell, after waiting for another one to end."""
        folder = self._path(cell, FAULT).parent
        folder.mkdir(parents=True, exist_ok=True)
        return file_lock(folder / ".lock", waits=True)

    def _path(self, cell: str, what: str) -> Path:
        folder = self._folder / "cells" / cell if cell else self._folder
        return folder / f"{what}.json"
