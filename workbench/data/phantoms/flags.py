"""Flags: the ``L`` or ``R`` of lead that a radiographer lays beside the limb. Nothing here knows the label."""

from dataclasses import dataclass, replace

import numpy as np

from workbench.core.arrays import Box, FilmPixels
from workbench.data.phantoms.glyphs import FAMILIES, Family, letter_strokes, varied, word_strokes
from workbench.data.phantoms.ink import (
    Paint,
    Points,
    bounds,
    placed,
    plate_cover,
    rectangle,
    ring,
    stroke_cover,
    turned_by,
)
from workbench.data.phantoms.placing import Place, free_place

LARGEST_FLAG = 0.015
"""No flag covers more of the film than this share."""
STYLES = {"plain": 0.54, "outlined": 0.14, "plate": 0.13, "ringed": 0.11, "disc": 0.08}
"""What the letter stands on, and how often."""
FILLED, ROUND = ("plate", "disc"), ("ringed", "disc")
COMPANION_HEIGHT = 0.5
"""Height of the letters beside the flag's own, in heights of that."""


@dataclass(frozen=True)
class Flag:
    """One flag; lengths in pixels, angle in degrees, opacity and brightness in 0..1.

    Parameters
    ----------
    words
        Initials of a radiographer or a number that stand with the letter; often empty.
    below
        Whether they stand below the letter, else beside it.
    """

    letter: str
    family: Family
    style: str
    words: str
    below: bool
    height_px: float
    stroke_px: float
    angle_deg: float
    mirrored: bool
    opacity: float
    brightness: float

    @property
    def words_strokes(self) -> list[Points]:
        """The strokes of the words, in heights of the letter."""
        strokes = [COMPANION_HEIGHT * points for points in word_strokes(self.words)]
        offset = (0.0, 1.3) if self.below else (self.family.width + 0.4, 1.0 - COMPANION_HEIGHT)
        return [points + offset for points in strokes]

    @property
    def half_sides(self) -> tuple[float, float]:
        """Half the width and half the height of letter and words with the rim around them, in heights."""
        left, top, right, bottom = self.extent
        rim = 0.24 + self.stroke_px / self.height_px / 2 if self.style != "plain" else 0.12
        return (right - left) / 2 + rim, (bottom - top) / 2 + rim

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of letter and words, in heights of the letter."""
        return bounds(letter_strokes(self.letter, self.family) + self.words_strokes)

    @property
    def thickness_px(self) -> float:
        """Thickness of the letter's strokes."""
        return max(self.stroke_px * self.family.weight, 1.9)

    @property
    def rim_px(self) -> float:
        """Thickness of the box or ring around it."""
        return max(0.35 * self.stroke_px, 1.3)

    @property
    def area_px(self) -> float:
        """About how many pixels it covers, blurred edges included."""
        half_width, half_height = (side * self.height_px for side in self.half_sides)
        radius = float(np.hypot(half_width, half_height))
        if self.style == "disc":
            return np.pi * (radius + 0.7) ** 2
        if self.style == "plate":
            return 4.0 * (half_width + 0.7) * (half_height + 0.7)
        strokes = letter_strokes(self.letter, self.family) + self.words_strokes
        length = self.height_px * sum(float(np.hypot(*np.diff(points, axis=0).T).sum()) for points in strokes)
        around = {"ringed": 2.0 * np.pi * radius, "outlined": 4.0 * (half_width + half_height)}.get(self.style, 0.0)
        return length * (self.thickness_px + 1.4) + around * (self.rim_px + 1.4)

    @property
    def reach_px(self) -> tuple[float, float]:
        """Half the height and half the width of the upright rectangle that the flag needs."""
        half_width, half_height = self.half_sides
        if self.style in ROUND:
            half_width = half_height = float(np.hypot(half_width, half_height))
        c, s = abs(np.cos(np.radians(self.angle_deg))), abs(np.sin(np.radians(self.angle_deg)))
        across, down = half_width * c + half_height * s, half_width * s + half_height * c
        return down * self.height_px + 2.0, across * self.height_px + 2.0


