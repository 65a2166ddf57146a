"""What is known to lie where on a film: boxes and masks in film pixels, by category."""

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
            mask[max(top, 0) : bottom, max(left, 0) : right] = True
            return mask
        from pycocotools import mask as coco  # a compiled module: not needed to read a manifest

        runs = self.segmentation
        if not isinstance(runs, dict):
            runs = coco.merge(coco.frPyObjects([list(map(float, each)) for each in runs], height, width))
        elif isinstance(runs["counts"], list):
            runs = coco.frPyObjects(runs, height, width)
        if list(runs["size"]) != [height, width]:
            raise ManifestError(f"mask of a {self.category!r} is {runs['size']}, the film [{height}, {width}]")
        return coco.decode(runs).astype(bool)


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
