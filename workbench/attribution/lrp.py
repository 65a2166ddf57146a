"""Layer-wise relevance propagation: the score handed back from layer to layer, by shares."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.score_model import ScoreModel
from workbench.core.errors import MethodRefusedError
from workbench.core.options import option
from workbench.models.classifier import Classifier
from workbench.passes.relevance import RISING, relevance
from workbench.passes.relevance_rules import COMPOSITES, composite
from workbench.passes.single_pass import Seen


@METHODS.register("lrp")
@dataclass(frozen=True)
class LRP(OwnMethod):
    """Layer-wise relevance propagation (Bach et al., PLoS ONE 2015; rules as in Montavon et al. 2019), over channels.

    The score is handed from each layer to the one before, to each input by what it added to the output. Which
    contributions count is the composite's choice:

    - ``epsilon-plus-flat`` (Kohlbrenner et al., IJCNN 2020): all alike in the first layer, those that raise the output
      in convolutions, all by sign in dense layers;
    - ``epsilon-plus``: the first convolution like the others;
    - ``epsilon-gamma-box``: raising ones weighed 1 + gamma times in convolutions; by the pixels' bounds in the first;
    - ``epsilon``: all by sign everywhere. Without a bias that would be input times gradient, and it is as noisy.

    A batch norm right behind a convolution or dense layer is merged with it; elsewhere, as in DenseNet, it is a linear
    layer of its own under the epsilon rule, and so are sums (each summand its share), means and average pools. ReLUs
    let relevance through, max pools hand it to the largest number.

    Biases take part in the sums that are shared out and keep their share (with ``epsilon-plus`` only positive ones,
    with the first layer's flat and box rules none). So score = sum of the map + ``kept_by_biases``, a measure that goes
    with each map and holds what the stabilisers kept too; ``conservation_error`` is what is lost beyond, by rounding.
    """

    composite: str = option("epsilon-plus-flat", "which layers follow which rule", choices=COMPOSITES)
    epsilon: float = option(1e-6, "added to the denominators of the epsilon rule", low=1e-9, high=1e3)
    gamma: float = option(0.25, "how much more raising contributions count; epsilon-gamma-box", low=0.0, high=1e3)

    @override
    def check(self, classifier: Classifier) -> None:
        uncovered = [name for name in classifier.layers.other_nonlinearities if name not in RISING]
        if classifier.layers.scripted:
            uncovered = ["TorchScript, whose inside cannot be reached"]
        if uncovered:
            raise MethodRefusedError(
                f"lrp is defined for ReLUs and others that rise through 0, {classifier.architecture} uses "
                f"{', '.join(uncovered)}; use integrated-gradients"
            )

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        classifier = score_model.classifier
        bounds = {"low": score_model.black, "high": score_model.white}
        rules = composite(self.composite, epsilon=self.epsilon, gamma=self.gamma, **bounds)
        found = relevance(classifier.module, seen, rules, head=classifier.layers.linear_head)
        score_model.kept[self] = found.kept
        return found.maps.sum(dim=1)

    @override
    def measures(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n hm wm"]
    ) -> dict[str, Float[Tensor, " n"]]:
        kept = score_model.kept[self]
        lost = seen.scores.double() - maps.sum(dim=(1, 2), dtype=torch.float64) - kept
        return {"kept_by_biases": kept, "conservation_error": lost}
