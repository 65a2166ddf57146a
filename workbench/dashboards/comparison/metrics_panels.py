"""The tabs of numbers: metrics with intervals and by body part, curves, and tests of pairs."""

from typing import Any

import ipywidgets as widgets

from workbench.dashboards.chart import Chart
from workbench.dashboards.comparison.numbers import ComparisonNumbers
from workbench.dashboards.comparison.parts import fill_page, heading, quiet_html, row, saying, table_html, warning_html
from workbench.dashboards.comparison.state import ComparisonState
from workbench.evaluation.metrics import LOWER_IS_BETTER, METRICS
from workbench.evaluation.units import UNITS
from workbench.plots.charts import roc_chart
from workbench.plots.curve_charts import calibration_chart, precision_recall_chart
from workbench.plots.heat_charts import agreement_chart, metric_heat_table
from workbench.plots.metric_charts import METRIC_TITLES, model_comparison_chart
from workbench.reports.model_tables import (
    calibration_frame,
    pair_table,
    precision_recall_frame,
    precision_recall_verdicts,
)
from workbench.reports.tables import operating_points, roc_frame

SHOWN = ("accuracy", "cohen-kappa", "auroc", "average-precision")
"""Metrics with a panel of dots each; the table has all."""
UNIT_WORDS = {
    "image": "films",
    "study-majority": "studies, by majority of films",
    "study-mean": "studies, by mean probability",
    "patient": "patients",
}
COMPUTING = "computing …"
TITLE_PX = 680
TESTS_SAY = (
    "The first model minus the second on the same cases; patients are resampled jointly, and an interval without 0 is "
    "a difference. DeLong's test compares the AUROCs and keeps the films of a patient together (Obuchowski's "
    "extension); McNemar's compares the calls. P-values are corrected for the number of pairs (Holm)."
)


class MetricsPanel:
    """Every metric with its interval, for a unit of choice, and one metric by body part.

    Parameters
    ----------
    state
        Of the comparison.
    """

    def __init__(self, state: ComparisonState) -> None:
        self.state = state
        wide = {"description_width": "90px"}
        units = [(UNIT_WORDS[unit], unit) for unit in UNITS]
        self.unit = widgets.Dropdown(options=units, description="Count", layout={"width": "340px"}, style=wide)
        metrics = [(METRIC_TITLES.get(name, name), name) for name in METRICS]
        self.part_metric = widgets.Dropdown(
            options=metrics, value="cohen-kappa", description="By body part", layout={"width": "340px"}, style=wide
        )
        self.said, self.table, self.parts_said = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.dots, self.parts = Chart(), Chart()
        widgets.link((state, "unit"), (self.unit, "value"))
        self.part_metric.observe(self._draw_parts, "value")
        state.observe(self._draw, "numbers")
        part_row = widgets.VBox([self.part_metric, self.parts_said, self.parts])
        self.widget = widgets.VBox([self.unit, self.said, self.dots, self.table, heading("By body part"), part_row])
        self._draw()

    def charts(self) -> dict[str, Any]:
        """Return the figures that are shown, by name."""
        return _figures({"metrics": self.dots, "body-parts": self.parts})

    def _draw(self, _change: Any = None) -> None:
        numbers, unit = self.state.numbers, self.state.unit
        if numbers is None or not numbers.evaluations:
            self.said.value = COMPUTING if numbers is None else ""
            self.table.value = ""
            self.dots.clear()
            self.parts.clear()
            return
        films = f"{len(numbers.films)} films; intervals resample patients."
        note = next(iter(numbers.evaluations.values())).note
        self.said.value = quiet_html(films) + warning_html(note)
        self.table.value = table_html(numbers.table(unit).rename(columns=numbers.marked))
        title = f"Metrics, {_where(self.state)}"
        figure = model_comparison_chart(numbers.overall(unit), metrics=SHOWN, learned=numbers.learned, title=title)
        self.dots.show(figure, label=f"{title}; the table below holds the numbers", file_name="metrics")
        self._draw_parts()

    def _draw_parts(self, _change: Any = None) -> None:
        numbers, metric = self.state.numbers, self.part_metric.value
        if numbers is None or not numbers.evaluations:
            return
        with saying(self.parts_said):
            figure = metric_heat_table(
                numbers.scores(self.state.unit),
                metric=metric,
                lower_is_better=metric in LOWER_IS_BETTER,
                learned=numbers.learned,
                title=_where(self.state),
            )
            self.parts.show(figure, label=f"{metric} by model and body part", file_name=f"body-parts-{metric}")


