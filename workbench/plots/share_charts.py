"""Where several models' attribution lies: the share on one thing by model, and how much it moved between them."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.plots.theme import BLUE, INK, MUTED, check_columns, colour, finished, plain

Table = Any
"""A pandas DataFrame; pandas comes without types."""
ROW_PX, FRAME_PX = 46, 150


def share_chart(
    shares: Table, changes: Table, *, area: float, category: str = "flag", title: str = "Attribution on the flag"
) -> go.Figure:
    """Draw the mean share of each model's maps on a thing, and beside it the paired changes.

    Parameters
    ----------
    shares
        Columns ``model, estimate, low, high``.
    changes
        Columns ``pair, estimate, low, high``; may have no rows.
    area
        Mean share of the film that the thing covers, drawn as a line: what a map that points nowhere has.
    category
        What the thing is.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        Dots with whiskers, in per cent and percentage points; one panel where there is no pair.

    Raises
    ------
    OptionError
        A column is missing, or there is no model.
    """
    check_columns(shares, ["model", "estimate", "low", "high"], "shares")
    has_pairs = len(changes) > 0
    shares_say = f"share on the {plain(category)}, % (dotted: its area, {100 * area:.1f} %)"
    titles = [shares_say, "change, percentage points"][: 1 + has_pairs]
    figure = make_subplots(cols=len(titles), subplot_titles=titles, horizontal_spacing=0.22)
    tints = [colour(place) for place in range(len(shares))]
    figure.add_trace(_dots(shares, "model", tints), row=1, col=1)
    figure.add_vline(x=100 * area, line={"color": MUTED, "width": 1.2, "dash": "dot"}, row=1, col=1)
    figure.update_xaxes(rangemode="tozero", row=1, col=1)
    if has_pairs:
        check_columns(changes, ["pair", "estimate", "low", "high"], "changes")
        figure.add_trace(_dots(changes, "pair", [BLUE] * len(changes)), row=1, col=2)
        figure.add_vline(x=0, line={"color": INK, "width": 1, "dash": "dot"}, row=1, col=2)
        ends = 100 * np.array([0.0, *changes[["estimate", "low", "high"]].astype(float).stack()])
        room = 0.08 * float(np.ptp(ends)) or 1.0
        figure.update_xaxes(range=[float(ends.min()) - room, float(ends.max()) + room], row=1, col=2)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(showlegend=False)
    return finished(figure, title, height_px=FRAME_PX + ROW_PX * max(len(shares), len(changes), 2))


def _dots(table: Table, key: str, tints: list[str]) -> go.Scatter:
    percents = 100 * table[["estimate", "low", "high"]].astype(float)
    reach = {
        "type": "data",
        "symmetric": False,
        "array": (percents["high"] - percents["estimate"]).to_list(),
        "arrayminus": (percents["estimate"] - percents["low"]).to_list(),
        "thickness": 1.6,
        "width": 5,
        "color": MUTED,
    }
    return go.Scatter(
        x=percents["estimate"].to_list(),
        y=[plain(name).replace("\n", "<br>") for name in table[key]],
        error_x=reach,
        customdata=percents[["low", "high"]].to_numpy(),
        mode="markers",
        marker={"color": tints, "size": 11},
        hovertemplate="%{y}: %{x:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})<extra></extra>",
    )
