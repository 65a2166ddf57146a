import pytest

from workbench.dashboards.chart import Chart


@pytest.fixture
def chart_and_selected():
    chart, selected = Chart(), []
    chart.on_select(selected.append)
    return chart, selected


@pytest.mark.parametrize(
    ("sent", "selected"),
    [
        (["XR-1", "XR-2"], ["XR-1", "XR-2"]),
        ([[0.5, 0.55], [1, 1.05]], [(0.5, 0.55), (1.0, 1.05)]),
    ],
)
def test_what_is_drawn_around_arrives(chart_and_selected, sent, selected):
    chart, heard = chart_and_selected
    chart._heard(None, {"selected": sent}, [])
    assert heard == [selected]


@pytest.mark.parametrize(
    "sent", [None, [], "XR-1", [1], ["XR-1", [0, 1]], [[0, 1, 2]], [[0, "1"]], [[0, float("nan")]]]
)
def test_anything_else_is_not_heard(chart_and_selected, sent):
    chart, heard = chart_and_selected
    chart._heard(None, {"selected": sent}, [])
    assert heard == []
