"""What models give against what they cost: a metric over parameters or over training time."""

from typing import Any

import plotly.graph_objects as go

from workbench.core.errors import OptionError
from workbench.plots.metric_charts import METRIC_TITLES
from workbench.plots.theme import BLUE, check_columns, finished, plain

Table = Any
"""A pandas DataFrame; pandas comes without types."""

COSTS = {"parameters": (1e6, "million parameters"), "training_s": (60.0, "minutes of training")}
"""Column -> what one unit of the axis is, and its title."""
CHART_HEIGHT_PX = 460


def cost_chart(models: Table, *, cost: str = "parameters", title: str = "") -> go.Figure:
    """Draw a metric with its interval over a cost on a logarithmic axis, a named point for each model.

    Parameters
    ----------
    models
        Columns ``model, parameters, training_s, metric, estimate, low, high, learned``; models without the metric or
        the cost are left out.
    cost
        ``parameters`` or ``training_s``.
    title
        What comes after the metric's name over the chart, such as the films.

    Returns
    -------
    go.Figure
        Hollow points did not learn.

    Raises
    ------
    OptionError
        A column is missing, no such cost, or no model has both numbers.
    """
    check_columns(models, ["model", cost, "metric", "estimate", "low", "high", "learned"], "models")
    if cost not in COSTS:
        raise OptionError(f"cost: {cost!r} is not one of {', '.join(COSTS)}")
    known = models[models["estimate"].notna() & models[cost].notna()]
    if not len(known):
        raise OptionError(f"no model has both its {models['metric'].iloc[0] if len(models) else 'metric'} and {cost}")
    unit, axis = COSTS[cost]
    metric = METRIC_TITLES.get(known["metric"].iloc[0], known["metric"].iloc[0])
    reach = {"array": (known["high"] - known["estimate"]), "arrayminus": (known["estimate"] - known["low"])}
    points = go.Scatter(
        x=(known[cost].astype(float) / unit).to_list(),
        y=known["estimate"].to_list(),
        text=[plain(name) for name in known["model"]],
        textposition="top center",
        mode="markers+text",
        error_y={"type": "data", "symmetric": False, "thickness": 1.2, "width": 3, "color": BLUE}
        | {name: values.fillna(0).to_list() for name, values in reach.items()},
        marker={
            "color": BLUE,
            "size": 9,
            "symbol": ["circle" if learned else "circle-open" for learned in known["learned"]],
            "line": {"width": 2, "color": BLUE},
        },
        hovertemplate="%{text}: %{y:.3f} at %{x:.3g} " + axis + "<extra></extra>",
    )
    figure = go.Figure(points)
    figure.update_xaxes(type="log", title=axis, nticks=8, minor={"showgrid": False})
    figure.update_yaxes(title=metric)
    figure.update_layout(showlegend=False)
    return finished(figure, f"{metric} against {axis}" + (f", {title}" if title else ""), height_px=CHART_HEIGHT_PX)
