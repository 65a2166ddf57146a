"""The scale on which maps are shown: of each map alone, shared by those that are compared, or given in numbers.

Maps come signed and raw; here, and only here, they are put on a scale ``(low, high)``.
"""

from typing import Literal

import numpy as np

from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.plots.theme import number

Scale = tuple[float, float]
"""The values of a colour map's first and last colour."""

ScaleChoice = Literal["own", "shared"] | Scale
"""Each map's own, one that all films of a method share, or given numbers: absolute, in the method's own unit."""

ScaleKind = Literal["zero", "both", "range"]
"""What a scale holds besides the values; see :func:`scale_of`."""

SEQUENTIAL, DIVERGING, PAPERS = "inferno", "managua_r", "jet"
"""For maps without negative values, with them, and for CAM as the papers print it."""

TWO_SIDED = (DIVERGING, "bwr", "coolwarm", "seismic", "RdBu", "RdBu_r", "berlin", "vanimo", "managua")
"""Colour maps whose middle is neutral: it stands for zero, so their scale is centred there."""

FINE_CELLS = 64 * 64
"""A map of more cells is fine: hair lines in the network's own input, not a heatmap."""
FINE_CLIP = 0.005
"""For fine maps: share of values beyond either end; single pixels tower over all others."""


def scale_of(*maps: np.ndarray, kind: ScaleKind = "zero", clip_share: float = 0.0) -> Scale:
    """Return the scale of one map, or the one that several maps share.

    Parameters
    ----------
    *maps
        Signed values of any shape; NaN is passed over.
    kind
        ``"zero"``: from 0 to the highest, or (-m, m) with m the greatest magnitude where anything is negative.
        ``"both"``: always (-m, m). ``"range"``: from the lowest to the highest, as the papers draw their CAM.
    clip_share
        The share of values that may lie beyond either end; maps in input space have a few values far from all others.

    Returns
    -------
    Scale
        With low < high, also for constant maps.

    Raises
    ------
    OptionError
        There is no finite value.
    """
    finite = np.concatenate([values[np.isfinite(values)].ravel() for values in map(np.asarray, maps)] or [np.zeros(0)])
    if not finite.size:
        raise OptionError(f"{len(maps)} maps without a finite value have no scale")
    low, high = (float(value) for value in np.quantile(finite, [clip_share, 1 - clip_share]))
    if kind == "both" or (kind == "zero" and low < 0):
        greatest = max(-low, high) or 1.0
        low, high = -greatest, greatest
    elif kind == "zero":
        low = 0.0
    return (low, high) if low < high else (low, low + 1.0)


def scale_kind(colormap: str | None) -> ScaleKind:
    """Return which kind of scale a colour map calls for: ``jet`` the range, a two-sided one zero in its middle."""
    return "range" if colormap == PAPERS else "both" if colormap in TWO_SIDED else "zero"


def colormap_of(scale: Scale) -> str:
    """Return the colour map for a scale: diverging where it holds both signs, else sequential."""
    return DIVERGING if scale[0] < 0 < scale[1] else SEQUENTIAL


def is_fine(explanation: Explanation) -> bool:
    """Say whether the maps are hair lines in the network's own input, which are clipped and drawn on a darker film."""
    return bool(explanation.maps[0].size > FINE_CELLS)


def scales_of(explanation: Explanation, choice: ScaleChoice = "own", *, colormap: str | None = None) -> list[Scale]:
    """Return the scale of each of n maps.

    Parameters
    ----------
    explanation
        Its maps have one kind of scale, so that one colour map serves them all: where one of them holds negative
        values, each scale is centred on zero.
    choice
        Whose scale, or the scale itself.
    colormap
        What it is for; None takes what :func:`colormap_of` says.

    Returns
    -------
    list[Scale]
        n scales, equal ones unless each map has its own.

    Raises
    ------
    OptionError
        An absolute scale that is empty or not finite, or another word.
    """
    check_choice(choice)
    if not isinstance(choice, str):
        return [(float(choice[0]), float(choice[1]))] * len(explanation)
    kind, clip_share = scale_kind(colormap), FINE_CLIP if is_fine(explanation) else 0.0
    shared = scale_of(*explanation.maps, kind=kind, clip_share=clip_share)
    if choice == "shared":
        return [shared] * len(explanation)
    kind = "both" if kind == "zero" and shared[0] < 0 else kind
    return [scale_of(each, kind=kind, clip_share=clip_share) for each in explanation.maps]


def scale_words(choice: ScaleChoice) -> str:
    """Return what a colour bar says of its scale: own, shared or absolute."""
    return f"{choice} scale" if isinstance(choice, str) else "absolute scale"


def range_words(scale: Scale) -> str:
    """Return a scale in words."""
    return f"{number(scale[0])} to {number(scale[1])}"


def check_choice(choice: ScaleChoice) -> None:
    """Refuse with an OptionError an absolute scale that is empty or not finite, or a word that is no choice."""
    if isinstance(choice, str):
        if choice not in ("own", "shared"):
            raise OptionError(f"scale {choice!r} is not known; wanted own, shared, or two numbers (low, high)")
    elif not (np.isfinite(choice).all() and choice[0] < choice[1]):
        raise OptionError(f"scale {choice} is empty; wanted two numbers, low < high")
