"""Methods that read a gradient at the input."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, SharedMethod
from workbench.core.errors import MethodRefusedError
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Needs, Seen


@METHODS.register("guided-backprop")
@dataclass(frozen=True)
class GuidedBackprop(SharedMethod):
    """Guided backpropagation (Springenberg et al., ICLR 2015 workshop, section 3.4), summed over channels.

    On its way back every ReLU lets through only what is positive and came from a positive input. Every ReLU counts,
    module or function: DenseNet's last one is a function.
    """

    @override
    def check(self, classifier: Classifier) -> None:
        layers = classifier.layers
        other = "TorchScript, whose ReLUs cannot be reached" if layers.scripted else ""
        other = other or ", ".join(layers.other_nonlinearities)
        if other:
            raise MethodRefusedError(
                f"guided-backprop is defined for ReLUs, {classifier.architecture} uses {other}; "
                "use grad-cam or integrated-gradients"
            )

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(guided_input_gradient=True)

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        assert seen.guided_input_gradient is not None  # noqa: S101 - the pass gives what was asked for
        return seen.guided_input_gradient.sum(dim=1)
