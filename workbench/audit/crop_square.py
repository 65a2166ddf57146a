"""What a crop changes and what a model changes, apart: one film, as it is and cropped, seen by two models.

The paper ``densenet-interpretation`` shows one film twice, its cases 7 and 8, and changes two things at once: the film
is cropped, and another model looks at it. Here each is changed alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.attribution.methods import AbstractMethod
from workbench.audit.edits import Crop, EditedFilm
from workbench.audit.region_shares import case_masks
from workbench.audit.what_if import Look, looks_at
from workbench.core.arrays import Box, FilmMask, FilmPixels
from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.imaging.frames import find_frame
from workbench.imaging.regions import attribution_share
from workbench.models.classifier import Classifier

WHOLE, CROPPED = "as it is", "cropped"
"""Titles of the two films."""


@dataclass(frozen=True)
class CropSquare:
    """Two films times two models.

    Parameters
    ----------
    case
        The film's.
    target
        The class that probabilities and maps are of.
    box
        What the crop keeps, in film pixels.
    looks
        Name of the model -> what it sees in the film as it is, and cropped.
    """

    case: Case
    target: str
    box: Box
    looks: Mapping[str, tuple[Look, Look]]

    def masks(self, look: Look) -> dict[str, FilmMask]:
        """Return the masks of what is annotated, and of the rest, in the pixels of the film that was looked at."""
        left, top, right, bottom = self.box
        shown = np.s_[top:bottom, left:right] if look.title == CROPPED else np.s_[:, :]
        return {category: mask[shown] for category, mask in case_masks(self.case).items()}

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, a row for each model, film and thing annotated.

        Columns: ``model, film, probability, category, share`` (of the map's positive mass, NaN where it has none) and
        ``area`` (of the film that was looked at; 0 where the crop took the thing away). Without annotations there is
        a row for each model and film, with NaN for both.
        """
        import pandas as pd

        rows = []
        for model, looks in self.looks.items():
            for look in looks:
                known = {"model": model, "film": look.title, "probability": look.probability}
                film_map, masks = look.film_map, self.masks(look)
                rows += [
                    known | {"category": name, "share": attribution_share(film_map, mask), "area": float(mask.mean())}
                    for name, mask in masks.items()
                ] or [known | {"category": "", "share": float("nan"), "area": float("nan")}]
        return pd.DataFrame(rows)


def crop_square(
    case: Case,
    pixels: FilmPixels,
    models: Mapping[str, Classifier],
    *,
    target: str,
    box: Box | None = None,
    method: str | AbstractMethod = "cam",
) -> CropSquare:
    """Show one film to two models, as it is and cropped.

    Parameters
    ----------
    case
        The film's; its annotations say what the maps' shares are measured on.
    pixels
        The film (h, w).
    models
        Two, by name.
    target
        Name of a class of both: what probabilities and maps are of, the same in all four.
    box
        What to keep, in film pixels; None takes the inside of the frame that is found.
    method
        Of the maps.

    Returns
    -------
    CropSquare
        Four looks.

    Raises
    ------
    OptionError
        Not two models, a box that is none of this film, no box and no frame, or a method without maps.
    """
    if len(models) != 2:
        raise OptionError(f"a square has two models, given {len(models)}: {', '.join(models) or 'none'}")
    box = crop_box(case.case_id, pixels, box)
    films = {WHOLE: EditedFilm(pixels, np.eye(3)), CROPPED: Crop().apply(pixels, box_mask(box, pixels.shape))}
    looks = {name: looks_at(model, films, target=target, method=method) for name, model in models.items()}
    return CropSquare(case, target, box, {name: (whole, cropped) for name, (whole, cropped) in looks.items()})


def crop_box(case_id: str, pixels: FilmPixels, box: Box | None = None) -> Box:
    """Return what a crop keeps: the given box, else the inside of the film's frame; an OptionError without either."""
    if box is None:
        found = find_frame(pixels)
        if found is None:
            raise OptionError(f"{case_id}: no frame is found on this film; give the box to crop to")
        return found.box
    height, width = pixels.shape
    left, top, right, bottom = box
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        wanted = f"left, top, right, bottom inside {width} x {height} pixels"
        raise OptionError(f"{case_id}: cannot be cropped to {tuple(box)}; wanted {wanted}")
    return box


def box_mask(box: Box, shape: tuple[int, ...]) -> FilmMask:
    """Return the mask (h, w) of a box."""
    left, top, right, bottom = box
    mask = np.zeros(shape, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask
