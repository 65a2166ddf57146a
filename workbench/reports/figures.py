"""Plotly figures as JSON that the report's own script draws without a network."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from workbench.core.arrays import Json
from workbench.core.errors import ReportError

PLOTLY_MIME = "application/vnd.plotly.v1+json"
EMPTY: dict[str, Json] = {"data": [], "layout": {}, "frames": [], "config": {}}
FETCHES_MAPS = frozenset(
    ["scattergeo", "choropleth"]
    + [f"{kind}{library}" for kind in ("scatter", "choropleth", "density") for library in ("map", "mapbox")]
)
AS_SVG = {"scattergl": "scatter", "scatterpolargl": "scatterpolar"}
"""WebGL traces -> the same drawn as SVG: remote desktops often have no WebGL, and paper never."""
ONLY_WEBGL = frozenset(
    ["cone", "isosurface", "mesh3d", "parcoords", "scatter3d", "splom", "streamtube", "surface", "volume"]
)


@cache
def plotly_script() -> str:
    """Return the text of the installed plotly package's ``plotly.min.js`` without importing the package."""
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise ReportError("plotly is not installed, so that its figures cannot be drawn; pip install plotly")
    script = (Path(found.origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    if "</script" in script.lower():
        raise ReportError(f"{found.origin}: its plotly.min.js cannot stand inside a page")
    return script


def figure_json(bundle: Mapping[str, Any], where: str) -> str:
    """Return a figure as JSON that may stand inside ``<script type="application/json">``.

    Parameters
    ----------
    bundle
        ``data``, ``layout`` and perhaps ``frames`` and ``config``, as the notebook holds them.
    where
        What the figure is, for messages.

    Returns
    -------
    JSON without ``<``; WebGL scatter traces have become SVG ones.

    Raises
    ------
    ReportError
        The figure needs the network (a map, a picture that is not embedded) or WebGL.
    """
    figure = {part: bundle.get(part, empty) for part, empty in EMPTY.items()}
    figure["data"] = [_drawable(trace, where) for trace in figure["data"]]
    for source in _picture_sources(list(figure.values())):
        if not source.startswith("data:image/"):
            raise ReportError(
                f"{where}: the figure's picture {source[:60]!r} would have to be fetched; embed it as data:"
            )
    return json.dumps(figure, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _drawable(trace: Mapping[str, Any], where: str) -> dict[str, Json]:
    kind = str(trace.get("type", "scatter"))
    if kind in FETCHES_MAPS:
        raise ReportError(f"{where}: a plotly {kind} trace fetches its map; a report asks for nothing")
    if kind in ONLY_WEBGL:
        raise ReportError(f"{where}: a plotly {kind} trace needs WebGL, which many a desktop lacks; draw it flat")
    return {**trace, "type": AS_SVG.get(kind, kind)}


def _picture_sources(part: Json) -> Iterator[str]:
    """Yield every ``source`` text of pictures, however deep."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "source" and isinstance(value, str):
                yield value
            else:
                yield from _picture_sources(value)
    elif isinstance(part, list) and part and isinstance(part[0], dict | list):
        for each in part:
            yield from _picture_sources(each)
