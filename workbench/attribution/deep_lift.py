"""DeepLIFT: what each pixel adds to the score's difference from a black film."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.completeness import completeness_error
from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.score_model import ScoreModel
from workbench.core.errors import MethodRefusedError
from workbench.models.classifier import Classifier
from workbench.passes.rescale_rule import NOT_ELEMENTWISE, rescaled_contributions
from workbench.passes.single_pass import Seen


@METHODS.register("deeplift")
@dataclass(frozen=True)
class DeepLIFT(OwnMethod):
    """DeepLIFT with the Rescale rule (Shrikumar et al., ICML 2017, section 3.5.2) from a black film.

    Every nonlinearity passes back its slope between the black film and the film, (f(x) - f(x0)) / (x - x0), where the
    gradient has the slope at x; all that is linear passes back its gradient. Times film less black film, summed over
    channels: complete up to rounding, the map sums to score(film) - score(black film).

    A max pool passes the difference of its maxima to the place of the larger one. Nonlinearities of one number (ReLU,
    SiLU, GELU, sigmoid ...) are covered; products of two activations, such as gates and attention, and norms of the
    image's own statistics are refused.
    """

    @override
    def check(self, classifier: Classifier) -> None:
        uncovered = [name for name in classifier.layers.other_nonlinearities if name in NOT_ELEMENTWISE]
        if classifier.layers.scripted:
            uncovered = ["TorchScript, whose inside cannot be reached"]
        if uncovered:
            raise MethodRefusedError(
                f"deeplift: the Rescale rule needs nonlinearities of one number, {classifier.architecture} uses "
                f"{', '.join(uncovered)}; use integrated-gradients"
            )

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        return rescaled_contributions(score_model.classifier.module, seen, score_model.black).sum(dim=1)

    @override
    def measures(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n hm wm"]
    ) -> dict[str, Float[Tensor, " n"]]:
        return {"completeness_error": completeness_error(score_model, seen, maps)}
