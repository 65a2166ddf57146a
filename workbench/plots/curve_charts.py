"""Precision over recall, and what was said over what is so: curves of probabilities, a line for each model."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.plots.theme import (
    INK,
    LETTER_PX,
    MUTED,
    PAGE_PX,
    check_columns,
    colour,
    dash,
    finished,
    finished_square,
    model_name,
    plain,
    symbol,
)

Table = Any
"""A pandas DataFrame; pandas comes without types."""

SMALLEST_PX, LARGEST_PX = 6, 16
"""Diameter of a calibration point with one case, and of that with the most."""
MOST_TOGETHER, MOST_COLUMNS = 2, 6
"""Models in one calibration chart, whose intervals would hide each other; more have a small chart each, in rows."""
HIGHEST_PX, GAP_PX, AROUND_PX = 300, 54, 120
"""Height of a row of small charts at most, of the gap for the names between two rows, and of what is around all."""
SAID, SO = "probability of abnormal, mean of the bin", "share of abnormal cases"


def precision_recall_chart(
    curves: Table,
    *,
    points: Table | None = None,
    prevalence: float | None = None,
    learned: Mapping[str, bool] | None = None,
    title: str = "Precision and recall",
) -> go.Figure:
    """Draw precision over recall in steps, the line of guessing, and the operating points.

    Parameters
    ----------
    curves
        Columns ``model, recall, precision``, in the order of rising recall; the area under the steps is the average
        precision.
    points
        Columns ``model, recall, precision``: one point a model, where the verdicts are taken.
    prevalence
        The share of abnormal cases, which is the precision of guessing; None draws no line.
    learned
        Models that did not learn (False) are called so.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        A square plot.

    Raises
    ------
    OptionError
        A column is missing.
    """
    check_columns(curves, ["model", "recall", "precision"], "precision-recall curves")
    figure = go.Figure()
    if prevalence is not None:
        guess = {"x": [0, 1], "y": [prevalence, prevalence], "name": "guessing", "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(mode="lines", line={"color": MUTED, "width": 1, "dash": "dot"}, **guess))
    for place, (model, curve) in enumerate(curves.groupby("model", sort=False)):
        recall, precision = curve["recall"].to_list(), curve["precision"].to_list()
        line = {"color": colour(place), "width": 2.2, "dash": dash(place), "shape": "vh"}
        told: dict[str, Any] = {"name": model_name(model, learned), "legendgroup": str(place)}
        # each precision holds from the recall before: the first from 0
        figure.add_trace(go.Scatter(x=[0, *recall], y=[precision[0], *precision], mode="lines", line=line, **told))
        if points is not None:
            check_columns(points, ["model", "recall", "precision"], "operating points")
            at = points[points["model"] == model]
            told |= {"name": f"{told['name']}: verdict", "showlegend": False}
            figure.add_trace(
                go.Scatter(x=at["recall"], y=at["precision"], mode="markers", marker=_marker(place, 11), **told)
            )
    return finished_square(figure, title, x="recall (true positive rate)", y="precision (positive predictive value)")


def calibration_chart(
    points: Table, *, learned: Mapping[str, bool] | None = None, title: str = "Calibration"
) -> go.Figure:
    """Draw the share of abnormal cases over the probability that was said; of many models one small chart for each.

    Parameters
    ----------
    points
        Columns ``model, probability, share, low, high, cases``: one row for each model and bin that holds a case.
    learned
        Models that did not learn (False) are called so.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        A square plot, or rows of small ones; a point on the dotted line means what it says, and the larger it is, the
        more cases it holds.

    Raises
    ------
    OptionError
        A column is missing.
    """
    check_columns(points, ["model", "probability", "share", "low", "high", "cases"], "calibration points")
    most = float(points["cases"].max())
    models = dict(list(points.groupby("model", sort=False)))
    if len(models) > MOST_TOGETHER:
        return _calibration_of_many(models, most, learned, title)
    figure = go.Figure(_as_said())
    for place, (model, rows) in enumerate(models.items()):
        line = {"color": colour(place), "width": 1.6, "dash": dash(place)}
        told = {"line": line, "name": model_name(model, learned)}
        figure.add_trace(_calibration(rows, most, place).update(told))
    return finished_square(figure, title, x=SAID, y=SO)


def _calibration_of_many(
    models: Mapping[str, Table], most: float, learned: Mapping[str, bool] | None, title: str
) -> go.Figure:
    """Draw a small chart for each model, all on the same axes."""
    count = -(-len(models) // MOST_COLUMNS)
    columns = -(-len(models) // count)  # seven stand as four and three
    places = [(1 + place // columns, 1 + place % columns) for place in range(len(models))]
    names = [_small_title(model, learned, PAGE_PX // columns) for model in models]
    height = count * min(HIGHEST_PX, PAGE_PX // columns) + AROUND_PX
    gaps = {"horizontal_spacing": 0.02, "vertical_spacing": GAP_PX / (height - AROUND_PX)}
    shared = {"shared_xaxes": "all", "shared_yaxes": "all", "x_title": SAID, "y_title": SO}
    figure = make_subplots(rows=count, cols=columns, subplot_titles=names, **shared, **gaps)
    for (row, column), (model, rows) in zip(places, models.items(), strict=True):
        figure.add_trace(_as_said(), row=row, col=column)
        curve = _calibration(rows, most, 0, largest=SMALLEST_PX + 4)
        figure.add_trace(curve.update(name=plain(model), line={"color": colour(0), "width": 1.4}), row=row, col=column)
    figure.update_annotations(font_size=13)
    ticks = {"range": [-0.04, 1.04], "tickvals": [0, 0.5, 1], "tickfont": {"size": 11}}
    figure.update_xaxes(ticks)
    figure.update_yaxes(ticks)
    figure.update_layout(showlegend=False)
    return finished(figure, title, height_px=height)


def _small_title(model: str, learned: Mapping[str, bool] | None, width_px: int) -> str:
    """Return a model's name in lines that fit over its chart."""
    lines = textwrap.wrap(model, width_px // LETTER_PX)
    marked = model_name(model, learned, between="<br>")
    return marked.replace(plain(model), "<br>".join(map(plain, lines)), 1)


def _as_said() -> go.Scatter:
    line = {"color": MUTED, "width": 1, "dash": "dot"}
    return go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name="as said", hoverinfo="skip")


def _calibration(rows: Table, most: float, place: int, *, largest: int = LARGEST_PX) -> go.Scatter:
    sizes = SMALLEST_PX + (largest - SMALLEST_PX) * np.sqrt(rows["cases"].to_numpy(dtype=float) / most)
    return go.Scatter(
        x=rows["probability"].to_list(),
        y=rows["share"].to_list(),
        error_y=_whiskers(rows, colour(place)),
        customdata=rows[["low", "high", "cases"]].to_numpy(dtype=float),
        mode="lines+markers",
        cliponaxis=False,
        marker=_marker(place, sizes.tolist()),
        hovertemplate="said %{x:.2f}: %{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f}) "
        "of %{customdata[2]:.0f} are abnormal<extra>%{fullData.name}</extra>",
    )


def _whiskers(rows: Table, tint: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows["high"] - rows["share"]).to_list(),
        "arrayminus": (rows["share"] - rows["low"]).to_list(),
        "thickness": 1.2,
        "width": 3,
        "color": tint,
    }


def _marker(place: int, size: int | list[float]) -> dict[str, Any]:
    return {"color": colour(place), "size": size, "symbol": symbol(place), "line": {"color": INK, "width": 1}}
