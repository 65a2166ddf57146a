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
    """Random changes of placed films during training, each drawn anew for every film and epoch."""

    flip: bool = option(True, "mirror left and right half of the time")
    rotation_deg: float = option(
        30.0, "rotate by up to this angle either way; 180 is any angle", low=0.0, high=180.0, unit=" deg"
    )
    flip_vertical: bool = option(False, "mirror top and bottom half of the time")
    centre_crop: float = option(
        1.0, "half of the time cut out the centre, this share of each side, and enlarge it; 1 never", low=0.1, high=1.0
    )
    sharpen: float = option(0.0, "sharpen half of the time, by up to this factor above 1; 0 never", low=0.0, high=10.0)
    blur: float = option(0.0, "blur half of the time by a Gaussian of up to this sigma; 0 never", low=0.0, high=10.0)

    def __post_init__(self) -> None:
        check_options(self)

    def apply(self, placed: Float[Tensor, "s s"], generator: np.random.Generator) -> Float[Tensor, "s s"]:
        """Return the film changed as the generator decides; corners that come into view are black."""
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
        return self._retouched(film, generator)[0]

    def _retouched(self, film: Float[Tensor, "1 s s"], generator: np.random.Generator) -> Float[Tensor, "1 s s"]:
        """Crop, sharpen and blur; what is not wanted draws nothing, so that the other changes stay as they were."""
        side = film.shape[-1]
        if self.centre_crop < 1 and generator.random() < 0.5:
            inner = max(1, round(side * self.centre_crop))
            film = transforms.resize(transforms.center_crop(film, [inner, inner]), [side, side], antialias=True)
        if self.sharpen and generator.random() < 0.5:
            film = transforms.adjust_sharpness(film, 1 + float(generator.uniform(0, self.sharpen)))
        if self.blur and generator.random() < 0.5:
            sigma = max(0.1, float(generator.uniform(0, self.blur)))
            film = transforms.gaussian_blur(film, [2 * int(3 * sigma + 0.5) + 1] * 2, [sigma, sigma])
        return film
