"""Interactive charts of numbers. Each takes a plain table and states its columns; each returns a Plotly figure.

A value that is not defined (NaN) leaves a gap.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.plots.theme import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    VERMILLION,
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

HATCHES = ("", "/", ".", "x")
MODEL_PX, FRAME_PX = 110, 150
"""Height of one model's violins, and of all that is around them."""


def training_curves(history: Table, *, kept_epoch: int | None = None, title: str = "Training") -> go.Figure:
    """Draw losses beside accuracies and AUROC over epochs, and mark the epoch that was kept.

    Parameters
    ----------
    history
        Columns ``epoch, train_loss, valid_loss, train_accuracy, valid_accuracy, valid_auroc``.
    kept_epoch
        The epoch whose weights were kept.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        Two panels.

    Raises
    ------
    OptionError
        A column is missing.
    """
    named = {"train": ("training", BLUE), "valid": ("validation", VERMILLION)}
    columns = [f"{split}_{what}" for what in ("loss", "accuracy") for split in named]
    check_columns(history, ["epoch", *columns, "valid_auroc"], "history")
    figure = make_subplots(cols=2, horizontal_spacing=0.11)
    for column in columns:
        split, what = column.split("_")
        name, tint = named[split]
        panel = 1 if what == "loss" else 2
        line = _epochs(history, column, name=f"{name} {what}", tint=tint, dash="solid", symbol="circle")
        figure.add_trace(line, row=1, col=panel)
    auroc = _epochs(history, "valid_auroc", name="validation AUROC", tint=GREEN, dash="dash", symbol="diamond")
    figure.add_trace(auroc, row=1, col=2)
    if kept_epoch is not None:
        figure.add_vline(x=kept_epoch, line={"color": MUTED, "width": 1.5, "dash": "dot"})
        said = {"x": kept_epoch, "y": 1, "yref": "y domain", "text": "kept", "showarrow": False, "xshift": 4}
        figure.add_annotation(said | {"xanchor": "left", "yanchor": "top", "font": {"color": MUTED, "size": 12}})
    figure.update_xaxes(title_text="epoch", tickformat="d", nticks=min(len(history), 10))
    figure.update_yaxes(title_text="loss", rangemode="tozero", row=1, col=1)
    lowest = float(history[["train_accuracy", "valid_accuracy", "valid_auroc"]].astype(float).min().min())
    figure.update_yaxes(title_text="share", range=[min(0.5, lowest) - 0.02, 1.02], row=1, col=2)
    return finished(figure, title, height_px=400)


