"""How much attribution lies on the flags, model by model, and how much of it moved out of them."""

from html import escape
from typing import Any

import ipywidgets as widgets
import pandas as pd

from workbench.audit.moved_attribution import MovedAttribution, films_with, moved_attribution
from workbench.audit.scorecard import percent
from workbench.core.progress import Progress
from workbench.dashboards.background import Background
from workbench.dashboards.chart import Chart
from workbench.dashboards.comparison.parts import quiet_html, saying, table_html, warning_html
from workbench.dashboards.comparison.state import ComparisonState
from workbench.evaluation.intervals import Interval
from workbench.plots.share_charts import share_chart
from workbench.plots.theme import method_title

FIRST = "flag"
MOST_FILMS, FEW_FILMS = 2000, 100
EXPLAINED = (
    "Among the listed films (tab Cases, with its filters) with such a thing annotated, at most as many as chosen are "
    "drawn at random, the same for all models. The share is that of the map's positive values, by the method and for "
    "the class chosen there. The change is paired, film by film, and its interval resamples patients."
)


class MovedPanel:
    """Measures the share of each model's maps on a thing, on demand and in the background.

    Parameters
    ----------
    state
        Of the comparison.
    """

    def __init__(self, state: ComparisonState) -> None:
        self.state = state
        self.found: MovedAttribution | None = None
        self.work = Background()
        categories = sorted({each.category for case in state.compared.films for each in case.annotations})
        categories.sort(key=lambda name: name != FIRST)
        narrow = {"width": "220px"}
        self.category = widgets.Dropdown(options=categories, description="Share on", layout=narrow)
        self.count = widgets.BoundedIntText(
            value=FEW_FILMS, min=1, max=MOST_FILMS, description="Most films", layout={"width": "180px"}
        )
        self.measure = widgets.Button(description="Measure", icon="play", button_style="primary")
        self.measure.on_click(lambda _button: self.start())
        self.said, self.table = widgets.HTML(), widgets.HTML()
        self.chart = Chart()
        controls = widgets.HBox([self.category, self.count, self.measure], layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox(
            [widgets.HTML(quiet_html(EXPLAINED)), controls, self.work.widget, self.said, self.chart, self.table]
        )
        if not categories:
            self.measure.disabled = True
            self.said.value = warning_html("Nothing is annotated on these films, so that no share can be measured.")
        state.observe(self._forget, ["split", "method", "target"])

    def charts(self) -> dict[str, Any]:
        """Return the figure that is shown."""
        return {} if self.chart.figure is None else {"attribution": self.chart.figure}

    def start(self) -> None:
        """Measure in the background."""
        state, category, count = self.state, self.category.value, self.count.value
        with saying(self.said):
            films = state.compared.films.select(state.rows["case_id"])
            cases = films_with(films, category, count=count).cases
            sessions = {name: model.session for name, model in state.compared.models.items()}
            method, target = state.method, state.target

            def explain(name: str) -> Any:
                return lambda case_id: sessions[name].explanation(case_id, method, target=target)

            usable = {name: explain(name) for name, each in sessions.items() if not each.methods().get(method)}
            lost = [name for name in sessions if name not in usable]

            def work(progress: Progress) -> MovedAttribution:
                return moved_attribution(
                    usable, cases, category=category, resampling=state.resampling, progress=progress
                )

            self.work.start(work, lambda found: self._show(found, method=method, lost=lost), words="explaining films")

    def _show(self, found: MovedAttribution, *, method: str, lost: list[str]) -> None:
        self.found = found
        shares = pd.DataFrame([{"model": name, **_numbers(each)} for name, each in found.shares.items()])
        pairs = [{"pair": f"{b}\n− {a}", **_numbers(each)} for (a, b), each in found.changes.items()]
        columns = ["pair", "estimate", "low", "high"]
        title = f"{method_title(method)} on the {found.category}: {len(found.table)} films, {_patients(found)} patients"
        figure = share_chart(
            shares, pd.DataFrame(pairs, columns=columns), area=found.area, category=found.category, title=title
        )
        self.chart.show(figure, label=title, file_name="attribution-moved")
        self.table.value = table_html(moved_table(found))
        told = [f"{name} gives no such map and is left out." for name in lost]
        if found.skipped:
            told.append(f"{len(found.skipped)} films are left out; first: {found.skipped[0]}")
        self.said.value = warning_html(" ".join(told))

    def _forget(self, _change: Any) -> None:
        """Say that what is shown was measured for other films or maps."""
        if self.work.running:
            self.work.stop()
        if self.found is not None:
            self.found = None
            self.chart.clear()
            self.table.value = ""
            self.said.value = escape("Films, method or class have changed; measure again.")


def moved_table(found: MovedAttribution) -> pd.DataFrame:
    """Return the mean shares and the paired changes as texts."""
    rows = {f"share, {name}": (percent(each), "") for name, each in found.shares.items()}
    for (a, b), change in found.changes.items():
        factor = _ratio(found.shares[b], found.shares[a])
        rows[f"change, {b} − {a}"] = (percent(change).replace(" %", " points"), factor)
    rows["area, what a map that points nowhere has"] = (f"{100 * found.area:.1f} %", "")
    columns = [f"on the {found.category}, mean of {len(found.table)} films", ""]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _ratio(after: Interval, before: Interval) -> str:
    if not before.estimate or after.estimate is None:
        return ""
    return f"{after.estimate / before.estimate:.2f} times as much"


def _numbers(interval: Interval) -> dict[str, float]:
    values = {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
    return {name: float("nan") if value is None else value for name, value in values.items()}


def _patients(found: MovedAttribution) -> int:
    return len({row["patient_id"] for row in found.table})
