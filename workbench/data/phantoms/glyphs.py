"""Letters drawn from strokes: families of ``L`` and ``R`` for flags, and one plain alphabet for lines of text.

A letter is one high and stands on y = 1 (y runs down the film); its left edge is near x = 0.
"""

from dataclasses import dataclass, replace

import numpy as np

from workbench.data.phantoms.ink import Points


@dataclass(frozen=True)
class Family:
    """How the letters of one maker look; lengths in heights of the letter.

    Parameters
    ----------
    width
        Of the letter.
    slant
        How far the top leans to the right.
    serif
        Length of the bars that end the strokes.
    corner
        Radius of L's corner.
    lift
        How far L's foot rises at its end.
    bowl
        Exponent of R's bowl: 1 is pointed, 2 round, 6 square.
    waist
        Where R's bowl comes back to the stem.
    leg
        Where R's leg begins: 0 at the stem, 1 below the bowl's edge.
    bend
        How far R's leg is bent outwards.
    weight
        Factor on the thickness of strokes.
    hollow
        Whether strokes are drawn by their outlines.
    """

    width: float = 0.6
    slant: float = 0.0
    serif: float = 0.0
    corner: float = 0.0
    lift: float = 0.0
    bowl: float = 2.0
    waist: float = 0.54
    leg: float = 0.45
    bend: float = 0.0
    weight: float = 1.0
    hollow: bool = False


FAMILIES: dict[str, tuple[Family, ...]] = {
    "train": (
        Family(),
        Family(width=0.58, serif=0.26),
        Family(width=0.46, bowl=1.2, waist=0.5, leg=0.1, lift=0.06),
        Family(width=0.66, bowl=6.0, waist=0.5, leg=0.3),
        Family(width=0.56, slant=0.22, weight=0.9),
        Family(width=0.62, corner=0.24, bowl=2.2, bend=0.1, weight=1.15),
        Family(width=0.7, weight=1.3, waist=0.52),
        Family(width=0.6, serif=0.2, slant=0.14, leg=0.5),
        Family(width=0.66, hollow=True, weight=1.5),
        Family(width=0.42, weight=0.85, waist=0.46, leg=0.3),
        Family(width=0.64, bowl=3.2, waist=0.62, leg=0.75, bend=0.06),
        Family(width=0.6, slant=-0.12, corner=0.12, leg=0.2, weight=0.95),
    ),
    "test": (
        Family(width=0.82, bowl=4.0, waist=0.48, leg=0.6, weight=0.9),
        Family(width=0.5, serif=0.32, weight=1.2, bowl=2.6, waist=0.58),
        Family(width=0.56, slant=0.3, corner=0.3, bowl=1.7, bend=0.16, leg=0.05),
        Family(width=0.74, serif=0.24, hollow=True, weight=1.4),
        Family(width=0.5, bowl=1.0, waist=0.6, leg=0.6, lift=0.14),
        Family(width=0.38, weight=1.25, bowl=8.0, waist=0.56, leg=0.0),
    ),
}
"""The families that flags are drawn from, by their use; no film to test on shares one with films to train on."""

_ALPHABET = {
    "0": "10 30 41 45 36 16 05 01 10",
    "1": "11 20 26,16 36",
    "2": "01 10 30 41 42 06 46",
    "3": "01 10 30 41 42 33 13,33 44 45 36 16 05",
    "4": "36 30 04 44",
    "5": "40 00 03 33 44 45 36 06",
    "6": "30 10 01 05 16 36 45 44 33 03",
    "7": "00 40 16",
    "8": "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33",
    "9": "43 13 02 01 10 30 41 45 36 16",
    "A": "06 02 20 42 46,04 44",
    "B": "06 00 30 41 42 33 03,33 44 45 36 06",
    "C": "41 30 10 01 05 16 36 45",
    "D": "00 30 41 45 36 06 00",
    "E": "40 00 06 46,03 33",
    "F": "40 00 06,03 33",
    "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06,40 46,03 43",
    "I": "20 26",
    "J": "40 45 36 16 05",
    "K": "00 06,40 03 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "O": "10 30 41 45 36 16 05 01 10",
    "P": "06 00 30 41 42 33 03",
    "Q": "10 30 41 45 36 16 05 01 10,34 46",
    "R": "06 00 30 41 42 33 03,23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40,20 26",
    "U": "00 05 16 36 45 40",
    "V": "00 26 40",
    "W": "00 16 23 36 40",
    "X": "00 46,40 06",
    "Y": "00 23 40,23 26",
    "Z": "00 40 06 46",
    ".": "16 16",
    ":": "12 12,15 15",
    "-": "13 33",
    "/": "06 40",
    " ": "",
}
"""Strokes on a grid of 4 x 6 cells: two digits a corner (x, y), blanks between corners, commas between strokes."""
ADVANCE = 1.08
"""From one sign to the next, in heights of a letter."""


