"""Labels that a machine burns into films: lines of text, and the logos of clinics that do not exist."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from workbench.core.arrays import FilmPixels
from workbench.data.phantoms.glyphs import ADVANCE, word_strokes
from workbench.data.phantoms.ink import (
    Paint,
    Points,
    placed,
    plate_cover,
    rectangle,
    ring,
    stroke_cover,
    turned_by,
)
from workbench.data.phantoms.placing import Place, free_place

TEXT_MARGIN = 0.02
"""Text comes nearer to the film's edge than a flag does, and may lie on a frame."""
TURN_COST = 0.15
"""How much less crowded a place must be, in the mean, that a text is turned to lie there."""
LINE_STEP = 1.6
"""From one line to the next, in heights of a letter."""
WORDS = ("PORTABLE", "SUPINE", "SEATED", "ROOM 3", "TABLE 2", "COPY", "STANDING", "X-RAY", "RADIOLOGY")


@dataclass(frozen=True)
class Text:
    """One or two lines of text; lengths in pixels, angle in degrees.

    Parameters
    ----------
    boxed
        Whether it stands on a black box, as consoles write it.
    """

    lines: tuple[str, ...]
    height_px: float
    stroke_px: float
    angle_deg: float
    boxed: bool
    brightness: float

    @property
    def half_sides(self) -> tuple[float, float]:
        """Half its width and height with the box around it, in heights of a letter."""
        letters = max(map(len, self.lines))
        return (letters * ADVANCE - 0.4) / 2 + 0.4, ((len(self.lines) - 1) * LINE_STEP + 1.0) / 2 + 0.4

    @property
    def reach_px(self) -> tuple[float, float]:
        """Half the height and half the width of the upright rectangle that it needs."""
        half_width, half_height = (side * self.height_px + 1.0 for side in self.half_sides)
        return (half_width, half_height) if self.angle_deg else (half_height, half_width)


def draw_text_design(size: tuple[int, int], generator: np.random.Generator) -> Text:
    """Return random text for a film of ``size`` (height, width): a date, a number, a word, an exposure."""
    scale = float(np.sqrt(size[0] * size[1]))
    kinds = generator.permutation(5)[: int(generator.integers(1, 3))]
    lines = tuple(_line(int(kind), generator) for kind in kinds)
    sideways = bool(generator.random() < 0.2)
    height = max(scale * float(generator.uniform(0.026, 0.042)), 5.0)
    room = (size[0] if sideways else size[1]) * (1.0 - 2.0 * TEXT_MARGIN) * 0.9
    height = min(height, room / (max(map(len, lines)) * ADVANCE + 0.8))
    return Text(
        lines=lines,
        height_px=height,
        stroke_px=max(height * float(generator.uniform(0.13, 0.19)), 1.0),
        angle_deg=float(generator.choice([90, -90])) if sideways else 0.0,
        boxed=bool(generator.random() < 0.35),
        brightness=float(generator.uniform(0.75, 1.0)),
    )


def _line(kind: int, generator: np.random.Generator) -> str:
    day, month, year = (int(generator.integers(low, high)) for low, high in ((1, 29), (1, 13), (1998, 2020)))
    lines = (
        f"{day:02d}.{month:02d}.{year}",
        f"ID {int(generator.integers(10_000, 1_000_000))}",
        f"{int(generator.integers(0, 24)):02d}:{int(generator.integers(0, 60)):02d}",
        f"{int(generator.integers(44, 78))} KV {int(generator.integers(2, 20))} MAS",
        str(generator.choice(WORDS)),
    )
    return lines[kind]


def text_place(
    text: Text, crowding: FilmPixels, generator: np.random.Generator, *, taken: tuple[Place, ...] = ()
) -> tuple[Text, Place]:
    """Return where a text lies: where it covers least, and nothing of what is ``taken``.

    Where there is room only for a line set the other way, beside a straight arm for example, the text is turned.
    """
    turned = replace(text, angle_deg=0.0 if text.angle_deg else 90.0)
    ways = [
        (each, free_place(crowding, each.reach_px, generator, taken=taken, margin=TEXT_MARGIN))
        for each in (text, turned)
    ]
    kept, other = (float(crowding[place.pixels].mean()) for _, place in ways)
    return ways[int(other + TURN_COST < kept)]


def text_paint(text: Text, place: Place, size: tuple[int, int]) -> Paint:
    """Return the text as paint on a film of ``size``."""
    half_width, half_height = text.half_sides
    turn = turned_by(text.angle_deg, scale=text.height_px)
    strokes: list[Points] = []
    for row, line in enumerate(text.lines):
        offset = (0.4 - half_width, 0.4 - half_height + row * LINE_STEP)
        strokes += [points + offset for points in word_strokes(line)]
    ink = stroke_cover(size, placed(strokes, place.centre, turn=turn), text.stroke_px)
    shade = np.full(size, text.brightness, dtype=np.float32)
    if not text.boxed:
        return Paint(ink, shade)
    (box,) = placed([rectangle(-half_width, -half_height, half_width, half_height)], place.centre, turn=turn)
    ground = (plate_cover(size, box[:-1]) > 0.5).astype(np.float32)
    return Paint(np.maximum(ground, ink), shade * np.where(ground > 0, ink, 1.0).astype(np.float32))


