"""Charts in dashboards: any number of them, and plotly.js once a page."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from workbench.plots.charts_page import packed_chart_script

Figure = Any
"""A Plotly figure; Plotly belongs to the plots, here it is only shown."""
Pick = Callable[[str], None]
Span = tuple[float, float]
Select = Callable[[list[str] | list[Span]], None]


class Chart(anywidget.AnyWidget):
    """One chart, as wide as its place.

    A Plotly ``FigureWidget`` brings plotly.js (5 MB) with every instance. This one asks the kernel for it when the
    first chart of the page is seen, gzipped (1.5 MB), and all share it; a chart in a hidden tab costs its numbers only.
    Its toolbar saves it as PNG or SVG in the browser.
    """

    _esm = Path(__file__).with_name("chart.js")
    _css = Path(__file__).with_name("chart.css")

    content = traitlets.Unicode("").tag(sync=True)
    """The figure as JSON; empty shows nothing."""
    label = traitlets.Unicode("").tag(sync=True)
    """What a reader who does not see it is told."""
    file_name = traitlets.Unicode("chart").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.figure: Figure | None = None
        self._picks: list[Pick] = []
        self._selects: list[Select] = []
        self.on_msg(self._heard)

    def show(self, figure: Figure, *, label: str, file_name: str = "chart") -> None:
        """Show a figure in place of the one before."""
        self.figure = figure
        with self.hold_sync():
            self.label, self.file_name, self.content = label, file_name, figure.to_json()

    def clear(self) -> None:
        """Show nothing and take no room."""
        self.figure, self.content = None, ""

    def on_pick(self, act: Pick) -> None:
        """Call ``act`` with the custom data of a point that is clicked, where it is a text."""
        self._picks.append(act)

    def on_select(self, act: Select) -> None:
        """Call ``act`` with the custom data of what is clicked or drawn around: texts, or (low, high) of bars."""
        self._selects.append(act)

    def _heard(self, _widget: object, content: Any, _buffers: object) -> None:
        if not isinstance(content, dict):
            return
        if content.get("want") == "library":
            self.send({"library": True}, [packed_chart_script()])
        elif isinstance(content.get("picked"), str):
            for pick in self._picks:
                pick(content["picked"])
        elif selected := _checked(content.get("selected")):
            for select in self._selects:
                select(selected)


def _checked(selected: Any) -> list[str] | list[Span]:
    """Return what a browser says was selected; empty where it is anything but texts or pairs of numbers."""
    if not isinstance(selected, list):
        return []
    if all(isinstance(each, str) for each in selected):
        return selected
    if all(isinstance(each, list) and len(each) == 2 and all(map(_is_number, each)) for each in selected):
        return [(float(low), float(high)) for low, high in selected]
    return []


def _is_number(end: Any) -> bool:
    return isinstance(end, int | float) and math.isfinite(end)
