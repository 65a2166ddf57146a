"""Tables from outside as strict CSV: declared columns, text first, the line number in every message."""

import codecs
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from workbench.core.errors import ManifestError, Skipped
from workbench.core.rows import numbered_rows

SEPARATORS = (",", ";", "\t")
"""What may stand between values: spreadsheets write semicolons where the comma is the decimal sign."""


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
    path: Path,
    required: Collection[str],
    *,
    optional: Collection[str] | None = None,
    columns: Sequence[str] | None = None,
) -> tuple[list[Row], list[Skipped]]:
    """Read a CSV in which one column names the thing that a row is about; blanks around values are dropped.

    Parameters
    ----------
    path
        The file: UTF-8 or, with its byte order mark, UTF-16; one line of column names; one of :data:`SEPARATORS`.
    required
        Columns that must be there; the first of them must be filled and unique.
    optional
        The only other columns allowed; None allows any.
    columns
        The columns of a file without a line of names, which is separated by commas.

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
        with path.open(encoding=_encoding(path), newline="") as file:
            lines, names = _body(path, file, required, optional) if columns is None else (numbered_rows(file), columns)
            for line, found in lines:
                values = found if isinstance(found, str) else [value.strip() for value in found]
                place = f"{path}:{line}"
                if isinstance(values, str):
                    skipped.append(Skipped(place, values))
                elif reason := _row_reason(names, values, required, seen):
                    skipped.append(Skipped(place, reason))
                else:
                    rows.append(Row(place, dict(zip(names, values, strict=True))))
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such file") from None
    except (OSError, UnicodeError) as error:
        raise ManifestError(f"{path}: not readable as CSV ({error}); save it as CSV in UTF-8") from error
    return rows, skipped


def _encoding(path: Path) -> str:
    """Return UTF-16 where its byte order mark says so, else UTF-8 with or without one."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _body(
    path: Path, file: Iterator[str], required: Collection[str], optional: Collection[str] | None
) -> tuple[Iterator[tuple[int, list[str] | str]], Sequence[str]]:
    """Return the rows below the line of column names, and these, having found out what separates them."""
    first = next(file, "")
    key = next(iter(required))
    has_key = (sign for sign in SEPARATORS if key in (name.strip('" \r\n') for name in first.split(sign)))
    lines = numbered_rows(chain([first] if first else [], file), delimiter=next(has_key, ","))
    names = next(lines, (1, list[str]()))[1]
    if not isinstance(names, str):
        names = [name.strip() for name in names]
    return lines, _checked_columns(path, names, required, optional)


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


def _row_reason(columns: Sequence[str], values: list[str], required: Collection[str], seen: set[str]) -> str:
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
