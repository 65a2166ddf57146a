"""Preprocessing as a named recipe: part of a model's provenance, always with its way back to film pixels."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from workbench.core.arrays import Affine, FilmPixels
from workbench.core.errors import OptionError
from workbench.core.geometry import scaling, translation
from workbench.core.options import check_options, option, option_values

NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # torchvision's own constants
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "centred": ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
}


@dataclass(frozen=True)
class Recipe:
    """From a film (h, w) in 0..1 to a network's input (channels, size, size).

    A recipe has two halves: :meth:`place` moves pixels and knows the way back, :meth:`normalise` only changes values;
    augmentation happens between them.
    """

    size: int = option(320, "side of the square input", low=16, high=2048, unit=" px")
    fit: str = option("stretch", "stretch as the papers do, or pad with black", choices=("stretch", "pad"))
    channels: int = option(3, "copies of the grey film the network wants", choices=(1, 3))
    normalisation: str = option("imagenet", "means and deviations per channel", choices=tuple(NORMALISATIONS))
    flip: bool = option(False, "mirror left and right")
    rotation_deg: float = option(0.0, "rotate counter-clockwise about the centre", low=-360.0, high=360.0, unit=" deg")

    def __post_init__(self) -> None:
        check_options(self)

    def place(self, pixels: FilmPixels) -> tuple[np.ndarray, Affine]:
        """Return the film on the square input (size, size) in 0..1 and the affine from input to film pixels."""
        height, width = pixels.shape
        inner_height, inner_width = self._inner_size(height, width)
        film = torch.from_numpy(np.array(pixels, order="C"))[None]  # a copy: the caller's film is not touched
        placed = transforms.resize(film, [inner_height, inner_width], antialias=True).clamp_(0.0, 1.0)
        left, top = (self.size - inner_width) // 2, (self.size - inner_height) // 2
        right, bottom = self.size - inner_width - left, self.size - inner_height - top
        placed = transforms.pad(placed, [left, top, right, bottom])
        to_film = scaling(width / inner_width, height / inner_height) @ translation(-left, -top)
        if self.flip:
            placed = transforms.horizontal_flip(placed)
            to_film = to_film @ translation(self.size, 0) @ scaling(-1, 1)
        if self.rotation_deg:
            placed = rotated(placed, self.rotation_deg)
            to_film = to_film @ _rotation_back(self.rotation_deg, self.size)
        return placed[0].numpy(), to_film

    def normalise(self, placed: Float[Tensor, "n s s"]) -> Float[Tensor, "n c s s"]:
        """Return the network's input of placed films: channels copied, means taken off, divided by deviations."""
        means, deviations = (torch.tensor(values[: self.channels]) for values in NORMALISATIONS[self.normalisation])
        shaped = placed[:, None].expand(-1, self.channels, -1, -1)
        return (shaped - means.to(placed)[:, None, None]) / deviations.to(placed)[:, None, None]

    def prepare(self, pixels: FilmPixels) -> tuple[Float[Tensor, "c s s"], Affine]:
        """Return one film as the network's input and the affine from input to film pixels."""
        placed, to_film = self.place(pixels)
        return self.normalise(torch.from_numpy(placed)[None])[0], to_film

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain JSON."""
        return option_values(self)

    def _inner_size(self, height: int, width: int) -> tuple[int, int]:
        if self.fit == "stretch":
            return self.size, self.size
        scale = self.size / max(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))


def recipe_from_json(values: dict[str, Any]) -> Recipe:
    """Return the recipe that :meth:`Recipe.to_json` described; an OptionError where no recipe is like that."""
    known = {field.name for field in dataclasses.fields(Recipe)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise OptionError(f"recipe option {unknown[0]!r} is not known; known: {', '.join(sorted(known))}")
    return Recipe(**values)


@dataclass(frozen=True)
class Augmentation:
    """Random lateral inversion and rotation of placed films during training."""

    flip: bool = option(True, "mirror left and right half of the time")
    rotation_deg: float = option(30.0, "rotate by up to this angle either way", low=0.0, high=180.0, unit=" deg")

    def __post_init__(self) -> None:
        check_options(self)

    def apply(self, placed: Float[Tensor, "s s"], generator: np.random.Generator) -> Float[Tensor, "s s"]:
        """Return the film flipped and rotated as the generator decides; corners that come into view are black."""
        mirrored = self.flip and generator.random() < 0.5
        angle = float(generator.uniform(-self.rotation_deg, self.rotation_deg))
        film = placed[None]
        if mirrored:
            film = transforms.horizontal_flip(film)
        if self.rotation_deg:
            film = rotated(film, angle)
        return film[0]


def rotated(film: Float[Tensor, "1 s s"], angle_deg: float) -> Float[Tensor, "1 s s"]:
    """Return a film rotated counter-clockwise about its centre, bilinear, black where nothing was."""
    return transforms.rotate(film, angle_deg, interpolation=InterpolationMode.BILINEAR, fill=0.0)


def _rotation_back(angle_deg: float, size: int) -> Affine:
    """Return the affine from the rotated square to the one before; y points down, so the film's way is clockwise."""
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return translation(size / 2, size / 2) @ turn @ translation(-size / 2, -size / 2)
