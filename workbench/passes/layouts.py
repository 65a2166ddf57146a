"""How a layer lays its tensor out: channels first, channels last, or tokens with a few in front that are no place."""

from collections.abc import Collection
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

MOST_PREFIX = 16
"""Class, distillation and register tokens that may stand in front of the grid."""


@dataclass(frozen=True)
class Layout:
    """Which axis of a tensor means what.

    Parameters
    ----------
    name
        ``nchw``; ``nhwc``, as Swin has it; ``tokens`` (n, t, c), as ViTs have them.
    prefix
        Tokens in front that belong to no place of the image.
    grid
        Height and width of the other tokens, row by row.
    """

    name: str = "nchw"
    prefix: int = 0
    grid: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        return self.name if self.name != "tokens" else "tokens ({} + {} x {})".format(self.prefix, *self.grid)

    def spatial(self, tensor: Float[Tensor, "n ..."]) -> Float[Tensor, "n c h w"]:
        """Return the tensor with channels first; the tokens in front are left out."""
        if self.name == "nhwc":
            return tensor.permute(0, 3, 1, 2)
        if self.name == "tokens":
            places = tensor[:, self.prefix :].transpose(1, 2)
            return places.reshape(*places.shape[:2], *self.grid)
        return tensor

    def sizes(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Return channels, height and width of a tensor of this shape, given without n."""
        if self.name == "tokens":
            return shape[1], *self.grid
        first, second, third = shape
        return (third, first, second) if self.name == "nhwc" else (first, second, third)


def layout_of(
    shape: tuple[int, ...], resolutions: Collection[tuple[int, int]], grid: tuple[int, int] | None
) -> Layout | None:
    """Return the layout of a tensor of this shape, given without n; None where it is no image.

    Parameters
    ----------
    shape
        Three axes, or two for tokens.
    resolutions
        Every (h, w) that a convolution or pool has made; others are known by being square.
    grid
        Height and width of the image that last became tokens, if one did.

    Returns
    -------
    Layout
        Channels last only where channels first does not fit.
    """
    if len(shape) == 2 and grid is not None:
        prefix = shape[0] - grid[0] * grid[1]
        return Layout("tokens", prefix, grid) if 0 <= prefix <= MOST_PREFIX else None
    if len(shape) != 3:
        return None
    last, first = shape[1:], shape[:2]
    if last in resolutions or (last[0] == last[1] and first not in resolutions):
        return Layout()
    return Layout("nhwc") if first in resolutions or first[0] == first[1] else None
