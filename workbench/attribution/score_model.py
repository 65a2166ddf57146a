"""The score of each film as a function of its pixels: what a method that runs the network itself works with."""

from collections.abc import Hashable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.core.seeding import derived_seed
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Chosen
from workbench.passes.tape import lean_tape


@dataclass(frozen=True)
class ScoreModel:
    """A classifier with the score that was chosen for each of n films in the clean pass.

    Perturbed passes must not choose again: a film half covered is still asked for the class of the whole film.

    Parameters
    ----------
    classifier
        The model, in evaluation mode while a method runs.
    chosen
        The class and the coefficients of the logits for each film.
    film_ids
        n ids; random methods are seeded by them, never by the place in a batch.
    kept
        What a method found beside its maps, (n) numbers by method: its measures would have to run the network again.
    """

    classifier: Classifier
    chosen: Chosen
    film_ids: tuple[str, ...]
    kept: dict[Hashable, Tensor] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, images: Float[Tensor, "m c h w"], films: Int[Tensor, " m"] | None = None) -> Float[Tensor, " m"]:
        """Return the scores of images.

        Parameters
        ----------
        images
            As the network takes them.
        films
            Which film each image is a variant of; where nothing is said, image i is of film i.

        Returns
        -------
        Float[Tensor, " m"]
            Differentiable where gradients are on.
        """
        chosen = self.chosen
        if films is not None:
            chosen = Chosen(chosen.classes[films], chosen.coefficients[films])
        return chosen.scores(self.classifier.module(images))

    def gradients(self, images: Float[Tensor, "m c h w"], films: Int[Tensor, " m"]) -> Float[Tensor, "m c h w"]:
        """Return the gradient of each image's score at that image; ``films`` as for the score."""
        with torch.enable_grad(), lean_tape(self.classifier.module):
            inputs = images.detach().requires_grad_(True)
            scores = self(inputs, films)
        return torch.autograd.grad(scores.sum(), inputs)[0]

    @property
    def black(self) -> Float[Tensor, "1 c 1 1"]:
        """A black film as the network sees it: what stands for nothing."""
        return self.classifier.recipe.normalise(torch.zeros((1, 1, 1), device=self.classifier.device))

    @property
    def white(self) -> Float[Tensor, "1 c 1 1"]:
        """A white film as the network sees it: the other end of what a pixel can be."""
        return self.classifier.recipe.normalise(torch.ones((1, 1, 1), device=self.classifier.device))

    def generator(self, index: int, seed: int) -> torch.Generator:
        """Return a generator on the CPU that depends on the seed and on the film's id alone."""
        return torch.Generator().manual_seed(derived_seed(seed, self.film_ids[index]))
