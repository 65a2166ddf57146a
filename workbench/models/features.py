"""Frozen features: the explained layer averaged over the film, what a linear head would see."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.errors import ModelError, Skipped
from workbench.core.manifest import Manifest
from workbench.imaging.films import film_batches, manifest_films
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Chosen, Needs, run_pass
from workbench.runs.freed_memory import freed_memory_kept


@dataclass(frozen=True)
class _Mean:
    def __call__(self, features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c"]:
        return features.mean(dim=(2, 3)).float().cpu()


@freed_memory_kept()
def pooled_features(
    classifier: Classifier, manifest: Manifest, *, batch_size: int = 16
) -> tuple[np.ndarray, Manifest, tuple[Skipped, ...]]:
    """Return what a linear head would see of each film: every channel of the explained layer, averaged.

    Parameters
    ----------
    classifier
        The model.
    manifest
        Read one batch at a time; labels are not needed.
    batch_size
        Films a forward pass.

    Returns
    -------
    tuple
        Features (n, d), the manifest of these n films, and those that could not be read.

    Raises
    ------
    ModelError
        The network has no spatial layer, or no film could be read.
    """
    tap = classifier.layers.explained
    if tap is None:
        raise ModelError(f"{classifier.architecture} has no spatial layer to take features from")
    needs = Needs(reductions=frozenset({(tap, _Mean())}))
    found: list[Tensor] = []
    ids: list[str] = []
    skipped: list[Skipped] = []
    for batch in film_batches(manifest_films(manifest), classifier.recipe, batch_size=batch_size):
        skipped += batch.skipped
        if batch.film_ids:
            images = batch.images.to(classifier.device)
            (seen,) = run_pass(classifier.module, images, needs, choose=_nothing)
            found.append(seen.reductions[tap, _Mean()])
            ids += batch.film_ids
    if not found:
        first = f"; first: {skipped[0]}" if skipped else ""
        raise ModelError(f"{manifest.name}: none of {len(manifest)} films could be read{first}")
    return torch.cat(found).numpy(), manifest.select(ids), tuple(skipped)


def _nothing(logits: Tensor) -> tuple[Chosen]:
    """Choose no class: features ask for no gradient."""
    return (Chosen(torch.zeros(len(logits), dtype=torch.int64), torch.zeros_like(logits)),)