def roc_chart(
    curves: Table, *, points: Table | None = None, learned: Mapping[str, bool] | None = None, title: str = "ROC"
) -> go.Figure:
    """Draw ROC curves, the line of guessing, and the operating points.

    Parameters
    ----------
    curves
        Columns ``model, false_positive_rate, true_positive_rate``, in the order of the curve; optionally ``low,
        high`` of the true positive rate, drawn as a band.
    points
        Columns ``model, false_positive_rate, true_positive_rate``: one point a model, where the verdicts are taken.
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
    rates = ["false_positive_rate", "true_positive_rate"]
    check_columns(curves, ["model", *rates], "ROC curves")
    figure = go.Figure()
    chance = {"color": MUTED, "width": 1, "dash": "dot"}
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=chance, name="guessing", hoverinfo="skip"))
    for place, (model, curve) in enumerate(curves.groupby("model", sort=False)):
        tint, name = colour(place), model_name(model, learned)
        x, y = (curve[rate].to_list() for rate in rates)
        if {"low", "high"} <= set(curve.columns):
            edge = curve["low"].to_list() + curve["high"].to_list()[::-1]
            band = {"fill": "toself", "fillcolor": tint, "opacity": 0.15, "mode": "none"}
            figure.add_trace(go.Scatter(x=x + x[::-1], y=edge, hoverinfo="skip", showlegend=False, **band))
        line = {"color": tint, "width": 2.2, "dash": dash(place)}
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, name=name, legendgroup=str(place)))
        if points is not None:
            check_columns(points, ["model", *rates], "operating points")
            at = points[points["model"] == model]
            mark = {
                "color": tint,
                "size": 11,
                "symbol": symbol(place),
                "line": {"color": INK, "width": 1},
            }
            told = {"name": f"{name}: verdict", "legendgroup": str(place), "showlegend": False}
            figure.add_trace(go.Scatter(x=at[rates[0]], y=at[rates[1]], mode="markers", marker=mark, **told))
    return finished_square(figure, title, x="false positive rate (1 − specificity)", y="true positive rate (recall)")


def probability_histogram(
    predictions: Table,
    *,
    labels: Sequence[str] = (),
    threshold: float = 0.5,
    bins: int = 25,
    title: str = "Probability of abnormal",
) -> go.Figure:
    """Draw how probabilities are spread, for each label.

    Parameters
    ----------
    predictions
        Columns ``label`` and ``abnormal`` (the probability); one series a label, None is called not known.
    labels
        Their order; without it they come in the order of the table.
    threshold
        A dotted line; verdicts are strictly above it.
    bins
        Of equal width from 0 to 1.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        Bars that hold counts only, no single case.

    Raises
    ------
    OptionError
        A column is missing.
    """
    check_columns(predictions, ["label", "abnormal"], "predictions")
    edges = np.linspace(0, 1, bins + 1)
    figure = go.Figure()
    found = predictions["label"].astype(object).where(predictions["label"].notna(), None)
    for place, label in enumerate(dict.fromkeys([*labels, *found])):
        rows = predictions[found.isna() if label is None else found == label]
        name = f"{'label not known' if label is None else plain(label)} ({len(rows)})"
        counts = np.histogram(rows["abnormal"].to_numpy(dtype=float), edges)[0]
        hatch = {"shape": HATCHES[place % len(HATCHES)], "fillmode": "overlay", "fgcolor": "white", "solidity": 0.2}
        marker = {"color": colour(place), "pattern": hatch, "line": {"color": colour(place), "width": 1}}
        hover = "%{y} films<extra>%{fullData.name}</extra>"
        bars = {"x": (edges[:-1] + edges[1:]) / 2, "y": counts, "width": 1 / bins, "opacity": 0.6}
        figure.add_trace(go.Bar(name=name, marker=marker, hovertemplate=hover, **bars))
    figure.add_vline(x=threshold, line={"color": INK, "width": 1.2, "dash": "dot"})
    figure.update_layout(barmode="overlay", bargap=0)
    figure.update_xaxes(title_text="probability of abnormal", range=[0, 1])
    figure.update_yaxes(title_text="films")
    return finished(figure, title, height_px=380)


def probability_change_chart(changes: Table, *, title: str = "Change of probability") -> go.Figure:
    """Draw how much the probability of abnormal changed under each edit, for each model.

    Parameters
    ----------
    changes
        Columns ``model, edit, change`` (after minus before), a row for each case and edit, such as ``flag covered``
        and ``control patch``.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        A violin for each model and edit, with quartiles and a line at the mean.

    Raises
    ------
    OptionError
        A column is missing.
    """
    check_columns(changes, ["model", "edit", "change"], "changes")
    figure = go.Figure()
    places = {edit: place for place, edit in enumerate(changes["edit"].unique())}
    for (model, edit), rows in changes.groupby(["model", "edit"], sort=False):
        place = places[edit]
        legend = {"name": plain(edit), "legendgroup": str(place), "offsetgroup": str(place)}
        legend["scalegroup"] = f"{model}/{edit}"  # a group of its own: a wide spread would else come out hair-thin
        is_first = model == changes.loc[changes["edit"] == edit, "model"].iloc[0]
        violin = _violin(rows["change"].to_list(), plain(model), tint=colour(place))
        figure.add_trace(violin.update(legend, showlegend=bool(is_first)))
    figure.add_vline(x=0, line={"color": INK, "width": 1, "dash": "dot"})
    figure.update_layout(violinmode="group", violingap=0.25, violingroupgap=0.1)
    figure.update_xaxes(title_text="change of the probability of abnormal (after − before)", tickformat=".2~f")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return finished(figure, title, height_px=FRAME_PX + MODEL_PX * changes["model"].nunique())


def _violin(values: list[float], row: str, *, tint: str) -> go.Violin:
    return go.Violin(
        x=values,
        y=[row] * len(values),
        orientation="h",
        line={"color": tint, "width": 1.5},
        points=False,
        spanmode="hard",
        scalemode="width",
        box={"visible": True, "width": 0.25},
        meanline={"visible": True, "width": 2},
    )


def _epochs(history: Table, column: str, *, name: str, tint: str, dash: str, symbol: str) -> go.Scatter:
    values = history[column].astype(float).to_list()  # None, where an AUROC is not defined, becomes a gap
    line, marker = {"color": tint, "width": 2, "dash": dash}, {"size": 6, "symbol": symbol}
    return go.Scatter(x=history["epoch"].to_list(), y=values, mode="lines+markers", line=line, marker=marker, name=name)
