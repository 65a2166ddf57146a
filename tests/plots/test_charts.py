"""Charts show the numbers of their tables, mark what did not learn, and ask nothing of Plotly's global state."""

import json

import numpy as np
import pandas as pd
import plotly.io
import pytest

from workbench.core.errors import OptionError
from workbench.plots.charts import (
    probability_change_chart,
    probability_histogram,
    roc_chart,
    training_curves,
)
from workbench.plots.metric_charts import group_metrics_chart, model_comparison_chart


@pytest.fixture
def history():
    return pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train_loss": [0.7, 0.5, 0.3],
            "valid_loss": [0.7, 0.6, 0.5],
            "train_accuracy": [0.5, 0.7, 0.8],
            "valid_accuracy": [0.5, 0.6, 0.7],
            "valid_auroc": [0.5, None, 0.8],
        }
    )


@pytest.fixture
def scores():
    rows = [
        {"model": model, "metric": metric, "estimate": estimate, "low": estimate - 0.1, "high": estimate + 0.05}
        for model, estimate in (("good", 0.9), ("lost <b>", 0.55))
        for metric in ("accuracy", "cohen-kappa", "auroc")
    ]
    return pd.DataFrame(rows)


def annotations(figure):
    return [each.text for each in figure.layout.annotations]


def test_training_curves_show_every_epoch_and_mark_the_kept_one(history):
    figure = training_curves(history, kept_epoch=3)
    lines = {trace.name: list(trace.y) for trace in figure.data}
    assert lines["training loss"] == [0.7, 0.5, 0.3]
    assert lines["validation accuracy"] == [0.5, 0.6, 0.7]
    assert np.isnan(lines["validation AUROC"][1])
    assert {shape.x0 for shape in figure.layout.shapes} == {3}
    assert "kept" in annotations(figure)
    assert not training_curves(history).layout.shapes


def test_roc_chart_holds_curves_points_and_guessing():
    curve = pd.DataFrame({"false_positive_rate": [0.0, 0.5, 1.0], "true_positive_rate": [0.0, 0.9, 1.0]})
    curves = pd.concat([curve.assign(model="a"), curve.assign(model="b")])
    point = pd.DataFrame({"model": ["a"], "false_positive_rate": [0.5], "true_positive_rate": [0.9]})
    figure = roc_chart(curves, points=point, learned={"b": False})
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name["a"].y) == [0.0, 0.9, 1.0]
    assert list(by_name["a: verdict"].x) == [0.5]
    assert "b <i>(did not learn)</i>" in by_name
    assert "guessing" in by_name
    banded = roc_chart(curve.assign(model="a", low=[0, 0.8, 0.9], high=[0.1, 1, 1]))
    assert any(trace.fill == "toself" for trace in banded.data)


def test_comparison_marks_the_model_whose_interval_includes_chance(scores):
    figure = model_comparison_chart(scores)
    for trace in figure.data:
        assert list(trace.y) == ["good", "lost &lt;b&gt;<br><i>(did not learn)</i>"]
        assert list(trace.marker.symbol) == ["circle", "circle-open"]
        np.testing.assert_allclose(trace.x, [0.9, 0.55])
        np.testing.assert_allclose(trace.error_x.array, 0.05)
        np.testing.assert_allclose(trace.error_x.arrayminus, 0.1)
    told = model_comparison_chart(scores, learned={"good": True, "lost <b>": True})
    assert "did not learn" not in told.to_json()


def test_group_chart_keeps_the_order_and_marks_what_is_not_defined(scores):
    table = scores.rename(columns={"model": "group"}).assign(cases=[30] * 3 + [7] * 3)
    table.loc[5, ["estimate", "low", "high"]] = np.nan
    figure = group_metrics_chart(table)
    assert list(figure.data[0].y) == ["good (30)", "lost &lt;b&gt; (7)"]
    assert annotations(figure).count("not defined") == 1
    assert [title for title in annotations(figure) if title != "not defined"] == ["Accuracy", "Cohen's kappa", "AUROC"]
    with pytest.raises(OptionError, match="twice"):
        group_metrics_chart(pd.concat([table, table]))
    with pytest.raises(OptionError, match="no metric 'specificity'"):
        group_metrics_chart(table, metrics=("specificity",))


def test_histogram_counts_every_film_once():
    shares = [0.0, 0.1, 0.5, 0.9, 1.0, 0.3]
    table = pd.DataFrame({"label": ["normal", "normal", "abnormal", "abnormal", "abnormal", None], "abnormal": shares})
    figure = probability_histogram(table, labels=("normal", "abnormal"), bins=10)
    assert [trace.name for trace in figure.data] == ["normal (2)", "abnormal (3)", "label not known (1)"]
    assert [int(sum(trace.y)) for trace in figure.data] == [2, 3, 1]
    assert figure.data[0].y[0] == 1
    assert figure.data[1].y[-1] == 2


def test_change_chart_has_a_violin_for_each_model_and_edit():
    table = pd.DataFrame(
        {
            "model": ["a"] * 4 + ["b"] * 4,
            "edit": ["flag covered", "control patch"] * 4,
            "change": [-0.5, 0.0, -0.6, 0.1, 0.0, 0.0, 0.1, -0.1],
        }
    )
    figure = probability_change_chart(table)
    assert [(trace.y[0], trace.name) for trace in figure.data] == [
        ("a", "flag covered"),
        ("a", "control patch"),
        ("b", "flag covered"),
        ("b", "control patch"),
    ]
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]
    assert list(figure.data[0].x) == [-0.5, -0.6]


def test_missing_columns_and_empty_tables_are_refused_in_one_line(history, scores):
    wrong = [
        (training_curves, history.drop(columns="valid_loss")),
        (training_curves, history.iloc[:0]),
        (roc_chart, history),
        (group_metrics_chart, scores),
        (model_comparison_chart, history),
        (probability_histogram, history),
        (probability_change_chart, history),
    ]
    for chart, table in wrong:
        with pytest.raises(OptionError, match=r"no column|no rows") as refused:
            chart(table)
        assert "\n" not in str(refused.value)


def test_tables_and_plotly_s_defaults_are_left_alone(history, scores):
    template, before = plotly.io.templates.default, (history.copy(), scores.copy())
    figures = [training_curves(history), model_comparison_chart(scores)]
    assert plotly.io.templates.default == template
    pd.testing.assert_frame_equal(history, before[0])
    pd.testing.assert_frame_equal(scores, before[1])
    for figure in figures:
        layout = json.dumps(figure.to_plotly_json()["layout"], default=str)
        assert "http" not in layout
        assert figure.layout.template.layout.paper_bgcolor == "#ffffff"
