"""The rows of a CSV with their line numbers; a row that is not CSV does not end the table."""

import csv
from collections.abc import Iterable, Iterator


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
