"""Shares by model with the paired changes beside them, and charts as one page."""

import gzip
import re

import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from workbench.core.errors import OptionError
from workbench.plots.charts_page import charts_page, packed_chart_script
from workbench.plots.selectable import probability_pairs
from workbench.plots.share_charts import share_chart

SHARES = pd.DataFrame({"model": ["A", "<b>B"], "estimate": [0.2, 0.1], "low": [0.1, 0.05], "high": [0.4, 0.2]})
CHANGES = pd.DataFrame({"pair": ["B\n− A"], "estimate": [-0.1], "low": [-0.2], "high": [-0.05]})


def test_shares_stand_in_per_cent_with_their_whiskers():
    figure = share_chart(SHARES, CHANGES, area=0.013)
    shares, changes = figure.data
    assert list(shares.x) == pytest.approx([20, 10])
    assert list(shares.error_x.array) == pytest.approx([20, 10])
    assert list(shares.error_x.arrayminus) == pytest.approx([10, 5])
    assert list(changes.x) == pytest.approx([-10])
    assert list(shares.y) == ["A", "&lt;b&gt;B"]
    assert any("1.3 %" in str(each.text) for each in figure.layout.annotations)


def test_without_a_pair_there_is_one_panel():
    figure = share_chart(SHARES[:1], CHANGES[:0], area=0.01)
    assert len(figure.data) == 1
    with pytest.raises(OptionError, match="no rows"):
        share_chart(SHARES[:0], CHANGES[:0], area=0.01)


def test_pairs_carry_their_case_and_unknown_labels_their_own_sign():
    cases = pd.DataFrame(
        {"case_id": ["a", "b", "c"], "label": ["ill", "", "fine"], "x": [0.9, 0.5, 0.1], "y": [0.8, 0.2, 0.3]}
    )
    figure = probability_pairs(cases, names=("A<", "B"), positive=("ill",))
    assert {trace.name: list(trace.customdata) for trace in figure.data} == {
        "normal": ["c"],
        "abnormal": ["a"],
        "label not known": ["b"],
    }
    assert figure.layout.xaxis.title.text.endswith("A&lt;")
    known = probability_pairs(cases[cases["label"] != ""], names=("A", "B"), positive=("ill",))
    assert [trace.name for trace in known.data] == ["normal", "abnormal"]


def test_a_page_holds_plotly_once_and_asks_no_network():
    figure = share_chart(SHARES, CHANGES, area=0.01)
    page = charts_page({"first <i>": figure, "second": figure}, title="A & B")
    assert page.count("plotly.js v") == get_plotlyjs().count("plotly.js v")
    assert not re.search(r"<script[^>]+src=", page)
    assert "first &lt;i&gt;" in page
    assert "<title>A &amp; B</title>" in page


def test_the_packed_script_is_plotly_s():
    assert gzip.decompress(packed_chart_script()).decode() == get_plotlyjs()
    assert len(packed_chart_script()) < len(get_plotlyjs()) / 2