def draw_flag_design(letter: str, size: tuple[int, int], generator: np.random.Generator, *, glyphs: str) -> Flag:
    """Return a random flag for a film of ``size`` (height, width), its letter from the families of ``glyphs``."""
    scale = float(np.sqrt(size[0] * size[1]))
    families = FAMILIES[glyphs]
    family = varied(families[int(generator.integers(len(families)))], generator)
    style = str(generator.choice(list(STYLES), p=list(STYLES.values())))
    height = scale * float(generator.uniform(0.078, 0.112) if style == "plain" else generator.uniform(0.060, 0.078))
    tilt = generator.choice([0, 90, -90, 25, -25, 180], p=(0.75, 0.06, 0.06, 0.06, 0.06, 0.01))
    flag = Flag(
        letter=letter,
        family=family,
        style=style,
        words="" if style in ROUND else _words(generator),
        below=bool(generator.random() < 0.5),
        height_px=height,
        stroke_px=height * float(generator.uniform(0.16, 0.23)),
        angle_deg=float(generator.normal(0.0, 7.0) + tilt),
        mirrored=bool(generator.random() < 0.15),
        opacity=float(generator.uniform(0.72, 0.9) if generator.random() < 0.3 else 1.0),
        brightness=float(generator.uniform(0.84, 0.96)),
    )
    return _small_enough(flag, 0.95 * LARGEST_FLAG * size[0] * size[1])


def _words(generator: np.random.Generator) -> str:
    """Return initials, a number, or more often nothing."""
    kind = generator.random()
    initials = "".join(generator.choice(list("ABCDEFGHJKMNPSTVWZ"), size=int(generator.integers(2, 4))))
    number = str(int(generator.integers(1, 1000)))
    return initials if kind < 0.2 else number if kind < 0.32 else ""


def _small_enough(flag: Flag, largest_px: float) -> Flag:
    while flag.area_px > largest_px:  # strokes have a least thickness, so the area does not shrink as the square
        flag = replace(flag, height_px=0.95 * flag.height_px, stroke_px=0.95 * flag.stroke_px)
    return flag


def plain_flag(letter: str, box: Box) -> tuple[Flag, Place]:
    """Return an upright ``L`` or ``R`` without words, as large as fits into a box of the film, and where it lies."""
    left, top, right, bottom = box
    family = FAMILIES["train"][0]
    flag = Flag(
        letter=letter,
        family=family,
        style="plain",
        words="",
        below=False,
        height_px=1.0,
        stroke_px=0.0,
        angle_deg=0.0,
        mirrored=False,
        opacity=1.0,
        brightness=0.9,
    )
    half_width, half_height = flag.half_sides
    height = min((right - left) / (2 * half_width), (bottom - top) / (2 * half_height))
    sized = replace(flag, height_px=height, stroke_px=0.19 * height)
    return sized, Place((top + bottom) // 2, (left + right) // 2, (bottom - top) // 2, (right - left) // 2)


def flag_place(flag: Flag, crowding: FilmPixels, generator: np.random.Generator) -> Place:
    """Return where a flag lies: where it covers least."""
    return free_place(crowding, flag.reach_px, generator)


def flag_paint(flag: Flag, place: Place, size: tuple[int, int]) -> Paint:
    """Return the flag as paint on a film of ``size``."""
    ink = _ink(flag, place, size)
    plate, rim = _ground(flag, place, size)
    cover = plate * (1.0 - 0.9 * ink) if flag.style in FILLED else np.maximum(ink, rim)
    opacity = np.where(cover > 0.05, np.float32(flag.opacity) * cover, 0.0).astype(np.float32)
    return Paint(opacity, np.full(size, flag.brightness, dtype=np.float32))


def _ink(flag: Flag, place: Place, size: tuple[int, int]) -> FilmPixels:
    """Return what the letter and its words cover."""
    left, top, right, bottom = flag.extent
    turn = turned_by(flag.angle_deg, scale=flag.height_px, mirrored=flag.mirrored)
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    letter = placed([each - middle for each in letter_strokes(flag.letter, flag.family)], place.centre, turn=turn)
    words = placed([each - middle for each in flag.words_strokes], place.centre, turn=turn)
    ink = stroke_cover(size, letter, flag.thickness_px)
    if flag.family.hollow and flag.thickness_px > 3.2:
        ink = ink * (1.0 - 0.92 * stroke_cover(size, letter, 0.36 * flag.thickness_px))
    return np.maximum(ink, stroke_cover(size, words, max(0.55 * flag.stroke_px, 1.2)))


def _ground(flag: Flag, place: Place, size: tuple[int, int]) -> tuple[FilmPixels, FilmPixels]:
    """Return what the plate below the letter covers, and what a thin rim around it covers."""
    half_width, half_height = flag.half_sides
    nothing = np.zeros(size, dtype=np.float32)
    if flag.style == "plain":
        return nothing, nothing
    radius = float(np.hypot(half_width, half_height))
    outline = ring(radius) if flag.style in ROUND else rectangle(-half_width, -half_height, half_width, half_height)
    (rim,) = placed([outline], place.centre, turn=turned_by(flag.angle_deg, scale=flag.height_px))
    if flag.style in FILLED:
        return plate_cover(size, rim[:-1]), nothing
    return nothing, stroke_cover(size, [rim], flag.rim_px)
