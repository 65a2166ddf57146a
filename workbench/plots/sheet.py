"""A sheet of paper measured in inches from its upper left corner, on which pictures place panels and words."""

import io
import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from workbench.core.errors import OptionError
from workbench.core.files import write_bytes
from workbench.plots.theme import INK, MUTED, PAPER

DPI = 144
"""Pixels an inch: films stay sharp on screens that show two pixels for one."""

KINDS = ("png", "svg", "pdf")
"""Of files that a picture can be written to."""

SMALL, BODY, HEADING = 7.5, 9.0, 13.0
"""Font sizes in points."""

FONTS = ["DejaVu Sans", "sans-serif"]
"""Matplotlib brings it along, so that pictures look alike on every machine."""

WORDS: dict[str, Any] = {"color": INK, "family": FONTS, "parse_math": False, "linespacing": 1.35}
"""How words are set; a dollar sign in a film's name does not begin a formula."""


class Picture(Figure):
    """A Matplotlib figure that Jupyter shows by itself, without pyplot and its list of open figures.

    A bare ``Figure`` shows only where pyplot's inline backend has been started; this one brings its own PNG.

    Parameters
    ----------
    width_in
        Width in inches.
    height_in
        Height in inches.
    """

    def __init__(self, width_in: float, height_in: float) -> None:
        super().__init__(figsize=(width_in, height_in), dpi=DPI, facecolor=PAPER)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        return self.png()

    def png(self) -> bytes:
        """Return the picture as PNG."""
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=DPI, facecolor=PAPER)
        return content.getvalue()

    def save(self, path: Path) -> None:
        """Write the picture atomically as PNG, SVG or PDF, whichever the name's ending says; else an OptionError."""
        kind = path.suffix.lower().removeprefix(".")
        if kind not in KINDS:
            raise OptionError(
                f"{path}: a picture cannot be written as {path.suffix or 'such'}; wanted .png, .svg, .pdf"
            )
        write_bytes(path, self.png() if kind == "png" else self._vectors(kind))

    def _vectors(self, kind: str) -> bytes:
        """Return the picture as SVG or PDF, with sharp lines and words; drawn twice, the bytes are equal."""
        content = io.BytesIO()
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        with mpl.rc_context({"svg.hashsalt": "workbench", "pdf.fonttype": 42}):  # TrueType: words can be searched
            self.savefig(content, format=kind, dpi=2 * DPI, facecolor=PAPER, metadata=dates[kind])
        return content.getvalue()

    def panel(self, left_in: float, top_in: float, *, width_in: float, height_in: float) -> Axes:
        """Return new axes without frame or ticks at a place measured from the upper left corner."""
        width, height = self.get_size_inches()
        bottom_in = height - top_in - height_in
        axes = self.add_axes((left_in / width, bottom_in / height, width_in / width, height_in / height))
        axes.set_axis_off()
        return axes

    def write(
        self,
        words: str,
        left_in: float,
        top_in: float,
        *,
        width_in: float,
        size: float = BODY,
        lines: int = 1,
        **style: Any,
    ) -> Text:
        """Write words with their upper left corner at a place, cut so that they keep to a width.

        Parameters
        ----------
        words
            Plain text, may hold line breaks; broken between words where ``lines`` allows it.
        left_in
            Where the words begin, in inches from the left.
        top_in
            Where the first line begins, in inches from the top.
        width_in
            No line is longer.
        size
            In points.
        lines
            At most this many; what does not fit is cut with an ellipsis.
        **style
            Matplotlib's text properties.

        Returns
        -------
        Text
            What was written.
        """
        width, height = self.get_size_inches()
        # By the baseline: by their tops, words with and without tall letters would not stand in line.
        baseline = 1 - (top_in + 0.93 * size / 72) / height
        text = self.text(left_in / width, baseline, words, va="baseline", fontsize=size, **(WORDS | style))
        # Words are measured, not counted: capitals and digits are much wider than an i.
        characters = max(map(len, words.split("\n")))
        while self._width_in(text) > width_in and characters > 4:
            characters = min(characters - 1, int(characters * 0.97))
            text.set_text(_broken(words, characters, lines))
        if "\n" in text.get_text():  # the baseline of several lines is that of the last
            text.set(va="top", y=1 - top_in / height)
        return text

    def _width_in(self, text: Text) -> float:
        return float(text.get_window_extent().width / self.dpi)

    def heading(self, words: str, below: str, *, margin_in: float, note: str = "") -> None:
        """Write the title of the whole picture, a line in grey below it, and a smaller one below that."""
        width_in = float(self.get_size_inches()[0]) - 2 * margin_in
        self.write(words, margin_in, margin_in, width_in=width_in, size=HEADING, weight="bold")
        self.write(below, margin_in, margin_in + 0.3, width_in=width_in, size=BODY + 0.5, color=MUTED)
        if note:
            self.write(note, margin_in, margin_in + 0.49, width_in=width_in, size=SMALL + 0.5, color=MUTED)


