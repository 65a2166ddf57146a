"""Small HTML tables for dashboards; whatever comes from data is escaped by whoever fills a cell."""

from collections.abc import Sequence

import numpy as np

CELL = 'style="padding:1px 12px 1px 0;text-align:left;line-height:1.5"'


def html_table(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Return a table of cells that are HTML already."""
    top = "".join(f'<th scope="col" {CELL}>{cell}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td {CELL}>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>"


def number_text(value: float) -> str:
    """Return a number with two decimals, a dash where it is not defined."""
    return f"{value:.2f}" if np.isfinite(value) else "–"


def share_text(value: float) -> str:
    """Return a share in per cent, a dash where it is not defined."""
    return f"{100 * value:.1f} %" if np.isfinite(value) else "–"
