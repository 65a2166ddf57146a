"""The model comparison: numbers, curves, tests, cases, attribution and cost of several models on the same films."""

from functools import reduce
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from workbench.core.manifest import Manifest
from workbench.dashboards.comparison.beside_panel import BesidePanel
from workbench.dashboards.comparison.compared import Models, load_models
from workbench.dashboards.comparison.cost_panel import CostPanel
from workbench.dashboards.comparison.disagreement_panel import DisagreementPanel
from workbench.dashboards.comparison.export_panel import ExportPanel
from workbench.dashboards.comparison.metrics_panels import CurvesPanel, MetricsPanel, TestsPanel
from workbench.dashboards.comparison.moved_panel import MovedPanel
from workbench.dashboards.comparison.parts import warning_html
from workbench.dashboards.comparison.state import ComparisonState
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Resampling
from workbench.plots.theme import colour

STYLE = Path(__file__).with_name("comparison.css")
TABS = ("Metrics", "Curves", "Tests", "Cases", "Attribution", "Cost", "Export")


class ModelComparison:
    """A dashboard for models on the same films.

    It displays itself at the end of a notebook's cell.

    Parameters
    ----------
    state
        What is shown; change it, and the dashboard follows.
    """

    def __init__(self, state: ComparisonState) -> None:
        self.state = state
        self.metrics, self.curves, self.tests = MetricsPanel(state), CurvesPanel(state), TestsPanel(state)
        self.list, self.beside = DisagreementPanel(state), BesidePanel(state)
        self.moved, self.cost = MovedPanel(state), CostPanel(state)
        self.export = ExportPanel(state, charts=self._charts, pictures=self.beside.pictures, tables=self._tables)
        self.models, self.message = widgets.HTML(), widgets.HTML()
        self.split = widgets.Dropdown(
            options=[*((name, name) for name in state.compared.splits), ("all films", "")], description="Films"
        )
        widgets.link((state, "split"), (self.split, "value"))
        self.classify = widgets.Button(icon="play", button_style="primary", layout={"width": "auto"})
        self.classify.on_click(lambda _button: state.classify())
        self.tabs = widgets.Tab(children=self._tabs(), titles=TABS)
        head = widgets.HBox([self.split, self.classify, state.work.widget], layout={"align_items": "center"})
        style = widgets.HTML(f"<style>{STYLE.read_text(encoding='utf-8')}</style>", layout={"display": "none"})
        self.widget = widgets.VBox([style, self.models, head, self.message, self.tabs])
        self.widget.add_class("workbench-comparison")
        state.observe(self._say, ["numbers", "message"])
        self._say()

    def _tabs(self) -> list[widgets.Widget]:
        columns = {"grid_template_columns": "minmax(380px, 1fr) minmax(0, 2fr)", "grid_gap": "20px"}
        cases = widgets.GridBox([self.list.widget, self.beside.widget], layout=columns)
        panels = (self.moved, self.cost, self.export)
        return [
            self.metrics.widget,
            self.curves.widget,
            self.tests.widget,
            cases,
            *(each.widget for each in panels),
        ]

    def _charts(self) -> dict[str, Any]:
        return reduce(dict.__or__, (each.charts() for each in (self.metrics, self.curves, self.tests, self.moved)))

    def _tables(self) -> dict[str, Any]:
        """Return the tables of the export."""
        numbers, tables = self.state.numbers, {"cost": self.cost.frame()}
        if numbers is not None and numbers.evaluations:
            tables["metrics"] = numbers.scores(self.state.unit)
        if numbers is not None and numbers.comparison is not None:
            tables["pairs"] = numbers.comparison.to_frame()
        if self.moved.found is not None:
            tables["attribution"] = self.moved.found.to_frame()
        return tables

    def _say(self, _change: Any = None) -> None:
        """Show the models, what is missing of them, and what went wrong."""
        state = self.state
        numbers, compared = state.numbers, state.compared
        self.models.value = f'<div class="workbench-models">{"".join(map(self._chip, range(len(state.names))))}</div>'
        told = [f"{each.what} is left out: {each.reason}" for each in compared.refused]
        told += [numbers.reason] if numbers is not None and numbers.reason else []
        told += [state.message] if state.message else []
        self.message.value = "".join(map(warning_html, told))
        waiting = sum(map(len, compared.waiting(state.split).values()))
        self.classify.description = f"Classify {waiting} films"
        self.classify.layout.display = None if waiting else "none"

    def _chip(self, place: int) -> str:
        name = self.state.names[place]
        model, numbers = self.state.compared.models[name], self.state.numbers
        said = self.state.compared.said(self.state.split)
        count = len(said[name]) if name in said else 0
        learned = True if numbers is None else numbers.learned.get(name, True)
        verdict = "" if learned else " · <b>did not learn</b>"
        about = f"{escape(model.session.classifier.architecture)} · {count} films classified{verdict}"
        origin = f"<small>{escape(model.run)}</small>" if model.run else ""
        told = f"<b>{escape(name)}</b><small>{about}</small>{origin}"
        return f'<div class="workbench-model" style="--tint:{colour(place)}">{told}</div>'

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget._repr_mimebundle_(**kwargs)


def compare(
    models: Models,
    manifest: Manifest | None = None,
    *,
    root: str | Path | None = None,
    split: str = "",
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> ModelComparison:
    """Open the model comparison on two or more models.

    Parameters
    ----------
    models
        A list, or a mapping from names: training or evaluation runs (themselves, ids, unique beginnings, folders,
        ``latest:evaluate``), or what ``wb.wrap`` and ``wb.load_model`` returned. Evaluations bring their predictions;
        other models classify the films on demand, in the background.
    manifest
        The films; without it those of the first run, and of other runs on a manifest of the same name.
    root
        Folder of the films.
    split
        Only these films; a comma joins several.
    resampling
        Of patients, for every interval.

    Returns
    -------
    ModelComparison
        Displays itself. A model that cannot be used is named in it, and the rest stays.

    Raises
    ------
    OptionError
        Fewer than two models are given, or networks without a manifest.
    ModelError, RunError, ReaderError, ManifestError
        None of them can be used.
    """
    compared = load_models(models, manifest, root=root, split=split)
    return ModelComparison(ComparisonState(compared, resampling=resampling))
