"""The rules of layer-wise relevance propagation: how a layer hands what its outputs received to its inputs.

Every rule shares the relevance R of an output z out by what each input added to z, and divides by z and a small number
of the same sign. What a bias added to z, and that small number, keep their part: the rule returns it as well.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

STABILISER = 1e-6
"""What is added to z, with its sign, where a rule has no epsilon of its own."""

COMPOSITES = ("epsilon-plus-flat", "epsilon-plus", "epsilon-gamma-box", "epsilon")

Handed = tuple[Tensor, Tensor]
"""Relevance of the inputs; and, shaped as the outputs, what biases and the stabiliser kept."""


@dataclass(frozen=True)
class Layer:
    """A convolution or a dense layer, as a function of its weights: rules change them.

    Parameters
    ----------
    operate
        Takes an input, a weight and a bias or None.
    weight
        Its first axis counts the outputs.
    bias
        One number for each output, or None.
    """

    operate: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    weight: Tensor
    bias: Tensor | None

    def __call__(self, values: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the outputs without their bias."""
        return self.operate(values, self.weight if weight is None else weight, None)

    def merged(self, scale: Float[Tensor, " k"], shift: Float[Tensor, " k"]) -> "Layer":
        """Return the one layer that does what this one and a batch norm behind it do."""
        weight = self.weight * scale.view(-1, *[1] * (self.weight.ndim - 1))
        return Layer(self.operate, weight, shift if self.bias is None else self.bias * scale + shift)

    def offset(self, outputs: Tensor, change: Callable[[Tensor], Tensor] = lambda bias: bias) -> Tensor | float:
        """Return the bias, changed, in a shape that can be added to the outputs."""
        if self.bias is None:
            return 0.0
        spatial = outputs.ndim - 2 if self.weight.ndim > 2 else 0
        return change(self.bias).view(-1, *[1] * spatial)


class AbstractRule(ABC):
    """A way to share out a layer's relevance."""

    @abstractmethod
    def __call__(self, layer: Layer, values: Tensor, relevance: Tensor) -> Handed:
        """Return the relevance of the layer's inputs, and what its bias and the stabiliser kept."""


@dataclass(frozen=True)
class Epsilon(AbstractRule):
    """LRP-epsilon (Bach et al., PLoS ONE 2015, eq. 58): R_i = sum_j x_i w_ij R_j / (z_j + epsilon sign z_j)."""

    epsilon: float = STABILISER

    @override
    def __call__(self, layer: Layer, values: Tensor, relevance: Tensor) -> Handed:
        offset = layer.offset(relevance)
        (shares,), kept = handed_down(layer, [values], offset, relevance, epsilon=self.epsilon)
        return shares, kept


@dataclass(frozen=True)
class ZPlus(AbstractRule):
    """The z-plus rule (Montavon et al., Pattern Recognition 2017, eq. 13): only what raises z counts.

    That is x w > 0: where inputs are negative, negative weights. A positive bias keeps its part.
    """

    @override
    def __call__(self, layer: Layer, values: Tensor, relevance: Tensor) -> Handed:
        offset = layer.offset(relevance, lambda bias: bias.clamp(min=0))
        parts = _signed(values, layer.weight.clamp(min=0), layer.weight.clamp(max=0))
        return _of_parts(layer, parts, offset, relevance)


@dataclass(frozen=True)
class Gamma(AbstractRule):
    """LRP-gamma (Montavon et al., 2019, section 10.2.1): what raises z counts 1 + gamma times.

    Where z is negative, what lowers it does (Andéol et al. 2021), so that negative inputs are treated alike.
    """

    gamma: float = 0.25

    @override
    def __call__(self, layer: Layer, values: Tensor, relevance: Tensor) -> Handed:
        z = layer(values) + layer.offset(relevance)
        raised, kept = self._towards(1.0, layer, values, torch.where(z >= 0, relevance, 0))
        below = torch.where(z < 0, relevance, 0)
        if not below.any():  # as behind a ReLU: two convolutions saved
            return raised, kept
        lowered, kept_below = self._towards(-1.0, layer, values, below)
        return raised + lowered, kept + kept_below

    def _towards(self, sign: float, layer: Layer, values: Tensor, relevance: Tensor) -> Handed:
        """Share out the relevance of outputs of one sign."""

        def favoured(weight: Tensor, side: float = sign) -> Tensor:
            return weight + self.gamma * side * (side * weight).clamp(min=0)

        parts = _signed(values, favoured(layer.weight), favoured(layer.weight, -sign))
        return _of_parts(layer, parts, layer.offset(relevance, favoured), relevance)


