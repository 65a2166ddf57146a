"""Attention rollout: through which patches information may flow to what a vision transformer's outputs read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.score_model import ScoreModel
from workbench.core.errors import MethodRefusedError
from workbench.core.options import option
from workbench.models.classifier import Classifier
from workbench.passes.attention import attention_pass
from workbench.passes.layouts import MOST_PREFIX
from workbench.passes.single_pass import Seen

FUSIONS: dict[str, Callable[..., Tensor]] = {"mean": torch.mean, "max": torch.amax, "min": torch.amin}


@METHODS.register("attention-rollout")
@dataclass(frozen=True)
class AttentionRollout(OwnMethod):
    """Attention rollout (Abnar and Zuidema, ACL 2020, section 3): R = A_l ... A_2 A_1, M = the patches in the row read.

    A_i = residual * identity + (1 - residual) * attention of block i, its heads fused, each row summing to 1. The row
    is that of the class token, or the mean of all tokens that the outputs depend on. Class and register tokens have no
    place in the map; what flows from them is left out. Never negative.

    **Not class specific**: a map is the same for every target. It tells where the network may look from, not what
    speaks for a class. For that take grad-cam, integrated-gradients or occlusion.
    """

    heads: str = option("mean", "how the heads of a block are fused", choices=tuple(FUSIONS))
    residual: float = option(0.5, "share of what goes past a block's attention", low=0.0, high=0.99)
    discard: float = option(0.0, "share of each block's weakest attention that is set to 0", low=0.0, high=0.99)

    @override
    def check(self, classifier: Classifier) -> None:
        if _last_layout(classifier) != "tokens":
            raise _refused(classifier.architecture, "has no such tokens")

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        classifier = score_model.classifier
        rollout = _Rollout(self, classifier.architecture, len(seen.images))
        *_, last = classifier.layers.taps
        passed = attention_pass(classifier.module, seen.images, rollout.take, last=last)
        shares = rollout.shares(passed.read)
        prefix = shares.shape[1] - passed.grid[0] * passed.grid[1]
        if not 0 <= prefix <= MOST_PREFIX:
            raise _refused(classifier.architecture, f"has {shares.shape[1]} tokens for {passed.grid} patches")
        return shares[:, prefix:].unflatten(1, passed.grid)  # type: ignore[no-untyped-call] # torch's own

    @override
    def provenance(self, classifier: Classifier) -> dict[str, Any]:
        return super().provenance(classifier) | {"class_specific": False}

    def mixing(self, weights: Float[Tensor, "n heads q k"]) -> Float[Tensor, "n q k"]:
        """Return the heads of a block fused, without its weakest attention."""
        fused = FUSIONS[self.heads](weights, dim=1)
        if count := int(self.discard * fused[0].numel()):
            flat = fused.flatten(1)
            fused = flat.scatter(1, flat.topk(count, dim=1, largest=False).indices, 0).view_as(fused)
        return fused


@dataclass
class _Rollout:
    """The product so far."""

    method: AttentionRollout
    architecture: str
    films: int
    product: Float[Tensor, "n q t"] | None = field(default=None)

    def take(self, weights: Float[Tensor, "b heads q k"]) -> None:
        """Multiply the attention of one more block to what went before."""
        films, _, queries, keys = weights.shape
        tokens = keys if self.product is None else self.product.shape[1]
        if films != self.films or keys != tokens or queries not in (keys, 1):
            raise _refused(self.architecture, f"has attention of {queries} tokens on {keys}, {films} times")
        mixing = self.method.mixing(weights.double())  # which autocast leaves alone
        if queries == keys:
            identity = torch.eye(keys).to(mixing)
            mixing = self.method.residual * identity + (1 - self.method.residual) * mixing
        mixing = mixing / mixing.sum(dim=2, keepdim=True).clamp_min(torch.finfo(mixing.dtype).tiny)
        self.product = mixing if self.product is None else mixing @ self.product

    def shares(self, read: Tensor) -> Float[Tensor, "n t"]:
        """Return how much of each token reaches what is read; attention that pools has one row, which is that."""
        if self.product is None:
            raise _refused(self.architecture, "has none that can be seen")
        if self.product.shape[1] == 1:
            return self.product[:, 0]
        rows = read.to(self.product)
        rows = torch.where(rows.sum(dim=1, keepdim=True) > 0, rows, 1)  # a head of zeros reads nothing
        return torch.einsum("nq,nqt->nt", rows / rows.sum(dim=1, keepdim=True), self.product)


def _last_layout(classifier: Classifier) -> str:
    return next((tap.layout.name for tap in reversed(classifier.layers.taps)), "")


def _refused(architecture: str, but: str) -> MethodRefusedError:
    return MethodRefusedError(
        f"attention-rollout needs blocks in which every token attends to all, {architecture} {but}; "
        "use grad-cam or occlusion"
    )
