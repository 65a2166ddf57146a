"""Small parts that the tabs of the model comparison share."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets
import pandas as pd

from workbench.core.errors import WorkbenchError


def table_html(frame: pd.DataFrame, *, index: bool = True) -> str:
    """Return a table in the dashboard's look; every text is escaped, a missing one is a dash."""
    drawn = frame.to_html(classes="workbench-table", border=0, index=index, escape=True, na_rep="–")
    return f'<div class="workbench-scroll">{drawn}</div>'


def warning_html(text: str) -> str:
    """Return a sentence that has to be seen; nothing where there is none."""
    return f'<div class="workbench-warning" role="status">{escape(text)}</div>' if text else ""


def quiet_html(text: str) -> str:
    """Return an explanation in small letters."""
    return f'<span class="workbench-quiet">{escape(text)}</span>'


def heading(text: str) -> widgets.HTML:
    """Return a heading of a part of a tab."""
    return widgets.HTML(f"<h3>{escape(text)}</h3>")


def row(*parts: widgets.Widget, least_px: int = 420) -> widgets.Box:
    """Return parts side by side, as wide as each other, each at least so wide; below that they wrap."""
    columns = f"repeat(auto-fit, minmax(min({least_px}px, 100%), 1fr))"
    return widgets.GridBox(list(parts), layout={"grid_template_columns": columns, "grid_gap": "14px", "width": "100%"})


@contextmanager
def saying(place: widgets.HTML) -> Iterator[None]:
    """Turn an error of ours into a sentence at its place, so that the rest of the dashboard stays usable."""
    place.value = ""
    try:
        yield
    except WorkbenchError as error:
        place.value = warning_html(str(error))


def fill_page(figure: Any) -> Any:
    """Return a chart without a width of its own and with its legend above, for a place of any width."""
    return figure.update_layout(
        width=None,
        autosize=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        margin={"t": 84, "l": 64, "r": 20, "b": 56},
        height=540,
    )