@dataclass(frozen=True)
class Flat(AbstractRule):
    """The flat rule (Lapuschkin et al., Nature Communications 2019): every input of a field gets the same."""

    @override
    def __call__(self, layer: Layer, values: Tensor, relevance: Tensor) -> Handed:
        return _of_parts(layer, [(torch.ones_like(values), torch.ones_like(layer.weight))], 0.0, relevance)


@dataclass(frozen=True)
class Box(AbstractRule):
    """The z-B rule (Montavon et al., Pattern Recognition 2017, eq. 16) for pixels between two values.

    Parameters
    ----------
    low, high
        A black and a white film as the network sees them.
    """

    low: Float[Tensor, "1 c 1 1"]
    high: Float[Tensor, "1 c 1 1"]

    @override
    def __call__(self, layer: Layer, values: Tensor, relevance: Tensor) -> Handed:
        low, high = (bound.to(values).expand_as(values) for bound in (self.low, self.high))
        parts = [(values, layer.weight), (low, -layer.weight.clamp(min=0)), (high, -layer.weight.clamp(max=0))]
        return _of_parts(layer, parts, 0.0, relevance)


@dataclass(frozen=True)
class Composite:
    """Which rule each layer follows.

    Parameters
    ----------
    first
        The first convolution or dense layer; None where it follows the same rule as its like.
    convolution
        The other convolutions.
    dense
        The other dense layers.
    epsilon
        Of everything else that is linear: sums, means, batch norms that stand alone.
    """

    first: AbstractRule | None
    convolution: AbstractRule
    dense: AbstractRule
    epsilon: float


def composite(
    name: str, *, epsilon: float, gamma: float, low: Float[Tensor, "1 c 1 1"], high: Float[Tensor, "1 c 1 1"]
) -> Composite:
    """Return a composite of :data:`COMPOSITES`; ``low`` and ``high`` bound the pixels of the box rule."""
    stable = Epsilon(epsilon)
    if name == "epsilon":
        return Composite(None, stable, stable, epsilon)
    if name == "epsilon-gamma-box":
        return Composite(Box(low, high), Gamma(gamma), stable, epsilon)
    first = Flat() if name == "epsilon-plus-flat" else None
    return Composite(first, ZPlus(), stable, epsilon)


def handed_down(
    linear: Callable[..., Tensor],
    values: Sequence[Tensor],
    offset: Tensor | float,
    relevance: Tensor,
    *,
    epsilon: float = STABILISER,
) -> tuple[list[Tensor], Tensor]:
    """Share out the relevance of a linear function of several tensors by what each number added to the result.

    Parameters
    ----------
    linear
        Takes the tensors to the result without its offset.
    values
        What it is applied to.
    offset
        What of the result comes of none of them: a bias.
    relevance
        Of the result.
    epsilon
        What is added to the result, with its sign, before dividing by it.

    Returns
    -------
    tuple
        The relevance of each tensor, and what the offset and epsilon kept, shaped as the result.
    """
    with torch.enable_grad():
        leaves = [each.detach().requires_grad_(True) for each in values]
        total = linear(*leaves)
        z = total.detach() + offset
        stable = z + torch.where(z < 0, -epsilon, epsilon)
        ratio = relevance / stable
        gradients = torch.autograd.grad(total, leaves, ratio)
    shares = [leaf.detach() * gradient for leaf, gradient in zip(leaves, gradients, strict=True)]
    return shares, ratio * (stable - total.detach())


def _signed(values: Tensor, for_positive: Tensor, for_negative: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Pair positive and negative inputs with a weight each; behind a ReLU there are none of the second kind."""
    parts = [(values.clamp(min=0), for_positive)]
    return [*parts, (values.clamp(max=0), for_negative)] if values.amin() < 0 else parts


def _of_parts(
    layer: Layer, parts: Sequence[tuple[Tensor, Tensor]], offset: Tensor | float, relevance: Tensor
) -> Handed:
    weights = [weight for _, weight in parts]

    def linear(*values: Tensor) -> Any:
        return sum(layer(value, weight) for value, weight in zip(values, weights, strict=True))

    shares, kept = handed_down(linear, [values for values, _ in parts], offset, relevance)
    return torch.stack(shares).sum(dim=0) if len(shares) > 1 else shares[0], kept
