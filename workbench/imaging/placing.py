"""Moves of a film's pixels, each with its way back: the affine from the moved film's coordinates to those before.

Coordinates are those of :mod:`workbench.core.geometry`: (x, y), pixel edges on whole numbers.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from workbench.core.arrays import Affine, FilmPixels
from workbench.core.geometry import scaling, translation

FITS = ("stretch", "pad", "cover")
MovedPixels = Float32[np.ndarray, "moved_h moved_w"]
Placed = tuple[MovedPixels, Affine]


def resized(film: FilmPixels, side: int, fit: str) -> Placed:
    """Return the film on a square.

    Parameters
    ----------
    film
        (h, w) in 0..1.
    side
        Of the square.
    fit
        ``stretch`` changes the shape of things; ``pad`` brings the longer side to the square's and adds black;
        ``cover`` brings the shorter side to the square's and cuts off what sticks out.

    Returns
    -------
    Placed
        The square, and the affine from it to the film.
    """
    height, width = film.shape
    inner_height, inner_width = _inner_size(height, width, side, fit)
    pixels = torch.from_numpy(np.array(film, order="C"))[None]  # a copy: the caller's film is not touched
    inner = transforms.resize(pixels, [inner_height, inner_width], antialias=True).clamp_(0.0, 1.0)
    placed, back = centred(inner[0].numpy(), side)
    return placed, scaling(width / inner_width, height / inner_height) @ back


def centred(film: FilmPixels, side: int) -> Placed:
    """Return the middle square of a film, with black where the film does not reach."""
    height, width = film.shape
    left, top = (side - width) // 2, (side - height) // 2
    placed = transforms.pad(torch.from_numpy(film)[None], [left, top, side - width - left, side - height - top])
    return placed[0].numpy(), translation(-left, -top)


def mirrored(film: FilmPixels) -> Placed:
    """Return the film with left and right exchanged."""
    return np.ascontiguousarray(film[:, ::-1]), translation(film.shape[1], 0) @ scaling(-1, 1)


def upside_down(film: FilmPixels) -> Placed:
    """Return the film with top and bottom exchanged."""
    return np.ascontiguousarray(film[::-1]), translation(0, film.shape[0]) @ scaling(1, -1)


def turned(film: FilmPixels, angle_deg: float) -> Placed:
    """Return a square film rotated counter-clockwise about its centre; what comes into view is black."""
    placed = rotated(torch.from_numpy(film)[None], angle_deg)[0].numpy()
    return placed, _turn_back(angle_deg, before=film.shape, after=placed.shape)


def turned_whole(film: FilmPixels, angle_deg: float) -> Placed:
    """Return a film rotated counter-clockwise, as large as it takes to lose nothing; what comes into view is black."""
    pixels = torch.from_numpy(np.array(film, order="C"))[None]
    turned = transforms.rotate(pixels, angle_deg, interpolation=InterpolationMode.BILINEAR, expand=True, fill=0.0)
    placed = turned[0].numpy()
    return placed, _turn_back(angle_deg, before=film.shape, after=placed.shape)


def rotated(film: Float[Tensor, "1 s s"], angle_deg: float) -> Float[Tensor, "1 s s"]:
    """Return a film rotated counter-clockwise about its centre, bilinear, black where nothing was."""
    return transforms.rotate(film, angle_deg, interpolation=InterpolationMode.BILINEAR, fill=0.0)


def _inner_size(height: int, width: int, side: int, fit: str) -> tuple[int, int]:
    if fit == "stretch":
        return side, side
    scale = side / (max(height, width) if fit == "pad" else min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _turn_back(angle_deg: float, *, before: tuple[int, ...], after: tuple[int, ...]) -> Affine:
    """Return the affine from the rotated film to the one before; y points down, so the film's way is clockwise."""
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return translation(before[1] / 2, before[0] / 2) @ turn @ translation(-after[1] / 2, -after[0] / 2)
