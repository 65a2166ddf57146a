"""The rows of a CSV with their line numbers (a row that is not CSV does not end the table), and rows as CSV."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def numbered_rows(lines: Iterable[str], *, delimiter: str = ",") -> Iterator[tuple[int, list[str] | str]]:
    """Yield the line on which each row begins, and its values, or as a text why it is no row.

    A quote that is never closed swallows the rest of the table; the reason says which lines are lost.

    Parameters
    ----------
    lines
        A file opened with ``newline=""``, so that breaks inside quotes stay what they are.
    delimiter
        The sign between values.

    Yields
    ------
    tuple
        Line, counted from 1, and values or reason.
    """
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lost = f"; lines {line} to {reader.line_num} are lost" if reader.line_num > line else ""
            yield line, f"not CSV ({error}){lost}"


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as the text of a CSV with Unix line ends; signs that end a line are quoted, and read back so."""
    lines: list[str] = []
    writer = csv.writer(_Lines(lines), lineterminator="\r\n")  # it quotes the signs that end a line, and only these
    writer.writerows(rows)
    return "".join(lines)


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, line: str) -> None:
        self._lines.append(line.removesuffix("\r\n") + "\n")
