"""Tables from outside as strict CSV: declared columns, text first, the line number in every message."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from workbench.core.errors import ManifestError, Skipped
from workbench.core.rows import numbered_rows


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Parameters
    ----------
    place
        ``file:line``, for messages.
    values
        Text by column; a column that the table lacks is absent.
    """

    place: str
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def get(self, column: str) -> str:
        """Return the text of an optional column, empty where the table lacks it."""
        return self.values.get(column, "")


def read_table(
    path: Path, required: Collection[str], *, optional: Collection[str] | None = None
) -> tuple[list[Row], list[Skipped]]:
    """Read a CSV whose first column names the thing that a row is about.

    Parameters
    ----------
    path
        The file: UTF-8, commas, one line of column names.
    required
        Columns that must be there; the first of them must be filled and unique.
    optional
        The only other columns allowed; None allows any.

    Returns
    -------
    tuple of list of Row and list of Skipped
        The usable rows in order, and the others: not CSV, wrong number of values, no name, a name that
        occurred before.

    Raises
    ------
    ManifestError
        No such file, not CSV, or wrong columns.
    """
    rows: list[Row] = []
    skipped: list[Skipped] = []
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = numbered_rows(file)
            columns = _checked_columns(path, next(lines, (1, []))[1], required, optional)
            for line, values in lines:
                place = f"{path}:{line}"
                if isinstance(values, str):
                    skipped.append(Skipped(place, values))
                elif reason := _row_reason(columns, values, required, seen):
                    skipped.append(Skipped(place, reason))
                else:
                    rows.append(Row(place, dict(zip(columns, values, strict=True))))
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not readable as CSV ({error})") from error
    return rows, skipped


def _checked_columns(
    path: Path, columns: list[str] | str, required: Collection[str], optional: Collection[str] | None
) -> list[str]:
    if isinstance(columns, str):
        raise ManifestError(f"{path}:1: {columns}")
    for column in required:
        if column not in columns:
            raise ManifestError(f"{path}:1: column {column!r} is missing; wanted {', '.join(required)}")
    if len(set(columns)) != len(columns):
        raise ManifestError(f"{path}:1: a column occurs twice")
    for column in columns:
        if optional is not None and column not in (*required, *optional):
            raise ManifestError(f"{path}:1: unknown column {column!r}; known: {', '.join((*required, *optional))}")
    return columns


def _row_reason(columns: list[str], values: list[str], required: Collection[str], seen: set[str]) -> str:
    """Return why a row cannot be used, empty where it can; remembers its name."""
    key = next(iter(required))
    if len(values) != len(columns):
        return f"{len(values)} values for {len(columns)} columns"
    name = values[columns.index(key)]
    if not name:
        return f"{key} is empty"
    if name in seen:
        return f"{key} {name!r} occurs twice"
    seen.add(name)
    return ""
