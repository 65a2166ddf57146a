"""What is known to lie where on a film: boxes and masks in film pixels, by category."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.core.arrays import Box, FilmMask
from workbench.core.errors import ManifestError

CATEGORIES = ("evidence", "fracture", "flag", "text", "logo", "frame", "hardware", "anatomy", "cast", "ring")
"""The words for what may lie on a film; a COCO file may bring others, which are kept as they are."""

SOURCES = ("given", "detected", "reviewed")
"""Who says so: the data set's authors, a detector of ours, or a person who looked."""


@dataclass(frozen=True)
class Annotation:
    """One thing on one film.

    Parameters
    ----------
    category
        One of :data:`CATEGORIES` or a data set's own word.
    box
        (left, top, right, bottom) in film pixels, right and bottom exclusive.
    segmentation
        COCO's polygons (lists of x, y, x, y ...) or run lengths (``{"size": [h, w], "counts": ...}``); None where
        only the box is known.
    source
        One of :data:`SOURCES`.
    """

    category: str
    box: Box
    segmentation: Any = field(default=None, hash=False)
    source: str = "given"

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if not (left < right and top < bottom):
            raise ManifestError(f"box {self.box} of a {self.category!r} is empty; wanted left < right, top < bottom")
        if self.source not in SOURCES:
            raise ManifestError(f"annotation source {self.source!r} is not one of {', '.join(SOURCES)}")

    def mask(self, height: int, width: int) -> FilmMask:
        """Return the pixels it covers on a film of the given size; the whole box where no mask is known."""
        if self.segmentation is None:
            mask = np.zeros((height, width), dtype=bool)
            left, top, right, bottom = self.box
            mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
            return mask
        try:
            if isinstance(self.segmentation, dict):
                return _mask_of_runs(self.segmentation, height, width)
            return _mask_of_polygons(self.segmentation, height, width)
        except (TypeError, ValueError, KeyError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else error
            raise ManifestError(f"mask of a {self.category!r} on a film of {width} x {height}: {reason}") from error


def annotation_from_mask(category: str, mask: FilmMask, source: str = "given") -> Annotation | None:
    """Return the annotation of a mask (as COCO run lengths) with its tight box; None where the mask is empty."""
    from pycocotools import mask as coco

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    runs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    segmentation = {"size": [int(side) for side in runs["size"]], "counts": runs["counts"].decode("ascii")}
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Annotation(category, box, segmentation, source)


def _mask_of_polygons(polygons: Any, height: int, width: int) -> FilmMask:
    """Fill outlines; those far outside the film are refused, because drawing one costs memory by its length."""
    from pycocotools import mask as coco  # a compiled module: not needed to read a manifest

    outlines = [[float(number) for number in polygon] for polygon in polygons]
    if not outlines:
        raise ValueError("no outline")
    for outline in outlines:
        if len(outline) < 6 or len(outline) % 2:
            raise ValueError(f"an outline of {len(outline)} numbers; wanted x, y of three or more corners")
        for side, numbers in ((width, outline[::2]), (height, outline[1::2])):
            if not all(-side <= number <= 2 * side for number in numbers):  # NaN fails too
                raise ValueError(f"an outline reaches from {min(numbers):g} to {max(numbers):g}, far outside the film")
    return coco.decode(coco.merge(coco.frPyObjects(outlines, height, width))).astype(bool)


def _mask_of_runs(runs: Mapping[str, Any], height: int, width: int) -> FilmMask:
    """Fill run lengths: column by column, off and on in turn. COCO's own decoder reads past runs that are too short."""
    if list(runs["size"]) != [height, width]:
        raise ValueError(f"its size is {runs['size']}, wanted [{height}, {width}]")
    counts = runs["counts"]
    lengths = _run_lengths(counts) if isinstance(counts, str) else [operator.index(count) for count in counts]
    if any(length < 0 for length in lengths) or sum(lengths) != height * width:
        raise ValueError(f"its runs cover {sum(lengths)} pixels, wanted {height * width}")
    covered = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return np.ascontiguousarray(covered.reshape(width, height).T)


def _run_lengths(text: str) -> list[int]:
    """Decode COCO's compressed run lengths: 5 bits a sign, lowest first; from the fourth on, the change since two ago.

    The format is that of ``rleFrString`` in COCO's ``maskApi.c``.
    """
    lengths: list[int] = []
    value = shift = 0
    for sign in text.encode("ascii"):
        bits = sign - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("its run lengths are not COCO's")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    return lengths
