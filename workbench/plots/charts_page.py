"""Charts for readers without a kernel or a network: the script that draws them, and a page that holds both."""

import gzip
from collections.abc import Mapping
from functools import cache

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from workbench.plots.theme import plain

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:system-ui,sans-serif;max-width:1200px;margin:2em auto;padding:0 1em}}</style></head>
<body><h1>{title}</h1>{charts}</body></html>
"""


@cache
def packed_chart_script() -> bytes:
    """Return plotly.js gzipped: 1.5 MB in place of 4.8."""
    return gzip.compress(get_plotlyjs().encode(), compresslevel=6)


def charts_page(charts: Mapping[str, go.Figure], *, title: str) -> str:
    """Return charts as one HTML page that needs no network; it holds plotly.js (5 MB) once.

    Parameters
    ----------
    charts
        By heading, in order.
    title
        Of the page.

    Returns
    -------
    str
        Text from data is escaped.
    """
    parts = []
    for place, (heading, figure) in enumerate(charts.items()):
        drawn = figure.to_html(full_html=False, include_plotlyjs=place == 0, config={"displaylogo": False})
        parts.append(f"<section><h2>{plain(heading)}</h2>{drawn}</section>")
    return PAGE.format(title=plain(title), charts="".join(parts))
