"""Sums of a layer's maps, weighed without gradients: by what the network says when it sees, or misses, one of them."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from math import prod

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from jaxtyping import Bool, Float, Int
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, LayerMethod, OwnMethod
from workbench.attribution.perturbing import CHUNK, perturbed_scores
from workbench.attribution.score_model import ScoreModel
from workbench.core.options import option
from workbench.models.classifier import Classifier
from workbench.passes.layers import Tap
from workbench.passes.layouts import Layout
from workbench.passes.replacing import logits_with
from workbench.passes.single_pass import Needs, Seen

ELEMENTS_A_FORWARD = 2**24
"""Numbers in all variants of a layer's tensor that run together: 64 MB in single precision."""


@dataclass(frozen=True)
class ScoredCAM(LayerMethod, OwnMethod):
    """What weighs the most active maps of a layer by running the network; the other maps have no weight."""

    channels: int = option(0, "most active maps (by mean) that are tried; 0 for all", low=0)

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(activations=frozenset({self.tap(classifier)}))

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        features = seen.activations[self.tap(score_model.classifier)]
        count = min(self.channels or features.shape[1], features.shape[1])
        channels = self.activity(features).topk(count).indices
        maps = features[torch.arange(len(features), device=features.device)[:, None], channels]
        weights = self.weights(score_model, seen, maps, channels)
        return torch.einsum("nm,nmhw->nhw", weights.to(maps), maps)

    def activity(self, features: Float[Tensor, "n d hm wm"]) -> Float[Tensor, "n d"]:
        """Return how active each map is."""
        return features.abs().mean(dim=(2, 3))

    @abstractmethod
    def weights(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n m hm wm"], channels: Int[Tensor, "n m"]
    ) -> Float[Tensor, "n m"]:
        """Return the weights of these maps, of these channels."""


@METHODS.register("score-cam")
@dataclass(frozen=True)
class ScoreCAM(ScoredCAM):
    """Score-CAM (Wang et al., CVPR workshops 2020, algorithm 1): M = sum_c w_c f_c.

    w is the softmax over the channels of score(film seen through f_c), with f_c brought to the film's size and to 0..1.
    What f_c does not show fades to a black film: the product of film and mask in pixels, as in the paper. A map that is
    the same everywhere is no mask and has no weight.

    Costs a forward pass for each map. The paper tries all of them, ``channels=0``: 1024 passes for DenseNet-121.
    """

    channels: int = option(64, "most active maps (by mean) that are tried, a forward pass each; 0 for all", low=0)

    @override
    def weights(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n m hm wm"], channels: Int[Tensor, "n m"]
    ) -> Float[Tensor, "n m"]:
        variants = partial(_seen_through, seen.images, score_model.black, maps)
        scores = perturbed_scores(score_model, seen.images, variants, count=maps.shape[1]).scores
        return scores.masked_fill(~_varies(maps), -torch.inf).softmax(dim=1).nan_to_num(0)  # 0 where no map varies

    @override
    def activity(self, features: Float[Tensor, "n d hm wm"]) -> Float[Tensor, "n d"]:
        return super().activity(features) * _varies(features)


def _varies(maps: Float[Tensor, "n m hm wm"]) -> Bool[Tensor, "n m"]:
    return maps.amax(dim=(2, 3)) > maps.amin(dim=(2, 3))


def _seen_through(
    images: Float[Tensor, "n c h w"],
    black: Float[Tensor, "1 c 1 1"],
    maps: Float[Tensor, "n m hm wm"],
    film: int,
    which: Int[Tensor, " b"],
) -> Float[Tensor, "b c h w"]:
    """Return a film through some of its maps."""
    masks = F.interpolate(maps[film, which, None], size=images.shape[2:], mode="bilinear", align_corners=False)
    low, high = (extreme(dim=(2, 3), keepdim=True) for extreme in (masks.amin, masks.amax))
    masks = (masks - low) / torch.where(high > low, high - low, 1)
    return black + masks * (images[film] - black)


@METHODS.register("ablation-cam")
@dataclass(frozen=True)
class AblationCAM(ScoredCAM):
    """Ablation-CAM (Desai and Ramaswamy, WACV 2020): M = sum_c w_c f_c, w_c = score - score with f_c set to 0.

    The paper divides w by the score; that one number a film is left out, because it would turn the map of a film with a
    negative score upside down.

    Costs a run of what follows the layer for each map: a few forward passes in all at the last layer. At a layer inside
    a block, past which other tensors go, it costs a whole forward pass for each.
    """

    @override
    def weights(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n m hm wm"], channels: Int[Tensor, "n m"]
    ) -> Float[Tensor, "n m"]:
        tap, rows = self.tap(score_model.classifier), []
        with torch.inference_mode():
            for index, some in enumerate(channels):
                image = seen.images[index : index + 1]
                drops = _drops(score_model.classifier, tap, image, some, clean=seen.logits[index])
                rows.append(drops @ seen.chosen.coefficients[index].to(drops))
        return torch.stack(rows)


def _drops(
    classifier: Classifier,
    tap: Tap,
    image: Float[Tensor, "1 c h w"],
    channels: Int[Tensor, " m"],
    *,
    clean: Float[Tensor, " o"],
) -> Float[Tensor, "m o"]:
    """Return by how much the logits of a film are lower without each of these channels."""
    grows = _grows(classifier, tap, image, clean=clean)
    together = max(CHUNK, ELEMENTS_A_FORWARD // prod(classifier.layers.taps[tap])) if grows else CHUNK
    drops = []
    for some in torch.split(channels, together - 1):  # the last of a batch is whole: both sides are rounded alike
        images = image if grows else image.expand(len(some) + 1, -1, -1, -1)
        logits = logits_with(classifier.module, images, tap, change=partial(_without, tap.layout, some))
        drops.append(logits[-1] - logits[:-1])
    return torch.cat(drops)


def _grows(classifier: Classifier, tap: Tap, image: Float[Tensor, "1 c h w"], *, clean: Float[Tensor, " o"]) -> bool:
    """Say whether one film may become several at the layer, so that what lies before it need not run for each."""
    try:
        twice = logits_with(classifier.module, image, tap, change=lambda tensor: torch.cat([tensor, tensor]))
    except RuntimeError:  # it meets another tensor that has one row
        return False
    return twice.shape == (2, len(clean)) and torch.allclose(twice, clean, rtol=1e-3, atol=1e-4)


def _without(layout: Layout, channels: Int[Tensor, " m"], tensor: Float[Tensor, "b ..."]) -> Float[Tensor, "v ..."]:
    """Return the tensor of one film, or equal ones: once for each channel with that one set to 0, and once whole."""
    variants = tensor.expand(len(channels) + 1, *tensor.shape[1:]).clone(memory_format=torch.contiguous_format)
    layout.spatial(variants)[torch.arange(len(channels)), channels] = 0
    return variants
