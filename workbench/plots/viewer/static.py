"""Viewers in pages without a kernel: HTML made from arrays, alive by one script, a picture where scripts do not run.

A page holds the fragments of :func:`static_viewer`, once the style of :func:`viewer_style`, and once, as
``<script type="module">``, the text of :func:`viewer_script`; :func:`script_hash` is what its policy must allow.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Literal

from workbench.core.arrays import Json
from workbench.plots.theme import number
from workbench.plots.viewer.content import FilmView
from workbench.plots.viewer.encoding import colormap_contents, view_state
from workbench.plots.viewer.poster import poster

VIEW_MIME = "application/vnd.radiograph-workbench.view+json"
"""Under this name a notebook's output holds a view's state, from which a report makes a live viewer."""

Theme = Literal["auto", "light", "dark"]
MODULE = Path(__file__).with_name("viewer.js")
STYLE = Path(__file__).with_name("viewer.css")


def static_viewer(view: FilmView, *, link_group: str = "", height_px: int = 520, theme: Theme = "auto") -> str:
    """Return a view as an HTML fragment that holds its own pixels and maps.

    Parameters
    ----------
    view
        What to show.
    link_group
        Viewers of one group on one page share zoom, window, and how their maps are laid on.
    height_px
        Height of the film's stage.
    theme
        ``auto`` follows the reader's system; a page that is always light says so.

    Returns
    -------
    str
        A ``<figure>`` with the poster and the state; every text from data is escaped.
    """
    state = static_state(view) | {"link_group": link_group, "height_px": height_px, "theme": theme}
    return state_html(state, poster(view))


def state_html(state: dict[str, Json], picture: bytes) -> str:
    """Return the fragment for a viewer's state (bytes as ``{"base64": ...}``) and its poster as PNG."""
    words = escape(description(state))
    data = json.dumps(state, separators=(",", ":"), allow_nan=False, ensure_ascii=False).replace("<", "\\u003c")
    source = base64.b64encode(picture).decode()
    return (
        f'<figure class="film-viewer"><img alt="{words}" src="data:image/png;base64,{source}">'
        f'<figcaption>{words}</figcaption><script type="application/json">{data}</script></figure>'
    )


def description(state: dict[str, Json]) -> str:
    """Return what a viewer shows in one line of plain text."""
    title = state["title"] or "Radiograph"
    if not state["layers"]:
        return title
    layer = state["layers"][0]
    low, high = (number(value) for value in layer["scale"])
    return f"{title}, with the map {layer['title'] or 'of the model'} on a scale from {low} to {high}"


def static_state(view: FilmView) -> dict[str, Json]:
    """Return the state of a viewer without a kernel, ready for JSON."""
    return _without_bytes(view_state(view) | {"colormaps": colormap_contents()})


def view_bundle(view: FilmView) -> dict[str, Any]:
    """Return what a notebook holds of a displayed view: a picture for itself, the state for its report."""
    state = static_state(view)
    picture = base64.b64encode(poster(view)).decode()
    return {VIEW_MIME: state, "image/png": picture, "text/plain": description(state)}


@cache
def viewer_script() -> str:
    """Return the module text that brings every fragment of a page to life."""
    return MODULE.read_text(encoding="utf-8") + "\nmountAll();\n"


@cache
def viewer_style() -> str:
    """Return the style sheet's text."""
    return STYLE.read_text(encoding="utf-8")


@cache
def script_hash() -> str:
    """Return the source expression by which a Content-Security-Policy allows :func:`viewer_script`."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(viewer_script().encode()).digest()).decode()}'"


def viewer_page(views: Sequence[FilmView], *, title: str, link_group: str = "films", theme: Theme = "auto") -> str:
    """Return a whole page of linked viewers side by side that asks the network for nothing.

    Parameters
    ----------
    views
        What to show; maps that are compared should be given one scale.
    title
        Heading of the page.
    link_group
        Empty leaves each viewer to itself.
    theme
        ``auto`` follows the reader's system.

    Returns
    -------
    str
        One HTML file.
    """
    policy = (
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
        f"script-src {script_hash()}; base-uri 'none'; form-action 'none'"
    )
    viewers = "\n".join(static_viewer(view, link_group=link_group, theme=theme) for view in views)
    return PAGE.format(
        policy=policy,
        title=escape(title),
        scheme={"auto": "light dark"}.get(theme, theme),
        style=viewer_style(),
        viewers=viewers,
        script=viewer_script(),
    )


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="{scheme}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
body {{ margin: 0 auto; padding: 18px 22px; max-width: 1800px; font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }}
h1 {{ margin: 0 0 14px; font-size: 1.3rem; line-height: 1.3; overflow-wrap: anywhere; }}
footer {{ margin-top: 16px; font-size: 13px; }}
{style}
</style>
</head>
<body>
<main><h1>{title}</h1><div class="film-viewers">
{viewers}
</div></main>
<footer>Research use only, not for diagnosis.</footer>
<script type="module">{script}</script>
</body>
</html>
"""


def _without_bytes(content: Json) -> Json:
    """Return a state in which bytes have become ``{"base64": text}``."""
    if isinstance(content, bytes):
        return {"base64": base64.b64encode(content).decode()}
    if isinstance(content, dict):
        return {name: _without_bytes(each) for name, each in content.items()}
    if isinstance(content, list):
        return [_without_bytes(each) for each in content]
    return content
