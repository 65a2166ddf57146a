"""Dots with whiskers: metrics with their intervals, by body part and by model.

Rows whose value is not defined (NaN) are kept and marked, never dropped in silence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.core.errors import OptionError
from workbench.plots.theme import BLUE, MUTED, check_columns, finished, model_name, plain

Table = Any
"""A pandas DataFrame; pandas comes without types."""

METRIC_TITLES = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "specificity": "Specificity",
    "f1": "F1",
    "cohen-kappa": "Cohen's kappa",
    "auroc": "AUROC",
    "average-precision": "Average precision",
    "brier-score": "Brier score",
    "expected-calibration-error": "Calibration error",
}
DEFAULT_METRICS = ("accuracy", "cohen-kappa", "auroc")
CHANCE = {"auroc": 0.5, "cohen-kappa": 0.0}
"""What guessing gives; drawn as a dotted line."""
ROW_PX, FRAME_PX = 34, 150
"""Height of a row of a dot-whisker chart, and of all that is around the rows."""


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
    check_columns(scores, ["group", "metric", "estimate", "low", "high", "cases"], "scores")
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
    check_columns(scores, ["model", "metric", "estimate", "low", "high"], "scores")
    if learned is None:
        lows = scores[scores["metric"] == "auroc"].set_index("model")["low"]
        learned = {model: bool(low > 0.5) for model, low in lows.items()}
    labels = {model: model_name(model, learned, between="<br>") for model in scores["model"].unique()}
    hollow = frozenset(model for model in labels if not learned.get(model, True))
    return _dot_whiskers(scores, "model", labels=labels, metrics=metrics, title=title, hollow=hollow)


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
    return finished(figure, title, height_px=FRAME_PX + ROW_PX * max(len(labels), 2))


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
