"""What models give against what they cost: a metric over parameters or over training time."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from workbench.core.errors import OptionError
from workbench.plots.metric_charts import METRIC_TITLES
from workbench.plots.theme import BLUE, LETTER_PX, PAGE_PX, check_columns, finished, plain

Table = Any
"""A pandas DataFrame; pandas comes without types."""
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""

COSTS = {"parameters": (1e6, "million parameters"), "training_s": (60.0, "minutes of training")}
"""Column -> what one unit of the axis is, and its title."""
CHART_HEIGHT_PX = 520
PLOT_PX = (PAGE_PX - 90, CHART_HEIGHT_PX - 150)
"""Width and height of the plot itself on a usual page."""
FEWEST_TICKS = 3
MARGIN, ALONE = 0.12, 0.3
"""What is left free at either end of an axis, as a share of its values' range; and where they are all alike."""
NAME_HEIGHT_PX, POINT_PX, GAP_PX = 17, 10, 4
PLACES = {
    "middle right": (0.5, 0.0), "middle left": (-0.5, 0.0), "top right": (0.5, 0.6), "bottom right": (0.5, -0.6),
    "top left": (-0.5, 0.6), "bottom left": (-0.5, -0.6), "top center": (0.0, 1.0), "bottom center": (0.0, -1.0),
}  # fmt: skip
"""Where a name may stand -> by what share of its width and height its centre lies off the point, first choice first."""


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
    names = [plain(name) for name in known["model"]]
    costs, worth = np.log10(known[cost].astype(float) / unit), known["estimate"]
    spans = _span(costs), _span(worth, known["low"], known["high"])
    at = np.stack([_pixels(costs, spans[0], PLOT_PX[0]), _pixels(worth, spans[1], PLOT_PX[1])], axis=1)
    points = go.Scatter(
        x=(known[cost].astype(float) / unit).to_list(),
        y=known["estimate"].to_list(),
        text=names,
        textposition=name_places(at, names),
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
    figure.update_xaxes(type="log", title=axis, nticks=8, minor={"showgrid": False}, range=spans[0])
    figure.update_xaxes(tickvals=_whole_ticks(*spans[0]))
    figure.update_yaxes(title=metric, range=spans[1])
    figure.update_layout(showlegend=False)
    return finished(figure, f"{metric} against {axis}" + (f", {title}" if title else ""), height_px=CHART_HEIGHT_PX)


def _whole_ticks(low: float, high: float) -> list[float] | None:
    """Return 1, 2, 5, 10 and so on within a range of decimal logarithms; None where they are too few to read it by.

    Plotly's own labels between the powers of ten are single digits.
    """
    powers = range(math.floor(low), math.ceil(high))
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= math.log10(tick) <= high]
    return inside if len(inside) >= FEWEST_TICKS else None


def name_places(points: Float[np.ndarray, "n 2"], names: Sequence[str]) -> list[str]:
    """Return where the name of each point stands, so that as few as can be cover each other, points or the edge.

    Parameters
    ----------
    points
        (x, y) in pixels from the lower left corner of a plot of :data:`PLOT_PX`.
    names
        Of the points.

    Returns
    -------
    list[str]
        Plotly's ``textposition`` of each.
    """
    half = POINT_PX / 2
    taken = [(x - half, y - half, x + half, y + half) for x, y in points.tolist()]
    chosen = []
    for own, ((x, y), name) in enumerate(zip(points.tolist(), names, strict=True)):
        boxes = {place: _box(x, y, LETTER_PX * len(name), shift) for place, shift in PLACES.items()}
        others = taken[:own] + taken[own + 1 :]
        faults = {
            place: sum(_overlap(box, other) for other in others) + len(names) * _beyond(box)
            for place, box in boxes.items()
        }
        best = min(faults, key=lambda place: faults[place])  # of equals the first
        chosen.append(best)
        taken.append(boxes[best])
    return chosen


def _box(x: float, y: float, width: float, shift: tuple[float, float]) -> Box:
    gap = POINT_PX / 2 + GAP_PX
    if shift[0]:
        x += shift[0] * width + math.copysign(gap, shift[0])
    else:
        y += math.copysign(gap, shift[1])
    y += shift[1] * NAME_HEIGHT_PX
    return x - width / 2, y - NAME_HEIGHT_PX / 2, x + width / 2, y + NAME_HEIGHT_PX / 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _beyond(box: Box) -> bool:
    return box[0] < 0 or box[1] < 0 or box[2] > PLOT_PX[0] or box[3] > PLOT_PX[1]


def _span(*values: Any) -> tuple[float, float]:
    """Return the range of an axis with a margin on either side."""
    low, high = min(each.min() for each in values), max(each.max() for each in values)
    margin = MARGIN * (high - low) or ALONE
    return float(low - margin), float(high + margin)


def _pixels(values: Any, span: tuple[float, float], length: int) -> Float[np.ndarray, " n"]:
    return (values.to_numpy(dtype=float) - span[0]) / (span[1] - span[0]) * length
