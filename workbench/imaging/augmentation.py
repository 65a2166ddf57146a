"""Random changes of placed films during training."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from workbench.core.options import check_options, option
from workbench.imaging.placing import rotated


@dataclass(frozen=True)
class Augmentation:
    """Random inversions and rotation of placed films during training."""

    flip: bool = option(True, "mirror left and right half of the time")
    rotation_deg: float = option(
        30.0, "rotate by up to this angle either way; 180 is any angle", low=0.0, high=180.0, unit=" deg"
    )
    flip_vertical: bool = option(False, "mirror top and bottom half of the time")

    def __post_init__(self) -> None:
        check_options(self)

    def apply(self, placed: Float[Tensor, "s s"], generator: np.random.Generator) -> Float[Tensor, "s s"]:
        """Return the film flipped and rotated as the generator decides; corners that come into view are black."""
        sideways = self.flip and generator.random() < 0.5
        angle = float(generator.uniform(-self.rotation_deg, self.rotation_deg))
        over = self.flip_vertical and generator.random() < 0.5
        film = placed[None]
        if sideways:
            film = transforms.horizontal_flip(film)
        if over:
            film = transforms.vertical_flip(film)
        if self.rotation_deg:
            film = rotated(film, angle)
        return film[0]
