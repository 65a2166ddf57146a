"""The tables that the five papers print, with their sources and misprints, to be set beside what is measured here."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from workbench.core.registry import unknown_name

PAPERS = ("densenet-interpretation", "murad", "kalm", "asu", "learn-to-zoom")
SUFFIX = " (published)"


@dataclass(frozen=True)
class PublishedNote:
    """What is known about a printed number beyond the print: a misprint, a figure that cannot be, an inference.

    Parameters
    ----------
    row, column
        Which number; an empty row is the whole column, an empty column the whole row, both the whole table.
    text
        What is known, without a full stop.
    """

    row: str
    column: str
    text: str

    def __str__(self) -> str:
        place = ", ".join(each for each in (self.row, self.column) if each)
        return f"{place}: {self.text}" if place else self.text


@dataclass(frozen=True)
class PublishedTable:
    """One printed table; every number as it was printed.

    Parameters
    ----------
    paper
        One of :data:`PAPERS`.
    number
        As the paper counts its tables; ``text`` for figures that stand in its text.
    title
        What the table shows.
    unit
        What was counted: ``image`` or ``study``.
    data
        The films that were scored.
    source
        Where it was printed.
    columns
        Names; the first one names the row. Metrics are called as in :data:`workbench.evaluation.metrics.METRICS`.
    rows
        One value a column; None where nothing was printed.
    notes
        Misprints and what else is known.
    """

    paper: str
    number: str
    title: str
    unit: str
    data: str
    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[PublishedNote, ...] = ()

    def __str__(self) -> str:
        place = "in the text" if self.number == "text" else f"Table {self.number}"
        return f"{self.title} ({self.paper}, {place})"

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with the printed columns."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(self.columns))


def published_table(paper: str, number: str) -> PublishedTable:
    """Return one printed table.

    Parameters
    ----------
    paper
        One of :data:`PAPERS`.
    number
        As the paper counts them, ``3`` or ``II``; ``text`` for figures that stand in its text.

    Returns
    -------
    PublishedTable
        As printed, with notes.

    Raises
    ------
    UnknownNameError
        No such paper or table; what there is is named.
    """
    if paper not in PAPERS:
        raise unknown_name("paper", paper, PAPERS)
    tables = _tables(paper)
    if number not in tables:
        raise unknown_name(f"table of {paper}", number, tables)
    return tables[number]


def published_tables(paper: str) -> tuple[PublishedTable, ...]:
    """Return all printed tables of a paper in their order; a paper that is not of the five is an UnknownNameError."""
    if paper not in PAPERS:
        raise unknown_name("paper", paper, PAPERS)
    return tuple(_tables(paper).values())


def beside_published(measured: Any, table: PublishedTable, *, on: str) -> Any:
    """Set measured numbers beside printed ones.

    Parameters
    ----------
    measured
        A pandas DataFrame with the column ``on`` and columns named as the table's.
    table
        The printed table.
    on
        The column that names the row in both: ``architecture``, ``body-part``, ``model-set``.

    Returns
    -------
    pandas DataFrame
        ``on``, then for each column that both have the measured and the printed value, ``accuracy`` and ``accuracy
        (published)``. Rows of the table that were not measured keep their printed values; measured rows that were not
        printed come last.

    Raises
    ------
    UnknownNameError
        The table has no such column.
    """
    if on not in table.columns:
        raise unknown_name(f"column of {table.paper}, Table {table.number}", on, table.columns)
    printed = table.to_frame()
    shared = [column for column in table.columns if column in measured.columns and column != on]
    kept = [column for column in measured.columns if column not in shared]
    joined = printed[[on, *shared]].merge(measured[[*kept, *shared]], on=on, how="outer", suffixes=(SUFFIX, ""))
    order = {value: place for place, value in enumerate([*printed[on], *measured[on]][::-1])}
    joined = joined.sort_values(on, key=lambda values: -values.map(order), kind="stable").reset_index(drop=True)
    return joined[[*kept, *(name for column in shared for name in (column, column + SUFFIX))]]


def placed_by_kappa(table: PublishedTable, model: str, kappa: float) -> Any:
    """Return a printed leaderboard as a DataFrame with one more row, where its kappa puts it; equals go below.

    The printed ranks stay as they are: Table 3 of densenet-interpretation is not sorted at one place.
    """
    import pandas as pd

    frame = table.to_frame()
    place = int((frame["cohen-kappa"] >= kappa).sum())
    ours = dict.fromkeys(table.columns, "") | {"model": model, "cohen-kappa": kappa}
    ordered = frame.sort_values("cohen-kappa", ascending=False, kind="stable")
    return pd.concat([ordered[:place], pd.DataFrame([ours]), ordered[place:]], ignore_index=True)


@cache
def _tables(paper: str) -> dict[str, PublishedTable]:
    text = resources.files("workbench.evaluation").joinpath("published_tables", f"{paper}.toml").read_text("utf-8")
    content = tomllib.loads(text)
    who = f"{content['authors']}: " if content["authors"] else ""
    source = f"{who}{content['title']}; {content['where']}"
    return {each["number"]: _table(paper, source, each) for each in content["tables"]}


def _table(paper: str, source: str, content: dict[str, Any]) -> PublishedTable:
    return PublishedTable(
        paper=paper,
        number=content["number"],
        title=content["title"],
        unit=content["unit"],
        data=content["data"],
        source=source,
        columns=tuple(content["columns"]),
        rows=tuple(tuple(None if value == "" else value for value in row) for row in content["rows"]),
        notes=tuple(PublishedNote(**each) for each in content.get("notes", [])),
    )
