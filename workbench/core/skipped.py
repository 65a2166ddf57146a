"""What an import found but did not use, kept beside its manifest."""

from collections.abc import Sequence
from pathlib import Path

from workbench.core.errors import ManifestError, Skipped
from workbench.core.files import write_text
from workbench.core.rows import csv_text, numbered_rows

COLUMNS = ("place", "reason")


def skipped_path(manifest_path: str | Path) -> Path:
    """Return where the list of a manifest's skipped films lies: ``NAME.skipped.csv`` beside ``NAME.csv``."""
    return Path(manifest_path).with_suffix(".skipped.csv")


def write_skipped(path: Path, skipped: Sequence[Skipped]) -> None:
    """Write the list as CSV of place and reason, atomically; without any, no file is left."""
    if skipped:
        write_text(path, csv_text([COLUMNS, *((each.what, each.reason) for each in skipped)]))
    else:
        path.unlink(missing_ok=True)


def read_skipped(path: Path) -> tuple[Skipped, ...]:
    """Read what :func:`write_skipped` wrote, none where there is no file; a ManifestError where it is another table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(numbered_rows(file))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not readable as CSV ({error})") from error
    if not rows or tuple(rows[0][1]) != COLUMNS:
        raise ManifestError(f"{path}:1: the columns {', '.join(COLUMNS)} are wanted")
    for line, values in rows:
        if isinstance(values, str) or len(values) != len(COLUMNS):
            raise ManifestError(f"{path}:{line}: a place and a reason are wanted")
    return tuple(Skipped(*values) for _, values in rows[1:])
