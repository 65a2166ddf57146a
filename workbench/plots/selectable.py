"""Charts whose points a reader picks: a click on a bar or a lasso around points tells which rows are meant."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.plots.theme import BLUE, MUTED, SYMBOLS, VERMILLION, check_columns, finished, plain

BINS = 20
LABEL_COLOURS = (BLUE, VERMILLION)


def case_overview(cases: Any, *, positive: tuple[str, ...], title: str = "Cases") -> go.Figure:
    """Draw how probable each case is called abnormal, by label; beside it the cases where the network puts them.

    Parameters
    ----------
    cases
        A pandas DataFrame with columns ``case_id, probability, label``, and ``x, y`` where an embedding is known. An
        unknown label is empty; rows without a probability are counted nowhere.
    positive
        The abnormal classes.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        Bars carry their [low, high] as custom data, points their case id.

    Raises
    ------
    OptionError
        A column is missing, or there is no row.
    """
    check_columns(cases, ["case_id", "probability", "label"], "cases")
    embedded = {"x", "y"} <= set(cases.columns)
    figure = make_subplots(cols=2 if embedded else 1, horizontal_spacing=0.12)
    edges = np.linspace(0, 1, BINS + 1)
    groups = {"abnormal": cases["label"].isin(positive), "not abnormal": ~cases["label"].isin(positive)}
    for place, (name, rows) in enumerate(sorted(groups.items(), reverse=True)):
        looks = {"color": LABEL_COLOURS[place]}
        counts, _ = np.histogram(cases["probability"][rows].dropna(), bins=edges)
        middles, spans = (edges[:-1] + edges[1:]) / 2, np.stack([edges[:-1], edges[1:]], axis=1).tolist()
        bars = go.Bar(x=middles, y=counts, width=1 / BINS, customdata=spans, name=plain(name), marker=looks)
        figure.add_trace(bars.update(hovertemplate="%{customdata[0]:.2f} to %{customdata[1]:.2f}: %{y}"), row=1, col=1)
        if embedded:
            known = cases[rows & cases["x"].notna()]
            points = go.Scattergl(
                x=known["x"], y=known["y"], customdata=known["case_id"].to_list(), mode="markers", name=name
            )
            points.update(marker=looks | {"symbol": SYMBOLS[place], "size": 6}, showlegend=False)
            figure.add_trace(points.update(hovertemplate="%{customdata}<extra></extra>"), row=1, col=2)
    figure.update_layout(barmode="stack", dragmode="select", bargap=0)
    figure.update_xaxes(title_text="probability of abnormal", range=[0, 1], row=1, col=1)
    figure.update_yaxes(title_text="cases", row=1, col=1)
    if embedded:
        quiet = {"showticklabels": False, "ticks": "", "title": {"font": {"color": MUTED}}}
        figure.update_xaxes(title_text="embedding", **quiet, row=1, col=2)
        figure.update_yaxes(**quiet, row=1, col=2)
    figure = finished(figure, title, height_px=250)
    return figure.update_layout(margin={"l": 50, "r": 12, "t": 62, "b": 44}, title_font_size=14)


def probability_pairs(
    cases: Any, *, names: tuple[str, str], positive: tuple[str, ...], title: str = "Both models, film by film"
) -> go.Figure:
    """Draw what two models say of each film against each other.

    Parameters
    ----------
    cases
        A pandas DataFrame with columns ``case_id, label, x, y``: the probabilities of abnormal by the first and the
        second model. An unknown label is empty.
    names
        Of the models.
    positive
        The abnormal classes.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        Points carry their case id; those in the upper left and lower right quarter are disputed.

    Raises
    ------
    OptionError
        A column is missing, or there is no row.
    """
    check_columns(cases, ["case_id", "label", "x", "y"], "cases")
    figure = go.Figure()
    known = {"abnormal": cases["label"].isin(positive), "label not known": cases["label"] == ""}
    groups = known | {"normal": ~(known["abnormal"] | known["label not known"])}
    for place, name in enumerate(name for name in ("normal", "abnormal", "label not known") if groups[name].any()):
        rows = cases[groups[name]]
        looks = {"color": (*LABEL_COLOURS, MUTED)[place], "symbol": SYMBOLS[place], "size": 7, "opacity": 0.7}
        points = go.Scatter(x=rows["x"].to_list(), y=rows["y"].to_list(), mode="markers", marker=looks, name=name)
        hover = "%{customdata}<br>%{x:.3f}, %{y:.3f}<extra></extra>"
        figure.add_trace(points.update(customdata=rows["case_id"].to_list(), hovertemplate=hover))
    middle = {"color": MUTED, "width": 1, "dash": "dot"}
    figure.add_vline(x=0.5, line=middle)
    figure.add_hline(y=0.5, line=middle)
    figure.update_xaxes(title_text=f"p(abnormal), {plain(names[0])}", range=[-0.03, 1.03])
    figure.update_yaxes(title_text=f"p(abnormal), {plain(names[1])}", range=[-0.03, 1.03])
    return finished(figure, title, height_px=380)
