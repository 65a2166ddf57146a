"""Preprocessing as a recipe: part of a model's provenance, always with its way back to film pixels."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.arrays import Affine, FilmPixels
from workbench.core.errors import OptionError
from workbench.core.options import check_options, option, option_values
from workbench.imaging.frames import without_frame
from workbench.imaging.intensities import blurred, equalised, locally_equalised, rescaled, set_right, sharpened
from workbench.imaging.placing import FITS, Placed, centred, mirrored, resized, turned, upside_down

NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # torchvision's own constants
    "caffe": ((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255, 1 / 255, 1 / 255)),  # BGR, 0..255, means only
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "centred": ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
}
"""Means and deviations of the channels, for films in 0..1; all three channels hold the same grey."""
MEASURED = "data-set"
"""The normalisation whose mean and deviation stand in the recipe itself."""
VALUE_OPTIONS = ("channels", "normalisation", "mean", "deviation")
"""Options of :meth:`Recipe.normalise`; all others belong to :meth:`Recipe.place`."""


@dataclass(frozen=True)
class Recipe:
    """From a film (h, w) in 0..1 to a network's input (channels, size, size).

    A recipe has two halves. :meth:`place` works on the film and knows the way back: grey scale set right, frame cropped
    away, histogram, resized, centre cropped, flipped, rotated, sharpened, blurred, in this order. :meth:`normalise`
    only shifts and scales values. Augmentation happens between them, and the cache holds the first half.
    """

    size: int = option(320, "side of the square input", low=16, high=2048, unit=" px")
    fit: str = option(
        "stretch", "stretch as most papers do, pad with black, or cover the square and cut the rest off", choices=FITS
    )
    channels: int = option(3, "copies of the grey film the network wants", choices=(1, 3))
    normalisation: str = option("imagenet", "means and deviations per channel", choices=(*NORMALISATIONS, MEASURED))
    flip: bool = option(False, "mirror left and right")
    rotation_deg: float = option(0.0, "rotate counter-clockwise about the centre", low=-360.0, high=360.0, unit=" deg")
    flip_vertical: bool = option(False, "mirror top and bottom")
    resize: int = option(
        0, "side before the middle is cropped to the input's size; 0 crops nothing", low=0, high=4096, unit=" px"
    )
    set_right: bool = option(False, "invert films of reversed grey scale")
    crop_frame: bool = option(False, "crop away frames and collimation borders, to the upright box within")
    histogram: str = option(
        "none",
        "equalise it, equalise it locally (clahe), or rescale between percentiles",
        choices=("none", "equalise", "clahe", "rescale"),
    )
    clip_percent: float = option(1.0, "pixels cut off at either end; rescale", low=0.0, high=49.0, unit=" %")
    clip_limit: float = option(0.01, "share of a tile's pixels that one level may hold; clahe", low=0.0, high=1.0)
    sharpen: float = option(0.0, "strength of an unsharp mask on the input", low=0.0, high=10.0)
    blur_px: float = option(0.0, "deviation of a Gaussian blur of the input", low=0.0, high=50.0, unit=" px")
    mean: float = option(0.5, "mean of the placed films; normalisation data-set", low=0.0, high=1.0)
    deviation: float = option(0.25, "deviation of the placed films; normalisation data-set", low=1e-4, high=1.0)

    def __post_init__(self) -> None:
        check_options(self)
        if self.resize and self.resize < self.size:
            raise OptionError(f"Recipe.resize: {self.resize} is below the size {self.size} that is cropped from it")

    def place(self, pixels: FilmPixels) -> Placed:
        """Return the film on the square input (size, size) in 0..1 and the affine from input to film pixels."""
        film, to_film = np.clip(pixels, 0.0, 1.0), np.eye(3)
        for step in self._steps():
            film, back = step(film)
            to_film = to_film @ back
        return film, to_film

    def normalise(self, placed: Float[Tensor, "n s s"]) -> Float[Tensor, "n c s s"]:
        """Return the network's input of placed films: channels copied, means taken off, divided by deviations."""
        means, deviations = (torch.tensor(values[: self.channels]) for values in self._means_and_deviations())
        shaped = placed[:, None].expand(-1, self.channels, -1, -1)
        return (shaped - means.to(placed)[:, None, None]) / deviations.to(placed)[:, None, None]

    def prepare(self, pixels: FilmPixels) -> tuple[Float[Tensor, "c s s"], Affine]:
        """Return one film as the network's input and the affine from input to film pixels."""
        placed, to_film = self.place(pixels)
        return self.normalise(torch.from_numpy(placed)[None])[0], to_film

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain JSON."""
        return option_values(self)

    @property
    def placing(self) -> dict[str, Any]:
        """The options of the first half: films placed under equal ones are equal, whatever the normalisation."""
        return {name: value for name, value in option_values(self).items() if name not in VALUE_OPTIONS}

    def _steps(self) -> Iterator[Callable[[FilmPixels], Placed]]:
        """Yield the steps of the first half in their order."""
        if self.set_right:
            yield _in_place(set_right)
        if self.crop_frame:
            yield without_frame
        if self.histogram != "none":
            yield _in_place(self._equalised)
        yield partial(resized, side=self.resize or self.size, fit=self.fit)
        if self.resize:
            yield partial(centred, side=self.size)
        if self.flip:
            yield mirrored
        if self.flip_vertical:
            yield upside_down
        if self.rotation_deg:
            yield partial(turned, angle_deg=self.rotation_deg)
        if self.sharpen:
            yield _in_place(partial(sharpened, amount=self.sharpen))
        if self.blur_px:
            yield _in_place(partial(blurred, sigma_px=self.blur_px))

    def _equalised(self, film: FilmPixels) -> FilmPixels:
        if self.histogram == "equalise":
            return equalised(film)
        if self.histogram == "clahe":
            return locally_equalised(film, self.clip_limit)
        return rescaled(film, self.clip_percent)

    def _means_and_deviations(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if self.normalisation == MEASURED:
            return (self.mean,) * 3, (self.deviation,) * 3
        return NORMALISATIONS[self.normalisation]


def recipe_from_json(values: dict[str, Any]) -> Recipe:
    """Return the recipe that :meth:`Recipe.to_json` described; an OptionError where no recipe is like that.

    Options that it does not mention keep their defaults, which do nothing: so recipes of older models still load.
    """
    known = {field.name for field in dataclasses.fields(Recipe)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise OptionError(f"recipe option {unknown[0]!r} is not known; known: {', '.join(sorted(known))}")
    return Recipe(**values)


def _in_place(change: Callable[[FilmPixels], FilmPixels]) -> Callable[[FilmPixels], Placed]:
    """Return a change of grey values as a step that moves nothing."""

    def step(film: FilmPixels) -> Placed:
        return change(film), np.eye(3)

    return step