@dataclass(frozen=True)
class Logo:
    """The mark of an invented clinic; ``radius_px`` is half its side."""

    mark: str
    words: str
    radius_px: float
    inverted: bool
    brightness: float

    @property
    def reach_px(self) -> tuple[float, float]:
        """Half the height and half the width that it needs."""
        return 1.12 * self.radius_px + 1.0, 1.12 * self.radius_px + 1.0


Mark = list[tuple[list[Points], float]]
"""Strokes with their thickness; all inside the square from -1 to 1."""


def draw_logo_design(size: tuple[int, int], generator: np.random.Generator) -> Logo:
    """Return a random logo for a film of ``size`` (height, width)."""
    scale = float(np.sqrt(size[0] * size[1]))
    mark = str(generator.choice(list(MARKS)))
    return Logo(
        mark=mark,
        words=MARKS[mark][0],
        radius_px=scale * float(generator.uniform(0.042, 0.062)),
        inverted=bool(generator.random() < 0.35),
        brightness=float(generator.uniform(0.8, 1.0)),
    )


def logo_place(
    logo: Logo, crowding: FilmPixels, generator: np.random.Generator, *, taken: tuple[Place, ...] = ()
) -> Place:
    """Return where a logo lies: where it covers least, and nothing of what is ``taken``."""
    return free_place(crowding, logo.reach_px, generator, taken=taken, margin=TEXT_MARGIN)


def logo_paint(logo: Logo, place: Place, size: tuple[int, int]) -> Paint:
    """Return the logo as paint on a film of ``size``; inverted, it is cut out of a bright plate."""
    turn = turned_by(0.0, scale=logo.radius_px)
    ink = np.zeros(size, dtype=np.float32)
    for strokes, thickness in (*MARKS[logo.mark][1](), _name(logo.words)):
        part = stroke_cover(size, placed(strokes, place.centre, turn=turn), max(thickness * logo.radius_px, 1.0))
        ink = np.maximum(ink, part)
    if logo.inverted:
        (plate,) = placed([rectangle(-1.1, -1.1, 1.1, 1.1)], place.centre, turn=turn)
        ink = plate_cover(size, plate[:-1]) * (1.0 - ink)
    return Paint(np.where(ink > 0.05, ink, 0.0).astype(np.float32), np.full(size, logo.brightness, dtype=np.float32))


def _name(words: str) -> tuple[list[Points], float]:
    height = min(2.0 / (len(words) * ADVANCE - 0.4), 0.3)
    left = -(len(words) * ADVANCE - 0.4) * height / 2
    return [height * points + np.array([left, 1.0 - height]) for points in word_strokes(words)], 0.16 * height


def _line_of(*corners: tuple[float, float]) -> Points:
    return np.array(corners, dtype=float)


def _ring_and_cross() -> Mark:
    cross = [_line_of((0.0, -0.6), (0.0, 0.2)), _line_of((-0.4, -0.2), (0.4, -0.2))]
    return [([ring(0.72) - np.array([0.0, 0.2])], 0.1), (cross, 0.24)]


def _striped_square() -> Mark:
    stripes = [_line_of((-0.55, y), (0.55, y - 0.3)) for y in np.linspace(-0.45, 0.35, 5)]
    return [([rectangle(-0.8, -0.95, 0.8, 0.6)], 0.1), (stripes, 0.09)]


def _three_discs() -> Mark:
    return [([_line_of((x, y), (x, y)) for x, y in ((0.0, -0.65), (-0.45, 0.15), (0.45, 0.15))], 0.62)]


def _shield() -> Mark:
    outline = _line_of((-0.7, -0.95), (0.7, -0.95), (0.7, -0.1), (0.0, 0.62), (-0.7, -0.1), (-0.7, -0.95))
    return [([outline], 0.12), ([_line_of((-0.62, -0.45), (0.62, -0.45))], 0.3)]


def _hexagon() -> Mark:
    return [([ring(0.8, 6) - np.array([0.0, 0.22])], 0.12), ([_line_of((-0.3, 0.15), (0.0, -0.6), (0.3, 0.15))], 0.16)]


def _waves() -> Mark:
    x = np.linspace(-0.9, 0.9, 17)
    return [([np.stack([x, y + 0.14 * np.sin(5.5 * x)], axis=1) for y in (-0.75, -0.35, 0.05, 0.45)], 0.13)]


MARKS: dict[str, tuple[str, Callable[[], Mark]]] = {
    "ring and cross": ("NORDKLINIK", _ring_and_cross),
    "striped square": ("RAYHAUS", _striped_square),
    "three discs": ("TRIAS", _three_discs),
    "shield": ("ST ELMA", _shield),
    "hexagon": ("OSTEON", _hexagon),
    "waves": ("SEEBLICK", _waves),
}
"""The invented clinics: mark -> their name below it, and what draws it."""