class CurvesPanel:
    """ROC, precision over recall, and calibration, a line for each model.

    Parameters
    ----------
    state
        Of the comparison.
    """

    def __init__(self, state: ComparisonState) -> None:
        self.state = state
        self.said = widgets.HTML()
        self.roc, self.precision, self.calibration = Chart(), Chart(), Chart()
        charts = row(self.roc, self.precision, self.calibration, least_px=420)
        self.widget = widgets.VBox([self.said, charts])
        state.observe(self._draw, "numbers")
        self._draw()

    def charts(self) -> dict[str, Any]:
        """Return the figures that are shown, by name."""
        return _figures({"roc": self.roc, "precision-recall": self.precision, "calibration": self.calibration})

    def _draw(self, _change: Any = None) -> None:
        numbers = self.state.numbers
        for chart in (self.roc, self.precision, self.calibration):
            chart.clear()
        if numbers is None or not numbers.said:
            self.said.value = COMPUTING if numbers is None else ""
            return
        with saying(self.said):
            self._draw_curves(numbers)
            text = "By film; the mark on a curve is where the verdicts are taken, strictly above 0.5."
            self.said.value = quiet_html(text)

    def _draw_curves(self, numbers: ComparisonNumbers) -> None:
        said, films, learned = numbers.said, numbers.films, numbers.learned
        roc = roc_chart(roc_frame(said), points=operating_points(said), learned=learned, title="ROC")
        self.roc.show(fill_page(roc), label="ROC curves", file_name="roc")
        verdicts = precision_recall_verdicts(said, films)
        truth = next(iter(said.values())).truth
        prevalence = float((truth[truth >= 0] == 1).mean())
        precision = precision_recall_chart(
            precision_recall_frame(said, films), points=verdicts, prevalence=prevalence, learned=learned
        )
        self.precision.show(fill_page(precision), label="precision over recall", file_name="precision-recall")
        points = calibration_frame(said, films, resampling=self.state.resampling)
        calibration = calibration_chart(points, learned=learned)
        self.calibration.show(fill_page(calibration), label="calibration curves", file_name="calibration")


class TestsPanel:
    """Pairs of models: the difference, tests of calls and of AUROCs, and how far they agree.

    Parameters
    ----------
    state
        Of the comparison.
    """

    __test__ = False
    """Tells pytest, which takes every class called so for its own."""

    def __init__(self, state: ComparisonState) -> None:
        self.state = state
        self.note, self.table = widgets.HTML(), widgets.HTML()
        self.agreement = Chart()
        self.widget = widgets.VBox([self.note, self.table, widgets.HTML(quiet_html(TESTS_SAY)), self.agreement])
        state.observe(self._draw, "numbers")
        self._draw()

    def charts(self) -> dict[str, Any]:
        """Return the figures that are shown, by name."""
        return _figures({"agreement": self.agreement})

    def _draw(self, _change: Any = None) -> None:
        numbers = self.state.numbers
        comparison = None if numbers is None else numbers.comparison
        if comparison is None:
            self.note.value, self.table.value = (COMPUTING if numbers is None else ""), ""
            self.agreement.clear()
            return
        counted = f"{comparison.cases} {UNIT_WORDS[comparison.unit]}, {comparison.patients} patients."
        self.note.value = quiet_html(counted) + warning_html(comparison.note)
        self.table.value = table_html(pair_table(comparison), index=False)
        self.agreement.clear()
        if len(comparison.compared) > 1:
            title = f"Cohen's kappa of the calls, {_where(self.state)}"
            figure = agreement_chart(comparison.agreement_frame(), title=title)
            if figure.layout.width:  # of few models: not narrower than its title
                figure.update_layout(width=max(figure.layout.width, TITLE_PX))
            self.agreement.show(figure, label=title, file_name="agreement")


def _where(state: ComparisonState) -> str:
    """Return in words which films are counted and as what."""
    return f"{state.split or 'all films'}, {UNIT_WORDS[state.unit]}"


def _figures(charts: dict[str, Chart]) -> dict[str, Any]:
    return {name: chart.figure for name, chart in charts.items() if chart.figure is not None}
