"""The scores of changed films: many forward passes, without a graph, in chunks whose activations fit the cache."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.attribution.score_model import ScoreModel

CHUNK = 8
"""Images a forward pass on a CPU: at 320 px the activations of 25 no longer fit the cache and take twice the time."""
ACCELERATOR_CHUNK = 64
"""Images a forward pass elsewhere, where few leave most of the device idle."""

Variants = Callable[[int, Int[Tensor, " m"]], Float[Tensor, "m c h w"]]
"""Takes the place of a film in the batch and the numbers of some of its variants to their images."""


@dataclass(frozen=True)
class Perturbed:
    """What a model says about n films and v variants of each, asked in one way.

    Parameters
    ----------
    clean
        (n) the scores of the films as they are: the same as in the clean pass but for rounding.
    scores
        (n, v) the scores of the variants.
    """

    clean: Float[Tensor, " n"]
    scores: Float[Tensor, "n v"]


def perturbed_scores(
    score_model: ScoreModel, images: Float[Tensor, "n c h w"], variants: Variants, *, count: int
) -> Perturbed:
    """Return the scores of every variant of every film.

    A chunk never holds variants of two films: a map does not depend on the batch in which its film came.

    Parameters
    ----------
    score_model
        The scores that were chosen for the clean films.
    images
        The films, as the network takes them.
    variants
        Makes the images of one chunk; only these are in memory at a time.
    count
        How many variants a film has.

    Returns
    -------
    Perturbed
        Scores of the films and of their variants.
    """
    clean, scores = [], []
    with torch.inference_mode():
        layout = score_model.classifier.memory_format
        for index, image in enumerate(images):
            parts = chain([image[None]], (variants(index, which) for which in chunks(count, image.device)))
            found = [_scores(score_model, index, part.contiguous(memory_format=layout)) for part in parts]
            clean.append(found[0])
            scores.append(torch.cat(found[1:]))
    return Perturbed(torch.cat(clean), torch.stack(scores))


def _scores(score_model: ScoreModel, index: int, images: Float[Tensor, "m c h w"]) -> Float[Tensor, " m"]:
    return score_model(images, torch.full((len(images),), index, device=images.device))


def chunks(count: int, device: torch.device | None = None) -> tuple[Int[Tensor, " m"], ...]:
    """Return the numbers from 0 to ``count`` in parts of nearly equal length, none above :data:`CHUNK`.

    Forward passes without a graph may take :data:`ACCELERATOR_CHUNK` at once where a device other than a CPU is given.
    """
    most = CHUNK if device is None or device.type == "cpu" else ACCELERATOR_CHUNK
    return torch.arange(count).tensor_split(max(1, -(-count // most)))
