"""Precision over recall, and what was said over what is so: curves of probabilities, a line for each model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from workbench.plots.theme import INK, MUTED, check_columns, colour, dash, finished_square, model_name, symbol

Table = Any
"""A pandas DataFrame; pandas comes without types."""

SMALLEST_PX, LARGEST_PX = 6, 16
"""Diameter of a calibration point with one case, and of that with the most."""
MOST_WITH_WHISKERS = 4
"""Models; the intervals of more would hide each other."""


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
    """Draw the share of abnormal cases over the probability that was said; intervals are drawn for few models.

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
        A square plot; a point on the dotted line means what it says, and the larger it is, the more cases it holds.

    Raises
    ------
    OptionError
        A column is missing.
    """
    check_columns(points, ["model", "probability", "share", "low", "high", "cases"], "calibration points")
    figure, few = go.Figure(), points["model"].nunique() <= MOST_WITH_WHISKERS
    line = {"color": MUTED, "width": 1, "dash": "dot"}
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name="as said", hoverinfo="skip"))
    most = float(points["cases"].max())
    for place, (model, rows) in enumerate(points.groupby("model", sort=False)):
        sizes = SMALLEST_PX + (LARGEST_PX - SMALLEST_PX) * np.sqrt(rows["cases"].to_numpy(dtype=float) / most)
        figure.add_trace(
            go.Scatter(
                x=rows["probability"].to_list(),
                y=rows["share"].to_list(),
                error_y=_whiskers(rows, colour(place)) if few else None,
                customdata=rows[["low", "high", "cases"]].to_numpy(dtype=float),
                mode="lines+markers",
                cliponaxis=False,
                line={"color": colour(place), "width": 1.6, "dash": dash(place)},
                marker=_marker(place, sizes.tolist()),
                name=model_name(model, learned),
                hovertemplate="said %{x:.2f}: %{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f}) "
                "of %{customdata[2]:.0f} are abnormal<extra>%{fullData.name}</extra>",
            )
        )
    return finished_square(figure, title, x="probability of abnormal, mean of the bin", y="share of abnormal cases")


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
