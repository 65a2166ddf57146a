"""Tables with colour behind their numbers: a metric by model and body part, and the agreement of models.

Every number is written out, so that no one has to read it from a colour; the colour runs from light to one dark blue.
"""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from workbench.core.errors import OptionError
from workbench.plots.metric_charts import METRIC_TITLES
from workbench.plots.theme import INK, PAPER, check_columns, finished, model_name, plain

Table = Any
"""A pandas DataFrame; pandas comes without types."""

LIGHT = "#eef4f9"
SCALE = ((0.0, LIGHT), (0.5, "#7fb8da"), (1.0, "#00527f"))
"""Lightness falls evenly, so the order survives in grey and for every kind of colour-blindness."""
DARK_FROM = 0.75
"""Share of the scale from which white text has more contrast than black."""
WRAP_AT = 14
"""Letters of a model's name in one line above a column."""
ROW_PX, FRAME_PX = 52, 116
"""Height of a row, and of all that is around the rows."""
COLUMN_PX, NAMES_PX, FILL_FROM = 112, 220, 6
"""Width of a column and of the models' names; with this many columns the table fills its page."""
MOST_LEVEL = 9
"""Columns whose names stand side by side; those of more are slanted."""


def metric_heat_table(
    scores: Table,
    *,
    metric: str = "cohen-kappa",
    lower_is_better: bool = False,
    learned: Mapping[str, bool] | None = None,
    title: str = "",
) -> go.Figure:
    """Draw one metric with its interval, a row for each model and a column for each body part.

    Parameters
    ----------
    scores
        Columns ``model, group, metric, estimate, low, high, cases``; rows and columns come in the table's order.
    metric
        Which rows to draw.
    lower_is_better
        Darker is better; this turns the scale round.
    learned
        Models that did not learn (False) are called so.
    title
        What comes after the metric's name over the table, such as the films.

    Returns
    -------
    go.Figure
        A cell without a value stays white and says "not defined", one that is absent says nothing.

    Raises
    ------
    OptionError
        A column or the metric is missing, or a cell is there twice.
    """
    check_columns(scores, ["model", "group", "metric", "estimate", "low", "high", "cases"], "scores")
    rows = scores[scores["metric"] == metric]
    if not len(rows):
        raise OptionError(f"scores have no metric {metric!r}; they have {', '.join(sorted(set(scores['metric'])))}")
    twice = rows[rows.duplicated(["model", "group"])]
    if len(twice):
        raise OptionError(
            f"scores hold {twice['group'].iloc[0]} of {twice['model'].iloc[0]} twice; choose one unit first"
        )
    models, groups = list(dict.fromkeys(rows["model"])), list(dict.fromkeys(rows["group"]))
    values = np.full((len(models), len(groups)), np.nan)
    texts = np.full(values.shape, "", dtype=object)
    for row in rows.itertuples():
        place = models.index(row.model), groups.index(row.group)
        values[place], texts[place] = row.estimate, _cell(row)
    counts = rows.groupby("group", sort=False)["cases"].agg(["min", "max"])
    across = [f"{plain(group)}<br>({'-'.join(dict.fromkeys(map(str, counts.loc[group])))})" for group in groups]
    down = [model_name(model, learned, between="<br>") for model in models]
    named = METRIC_TITLES.get(metric, metric.replace("-", " ").capitalize())
    heading = f"{named}, {title}" if title else named
    return _heat(values, texts, across=across, down=down, title=heading, turned=lower_is_better)


def agreement_chart(agreement: Table, *, title: str = "Agreement of models (Cohen's kappa)") -> go.Figure:
    """Draw how far each pair of models calls the same cases the same.

    Parameters
    ----------
    agreement
        Models by models, as :meth:`workbench.evaluation.comparison.Comparison.agreement_frame` returns it.
    title
        Over the chart; it has to say what the numbers are.

    Returns
    -------
    go.Figure
        The diagonal is left empty; the scale runs from 0 (chance) to 1, below it from the lowest value.

    Raises
    ------
    OptionError
        Fewer than two models, or rows and columns that are not the same models.
    """
    names = list(agreement.index)
    if len(names) < 2 or names != list(agreement.columns):
        raise OptionError(
            f"agreement: {len(names)} models by {len(agreement.columns)}; give two or more, each with each"
        )
    values = agreement.to_numpy(dtype=float).copy()
    np.fill_diagonal(values, np.nan)
    texts = np.array([["" if np.isnan(value) else f"{value:.2f}" for value in row] for row in values], dtype=object)
    down = [plain(name) for name in names]
    across = ["<br>".join(map(plain, textwrap.wrap(str(name), WRAP_AT))) for name in names]
    lowest = float(min(0.0, np.nanmin(values, initial=0.0)))
    return _heat(values, texts, across=across, down=down, title=title, span=(lowest, 1.0))


def _cell(row: Any) -> str:
    if np.isnan(row.estimate):
        return "not<br>defined"
    if np.isnan(row.low):
        return f"{row.estimate:.2f}"
    return f"{row.estimate:.2f}<br>[{row.low:.2f}, {row.high:.2f}]"


def _heat(
    values: np.ndarray,
    texts: np.ndarray,
    *,
    across: list[str],
    down: list[str],
    title: str,
    turned: bool = False,
    span: tuple[float, float] | None = None,
) -> go.Figure:
    """Draw cells with their texts; each text is black or white, whichever stands out from its cell."""
    low, high = span or _span(values)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(range(len(across))),
            y=list(range(len(down))),
            zmin=low,
            zmax=high,
            colorscale=SCALE,
            reversescale=turned,
            xgap=2,
            ygap=2,
            hoverinfo="skip",
            showscale=False,  # every number is written out
        )
    )
    for (row, column), text in np.ndenumerate(texts):
        share = (values[row, column] - low) / (high - low)
        dark = (1 - share if turned else share) > DARK_FROM
        font = {"size": 13, "color": PAPER if dark else INK}
        figure.add_annotation(x=column, y=row, text=text, showarrow=False, font=font)
    angle = -40 if len(across) > MOST_LEVEL else 0
    ticks = {"showgrid": False, "showline": False, "ticks": ""}
    figure.update_xaxes(tickvals=list(range(len(across))), ticktext=across, side="top", tickangle=angle, **ticks)
    figure.update_yaxes(tickvals=list(range(len(down))), ticktext=down, autorange="reversed", **ticks)
    figure.update_layout(margin={"t": 104, "b": 12})
    width_px = NAMES_PX + COLUMN_PX * len(across) if len(across) < FILL_FROM else None
    return finished(figure, title, height_px=FRAME_PX + ROW_PX * len(down), width_px=width_px)


def _span(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the scale: those of the values, but at least 0.1 apart, so that noise is no contrast."""
    found = values[~np.isnan(values)]
    if not len(found):
        return 0.0, 1.0
    low, high = float(found.min()), float(found.max())
    missing = max(0.1 - (high - low), 0.0) / 2
    return low - missing, high + missing