def varied(family: Family, generator: np.random.Generator) -> Family:
    """Return a family as one flag shows it, a little wider and more slanted or less."""
    width, slant = generator.uniform(0.94, 1.06), generator.normal(0.0, 0.02)
    return replace(family, width=family.width * float(width), slant=family.slant + float(slant))


def letter_strokes(letter: str, family: Family) -> list[Points]:
    """Return the strokes of ``L`` or ``R`` in a family."""
    upright = _l_strokes(family) if letter == "L" else _r_strokes(family)
    lean = np.array([[1.0, -family.slant], [0.0, 1.0]])
    return [np.array(stroke, dtype=float) @ lean.T for stroke in upright]


def word_strokes(word: str) -> list[Points]:
    """Return the strokes of a word of capitals, digits and ``. : - /``, set in one line."""
    strokes: list[Points] = []
    for place, sign in enumerate(word):
        for stroke in filter(None, _ALPHABET[sign].split(",")):
            points = np.array([(int(corner[0]), int(corner[1])) for corner in stroke.split()], dtype=float) / 6.0
            strokes.append(points + np.array([place * ADVANCE, 0.0]))
    return strokes


Stroke = list[tuple[float, float]]


def _l_strokes(family: Family) -> list[Stroke]:
    radius, width = family.corner, family.width
    arc = [(radius - radius * float(np.cos(t)), 1.0 - radius + radius * float(np.sin(t))) for t in _QUARTER]
    foot = (width, 1.0 - family.lift)
    strokes: list[Stroke] = [[(0.0, 0.0), *(arc if radius else [(0.0, 1.0)]), foot]]
    if family.serif:
        strokes += [_bar(0.0, 0.0, family.serif), _bar(-0.2 * family.serif, 1.0, 0.6 * family.serif)]
        strokes.append([foot, (width, foot[1] - 0.8 * family.serif)])
    return strokes


def _r_strokes(family: Family) -> list[Stroke]:
    half, reach = family.waist / 2, 0.92 * family.width
    straight = 0.4 * reach  # the bowl leaves the stem level before it turns
    power = 2.0 / family.bowl
    bowl = [
        (straight + (reach - straight) * float(np.cos(t)) ** power, half + half * float(_signed(np.sin(t), power)))
        for t in np.linspace(-np.pi / 2, np.pi / 2, 13)
    ]
    hip, foot = (family.leg * reach, family.waist), (family.width, 1.0)
    knee = ((hip[0] + foot[0]) / 2 + family.bend, (hip[1] + foot[1]) / 2 - family.bend)
    strokes: list[Stroke] = [[(0.0, 1.0), (0.0, 0.0), *bowl, (0.0, family.waist)], [hip, knee, foot]]
    if family.serif:
        strokes += [_bar(0.0, 1.0, family.serif), _bar(-0.3 * family.serif, 0.0, 0.5 * family.serif)]
        strokes.append([foot, (family.width + 0.5 * family.serif, 1.0)])
    return strokes


def _bar(x: float, y: float, length: float) -> Stroke:
    return [(x - length / 2, y), (x + length / 2, y)]


def _signed(sine: float, power: float) -> float:
    return float(np.sign(sine) * np.abs(sine) ** power)


_QUARTER = np.linspace(0.0, np.pi / 2, 6)
