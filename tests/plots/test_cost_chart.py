"""Names of points that can all be read, and signs of series that can all be told apart."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from workbench.plots.cost_chart import PLACES, PLOT_PX, _box, _overlap, cost_chart, name_places
from workbench.plots.theme import LETTER_PX, PAGE_PX, colour, dash, finished_square, symbol


def test_names_lie_inside_and_beside_each_other() -> None:
    width, height = PLOT_PX
    right, top = width - 5, height - 20
    points = np.array([(5, 20), (5, top), (right, 20), (right, top), (400, 200), (430, 203)], dtype=float)
    name = "a rather long name"
    places = name_places(points, [name] * len(points))
    assert places[0] == "middle right"
    assert places[2] == "middle left"
    boxes = [
        _box(*point, LETTER_PX * len(name), PLACES[place]) for point, place in zip(points.tolist(), places, strict=True)
    ]
    for index, box in enumerate(boxes):
        assert box[0] >= 0
        assert box[2] <= width
        assert not any(_overlap(box, other) for other in boxes[:index])


@pytest.mark.parametrize("sign", [dash, symbol])
def test_eighteen_series_have_eighteen_looks(sign: object) -> None:
    assert len({(colour(place), sign(place)) for place in range(18)}) == 18  # type: ignore[operator]


def test_long_names_make_a_square_chart_wider_and_not_smaller() -> None:
    def width(name: str) -> int:
        figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], name=name))
        return int(finished_square(figure, "", x="x", y="y").layout.width)

    assert width("short") < width("All extremity types (random initialised)") <= PAGE_PX
    assert width("<i>word</i>") == width("word")


@pytest.mark.parametrize(
    ("parameters", "ticks"),
    [((12e6, 85e6), (10, 20, 50, 100)), ((0.7e6, 8e6), (0.5, 1, 2, 5, 10)), ((12e6, 13e6), None)],
)
def test_a_logarithmic_axis_spells_its_numbers_out(
    parameters: tuple[float, float], ticks: tuple[float, ...] | None
) -> None:
    models = pd.DataFrame({"model": ["a", "b"], "parameters": parameters, "metric": "auroc", "learned": True})
    figure = cost_chart(models.assign(estimate=[0.6, 0.7], low=[0.5, 0.6], high=[0.7, 0.8]))
    low, high = 10 ** np.array(figure.layout.xaxis.range)
    expected = None if ticks is None else tuple(each for each in ticks if low <= each <= high)
    assert figure.layout.xaxis.tickvals == expected
