"""One look for everything drawn: colours that colour-blind readers tell apart, fonts that every machine has."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from workbench.core.errors import OptionError

INK = "#1b1f24"
MUTED = "#59636e"
GRID = "#e4e8ec"
PAPER = "#ffffff"

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#aa4499", "#e69f00", "#56b4e9"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
"""After Okabe and Ito, in the order of use; the yellow is left out, it vanishes on white."""

PAGE_PX = 1060
"""Width that every page has for a chart."""
SQUARE_PX = 480
"""Height of a square chart with its title and axes; its names lie beside it."""
LETTER_PX, LEGEND_LINE_PX, LEGEND_ROW_PX = 7, 70, 20
"""Width of a letter of a legend, of the line and the gaps beside it, and the height of a row."""

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""A second sign beside the colour, for print and for those who see no colours."""

MARK_COLOURS = {"fracture": "#00e5ff", "evidence": "#00e5ff", "flag": "#ffb000", "control": "#ff7ad9"}
OTHER_MARK = "#ffffff"
ARROW = "#ff2a1f"

FONT_FAMILY = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"

METHOD_TITLES = {
    "ablation-cam": "Ablation-CAM",
    "attention-rollout": "Attention rollout",
    "cam": "CAM",
    "deconvolution": "Deconvolution",
    "deeplift": "DeepLIFT",
    "eigen-cam": "Eigen-CAM",
    "grad-cam": "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
    "gradient-shap": "GradientSHAP",
    "guided-backprop": "Guided backprop",
    "guided-grad-cam": "Guided Grad-CAM",
    "hirescam": "HiResCAM",
    "input-x-gradient": "Input × gradient",
    "integrated-gradients": "Integrated gradients",
    "layer-cam": "LayerCAM",
    "lrp": "LRP",
    "occlusion": "Occlusion",
    "rise": "RISE",
    "saliency": "Saliency",
    "score-cam": "Score-CAM",
    "smoothgrad": "SmoothGrad",
    "vargrad": "VarGrad",
    "xgrad-cam": "XGrad-CAM",
}


def method_title(label: str) -> str:
    """Return a method's name as the papers print it, with the target behind it; another label stays as it is."""
    name, bracket, target = label.partition(" [")
    return METHOD_TITLES.get(name, name) + bracket + target


def mark_colour(category: str) -> str:
    """Return the colour of outlines of this category."""
    return MARK_COLOURS.get(category.split(" ")[0], OTHER_MARK)


def colour(index: int) -> str:
    """Return the colour of the series at ``index``, starting again after the last."""
    return COLOURS[index % len(COLOURS)]


def dash(index: int) -> str:
    """Return the dashes of a series; where the colours start again, colour and dashes make a new pair."""
    return _beside_colour(DASHES, index)


def symbol(index: int) -> str:
    """Return the marker of a series; where the colours start again, colour and marker make a new pair."""
    return _beside_colour(SYMBOLS, index)


def _beside_colour(signs: Sequence[str], index: int) -> str:
    return signs[(index + index // len(COLOURS)) % len(signs)]


def plain(words: object) -> str:
    """Return text from data so that Plotly shows it letter by letter instead of reading it as HTML."""
    return html.escape(str(words), quote=False)


def number(value: float, digits: int = 3) -> str:
    """Return a number short enough for a figure, with a true minus sign."""
    text = "0" if value == 0 else f"{value:.{digits}g}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def signed(value: float, decimals: int = 2) -> str:
    """Return a difference with its sign, plus included."""
    return f"{value:+.{decimals}f}".replace("-", "−")


def chart_template() -> go.layout.Template:
    """Return the light Plotly template of every chart here; Plotly's own default is left alone."""
    axis = {
        "gridcolor": GRID,
        "linecolor": MUTED,
        "showline": True,
        "ticks": "outside",
        "tickcolor": MUTED,
        "ticklen": 4,
        "zeroline": False,
        "automargin": True,
        "title": {"font": {"size": 14}, "standoff": 8},
        "tickfont": {"size": 13},
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT_FAMILY, "size": 14, "color": INK},
            "title": {
                "font": {"size": 17},
                "x": 0.012,
                "xref": "container",
                "xanchor": "left",
                "y": 0.97,
                "yanchor": "top",
            },
            "paper_bgcolor": PAPER,
            "plot_bgcolor": PAPER,
            "colorway": list(COLOURS),
            "margin": {"l": 64, "r": 24, "t": 84, "b": 56},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 13}},
            "hoverlabel": {"font": {"family": FONT_FAMILY, "size": 13}},
            "xaxis": axis,
            "yaxis": axis,
        }
    )


def finished(figure: go.Figure, title: str, *, height_px: int, width_px: int | None = None) -> go.Figure:
    """Return a chart in our look with its title; without a width it fills its page."""
    figure.update_layout(
        template=chart_template(), title_text=f"<b>{plain(title)}</b>", height=height_px, width=width_px
    )
    return figure


def finished_square(figure: go.Figure, title: str, *, x: str, y: str) -> go.Figure:
    """Return a chart of two shares from 0 to 1, as high as it is wide, with room for the names at its right."""
    figure.update_xaxes(title_text=x, range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(title_text=y, range=[-0.01, 1.01], scaleanchor="x", constrain="domain")
    legend = {"orientation": "v", "x": 1.03, "y": 1, "yanchor": "top", "tracegroupgap": 0}
    figure.update_layout(legend=legend, margin={"t": 56})
    names = [re.sub("<.*?>", "", trace.name or "") for trace in figure.data if trace.showlegend is not False]
    beside = LEGEND_LINE_PX + LETTER_PX * max(map(len, names), default=0)
    height = max(SQUARE_PX, 2 * LEGEND_LINE_PX + LEGEND_ROW_PX * len(names))
    return finished(figure, title, height_px=height, width_px=round(min(PAGE_PX, SQUARE_PX + beside)))


def model_name(model: object, learned: Mapping[str, bool] | None, between: str = " ") -> str:
    """Return a model's name for a chart, with the words that it did not learn where ``learned`` says so."""
    did = (learned or {}).get(str(model), True)
    return plain(model) if did else f"{plain(model)}{between}<i>(did not learn)</i>"


def check_columns(table: Any, columns: Sequence[str], what: str) -> None:
    """Refuse with an OptionError a pandas DataFrame that lacks a column or has no rows."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise OptionError(f"{what}: no column {missing[0]!r}; wanted {', '.join(columns)}")
    if not len(table):
        raise OptionError(f"{what}: no rows, nothing can be drawn")
