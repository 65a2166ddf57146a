"""Edits of one film that ask *what if*: each says what the film becomes and where its pixels lay before."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from workbench.core.arrays import Affine, Box, FilmMask, FilmPixels
from workbench.core.errors import OptionError
from workbench.core.geometry import translation
from workbench.core.options import check_options, option
from workbench.core.registry import Registry
from workbench.data.phantoms.flags import flag_paint, plain_flag
from workbench.data.phantoms.ink import Paint, plate_cover, rectangle
from workbench.imaging.edits import blur, cover, inpaint
from workbench.imaging.frames import find_frame
from workbench.imaging.intensities import equalised
from workbench.imaging.placing import turned_whole
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
    """Whether it acts on a region: then it has a control."""
    compared_with: ClassVar[str] = "the same on an equal patch elsewhere"
    """What :meth:`control` does, in words."""

    def __post_init__(self) -> None:
        check_options(self)

    @abstractmethod
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        """Return the edited film; the one given is not modified. A local edit needs a region that is not empty."""

    def control(self, pixels: FilmPixels, patch: FilmMask) -> EditedFilm:
        """Return the film after what a local edit is compared with: the same on an equal patch elsewhere."""
        return self.apply(pixels, patch)


LEAST_FLAG_PX = 8
"""Shortest side of a box that a letter is drawn into."""

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
        left, top, right, bottom = _box("crop", region)
        across, down = round(self.margin * (right - left)), round(self.margin * (bottom - top))
        return _cropped(pixels, (left - across, top - down, right + across, bottom + down))


@EDITS.register("paste-flag")
@dataclass(frozen=True)
class PasteFlag(AbstractEdit):
    """Lay a letter of lead on the region, to see whether a film without a flag becomes abnormal by one.

    Its control is no letter elsewhere, which a model that reads letters would read too, but a plain square elsewhere
    with as much ink, as bright.
    """

    compared_with: ClassVar[str] = "a plain square elsewhere, as much ink and as bright"
    letter: str = option("L", "of the flag", choices=("L", "R"))

    @override
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        return _painted(pixels, self._paint(region))

    @override
    def control(self, pixels: FilmPixels, patch: FilmMask) -> EditedFilm:
        left, top, right, bottom = _box("paste-flag", patch)
        flag = self._paint(patch)
        half = float(np.sqrt(flag.opacity.sum())) / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        square = plate_cover(patch.shape, rectangle(x - half, y - half, x + half, y + half)[:-1])
        return _painted(pixels, Paint(square, flag.shade))

    def _paint(self, region: FilmMask) -> Paint:
        box = _box("paste-flag", region)
        if min(box[2] - box[0], box[3] - box[1]) < LEAST_FLAG_PX:
            size = f"{box[2] - box[0]} x {box[3] - box[1]} pixels"
            raise OptionError(f"paste-flag: no letter can be read on {size}; draw a box of {LEAST_FLAG_PX} or more")
        flag, place = plain_flag(self.letter, box)
        return flag_paint(flag, place, region.shape)


@EDITS.register("remove-frame")
@dataclass(frozen=True)
class RemoveFrame(AbstractEdit):
    """Keep what lies inside the film's frame, where one is found."""

    local: ClassVar[bool] = False

    @override
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        found = find_frame(pixels)
        if found is None:
            raise OptionError("remove-frame: no frame is found on this film; draw a box and crop to it")
        return _cropped(pixels, found.box)


@EDITS.register("equalise")
@dataclass(frozen=True)
class Equalise(AbstractEdit):
    """Spread the film's grey values evenly (histogram equalisation)."""

    local: ClassVar[bool] = False

    @override
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        return EditedFilm(equalised(pixels), np.eye(3))


@EDITS.register("rotate")
@dataclass(frozen=True)
class Rotate(AbstractEdit):
    """Turn the whole film; black comes into view."""

    local: ClassVar[bool] = False
    angle_deg: float = option(10.0, "counter-clockwise", low=-180.0, high=180.0, unit=" deg")

    @override
    def apply(self, pixels: FilmPixels, region: FilmMask) -> EditedFilm:
        return EditedFilm(*turned_whole(pixels, self.angle_deg))


def _box(name: str, region: FilmMask) -> Box:
    box = mask_box(region)
    if box is None:
        raise OptionError(f"{name}: the region is empty; draw a box or choose a thing")
    return box


def _cropped(pixels: FilmPixels, box: Box) -> EditedFilm:
    left, top, right, bottom = max(box[0], 0), max(box[1], 0), box[2], box[3]
    return EditedFilm(pixels[top:bottom, left:right].copy(), translation(left, top))


def _painted(pixels: FilmPixels, paint: Paint) -> EditedFilm:
    """Return the film with paint on it; where there is none it keeps its own grey levels, however fine."""
    return EditedFilm(np.where(paint.opacity > 0, paint.over(pixels), pixels), np.eye(3))
