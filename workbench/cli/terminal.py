"""Progress bars and tables in a terminal."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from workbench.core.progress import Progress as Moves

NARROWEST = 100
"""Columns assumed where the output is not a terminal, so that tables in logs stay readable."""


class Bars:
    """Progress bars, one below the other; outside a terminal each prints one line when it is done."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=_console(),
        )

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def open(self, title: str) -> Moves:
        """Open a bar and return what moves it."""
        bar: TaskID = self._progress.add_task(title, total=None)

        def move(done: int, total: int) -> None:
            self._progress.update(bar, completed=done, total=total)

        return move


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print a table; texts from data are shown letter by letter."""
    _console().print(_table(columns, rows, title))


class LiveTable:
    """A table that changes in place; outside a terminal each line is printed again when it has changed."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._console = _console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._shown: dict[str, Sequence[str]] = {}

    def __enter__(self) -> "LiveTable":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, rows: Sequence[Sequence[str]], *, title: str = "") -> None:
        """Show the rows as they are now; the first column tells them apart."""
        if self._live:
            self._live.update(_table(self._columns, rows, title), refresh=True)
            return
        for row in rows:
            if self._shown.get(row[0]) != row:
                self._console.print(_plain("  ".join(cell for cell in row if cell)))
        self._shown = {row[0]: row for row in rows}


def print_comparison(rows: Sequence[tuple[str, Sequence[str]]], models: Sequence[str], *, title: str) -> None:
    """Print models side by side: a row for each measure."""
    print_table(["", *models], [[what, *texts] for what, texts in rows], title=title)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> Table:
    table = Table(title=title or None, title_justify="left", show_edge=False, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, overflow="fold", ratio=None if index else 1)
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    return table


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=max(console.width, NARROWEST))
