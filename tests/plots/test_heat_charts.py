"""Heat tables write every number out and say what is missing."""

import numpy as np
import pandas as pd
import pytest

from workbench.core.errors import OptionError
from workbench.plots.heat_charts import agreement_chart, metric_heat_table
from workbench.plots.theme import INK, PAPER


@pytest.fixture
def scores():
    rows = [
        ("a", "hand", 0.9, 0.8, 1.0, 30),
        ("a", "wrist", 0.5, 0.4, 0.6, 20),
        ("<b>", "hand", np.nan, np.nan, np.nan, 30),
        ("c", "wrist", 0.1, np.nan, np.nan, 20),
    ]
    table = pd.DataFrame(rows, columns=["model", "group", "estimate", "low", "high", "cases"])
    return table.assign(metric="cohen-kappa")


def cells(figure):
    return {(each.y, each.x): each for each in figure.layout.annotations if each.text}


def test_every_cell_holds_its_number_with_its_interval(scores):
    figure = metric_heat_table(scores, learned={"c": False})
    assert {place: each.text for place, each in cells(figure).items()} == {
        (0, 0): "0.90<br>[0.80, 1.00]",
        (0, 1): "0.50<br>[0.40, 0.60]",
        (1, 0): "not<br>defined",
        (2, 1): "0.10",
    }
    np.testing.assert_array_equal(figure.data[0].z, [[0.9, 0.5], [np.nan, np.nan], [np.nan, 0.1]])
    assert list(figure.layout.xaxis.ticktext) == ["hand<br>(30)", "wrist<br>(20)"]
    fewer = metric_heat_table(scores.assign(cases=[30, 20, 25, 20]))  # models of one body part each have other films
    assert list(fewer.layout.xaxis.ticktext) == ["hand<br>(25-30)", "wrist<br>(20)"]
    assert list(figure.layout.yaxis.ticktext) == ["a", "&lt;b&gt;", "c<br><i>(did not learn)</i>"]
    assert figure.layout.title.text == "<b>Cohen's kappa</b>"
    assert metric_heat_table(scores, title="test").layout.title.text == "<b>Cohen's kappa, test</b>"


def test_the_better_end_is_dark_with_light_text(scores):
    high, low = metric_heat_table(scores), metric_heat_table(scores, lower_is_better=True)
    assert (cells(high)[0, 0].font.color, cells(high)[2, 1].font.color) == (PAPER, INK)
    assert (cells(low)[0, 0].font.color, cells(low)[2, 1].font.color) == (INK, PAPER)
    assert low.data[0].reversescale


def test_little_noise_is_no_contrast(scores):
    close = scores.assign(estimate=[0.9, 0.91, 0.9, 0.9])
    assert metric_heat_table(close).data[0].zmax - metric_heat_table(close).data[0].zmin == pytest.approx(0.1)
    nothing = scores.assign(estimate=np.nan)
    assert all(each.text == "not<br>defined" for each in cells(metric_heat_table(nothing)).values())


def test_agreement_leaves_the_diagonal_empty_and_begins_at_chance():
    names = ["one", "a model of a long name"]
    figure = agreement_chart(pd.DataFrame([[1, 0.7], [0.7, 1]], index=names, columns=names))
    assert {place: each.text for place, each in cells(figure).items()} == {(0, 1): "0.70", (1, 0): "0.70"}
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 1)
    assert list(figure.layout.xaxis.ticktext) == ["one", "a model of a<br>long name"]
    below = agreement_chart(pd.DataFrame([[1, -0.2], [-0.2, 1]], index=names, columns=names))
    assert below.data[0].zmin == -0.2


def test_what_is_refused(scores):
    with pytest.raises(OptionError, match="no metric 'auroc'; they have cohen-kappa"):
        metric_heat_table(scores, metric="auroc")
    with pytest.raises(OptionError, match="hold hand of a twice"):
        metric_heat_table(pd.concat([scores, scores]))
    with pytest.raises(OptionError, match="1 models by 1"):
        agreement_chart(pd.DataFrame([[1.0]], index=["a"], columns=["a"]))
    with pytest.raises(OptionError, match="no column 'cases'"):
        metric_heat_table(scores.drop(columns="cases"))


def test_wide_tables_fill_their_page(scores):
    wide = pd.concat([scores.iloc[:1].assign(group=f"part {i}") for i in range(8)])
    assert metric_heat_table(wide).layout.width is None
    assert metric_heat_table(scores).layout.width < 600
