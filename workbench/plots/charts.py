"""Interactive charts of numbers. Each takes a plain table and states its columns; each returns a Plotly figure.

Rows whose value is not defined (NaN) are kept and marked, never dropped in silence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.core.errors import OptionError
from workbench.plots.theme import BLUE, DASHES, GREEN, INK, MUTED, SYMBOLS, VERMILLION, chart_template, colour, plain

Table = Any
"""A pandas DataFrame; pandas comes without types."""

METRIC_TITLES = {"auroc": "AUROC", "cohen-kappa": "Cohen's kappa", "f1": "F1", "accuracy": "Accuracy"}
DEFAULT_METRICS = ("accuracy", "cohen-kappa", "auroc")
CHANCE = {"auroc": 0.5, "cohen-kappa": 0.0}
"""What guessing gives; drawn as a dotted line."""
HATCHES = ("", "/", ".", "x")
ROW_PX, FRAME_PX = 34, 150
"""Height of a row of a dot-whisker chart, and of all that is around the rows."""


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
    _check(history, ["epoch", *columns, "valid_auroc"], "history")
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
    return _finished(figure, title, height_px=400)


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
    _check(curves, ["model", *rates], "ROC curves")
    figure = go.Figure()
    chance = {"color": MUTED, "width": 1, "dash": "dot"}
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=chance, name="guessing", hoverinfo="skip"))
    for place, (model, curve) in enumerate(curves.groupby("model", sort=False)):
        tint, name = colour(place), _model_name(model, learned)
        x, y = (curve[rate].to_list() for rate in rates)
        if {"low", "high"} <= set(curve.columns):
            edge = curve["low"].to_list() + curve["high"].to_list()[::-1]
            band = {"fill": "toself", "fillcolor": tint, "opacity": 0.15, "mode": "none"}
            figure.add_trace(go.Scatter(x=x + x[::-1], y=edge, hoverinfo="skip", showlegend=False, **band))
        line = {"color": tint, "width": 2.2, "dash": DASHES[place % len(DASHES)]}
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, name=name, legendgroup=str(place)))
        if points is not None:
            _check(points, ["model", *rates], "operating points")
            at = points[points["model"] == model]
            mark = {
                "color": tint,
                "size": 11,
                "symbol": SYMBOLS[place % len(SYMBOLS)],
                "line": {"color": INK, "width": 1},
            }
            told = {"name": f"{name}: verdict", "legendgroup": str(place), "showlegend": False}
            figure.add_trace(go.Scatter(x=at[rates[0]], y=at[rates[1]], mode="markers", marker=mark, **told))
    figure.update_xaxes(title_text="false positive rate (1 − specificity)", range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(
        title_text="true positive rate (recall)", range=[-0.01, 1.01], scaleanchor="x", constrain="domain"
    )
    figure.update_layout(legend={"orientation": "v", "x": 1.03, "y": 1, "yanchor": "top"}, margin={"t": 56})
    return _finished(figure, title, height_px=480, width_px=720)


def group_metrics_chart(
    scores: Table, *, metrics: Sequence[str] = DEFAULT_METRICS, title: str = "By body part"
) -> go.Figure:
    """Draw metrics with intervals, a row for each body part or other group.

    Parameters
    ----------
    scores
        Columns ``group, metric, estimate, low, high, cases``; groups are drawn from the top in their order.
    metrics
        One panel each; those that the table does not have are an error.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        Dots with whiskers.

    Raises
    ------
    OptionError
        A column or a metric is missing.
    """
    _check(scores, ["group", "metric", "estimate", "low", "high", "cases"], "scores")
    counts = scores.groupby("group", sort=False)["cases"].max()
    labels = {group: f"{plain(group)} ({int(count)})" for group, count in counts.items()}
    return _dot_whiskers(scores, "group", labels=labels, metrics=metrics, title=title)


def model_comparison_chart(
    scores: Table,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    learned: Mapping[str, bool] | None = None,
    title: str = "Models compared",
) -> go.Figure:
    """Draw metrics with intervals, a row for each model; one that did not learn is hollow and called so.

    Parameters
    ----------
    scores
        Columns ``model, metric, estimate, low, high``.
    metrics
        One panel each.
    learned
        By model; None takes the rule that the whole interval of its ``auroc`` lies above 0.5.
    title
        Over the chart.

    Returns
    -------
    go.Figure
        Dots with whiskers.

    Raises
    ------
    OptionError
        A column or a metric is missing.
    """
    _check(scores, ["model", "metric", "estimate", "low", "high"], "scores")
    if learned is None:
        lows = scores[scores["metric"] == "auroc"].set_index("model")["low"]
        learned = {model: bool(low > 0.5) for model, low in lows.items()}
    labels = {model: _model_name(model, learned, between="<br>") for model in scores["model"].unique()}
    hollow = frozenset(model for model in labels if not learned.get(model, True))
    return _dot_whiskers(scores, "model", labels=labels, metrics=metrics, title=title, hollow=hollow)


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
    _check(predictions, ["label", "abnormal"], "predictions")
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
    return _finished(figure, title, height_px=380)


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
    _check(changes, ["model", "edit", "change"], "changes")
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
    figure.update_xaxes(title_text="change of the probability of abnormal (after − before)", tickformat=".1f")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return _finished(figure, title, height_px=FRAME_PX + 110 * changes["model"].nunique())


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


def _dot_whiskers(
    scores: Table,
    key: str,
    *,
    labels: Mapping[Any, str],
    metrics: Sequence[str],
    title: str,
    hollow: frozenset[Any] = frozenset(),
) -> go.Figure:
    absent = [metric for metric in metrics if metric not in set(scores["metric"])]
    if absent:
        raise OptionError(f"scores have no metric {absent[0]!r}; they have {', '.join(sorted(set(scores['metric'])))}")
    twice = scores[scores.duplicated([key, "metric"])]
    if len(twice):
        raise OptionError(f"scores hold {twice['metric'].iloc[0]} of {twice[key].iloc[0]} twice; choose one unit first")
    titles = [METRIC_TITLES.get(metric, metric.capitalize()) for metric in metrics]
    figure = make_subplots(cols=len(metrics), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.04)
    for column, metric in enumerate(metrics, start=1):
        rows = scores[scores["metric"] == metric]
        figure.add_trace(_dots(rows, key, labels=labels, hollow=hollow), row=1, col=column)
        for name in rows[rows["estimate"].isna()][key]:
            told = {"text": "not defined", "showarrow": False, "font": {"color": MUTED, "size": 12}}
            figure.add_annotation(told | {"x": 0.5, "xref": "x domain", "y": labels[name]}, row=1, col=column)
        if metric in CHANCE:
            chance = {"color": MUTED, "width": 1, "dash": "dot"}
            figure.add_vline(x=CHANCE[metric], line=chance, row=1, col=column)
        floor = min([CHANCE.get(metric, 0.5), *rows["low"].dropna()])
        figure.update_xaxes(range=[floor - 0.03, 1.03], nticks=5, row=1, col=column)
    figure.update_yaxes(categoryorder="array", categoryarray=list(labels.values()), autorange="reversed")
    figure.update_layout(showlegend=False)
    return _finished(figure, title, height_px=FRAME_PX + ROW_PX * max(len(labels), 2))


def _dots(rows: Table, key: str, *, labels: Mapping[Any, str], hollow: frozenset[Any]) -> go.Scatter:
    reach = {
        "type": "data",
        "symmetric": False,
        "array": (rows["high"] - rows["estimate"]).to_list(),
        "arrayminus": (rows["estimate"] - rows["low"]).to_list(),
        "thickness": 1.6,
        "width": 4,
        "color": BLUE,
    }
    symbols = ["circle-open" if name in hollow else "circle" for name in rows[key]]
    return go.Scatter(
        x=rows["estimate"].to_list(),
        y=[labels[name] for name in rows[key]],
        customdata=rows[["low", "high"]].to_numpy(),
        error_x=reach,
        mode="markers",
        marker={"color": BLUE, "size": 9, "symbol": symbols, "line": {"width": 2, "color": BLUE}},
        hovertemplate="%{y}: %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<extra></extra>",
    )


def _epochs(history: Table, column: str, *, name: str, tint: str, dash: str, symbol: str) -> go.Scatter:
    values = history[column].astype(float).to_list()  # None, where an AUROC is not defined, becomes a gap
    line, marker = {"color": tint, "width": 2, "dash": dash}, {"size": 6, "symbol": symbol}
    return go.Scatter(x=history["epoch"].to_list(), y=values, mode="lines+markers", line=line, marker=marker, name=name)


def _model_name(model: object, learned: Mapping[str, bool] | None, between: str = " ") -> str:
    did = (learned or {}).get(str(model), True)
    return plain(model) if did else f"{plain(model)}{between}<i>(did not learn)</i>"


def _check(table: Table, columns: Sequence[str], what: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise OptionError(f"{what}: no column {missing[0]!r}; wanted {', '.join(columns)}")
    if not len(table):
        raise OptionError(f"{what}: no rows, nothing can be drawn")


def _finished(figure: go.Figure, title: str, *, height_px: int, width_px: int | None = None) -> go.Figure:
    figure.update_layout(
        template=chart_template(), title_text=f"<b>{plain(title)}</b>", height=height_px, width=width_px
    )
    return figure
