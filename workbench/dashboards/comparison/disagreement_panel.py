"""The list of films on which the models are furthest apart: filters, a plot of both, a click opens the case."""

from typing import Any

import ipywidgets as widgets
import pandas as pd
from itables.widget import ITable

from workbench.dashboards.chart import Chart
from workbench.dashboards.comparison.disagreement_list import COLUMNS, DisagreementFilters, probability_column
from workbench.dashboards.comparison.state import ComparisonState
from workbench.plots.selectable import probability_pairs

ROWS_A_PAGE = 12
EVERY = "all"
CHOICES = {"body_part": "Body part", "label": "Label", "right": "Right"}
LONGEST_NAME = 12
"""Letters of a model's name over its column."""


class DisagreementPanel:
    """Which films are listed, and which one is looked at.

    Parameters
    ----------
    state
        Of the comparison.
    """

    def __init__(self, state: ComparisonState) -> None:
        self.state = state
        self.disputed = widgets.Checkbox(
            description="disputed only", indent=False, tooltip="some call it abnormal, others normal"
        )
        self.choices = {name: _choice(title) for name, title in CHOICES.items()}
        self.counted = widgets.HTML()
        self.pairs = Chart()
        self.table = ITable(
            _shown(state),
            select="single",
            showIndex=False,
            layout={"topStart": "search", "topEnd": None},
            order=[],
            pageLength=ROWS_A_PAGE,
            lengthMenu=[ROWS_A_PAGE, 25, 50, 100],
            maxBytes=0,
            scrollX=True,
            classes="compact hover nowrap",
            allow_html=False,
            style="width:100%",
        )
        self._drawing = False
        controls = widgets.HBox([self.disputed, *self.choices.values()], layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox([controls, self.counted, self.table, self.pairs], layout={"min_width": "0"})
        for control in (self.disputed, *self.choices.values()):
            control.observe(self._filter, "value")
        self.table.observe(self._picked, "selected_rows")
        self.pairs.on_pick(self._open)
        state.observe(self._draw, "listed")
        state.observe(self._mark, "case_id")
        self._draw()

    def _filter(self, _change: Any) -> None:
        if not self._drawing:
            chosen = {name: "" if each.value == EVERY else each.value for name, each in self.choices.items()}
            self.state.filters = DisagreementFilters(disputed=self.disputed.value, **chosen)

    def _picked(self, change: Any) -> None:
        rows = change["new"]
        if rows and not self._drawing:
            self.state.case_id = self.state.rows["case_id"].iloc[rows[0]]

    def _open(self, case_id: str) -> None:
        if case_id in set(self.state.rows["case_id"]):
            self.state.case_id = case_id

    def _draw(self, _change: Any = None) -> None:
        state = self.state
        self._drawing = True
        try:
            self._show_filters()
            self.table.update(_shown(state), selected_rows=[])
            listed, every = len(state.rows), len(state.frame)
            disputed = int(state.rows["disputed"].sum()) if listed else 0
            none = ": no case passes the filters" if every and not listed else ""
            self.counted.value = f"{listed} of {every} films, {disputed} of them disputed{none}"
            self._draw_pairs()
        finally:
            self._drawing = False
        self._mark()

    def _show_filters(self) -> None:
        filters, frame = self.state.filters, self.state.frame
        self.disputed.value = filters.disputed
        for name, control in self.choices.items():
            wanted = getattr(filters, name)  # stays a choice where other films have no such value
            present = {value for value in frame[name].unique() if value}
            control.options = (EVERY, *sorted(present | ({wanted} if wanted else set())))
            control.value = wanted or EVERY

    def _draw_pairs(self) -> None:
        """Show two models' probabilities against each other; of more models the list says enough."""
        state = self.state
        names = [name for name in state.names if probability_column(name) in state.rows.columns]
        if len(names) != 2 or not len(state.rows):
            self.pairs.clear()
            return
        columns = {probability_column(names[0]): "x", probability_column(names[1]): "y"}
        points = state.rows[["case_id", "label", *columns]].rename(columns=columns)
        figure = probability_pairs(points, names=(names[0], names[1]), positive=state.compared.films.positive)
        self.pairs.show(figure, label="probabilities of both models, a point a film", file_name="probability-pairs")

    def _mark(self, _change: Any = None) -> None:
        """Select the row of the case that is shown."""
        ids = list(self.state.rows["case_id"])
        wanted = [ids.index(self.state.case_id)] if self.state.case_id in ids else []
        if self.table.selected_rows != wanted:
            self.table.selected_rows = wanted


def short(name: str) -> str:
    """Return a model's name short enough for a column."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _choice(title: str) -> widgets.Dropdown:
    return widgets.Dropdown(
        options=(EVERY,), description=title, layout={"width": "200px"}, style={"description_width": "65px"}
    )


def _shown(state: ComparisonState) -> pd.DataFrame:
    """Return the listed rows as a reader sees them."""
    titles = {"case_id": "case", "body_part": "body part"}
    titles |= {probability_column(name): f"p {short(name)}" for name in state.names}
    rows = state.rows.round({name: 3 for name in state.rows.columns if state.rows[name].dtype.kind == "f"})
    disputed = ["yes" if value else "" for value in rows["disputed"]]
    rows = rows.assign(disputed=disputed, right=[short(who) for who in rows["right"]])
    said = [name for name in rows.columns if name not in COLUMNS]
    rows = rows[["case_id", *said, "right", "label", "body_part", "disputed", "apart"]]
    shown = rows.rename(columns=titles)
    shown.columns = _distinct(list(shown.columns))
    return shown.reset_index(drop=True)


def _distinct(names: list[str]) -> list[str]:
    """Return names with a number after each that is there already, as two long names cut short may be."""
    return [name if name not in names[:place] else f"{name} {place}" for place, name in enumerate(names)]
