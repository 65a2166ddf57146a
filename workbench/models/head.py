"""What a network's outputs mean: probabilities, the loss that trains them, and the score that is explained."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from jaxtyping import Float, Int
from torch import Tensor

from workbench.core.errors import ModelError

HEADS = ("softmax", "sigmoid")


@dataclass(frozen=True)
class Head:
    """The meaning of logits (n, o).

    Parameters
    ----------
    name
        ``softmax``: one logit a class. ``sigmoid``: a single logit, the log-odds of the positive one of two classes.
    classes
        Number of classes.
    positive
        Index of the class that a single logit speaks for; not used by ``softmax``.
    """

    name: str = "softmax"
    classes: int = 2
    positive: int = 1

    def __post_init__(self) -> None:
        if self.name not in HEADS:
            raise ModelError(f"no head is called {self.name!r}; known: {', '.join(HEADS)}")
        if self.name == "sigmoid" and self.classes != 2:
            raise ModelError(f"a sigmoid head tells two classes apart, given {self.classes}; use softmax")

    @classmethod
    def of(cls, name: str, class_names: Sequence[str], positive: Sequence[str]) -> "Head":
        """Return the head of these classes; a single logit speaks for the first positive one, else for the second."""
        for each in positive:
            if each not in class_names:
                raise ModelError(f"positive class {each!r} is not one of {', '.join(class_names)}")
        return cls(name, len(class_names), list(class_names).index(positive[0]) if positive else 1)

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return 1 if self.name == "sigmoid" else self.classes

    def probabilities(self, logits: Float[Tensor, "n o"]) -> Float[Tensor, "n k"]:
        """Return the probability of every class; rows sum to 1."""
        if self.name == "softmax":
            return logits.softmax(dim=1)
        columns = [-logits, logits] if self.positive == 1 else [logits, -logits]
        return torch.cat(columns, dim=1).sigmoid()

    def loss(self, logits: Float[Tensor, "n o"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        """Return the mean cross-entropy, binary for a single logit."""
        if self.name == "softmax":
            return F.cross_entropy(logits, labels)
        return F.binary_cross_entropy_with_logits(logits[:, 0], (labels == self.positive).to(logits.dtype))

    def log_probabilities(self, logits: Float[Tensor, "n o"]) -> Float[Tensor, "n k"]:
        """Return the logarithm of every class's probability, exact where the probability is nearly 0."""
        if self.name == "softmax":
            return logits.log_softmax(dim=1)
        columns = [-logits, logits] if self.positive == 1 else [logits, -logits]
        return F.logsigmoid(torch.cat(columns, dim=1))

    def coefficients(
        self, classes: Int[Tensor, " n"], against: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n o"]:
        """Return the weights of the logits in the score of each case.

        Parameters
        ----------
        classes
            The class that the score speaks for: its logit; +z or -z, the log-odds, for a single logit z.
        against
            The class whose logit is subtracted; the log-odds of one logit already are such a difference. A class
            against itself gives zeros.

        Returns
        -------
        Float[Tensor, "n o"]
            Score = sum of coefficient times logit.
        """
        if self.name == "softmax":
            weights = F.one_hot(classes, self.classes).float()
            return weights if against is None else weights - F.one_hot(against, self.classes)
        weights = torch.where(classes == self.positive, 1.0, -1.0)
        return (weights if against is None else torch.where(classes == against, 0.0, weights))[:, None]

    def score(self, logits: Float[Tensor, "n o"], classes: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Return the logit of each case's class; +z or -z for a single logit."""
        return (self.coefficients(classes).to(logits) * logits).sum(dim=1)
