"""The worklist: a table that sorts and filters, and three plots that filter it by a click."""

from dataclasses import replace
from typing import Any

import ipywidgets as widgets
from itables.widget import ITable

from workbench.dashboards.chart import Chart, Span
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.explorer.worklist import ORDERS, OUTCOMES, Filters, choices, confusion_counts
from workbench.plots.selectable import case_overview

FILTERED = ("split", "body_part", "view", "label", "prediction", "flag", "verdict")
"""Columns with a choice each."""
GIVEAWAYS = ("prediction",)
"""Choices that are hidden from a blind reader."""
LISTED = ("case_id", "probability", "suspicion", "label", "outcome", "body_part", "view", "flag", "verdict")
"""Columns of the table; the others only filter."""
ROWS_A_PAGE = 15
TABLE: dict[str, Any] = {
    "select": "single",
    "showIndex": False,
    "layout": {"topStart": "search", "topEnd": None},
    "pageLength": ROWS_A_PAGE,
    "maxBytes": 0,
    "scrollX": True,
    "classes": "compact hover nowrap",
    "allow_html": False,
    "style": "width:100%",
}
"""How the table looks; given again with every update, which would otherwise fall back to its own limits of rows."""
OUTCOME_WORDS = {"TP": "true positive", "FP": "false positive", "TN": "true negative", "FN": "false negative"}
EVERY = "all"


class WorklistPanel:
    """Which cases there are, which are listed, and which one is looked at.

    Parameters
    ----------
    state
        Of the explorer.
    """

    def __init__(self, state: ExplorerState) -> None:
        self.state = state
        self.counted = widgets.HTML()
        self.table = ITable(_columns(state)[:0], **TABLE)  # _draw fills it
        self.order = widgets.Dropdown(options=[(words, name) for name, words in ORDERS.items()], description="Order")
        self.choices = {name: _choice(state, name) for name in FILTERED}
        self.probability = widgets.FloatRangeSlider(
            value=(0, 1), min=0, max=1, step=0.01, description="p(abnormal)", continuous_update=False
        )
        self.probability.style.description_width = "80px"
        self.outcomes = {outcome: self._outcome_button(outcome) for outcome in OUTCOMES}
        self.reset = widgets.Button(description="Show all", icon="undo", layout={"width": "110px"})
        self.overview = Chart(layout={"flex": "1 1 300px", "min_width": "0"})
        self._drawing = False
        self.widget = widgets.VBox([self._filters(), self.counted, self.table])
        self._connect()
        self._draw()

    def _filters(self) -> widgets.VBox:
        grid = widgets.GridBox(list(self.choices.values()), layout={"grid_template_columns": "repeat(auto-fit, 190px)"})
        matrix = widgets.GridBox(list(self.outcomes.values()), layout={"grid_template_columns": "repeat(2, 150px)"})
        said = [widgets.VBox([matrix, self.probability]), self.overview]
        self._said = widgets.HBox(said, layout={"flex_flow": "row wrap"})
        return widgets.VBox([widgets.HBox([self.order, self.reset]), grid, self._said])

    def _outcome_button(self, outcome: str) -> widgets.ToggleButton:
        button = widgets.ToggleButton(tooltip=f"list only {OUTCOME_WORDS[outcome]}s", layout={"width": "146px"})
        button.observe(self._filter, "value")
        return button

    def _connect(self) -> None:
        widgets.link((self.state, "order"), (self.order, "value"))
        for control in (*self.choices.values(), self.probability):
            control.observe(self._filter, "value")
        self.reset.on_click(lambda _button: setattr(self.state, "filters", Filters()))
        self.overview.on_select(self._pick)
        self.table.observe(self._picked, "selected_rows")
        self.state.observe(self._draw, ["filters", "order", "revision", "blind"])
        self.state.observe(self._mark, "case_id")

    def _filter(self, _change: Any) -> None:
        if self._drawing:
            return
        chosen = {name: () if each.value == EVERY else (each.value,) for name, each in self.choices.items()}
        outcomes = tuple(outcome for outcome, button in self.outcomes.items() if button.value)
        low, high = self.probability.value
        self.state.filters = replace(
            self.state.filters, **chosen, outcome=outcomes, probability=(round(low, 2), round(high, 2))
        )

    def _picked(self, change: Any) -> None:
        rows = change["new"]
        if rows and not self._drawing:
            self.state.case_id = self.state.case_ids[rows[0]]

    def _draw(self, _change: Any = None) -> None:
        state = self.state
        self._drawing = True
        try:
            self._show_filters(state.filters)
            self.table.update(_columns(state), selected_rows=[], **TABLE)
            listed, every = len(state.case_ids), len(state.frame)
            self.counted.value = f"{listed} of {every} cases" + ("" if listed else ": no case passes the filters")
            self._said.layout.display = "none" if state.blind else None
            self._draw_overview()
        finally:
            self._drawing = False
        self._mark()

    def _show_filters(self, filters: Filters) -> None:
        for name, control in self.choices.items():
            wanted = getattr(filters, name)
            control.options = (EVERY, *choices(self.state.frame, name))
            control.value = wanted[0] if wanted and wanted[0] in control.options else EVERY
            control.layout.display = "none" if self.state.blind and name in GIVEAWAYS else None
        counts = confusion_counts(replace(filters, outcome=()).apply(self.state.frame))
        for outcome, button in self.outcomes.items():
            button.description = f"{OUTCOME_WORDS[outcome]}  {counts[outcome]}"
            button.value = outcome in filters.outcome
        self.probability.value = filters.probability

    def _draw_overview(self) -> None:
        """Show what the filters let through, but for those that are set in this very chart."""
        frame = replace(self.state.filters, probability=(0.0, 1.0), case_ids=()).apply(self.state.frame)
        if self.state.blind or not len(frame) or frame["probability"].isna().all():
            self.overview.clear()
            return
        figure = case_overview(frame, positive=self.state.session.manifest.positive)
        self.overview.show(figure, label="How probable each case is called abnormal, by label", file_name="cases")

    def _pick(self, picked: list[str] | list[Span]) -> None:
        """Filter by bars, which carry their range, or by points, which carry their case."""
        spans = [each for each in picked if not isinstance(each, str)]
        if spans:
            low, high = min(span[0] for span in spans), max(span[1] for span in spans)
            self.state.filters = replace(self.state.filters, probability=(round(low, 2), round(high, 2)))
        else:
            self.state.filters = replace(self.state.filters, case_ids=tuple(map(str, picked)))

    def _mark(self, _change: Any = None) -> None:
        """Select the row of the case that is shown."""
        ids = self.state.case_ids
        wanted = [ids.index(self.state.case_id)] if self.state.case_id in ids else []
        if self.table.selected_rows != wanted:
            self.table.selected_rows = wanted


def _choice(state: ExplorerState, column: str) -> widgets.Dropdown:
    title = column.replace("_", " ")
    return widgets.Dropdown(
        options=(EVERY, *choices(state.frame, column)),
        description=title,
        layout={"width": "185px"},
        style={"description_width": "70px"},
    )


def _columns(state: ExplorerState) -> Any:
    """Return the listed rows as a reader sees them."""
    rows = state.rows[[name for name in LISTED if name in state.rows.columns]]
    empty = [name for name in rows.columns if name != "case_id" and not _says_anything(rows[name])]
    rounded = rows.drop(columns=empty).round({"probability": 3, "suspicion": 3}).reset_index(drop=True)
    return rounded.rename(columns=lambda name: name.replace("_", " "))


def _says_anything(column: Any) -> bool:
    return bool(column.notna().any()) if column.dtype.kind == "f" else bool((column != "").any())
