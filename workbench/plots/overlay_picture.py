"""A film under one map as a file: drawn by numpy and Pillow alone, because a data set has thousands of them."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from workbench.core.arrays import Box
from workbench.core.explanation import Explanation
from workbench.plots.overlays import coloured, laid_over
from workbench.plots.scales import Scale, colormap_of
from workbench.plots.theme import number

SIDE = 1024
"""Pixels along the longer side of a film, at most."""
MAGNIFIED_SIDE = 512
"""A film that fits into this more than once is magnified so often; larger pictures cost more time than the map."""
NARROWEST = 260
"""Width in pixels at which the words below still have room."""
FONT_SHARE, SMALLEST_FONT, LARGEST_FONT = 0.034, 12, 22
"""Height of the words as a share of the width, in pixels at least and at most."""
GROUND, WORDS, QUIET_WORDS = (22, 24, 28), (236, 239, 243), (160, 168, 178)
HUFFMAN_ONLY = 2
"""Zlib's strategy: on overlays a fifth faster than the default at level 1, and the files are a sixth smaller."""


@dataclass(frozen=True)
class Caption:
    """What stands below an overlay.

    Parameters
    ----------
    title
        What the map is: method, class, probability.
    scale
        Whose scale it is: ``"own scale"``.
    """

    title: str
    scale: str


def overlay_picture(
    pixels: np.ndarray,
    explanation: Explanation,
    index: int,
    *,
    scale: Scale,
    caption: Caption,
    colormap: str | None = None,
    box: Box | None = None,
    side: int = SIDE,
) -> np.ndarray:
    """Return a film with a map over it, below it a colour bar that says whose scale it is.

    Parameters
    ----------
    pixels
        Film (h, w), 0 black to 1 white.
    explanation
        Holds the map and its way to the film.
    index
        Which of its cases.
    scale
        Values of the first and the last colour.
    caption
        The words.
    colormap
        A name of Matplotlib's; None takes the one for the scale.
    box
        Outlined on the film: (left, top, right, bottom) in film pixels.
    side
        Pixels along the longer side of the film at most. Films of 256 pixels or less are magnified.

    Returns
    -------
    np.ndarray
        RGB (h', w', 3) uint8, the film at its top, centred where it is narrower than the words.
    """
    shown = Image.fromarray(laid_over(pixels, explanation, index, scale=scale, colormap=colormap, limit=side))
    times = min(side, MAGNIFIED_SIDE) // max(shown.size)
    if times > 1:
        shown = shown.resize((times * shown.width, times * shown.height), Image.Resampling.BICUBIC)
    strip = _Strip(max(shown.width, NARROWEST), caption, scale, colormap or colormap_of(scale))
    whole = Image.new("RGB", (strip.width, shown.height + strip.height), GROUND)
    left = (strip.width - shown.width) // 2
    if box is not None:
        _draw_box(shown, box, film_size=(pixels.shape[0], pixels.shape[1]))
    whole.paste(shown, (left, 0))
    strip.draw_on(whole, shown.height)
    return np.asarray(whole)


def png_bytes(picture: np.ndarray) -> bytes:
    """Return RGB (h, w, 3) uint8 as PNG, quickly: level 6, Pillow's default, takes as long as a network's pass."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="PNG", compress_level=1, compress_type=HUFFMAN_ONLY)
    return content.getvalue()


@dataclass(frozen=True)
class _Strip:
    """The words and the colour bar below a film; places in pixels."""

    width: int
    caption: Caption
    scale: Scale
    colormap: str

    @property
    def font_px(self) -> int:
        return int(np.clip(round(FONT_SHARE * self.width), SMALLEST_FONT, LARGEST_FONT))

    @property
    def height(self) -> int:
        return round(4.5 * self.font_px)

    def draw_on(self, whole: Image.Image, top: int) -> None:
        draw, unit, margin = ImageDraw.Draw(whole), self.font_px, round(0.6 * self.font_px)
        right = self.width - margin
        title = _cut(self.caption.title, _font(unit).getlength, right - margin)
        draw.text((margin, top + 0.55 * unit), title, fill=WORDS, font=_font(unit))
        bar_top, bar_bottom = top + round(2.0 * unit), top + round(2.6 * unit)
        whole.paste(self._bar(right - margin, bar_bottom - bar_top), (margin, bar_top))
        low, high = self.scale
        small = _font(round(0.85 * unit))
        below = bar_bottom + 0.4 * unit
        draw.text((margin, below), number(low), fill=WORDS, font=small)
        draw.text((right, below), number(high), fill=WORDS, font=small, anchor="ra")
        draw.text((self.width / 2, below), self.caption.scale, fill=QUIET_WORDS, font=small, anchor="ma")
        if low < 0 < high:
            zero = margin + (right - margin) * -low / (high - low)
            draw.line((zero, bar_bottom, zero, bar_bottom + 0.25 * unit), fill=WORDS, width=max(unit // 10, 1))

    def _bar(self, width: int, height: int) -> Image.Image:
        colours = coloured(np.linspace(*self.scale, width), colormap=self.colormap, scale=self.scale)
        return Image.fromarray(np.tile(np.rint(255 * colours).astype(np.uint8), (height, 1, 1)))


def _draw_box(shown: Image.Image, box: Box, *, film_size: tuple[int, int]) -> None:
    """Outline a box on the film's inside, bright on dark, so that it shows on bone and on air."""
    # Each axis by itself: a narrow film is not shrunk by quite the same factor both ways.
    across, down = shown.width / film_size[1], shown.height / film_size[0]
    left, top, right, bottom = (
        round(side * factor) for side, factor in zip(box, (across, down, across, down), strict=True)
    )
    draw, width = ImageDraw.Draw(shown), max(round(max(shown.size) / 500), 1)
    outer = (left, top, max(right - 1, left), max(bottom - 1, top))
    draw.rectangle(outer, outline=(0, 0, 0), width=3 * width)
    inner = (left + width, top + width, outer[2] - width, outer[3] - width)
    if inner[0] < inner[2] and inner[1] < inner[3]:
        draw.rectangle(inner, outline=(255, 255, 255), width=width)


def _cut(words: str, width_of: Callable[[str], float], width: float) -> str:
    """Return the words, cut with an ellipsis where they are wider than ``width`` pixels."""
    shown = words
    while width_of(shown) > width and len(words) > 1:
        words = words[:-1]
        shown = words.rstrip() + "…"
    return shown


@lru_cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """Return the font that Matplotlib brings along, the one of all other figures."""
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size_px)
