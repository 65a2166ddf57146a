"""Methods that read a gradient at the input: plain, or changed at every ReLU on its way back."""

from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.gradient_cams import GradCAM
from workbench.attribution.methods import METHODS, LayerMethod, SharedMethod
from workbench.core.errors import MethodRefusedError
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Needs, Seen


@METHODS.register("saliency")
@dataclass(frozen=True)
class Saliency(SharedMethod):
    """Gradient of the score at the input (Simonyan et al., ICLR 2014 workshop, section 3.1), summed over channels.

    Signed: the paper shows the largest absolute value of the channels. The sum is what one more grey level does to the
    score, where all channels hold the same film.
    """

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(input_gradient=True)

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        return _recorded(seen.input_gradient).sum(dim=1)


@METHODS.register("input-x-gradient")
@dataclass(frozen=True)
class InputXGradient(SharedMethod):
    """Input times the gradient of the score there (Shrikumar et al., arXiv:1605.01713), summed over channels.

    The input as the network takes it: what the normalisation maps to 0, often a medium grey, has no share.
    """

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(input_gradient=True)

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        return (seen.images * _recorded(seen.input_gradient)).sum(dim=1)


@METHODS.register("guided-backprop")
@dataclass(frozen=True)
class GuidedBackprop(SharedMethod):
    """Guided backpropagation (Springenberg et al., ICLR 2015 workshop, section 3.4), summed over channels.

    On its way back every ReLU lets through only what is positive and came from a positive input. Every ReLU counts,
    module or function: DenseNet's last one is a function.
    """

    @override
    def check(self, classifier: Classifier) -> None:
        _check_relus(classifier, "guided-backprop")

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(guided_input_gradient=True)

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        return _recorded(seen.guided_input_gradient).sum(dim=1)


@METHODS.register("deconvolution")
@dataclass(frozen=True)
class Deconvolution(SharedMethod):
    """Deconvolution (Zeiler and Fergus, ECCV 2014, section 2.1) from the score down, summed over channels.

    On its way back every ReLU lets through what is positive, wherever it came from; max pools send it back to where the
    maximum was.
    """

    @override
    def check(self, classifier: Classifier) -> None:
        _check_relus(classifier, "deconvolution")

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(deconvolution_input_gradient=True)

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        return _recorded(seen.deconvolution_input_gradient).sum(dim=1)


@METHODS.register("guided-grad-cam")
@dataclass(frozen=True)
class GuidedGradCAM(LayerMethod, SharedMethod):
    """Guided Grad-CAM (Selvaraju et al., ICCV 2017, section 3.1): guided backprop times relu(Grad-CAM).

    The Grad-CAM is brought to the input's size by bilinear interpolation. Its ReLU stays, as it is not the last step:
    without it two negative factors would make positive evidence.
    """

    @override
    def check(self, classifier: Classifier) -> None:
        _check_relus(classifier, "guided-grad-cam")

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(guided_input_gradient=True) | GradCAM(self.layer).needs(classifier)

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        cams = GradCAM(self.layer).combine(seen, classifier).clamp_min(0)
        size = seen.images.shape[2:]
        focus = F.interpolate(cams[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
        return focus * _recorded(seen.guided_input_gradient).sum(dim=1)


def _recorded(gradient: Float[Tensor, "n c h w"] | None) -> Float[Tensor, "n c h w"]:
    assert gradient is not None  # noqa: S101 - the pass gives what was asked for
    return gradient


def _check_relus(classifier: Classifier, method: str) -> None:
    """Refuse a network with activations that are no ReLUs; gates beside ReLUs keep their plain gradient."""
    layers = classifier.layers
    if layers.scripted or layers.other_nonlinearities:
        others = ", ".join(layers.other_nonlinearities)
        used = "TorchScript, whose ReLUs cannot be reached" if layers.scripted else others
        raise MethodRefusedError(
            f"{method} is defined for ReLUs, {classifier.architecture} uses {used}; use "
            + ("integrated-gradients" if layers.scripted else "grad-cam or integrated-gradients")
        )
