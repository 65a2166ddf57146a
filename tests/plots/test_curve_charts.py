"""Curves of probabilities show the numbers of their tables."""

import numpy as np
import pandas as pd
import pytest

from workbench.core.errors import OptionError
from workbench.plots.curve_charts import calibration_chart, precision_recall_chart


@pytest.fixture
def points():
    return pd.DataFrame(
        {
            "model": ["a", "a", "<b>"],
            "probability": [0.2, 0.8, 0.5],
            "share": [0.1, 0.9, 0.5],
            "low": [0.0, 0.7, np.nan],
            "high": [0.3, 1.0, np.nan],
            "cases": [25, 100, 4],
        }
    )


def test_steps_begin_at_no_recall_with_the_first_precision():
    curves = pd.DataFrame({"model": "a", "recall": [0.5, 1.0], "precision": [0.9, 0.6]})
    verdict = pd.DataFrame({"model": ["a"], "recall": [0.5], "precision": [0.9]})
    figure = precision_recall_chart(curves, points=verdict, prevalence=0.4, learned={"a": False})
    guess, curve, point = figure.data
    assert list(guess.y) == [0.4, 0.4]
    assert (list(curve.x), list(curve.y), curve.line.shape) == ([0, 0.5, 1.0], [0.9, 0.9, 0.6], "vh")
    assert curve.name == "a <i>(did not learn)</i>"
    assert (list(point.x), list(point.y)) == ([0.5], [0.9])
    assert len(precision_recall_chart(curves).data) == 1


def test_calibration_has_whiskers_and_larger_points_for_more_cases(points):
    diagonal, first, second = calibration_chart(points).data
    assert list(diagonal.x) == list(diagonal.y) == [0, 1]
    assert (list(first.x), list(first.y)) == ([0.2, 0.8], [0.1, 0.9])
    np.testing.assert_allclose(first.error_y.array, [0.2, 0.1])
    np.testing.assert_allclose(first.error_y.arrayminus, [0.1, 0.2])
    small, large = first.marker.size
    assert second.marker.size[0] < small < large
    assert second.name == "&lt;b&gt;"


def test_models_differ_by_more_than_colour(points):
    _, first, second = calibration_chart(points).data
    assert first.marker.symbol != second.marker.symbol
    assert first.line.dash != second.line.dash


def test_many_models_have_a_chart_each_on_the_same_axes(points):
    rows = points[points["model"] == "a"]
    many = pd.concat([rows.assign(model=f"<{number}>", share=rows["share"] / (number + 1)) for number in range(8)])
    figure = calibration_chart(many, learned={"<7>": False})
    curves = figure.data[1::2]
    assert [curve.name for curve in curves] == [f"&lt;{number}&gt;" for number in range(8)]
    for number, curve in enumerate(curves):
        np.testing.assert_allclose(curve.y, [0.1 / (number + 1), 0.9 / (number + 1)])
        assert curve.error_y.array is not None
    assert len({(curve.xaxis, curve.yaxis) for curve in curves}) == 8
    assert len({axis.range for axis in figure.select_yaxes()}) == 1
    titles = [each.text for each in figure.layout.annotations]
    assert titles[7] == "&lt;7&gt;<br><i>(did not learn)</i>"


def test_missing_columns_are_refused_in_one_line(points):
    for chart in (precision_recall_chart, calibration_chart):
        with pytest.raises(OptionError, match="no column"):
            chart(points.drop(columns=["share"]))
