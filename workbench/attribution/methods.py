"""What an attribution method is, and the registry of all of them.

A *shared* method says what it needs of one pass and turns it into maps; ``explain`` runs one pass for all of them. An
*own* method runs the network itself.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.score_model import ScoreModel
from workbench.core.errors import MethodRefusedError
from workbench.core.options import check_options, option, option_values
from workbench.core.registry import Registry
from workbench.models.classifier import Classifier
from workbench.passes.layers import Tap
from workbench.passes.single_pass import Needs, Seen


class AbstractMethod(ABC):
    """An attribution method with its options; subclasses are frozen dataclasses."""

    uses_gradients: ClassVar[bool] = True
    """Whether it looks into the network; one that does not serves any function that gives probabilities."""

    def __post_init__(self) -> None:
        check_options(self)

    def check(self, classifier: Classifier) -> None:  # noqa: B027 - most methods refuse nothing
        """Refuse a network on which the map would be wrong; a MethodRefusedError names a method that works."""

    @abstractmethod
    def needs(self, classifier: Classifier) -> Needs:
        """Return what the common pass has to record."""

    def measures(
        self,
        score_model: ScoreModel,  # noqa: ARG002 - those that measure look at all three
        seen: Seen,  # noqa: ARG002
        maps: Float[Tensor, "n hm wm"],  # noqa: ARG002
    ) -> dict[str, Float[Tensor, " n"]]:
        """Return numbers that go with each map, such as how far it is from summing to the score."""
        return {}

    def provenance(self, classifier: Classifier) -> dict[str, Any]:  # noqa: ARG002 - those with a layer look at it
        """Return the options and whatever else decides the map."""
        return {"options": option_values(self)}


class SharedMethod(AbstractMethod):
    """A method that reads what one common pass recorded."""

    @abstractmethod
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        """Return the signed, raw maps at their own resolution."""


class OwnMethod(AbstractMethod):
    """A method that runs the network as often as it likes; it may ask the common pass for something to start from."""

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs()

    @abstractmethod
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        """Return the signed, raw maps of these scores; ``seen`` holds the images and what the needs named."""


@dataclass(frozen=True)
class LayerMethod(AbstractMethod):
    """A method that looks at one layer; beside it stands how it gets its maps, shared or own."""

    layer: str = option("", "name of the layer, as wb.layers lists them; the last before pooling where empty")

    def tap(self, classifier: Classifier) -> Tap:
        """Return where to look."""
        return explained_tap(classifier, self.layer)

    @override
    def provenance(self, classifier: Classifier) -> dict[str, Any]:
        return super().provenance(classifier) | {"layer": str(self.tap(classifier))}


METHODS: Registry[AbstractMethod] = Registry("method")
"""Name -> method; options are the fields of its class."""


def explained_tap(classifier: Classifier, layer: str) -> Tap:
    """Return the named layer, or the one to explain where no name is given.

    Parameters
    ----------
    classifier
        The model.
    layer
        A name that :func:`workbench.models.classifier.layers` lists; empty for the last spatial layer.

    Returns
    -------
    Tap
        Where to record activations.

    Raises
    ------
    ModelError
        No layer has this name.
    MethodRefusedError
        The network has no spatial layer, or what it pools is no module's output nor its ReLU.
    """
    if layer:
        return classifier.layers.tap(layer)
    if classifier.layers.explained is None:
        raise MethodRefusedError(
            f"{classifier.architecture} has no layer before its pool that can be named; "
            "give one that wb.layers lists as layer=..., or use integrated-gradients"
        )
    return classifier.layers.explained
