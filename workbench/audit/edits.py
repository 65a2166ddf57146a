"""Edits of one film that ask *what if*: each says what the film becomes and where its pixels lay before."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from workbench.core.arrays import Affine, FilmMask, FilmPixels
from workbench.core.errors import OptionError
from workbench.core.geometry import translation
from workbench.core.options import check_options, option
from workbench.core.registry import Registry
from workbench.imaging.edits import blur, cover, inpaint
from workbench.imaging.regions import mask_box


@dataclass(frozen=True)
class EditedFilm:
    """A film after an edit.

    Parameters
    ----------
    pixels
        (h', w') in 0..1; smaller than the film it was made of where the edit crops.
    to_film
        From its pixel coordinates to those of the film it was made of.
    """

    pixels: FilmPixels
    to_film: Affine


class AbstractEdit(ABC):
    """An edit with its options; subclasses are frozen dataclasses."""

    local: ClassVar[bool] = True
    """Whether it acts on a region: then the same edit on an equal patch elsewhere is its control."""

    def __post_init__(self) -> None:
        check_options(self)

    @abstractmethod
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        """Return the edited film; the one given is not modified. A local edit needs a region that is not empty."""


EDITS: Registry[AbstractEdit] = Registry("edit")
"""Name -> edit; options are the fields of its class."""


@EDITS.register("cover")
@dataclass(frozen=True)
class Cover(AbstractEdit):
    """Paint the region in the mean of its surroundings."""

    @override
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        return EditedFilm(cover(pixels, region), np.eye(3))


@EDITS.register("inpaint")
@dataclass(frozen=True)
class Inpaint(AbstractEdit):
    """Continue the surroundings into the region."""

    @override
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        return EditedFilm(inpaint(pixels, region), np.eye(3))


@EDITS.register("blur")
@dataclass(frozen=True)
class Blur(AbstractEdit):
    """Blur the region beyond recognition."""

    @override
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        return EditedFilm(blur(pixels, region), np.eye(3))


@EDITS.register("crop")
@dataclass(frozen=True)
class Crop(AbstractEdit):
    """Keep the region's box alone, the cure that the papers apply by hand (``densenet-interpretation``, case 8)."""

    margin: float = option(0.0, "of the box's sides, kept around it", low=0.0, high=1.0)

    @override
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        box = mask_box(region)
        if box is None:
            raise OptionError("crop: the region is empty; draw a box or choose a thing")
        left, top, right, bottom = box
        across, down = round(self.margin * (right - left)), round(self.margin * (bottom - top))
        left, top = max(left - across, 0), max(top - down, 0)
        kept = pixels[top : bottom + down, left : right + across]
        return EditedFilm(kept.copy(), translation(left, top))