def _broken(words: str, characters: int, lines: int) -> str:
    broken = [line for part in words.split("\n") for line in textwrap.wrap(part, characters) or [""]]
    if len(broken) > lines:
        broken = [*broken[: lines - 1], broken[lines - 1][: characters - 1].rstrip() + "…"]
    return "\n".join(broken)


def fitted(film_size: tuple[int, int], *, width_in: float, height_in: float) -> tuple[float, float]:
    """Return (width, height) in inches of a film (height, width) made as large as a frame allows, not stretched."""
    height, width = film_size
    factor = min(width_in / width, height_in / height)
    return width * factor, height * factor


def shrunk(values: np.ndarray, limit: int = 900) -> np.ndarray:
    """Return (h, w) values averaged down so that no side exceeds ``limit`` pixels; panels show no more."""
    height, width = shrunk_size((values.shape[0], values.shape[1]), limit)
    if (height, width) == values.shape:
        return values
    image = Image.fromarray(np.asarray(values, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def shrunk_size(size: tuple[int, int], limit: int) -> tuple[int, int]:
    """Return (height, width) in proportion, with no side above ``limit`` pixels."""
    factor = min(limit / max(size), 1.0)
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def show_film(axes: Axes, picture: np.ndarray, film_size: tuple[int, int]) -> None:
    """Draw grey (h, w) or RGB (h, w, 3), uint8 or in 0..1, so that axes count film pixels: edges on whole numbers.

    Parameters
    ----------
    axes
        Where to draw.
    picture
        May be smaller than the film.
    film_size
        Height and width of the film.
    """
    height, width = film_size
    whole = picture if picture.dtype == np.uint8 else np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    whole = whole if whole.ndim == 3 else np.repeat(whole[..., None], 3, axis=2)
    axes.imshow(whole, extent=(0, width, height, 0), interpolation="antialiased", aspect="equal")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)


def check_pixels(pixels: np.ndarray, what: str = "pixels") -> None:
    """Refuse with an OptionError what is not one film (h, w) with values in 0..1."""
    if pixels.ndim != 2 or not pixels.size:
        raise OptionError(f"{what}: shape {pixels.shape} is not a film; wanted (h, w)")
    low, high = float(np.min(pixels)), float(np.max(pixels))
    if not (low >= -0.01 and high <= 1.01):
        raise OptionError(f"{what}: values from {low:.3g} to {high:.3g}; wanted 0 (black) to 1 (white)")


def check_same_size(values: np.ndarray, pixels: np.ndarray, what: str) -> None:
    """Refuse with an OptionError a map or mask that is not of the film's size."""
    if values.shape != pixels.shape:
        raise OptionError(f"{what}: shape {values.shape}, the film is {pixels.shape}; bring it to the film's pixels")


def colours_of(name: str) -> np.ndarray:
    """Return the colours (256, 3) float32 of one of Matplotlib's colour maps; another name is an OptionError."""
    if name not in mpl.colormaps:
        raise OptionError(f"no colour map is called {name!r}; try jet, inferno, viridis or bwr")
    return mpl.colormaps[name](np.linspace(0, 1, 256))[:, :3].astype(np.float32)
